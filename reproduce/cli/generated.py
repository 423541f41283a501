"""Generated files: written whole, and checked for being up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import typer

from catalog import json_in
from catalog.errors import Finding, FindingsError
from reproduce.cli.common import as_json
from reproduce.ground.alike import ABSOLUTE, alike


def encode(document: Any) -> bytes:
    """JSON with sorted keys and one item a line: the same document gives the same bytes."""
    return laid_out(msgspec.json.encode(document, order="deterministic"))


def laid_out(document: bytes) -> bytes:
    """JSON as generated files have it: one item a line."""
    return msgspec.json.format(document, indent=1) + b"\n"


def up_to_date(
    current: bytes | None, content: bytes, absolute: float = ABSOLUTE, but: tuple[str, ...] = ()
) -> bool:
    """Whether a generated file is the one that this machine would write, or one that another
    machine wrote from the same inputs: `reproduce.ground.alike`.

    absolute  how far two of its floats may be apart
    but       top fields that are hashes of floats, and not compared
    """
    if current is None or current == content:
        return current is not None
    try:
        kept = json_in.decoded(current)
    except msgspec.DecodeError:
        return False
    if not isinstance(kept, dict) or current != laid_out(msgspec.json.encode(kept)):
        return False  # nothing that a machine wrote
    new = json_in.decoded(content)
    for name in but:
        kept.pop(name, None), new.pop(name, None)
    return alike(kept, new, absolute)


def keep(
    path: Path,
    document: Any,
    command: str,
    *,
    check: bool,
    dry_run: bool,
    json: bool,
    absolute: float = ABSOLUTE,
) -> None:
    """Write a generated file, or (`check`) raise `FindingsError` where it is out of date.

    json      say as JSON what was or would be done
    absolute  how far floats of two machines may be apart, where some are computed
    """
    from catalog.files import write_whole

    content = encode(document)
    current = path.read_bytes() if path.is_file() else None
    same = up_to_date(current, content, absolute)
    if check:
        if not same:
            raise FindingsError(
                [
                    Finding(
                        str(path),
                        None,
                        "",
                        "G001",
                        "expected what the code gives now, got another version"
                        if current
                        else "expected a generated file, got none",
                        f"Write it again: {command}",
                    )
                ]
            )
        typer.echo(f"{path.name} is up to date", err=True)
    elif dry_run and not json:
        typer.echo(f"{path.name} {'is unchanged' if same else 'would change'}")
    elif dry_run:
        pass
    elif same:
        typer.echo(f"{path.name} is up to date", err=True)
    else:
        write_whole(path, content)
        typer.echo(f"wrote {path.name}", err=True)
    if json:
        as_json({"file": path.name, "up_to_date": same, "written": not (same or check or dry_run)})
