"""`sam4mis reproduce verify`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from catalog.errors import Finding
    from catalog.records import Result, Verdict
    from catalog.registry import Registry

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def verify(
    check: Annotated[
        bool, typer.Option("--check", help="Only compare with verdicts.json; for CI.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="All verdicts for machines.")] = False,
) -> None:
    """Recompute the verdict of every claim from the claims and the committed results.

    A verdict is a function of claim, run and rule version; nobody edits verdicts.json by hand.
    What changed since the last time is appended to verdict-log.json.

    \b
    Examples:
      sam4mis reproduce verify
      sam4mis reproduce verify --check
    """
    import msgspec

    from catalog.errors import Finding, FindingsError
    from catalog.files import write_whole
    from catalog.registry import (
        RESULTS,
        VERDICT_LOG,
        VERDICTS,
        Registry,
        find_root,
        load_verdict_log,
    )
    from reproduce import verdict_log
    from reproduce.cli.common import as_json
    from reproduce.verdict import document, verdicts

    root = find_root()
    registry = Registry.load(root)
    findings = _damaged(root / RESULTS)
    findings += released(registry)
    found = verdicts(registry)
    content = msgspec.json.format(msgspec.json.encode(document(found)), indent=1) + b"\n"
    path = root / VERDICTS
    before = path.read_bytes() if path.is_file() else b""
    if json_:
        as_json(found)
    else:
        _tell(found)
    if check and before != content:
        findings.append(
            Finding(
                VERDICTS,
                None,
                "",
                "Z001",
                "differs from what claims and results give.",
                "Run `sam4mis reproduce verify` and commit the file.",
            )
        )
    log = load_verdict_log(root)
    new = verdict_log.changes(log, found, _today())
    if check and new:
        findings.append(
            Finding(
                VERDICT_LOG,
                None,
                "",
                "Z002",
                f"does not end in the verdicts of today: {len(new)} changes are missing, "
                f"first {new[0].claim}.",
                "Run `sam4mis reproduce verify` and commit the file.",
            )
        )
    if findings:
        raise FindingsError(findings)
    if new:
        write_whole(root / VERDICT_LOG, verdict_log.document([*log, *new]))
        typer.echo(f"{len(new)} changes appended: {VERDICT_LOG}", err=True)
    if not check and before != content:
        write_whole(path, content)
        typer.echo(f"written: {VERDICTS}", err=True)


def _today() -> str:
    """The day of writing in UTC; SOURCE_DATE_EPOCH sets it where a build must repeat."""
    import os
    from datetime import UTC, datetime

    given = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(given), UTC) if given else datetime.now(UTC)
    return now.strftime("%Y-%m-%d")


def _damaged(results: Path) -> list[Finding]:
    """Statistics files that are not the ones their result was made with."""
    from catalog.errors import Finding
    from catalog.registry import RESULTS
    from reproduce.reading import sha256_of

    found = []
    for path in sorted(results.glob("*/result.json")):
        result = read_result(path)
        name = f"{RESULTS}/{path.parent.name}"
        if result.run != path.parent.name:
            found.append(
                Finding(
                    f"{name}/result.json",
                    None,
                    "run",
                    "Z003",
                    f"says {result.run}, the folder is {path.parent.name}.",
                    "Results are append-only: restore both from git.",
                )
            )
        if result.statistics is None:
            continue
        statistics = path.parent / result.statistics.file
        if not statistics.is_file() or sha256_of(statistics) != result.statistics.sha256:
            found.append(
                Finding(
                    f"{name}/{result.statistics.file}",
                    None,
                    "",
                    "Z004",
                    "is missing or not the file that result.json was made with.",
                    "Results are append-only: restore it from git.",
                )
            )
    return found


def released(registry: Registry) -> list[Finding]:
    """What is wrong with results computed from released rows."""
    from reproduce.rows import verifying
    from reproduce.rows.results import claims_by_name

    claims = claims_by_name(registry.projects)
    found = verifying.problems(registry.evidence, registry.recomputed, claims)
    return found + verifying.misnamed(registry.root, registry.recomputed)


def read_result(path: Path) -> Result:
    """A result file. Raises `InputError` where it is damaged."""
    import msgspec

    from catalog.errors import InputError
    from catalog.records import Result

    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: not a result of schema result/1: {error}") from error


def _tell(found: Sequence[Verdict]) -> None:
    """Decided claims one by one, the others counted by state."""
    from collections import Counter

    from reproduce.cli.common import percent, table
    from reproduce.running.telling import signed
    from reproduce.verdict import RULE

    rows = [
        (
            v.claim,
            v.state,
            v.comparability,
            percent(v.reported),
            percent(v.measured),
            ""
            if v.interval is None
            else f"{signed(100 * v.interval[0])} to {signed(100 * v.interval[1])}",
            v.reason,
        )
        for v in found
        if v.run is not None
    ]
    table(
        f"Verdicts ({RULE})",
        ("claim", "state", "class", "claimed %", "measured %", "90 % interval, pp", "reason"),
        rows,
        "reason",
    )
    counts = Counter(v.state for v in found)
    typer.echo(", ".join(f"{state} {n}" for state, n in sorted(counts.items())), err=True)
