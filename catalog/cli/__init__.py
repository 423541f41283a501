"""The command `sam4mis`. Each command is one module here, imported only when it is called."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import re
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

import typer

from catalog import __version__, configuration
from catalog.cli.groups import LazyGroup
from catalog.errors import (
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_PREREQUISITE,
    Finding,
    FindingsError,
    PrerequisiteError,
    Sam4misError,
)

# command -> (module with `app`, one line of help). Those of other packages come by entry point.
COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("catalog.cli.check", "Check the registry; all findings at once, with file and line."),
    "search": (
        "catalog.cli.search",
        "Find works by title (old or new), author, tag or name.",
    ),
    "find": ("catalog.cli.find", "Find a released model for your images."),
    "list": ("catalog.cli.list_", "List works, projects or claims, filtered."),
    "show": ("catalog.cli.show", "Show one work or project with its claims and verdicts."),
    "stats": ("catalog.cli.stats", "Count what is in the registry."),
    "add": (
        "catalog.cli.add",
        "Add a work: arXiv id, DOI, PubMed id, BibTeX, RIS ...",
    ),
    "export": ("catalog.cli.export", "Write BibTeX, RIS, CSL-JSON, CSV or JSON."),
    "import": (
        "catalog.cli.import_",
        "Take in somebody else's list of works, second hand; duplicates told.",
    ),
    "doctor": ("catalog.cli.doctor", "Living checks of the registry's content, with safe fixes."),
    "refresh": ("catalog.cli.refresh", "Ask arXiv, Crossref, GitHub and others what has changed."),
    "discover": ("catalog.cli.discover", "Search arXiv for works that are not listed yet."),
    "screen": ("catalog.cli.screen", "Decide queued candidates one by one, with a reason."),
    "intake-form": ("catalog.cli.intake_form", "Turn an issue form into a checked change."),
    "build": ("catalog.cli.build", "Write README tables and the website."),
    "config": ("catalog.cli.config", "Show the settings in force, and where each comes from."),
    "serve": ("catalog.cli.serve", "Build the website and serve it on this machine."),
}
OTHERS = {
    "reproduce": "Run released checkpoints and check the numbers their papers print.",
    "mcp": "Answer an assistant's questions from the catalog (extra [mcp]).",
}
# These collect their garbage: they last, or leave much (a build needs 40 % more memory without).
LASTING = ("build", "serve", "refresh", "discover", *OTHERS)


class Catalog(LazyGroup):
    known = COMMANDS
    others = OTHERS
    lasting = LASTING


app = typer.Typer(
    cls=Catalog,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The living catalog of Segment Anything in medical image segmentation, "
    "and the first that checks the numbers.",
)


def _version(value: bool) -> None:
    if value:
        from catalog.shipped import stamp

        typer.echo(f"sam4mis {__version__}" + (f", with {of}" if (of := stamp()) else ""))
        raise typer.Exit


@app.callback()
def _main(
    root: str = typer.Option(None, "--root", help="Folder of the registry.", envvar="SAM4MIS_ROOT"),
    traceback: bool = typer.Option(False, "--traceback", help="Show where an error came from."),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    if root:
        os.environ["SAM4MIS_ROOT"] = root
    if traceback:
        os.environ["SAM4MIS_TRACEBACK"] = "1"


# What the parser of options raises; typer names no base of it.
_CLICK_ERROR: Any = typer.BadParameter.__mro__[2]
# How libraries and the loader of shared objects say it, with errors of other types.
_NO_MEMORY = re.compile(r"(?i)can(?:no|')t allocate memory|failed to map segment")


def main() -> None:
    """Entry point: what goes wrong is told in one message, without a traceback."""
    from catalog.cli.output import settle_streams

    settle_streams()
    gc.disable()  # records are no garbage, and looking through thousands takes longer than the rest
    try:
        if "_SAM4MIS_COMPLETE" not in os.environ:  # a shell asks what could be typed
            configuration.apply()
        code = app(prog_name="sam4mis", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    except _CLICK_ERROR as error:  # the parser of options
        _json_error(error.format_message(), error.exit_code)
        with contextlib.suppress(OSError):
            error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        if os.environ.get("SAM4MIS_TRACEBACK"):
            raise
        message, code = _told(error)
        command = error.command if isinstance(error, PrerequisiteError) else None
        findings = error.findings if isinstance(error, FindingsError) else ()
        _json_error(message, code, findings, command)
        _stop(message, code)
    if code == EXIT_INTERRUPTED:
        _json_error("stopped", code)
        _stop("stopped", code)
    sys.exit(code)


_ELSEWHERE = " Name a place you may write to: --out, SAM4MIS_ROOT, SAM4MIS_CACHE, SAM4MIS_DATA."
_ROOM = " Free some space and give the same command again; what was finished is kept."
_WAYS_OUT = {
    errno.EROFS: _ELSEWHERE,
    errno.EACCES: _ELSEWHERE,
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EMFILE: " Allow more open files (ulimit -n).",
}


def _told(error: Exception) -> tuple[str, int]:
    """The message and exit status of an error that no command has handled."""
    if isinstance(error, Sam4misError):
        return str(error), error.exit_code
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        return (
            "memory is short: the system gave this process no more. Allow it more (ulimit -v, the "
            "job's or container's limit), or choose a smaller part of the work.",
            EXIT_PREREQUISITE,
        )
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename is not None else ""
        way_out = _WAYS_OUT.get(error.errno or 0, "")
        return f"{place}{error.strerror}.{way_out}", EXIT_PREREQUISITE
    what = " ".join(str(error).split())[:300]
    told = f"internal error, a bug of sam4mis: {type(error).__name__}: {what}. "
    if report := _report(error):
        return f"{told}Please report it with what stands in {report}", EXIT_INTERNAL
    return f"{told}To report it, run again with sam4mis --traceback ...", EXIT_INTERNAL


def _report(error: Exception) -> str | None:
    """Write what a report of a bug of ours needs to a file; where, or None where none can be.

    The command, versions and the traceback: nothing of the environment and no value of a variable.
    """
    import platform
    import shlex
    import tempfile
    import traceback

    lines = [
        f"sam4mis {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {shlex.join(sys.argv)}",
        "".join(traceback.format_exception(error)),
    ]
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="sam4mis-report-", suffix=".txt", delete=False, errors="backslashreplace"
        ) as file:
            file.write("\n".join(lines))
    except OSError:
        return None
    return file.name


def _json_error(
    message: str, code: int, findings: Iterable[Finding] = (), command: str | None = None
) -> None:
    """With `--json` programs get the error as JSON too, unless they have an answer: standard output
    is always one valid JSON document.

    command   the next thing to type, where something is missing
    """
    from catalog.cli.output import answered

    if "--json" not in sys.argv or answered():
        return
    import json

    answer = {
        "error": message,
        "exit_code": code,
        "command": command,
        "findings": [finding.as_dict() for finding in findings],
    }
    with contextlib.suppress(OSError):
        print(json.dumps(answer, indent=1), flush=True)  # noqa: T201 - here the program speaks


def _stop(message: str, code: int) -> NoReturn:
    with contextlib.suppress(OSError):
        print(message, file=sys.stderr)  # noqa: T201 - here the program speaks
    sys.exit(code)
