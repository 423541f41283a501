"""`sam4mis reproduce verify`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from catalog.errors import Finding
    from catalog.records import Verdict, VerdictChange
    from catalog.registry import Registry

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def verify(
    check: Annotated[
        bool, typer.Option("--check", help="Only compare with verdicts.json; for CI.")
    ] = False,
    contributed: Annotated[
        str | None,
        typer.Option(
            "--contributed",
            metavar="COMMIT",
            help="Examine the results that a commit adds; nothing of it is run.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="All verdicts for machines.")] = False,
) -> None:
    """Recompute the verdict of every claim from the claims and the committed results.

    A verdict is a function of claim, run and rule version; nobody edits verdicts.json by hand.
    Every result is derived again from its statistics first; one that was edited is refused.
    What changed since the last time is appended to verdict-log.json.

    \b
    Examples:
      sam4mis reproduce verify
      sam4mis reproduce verify --check
      sam4mis reproduce verify --contributed origin/results-night
    """
    import msgspec

    from catalog.errors import FindingsError
    from catalog.files import write_whole
    from catalog.registry import VERDICT_LOG, VERDICTS, Registry, find_clone, load_verdict_log
    from catalog.results import digests
    from reproduce.cli.common import as_json, released
    from reproduce.cli.generated import laid_out, up_to_date
    from reproduce.ground.alike import ROUNDED
    from reproduce.ground.extras import need_extra
    from reproduce.judging import verdict_log
    from reproduce.judging.repeats import repeats
    from reproduce.judging.verdict import document, verdicts

    need_extra("verify", ("numpy", "pyarrow", "scipy"))
    root = find_clone("reproduce verify")
    if contributed is not None:
        _contributed(root, contributed, json_)
        return
    today = _today()
    registry = Registry.load(root)
    log = load_verdict_log(root)
    if findings := [*_unsound(root, log), *released(registry)]:
        raise FindingsError(findings)
    again, findings = repeats(root)
    found = verdicts(registry)
    if findings := [*findings, *_waiting(registry, found)]:
        raise FindingsError(findings)
    if json_:
        as_json(found)
    else:
        _tell(found)
    new = verdict_log.changes(log, found, today)
    logged = verdict_log.document([*log, *new])
    kept = document(found, digests(root, logged if new else None), again)
    content = laid_out(msgspec.json.encode(kept))
    path = root / VERDICTS
    before = path.read_bytes() if path.is_file() else None
    changed = not up_to_date(before, content, ROUNDED)
    if check:
        if findings := list(_out_of_date(changed, new)):
            raise FindingsError(findings)
        return
    if new:
        write_whole(root / VERDICT_LOG, logged)
        typer.echo(f"{len(new)} changes appended: {VERDICT_LOG}", err=True)
    if changed:
        write_whole(path, content)
        typer.echo(f"written: {VERDICTS}", err=True)


def _waiting(registry: Registry, found: Sequence[Verdict]) -> Iterator[Finding]:
    """Claims that results would make `lower` before their authors have had their time."""
    from datetime import UTC, datetime

    from catalog.errors import Finding
    from catalog.waiting import first_run, held

    today = datetime.now(UTC).date()
    known = {f"{p.slug}/{c.id}": (p, c) for p in registry.projects for c in p.claims}
    for verdict in found:
        project, claim = known[verdict.claim]
        first = first_run(verdict.claim, registry.results)
        if (why := held(project, claim, verdict.state, today, first)) is not None:
            place = f"projects/{project.slug}.yaml"
            message = f"{verdict.run} makes it `lower`, and {why}."
            hint = f"sam4mis reproduce letter {verdict.claim}; the result waits outside until then."
            yield Finding(place, None, f"claims.{claim.id}.told", "Z015", message, hint)


def _contributed(root: Path, commit: str, json_: bool) -> None:
    """Examine what a commit brings, and say what its results would say."""
    import tempfile
    from datetime import UTC, datetime

    from catalog.cli.output import say
    from catalog.cli.rows import in_percent
    from catalog.errors import FindingsError
    from catalog.registry import Registry
    from reproduce.cli.common import as_json, table
    from reproduce.judging.contributed import examine_request, take
    from reproduce.rows import verifying
    from reproduce.rows.results import claims_by_name

    registry = Registry.load(root)
    with tempfile.TemporaryDirectory() as place:
        request, findings = take(root, commit, Path(place))
        if findings:
            raise FindingsError(findings)
        judged, findings = examine_request(registry, request.folders, datetime.now(UTC).date())
        findings += verifying.sent(Path(place), request.rows, claims_by_name(registry.projects))
    say(f"{commit}: {len(request.folders)} new results")
    if request.rows:
        say(f"computed from released rows: {', '.join(request.rows)}")
    if request.beside:
        some = ", ".join(request.beside[:3])
        say(f"it changes {len(request.beside)} other files as well, not examined here: {some}")
    if json_:
        as_json([one.verdict for one in judged])
    elif judged:
        rows = [
            (
                one.verdict.claim,
                in_percent(one.claim, one.claim.fraction),
                in_percent(one.claim, one.verdict.measured),
                one.verdict.state,
                one.verdict.comparability,
                one.result.by,
                one.result.environment.get("gpu") or one.result.environment.get("cpu"),
            )
            for one in judged
        ]
        columns = ("claim", "claimed", "measured", "state", "class", "run by", "on")
        table("What its results would say", columns, rows, "on")
    if findings:
        raise FindingsError(findings)


def _unsound(root: Path, log: Sequence[VerdictChange]) -> list[Finding]:
    """Results and lines of the log that are not what was written there."""
    from catalog.errors import Finding
    from catalog.registry import VERDICT_LOG, VERDICTS
    from catalog.results import edited
    from reproduce.judging import verdict_log
    from reproduce.judging.examining import examine_all

    hint = f"It is only ever appended to: git restore {VERDICT_LOG} {VERDICTS}"
    lines = [
        Finding(VERDICT_LOG, None, place, "Z012", f"{told}.", hint)
        for place, _, told in (text.partition(": ") for text in verdict_log.broken(log))
    ]
    return [*edited(root), *examine_all(root), *lines]


def _out_of_date(changed: bool, new: Sequence[VerdictChange]) -> Iterator[Finding]:
    """What `verify` would write, as findings."""
    from catalog.errors import Finding
    from catalog.registry import VERDICT_LOG, VERDICTS

    hint = "Run `sam4mis reproduce verify` and commit the file."
    if changed:
        message = "differs from what claims and results give."
        yield Finding(VERDICTS, None, "", "Z001", message, hint)
    if new:
        message = (
            f"does not end in the verdicts of today: {len(new)} changes are missing, first "
            f"{new[0].claim}."
        )
        yield Finding(VERDICT_LOG, None, "", "Z002", message, hint)


def _today() -> str:
    """The day of writing in UTC; SOURCE_DATE_EPOCH sets it where a build must repeat."""
    from datetime import UTC, datetime

    from catalog.configuration import made_for

    return (made_for() or datetime.now(UTC)).date().isoformat()


def _tell(found: Sequence[Verdict]) -> None:
    """Decided claims one by one, the others counted by state."""
    from collections import Counter

    from reproduce.cli.common import percent, table
    from reproduce.cli.telling import signed
    from reproduce.judging.verdict import RULE

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
