"""Generated files: written whole, and checked for being up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import typer

from catalog.errors import Finding, FindingsError


def encode(document: Any) -> bytes:
    """JSON with sorted keys and one item a line: the same document gives the same bytes."""
    return (
        msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1) + b"\n"
    )


def keep(path: Path, document: Any, command: str, *, check: bool, dry_run: bool) -> None:
    """Write a generated file, or (`check`) raise `FindingsError` where it is out of date."""
    from catalog.files import write_whole

    content = encode(document)
    current = path.read_bytes() if path.is_file() else None
    if check:
        if current != content:
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
    elif dry_run:
        typer.echo(f"{path.name} {'is unchanged' if current == content else 'would change'}")
    else:
        write_whole(path, content)
        typer.echo(f"wrote {path.name}", err=True)
