"""The reference of the command line, from the commands: what `--help` says, as a page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer
from markupsafe import Markup

from catalog.render.output import Output
from catalog.render.pages.library import inline
from catalog.render.views import Catalog


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `options` and `arguments` are names and what they mean."""

    path: str
    usage: str
    texts: list[Markup]
    examples: str
    arguments: list[tuple[str, str]]
    options: list[tuple[str, str]]

    @property
    def anchor(self) -> str:
        return self.path.replace(" ", "-")


def write(output: Output, catalog: Catalog) -> None:
    found = list(commands())
    output.page(
        "commands/",
        "commands.html",
        title="Command line",
        kind="page",
        description="Every command of sam4mis with its arguments, options and examples.",
        words=" ".join(["command line cli options help", *(command.path for command in found)]),
        commands=found,
    )


def commands() -> Iterator[Command]:
    """Every command that is listed, a group after its own."""
    from catalog.cli import app

    group = typer.main.get_command(app)
    yield from _below(group, typer.Context(group, info_name="sam4mis"))


def _below(group: Any, context: Any) -> Iterator[Command]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        inner = typer.Context(command, info_name=name, parent=context)
        if hasattr(command, "list_commands"):
            yield from _below(command, inner)
        else:
            yield _told(command, inner)


def _told(command: Any, context: Any) -> Command:
    records: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[0] != "--help":
            records[parameter.param_type_name].append((record[0], record[1]))
    text, _, examples = inspect.cleandoc(command.help or "").partition("\b\nExamples:\n")
    paragraphs = re.split(r"\n\s*\n", text.replace("\b\n", ""))
    return Command(
        path=context.command_path,
        usage=" ".join([context.command_path, *command.collect_usage_pieces(context)]),
        texts=[inline(paragraph) for paragraph in paragraphs if paragraph.strip()],
        examples=inspect.cleandoc(examples.partition("\n\n")[0]),
        arguments=records["argument"],
        options=records["option"],
    )
