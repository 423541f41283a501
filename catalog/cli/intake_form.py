"""`sam4mis intake-form`."""

from __future__ import annotations

import datetime
import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.cli.output import JsonOption, say, write, write_json

if TYPE_CHECKING:
    from catalog.intake import Draft
    from catalog.intake.issue_form import Change

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def intake_form(
    body: Annotated[
        str, typer.Argument(metavar="FILE", help="The issue's text, or - for standard input.")
    ] = "-",
    form: Annotated[
        str | None,
        typer.Option(
            metavar="FORM",
            help="add-paper, add-project, correct-entry or dispute-verdict; "
            "default: known by its questions.",
        ),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the change.")] = False,
    title: Annotated[
        Path | None, typer.Option(help="Write a title for a pull request to this file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Turn a filled issue form into a checked change of the registry, shown as a patch.

    Exit 1 with every problem where the answers cannot be used.

    \b
    Examples:
      gh issue view 12 --json body --jq .body | sam4mis intake-form
      sam4mis intake-form body.md --form correct-entry --apply
    """
    from catalog.errors import UsageError
    from catalog.facets import unknown_value
    from catalog.files import write_whole
    from catalog.intake import decode
    from catalog.intake.issue_form import FORMS, change_of, read_form
    from catalog.registry import find_clone

    if form is not None and form not in FORMS:
        raise UsageError(unknown_value("--form", form, list(FORMS)))
    root = find_clone("intake-form")
    raw = sys.stdin.buffer.read() if body == "-" else _read(body)
    answers = read_form(decode(raw, "issue"), form)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    change = change_of(root, answers, today, lambda text: _look_up(root, text))
    patch = patch_of(change, root)
    if not json:
        write(patch)
    say(change.title)
    if title is not None:
        write_whole(title, f"{change.title}\n".encode())
    if apply:
        from catalog.editing import edit_lock
        from catalog.errors import InputError

        with edit_lock(root):
            now = change.path.read_bytes().decode("utf-8") if change.path.exists() else None
            if now != change.before:
                raise InputError(f"{change.path.name} was edited meanwhile; try again.")
            write_whole(change.path, change.after.encode("utf-8"))
        say("Written. Next: sam4mis check")
    if json:
        file = change.path.relative_to(root).as_posix()
        write_json({"written": apply, "title": change.title, "file": file, "patch": patch})


def patch_of(change: Change, root: Path) -> str:
    """The change as a unified diff that `git apply` takes."""
    name = change.path.relative_to(root).as_posix()
    before = "/dev/null" if change.before is None else f"a/{name}"
    lines = difflib.unified_diff(
        (change.before or "").splitlines(keepends=True),
        change.after.splitlines(keepends=True),
        before,
        f"b/{name}",
    )
    text = "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )
    new = "new file mode 100644\n" if change.before is None else ""
    return f"diff --git a/{name} b/{name}\n{new}{text}" if text else ""


def _read(name: str) -> bytes:
    from catalog.errors import UsageError

    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}.") from None


def _look_up(root: Path, text: str) -> Draft:
    from catalog.cli.add import looked_up
    from catalog.registry import Registry

    # an identifier only: what an issue says must never name a file of the machine
    return looked_up(text, root, Registry.load(root))
