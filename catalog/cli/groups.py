"""A group of commands that imports one only when it is called; both groups of `sam4mis` are one."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from catalog.errors import EXIT_BROKEN_PIPE, PrerequisiteError


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """A reader that stops listening (`| head -1`) ends the program quietly, as SIGPIPE would."""
    try:
        yield
    except BrokenPipeError:
        # what is still buffered goes nowhere instead of failing once more at exit
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(EXIT_BROKEN_PIPE) from None


class LazyGroup(TyperGroup):
    """A group that knows its commands by name.

    known    command -> (module with `app`, one line of help)
    others   commands and groups of other packages -> one line of help; found by entry point, of
             this distribution alone: another one may call something of its own the same
    hidden   typed by programs, not by people: they can be called and are not listed
    lasting  collect their garbage: they last, or leave much
    """

    known: ClassVar[Mapping[str, tuple[str, str]]] = {}
    others: ClassVar[Mapping[str, str]] = {}
    hidden_names: ClassVar[tuple[str, ...]] = ()
    lasting: ClassVar[tuple[str, ...]] = ()

    def make_context(self, *args: Any, **kwargs: Any) -> Any:  # `--help` writes in here
        with reader_may_leave():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with reader_may_leave():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name in (*self.known, *self.others) if name not in self.hidden_names]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in self.lasting:
            gc.enable()
        if cmd_name in self.known:
            app = importlib.import_module(self.known[cmd_name][0]).app
        elif cmd_name in self.others:
            app = self._of_another_package(cmd_name)
        else:
            return None
        command = typer.main.get_command(app)
        command.name = cmd_name
        return command

    def _of_another_package(self, name: str) -> Any:
        """Raises `PrerequisiteError` where a clone has moved on since it was installed."""
        from importlib.metadata import distribution

        from catalog.installing import install_command

        own = distribution("sam4mis").entry_points
        for entry in own.select(group="sam4mis.commands", name=name):
            return entry.load()
        raise PrerequisiteError(
            f"`sam4mis {name}` is newer than this installation. Install the clone again:",
            install_command(),
        )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer does; for what is no command, what may have been meant."""
        name = args[0]
        if name in self.known or name in self.others or name[:1] == "-" or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        near = self._meant(ctx, name)
        ctx.fail(
            f"No such command {name!r}." + (f" Did you mean {' or '.join(near)}?" if near else "")
        )

    def _meant(self, ctx: Any, name: str) -> list[str]:
        """Commands that a word may stand for, as they are typed: here, below, or next to here."""
        from catalog.facets import nearest

        elsewhere = {}
        for other in self.others:
            with contextlib.suppress(PrerequisiteError):
                if isinstance(group := self.get_command(ctx, other), TyperGroup):
                    elsewhere[f"{ctx.command_path} {other}"] = group.list_commands(ctx)
        if ctx.parent is not None:
            parent = ctx.parent.command
            elsewhere[ctx.parent.command_path] = parent.list_commands(ctx.parent)
        here = nearest(name, self.list_commands(ctx))
        same = [f"{path} {name}" for path, names in elsewhere.items() if name in names]
        if same or here:
            return [*same, *here]
        return [
            f"{path} {near}" for path, names in elsewhere.items() for near in nearest(name, names)
        ]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        told = {**{name: text for name, (_, text) in self.known.items()}, **self.others}
        with formatter.section("Commands"):
            formatter.write_dl([(name, told[name]) for name in self.list_commands(ctx)])
