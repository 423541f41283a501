"""What the commands share: the registry, paths, tables on a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import typer

from catalog.cli import output
from catalog.errors import Finding, FindingsError, PrerequisiteError
from catalog.evidence import RECOMPUTED
from catalog.registry import RESULTS, Registry
from catalog.results import unexamined
from reproduce.ground import wording
from reproduce.ground.extras import need_extra

RUNS = Path("build") / "runs"  # where runs lie that nobody published, below the registry


def sound_registry(root: Path) -> Registry:
    """The registry, for whoever shows what runs measured; a broken project file is left out.

    Results that `verify` has not seen as they are, are examined now. Raises `FindingsError`.
    """
    registry = Registry.load_around(root, output.say)
    runs = {Path(finding.place).relative_to(RESULTS).parts[0] for finding in unexamined(root)}
    folders = [root / RESULTS / name for name in sorted(runs)]
    if not folders:
        return registry
    need_extra("examining results that `verify` has not seen", ("numpy", "pyarrow", "scipy"))
    from reproduce.judging.examining import examine, is_result

    findings = [f for folder in folders if is_result(folder) for f in examine(folder)]
    if Path(RECOMPUTED).name in runs:
        findings += released(registry)
    if findings:
        raise FindingsError(findings)
    return registry


def released(registry: Registry) -> list[Finding]:
    """What is wrong with results computed from released rows."""
    from catalog import results
    from reproduce.rows import verifying
    from reproduce.rows.results import claims_by_name

    claims = claims_by_name(registry.projects)
    fresh = results.fresh(registry.root)
    found = verifying.problems(registry.evidence, registry.recomputed, claims, fresh)
    return found + verifying.misnamed(registry.root, registry.recomputed)


def need_folder(option: str, path: Path | None) -> None:
    """Raise `PrerequisiteError` for a folder the user names that is not on this machine."""
    if path is not None and not path.is_dir():
        what = "a file, not a folder" if path.exists() else "no such folder on this machine"
        raise PrerequisiteError(f"{option} {path}: {what}.")


def need_file(option: str, path: Path | None) -> None:
    """Raise `PrerequisiteError` for a file the user names that is not on this machine."""
    if path is not None and not path.is_file():
        what = "a folder, not a file" if path.exists() else "no such file on this machine"
        raise PrerequisiteError(f"{option} {path}: {what}.")


def place_of(path: Path) -> str:
    """A path as short as it can be typed from here: relative below the working folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def as_json(document: Any) -> None:
    """Print data for machines."""
    output.write_document(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *wide: str) -> None:
    """A table under its title on a terminal, where the columns `wide` wrap first; tab-separated
    values alone in a pipe."""
    if output.stdout_is_terminal():
        typer.echo(typer.style(title, bold=True))
    output.table(columns, [[wording.value(cell) for cell in row] for row in rows], *wide)


def percent(value: float | None, decimals: int = 2) -> str:
    """A fraction as percent; a dash where it is unknown."""
    return "-" if value is None else f"{100 * value:.{decimals}f}"
