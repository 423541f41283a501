"""What `sam4mis reproduce predict` says before, while and after a model is asked."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.cli.output import counted, say, sheet
from catalog.errors import InputError
from reproduce.cli.common import as_json, place_of, table
from reproduce.ground.progress import progress
from reproduce.predicting import NOTICE, report
from reproduce.predicting.before import Said
from reproduce.predicting.folder import Asked, job_of, made_ready, predicted, with_precision
from reproduce.predicting.job import CaseRecord


def predict_command(asked: Asked, *, dry_run: bool = False, json: bool = False) -> None:
    """Predict every case of a folder. Raises `InputError` at the end where some are not done."""
    ready = made_ready(asked)
    if not json:
        tell(ready.told, dry_run)
    if dry_run:
        if json:
            as_json(ready.told)
        return
    asked = with_precision(asked, ready)
    job = job_of(asked, ready)
    with progress(f"{asked.target}", len(ready.found.cases), quiet=False) as bar:
        again = 0

        def on_case(record: CaseRecord, before: bool) -> None:
            nonlocal again
            again += before
            bar.advance()
            if record.status != "done":
                say(f"{record.case}: {record.status}: {'; '.join(record.problems)}")

        try:
            done = predicted(asked, ready, job, on_case)
        except KeyboardInterrupt:
            say(f"\nstopped; finished cases are in {asked.out}, the same command goes on")
            raise
    records = done.records
    if again:
        say(f"{counted(again, 'case')} of {len(records)} finished before; not asked again.")
    if json:
        as_json({**done.about, "cases": records})
    else:
        columns = report.COLUMNS[:7]
        table(f"{ready.told.model}: {NOTICE}", columns, [row[:7] for row in report.rows(records)])
    say(f"{place_of(asked.out)}: masks/, overlays/, {report.TABLE}, {report.PAGE}. {NOTICE}")
    _finish(records, done.problems)


def _finish(records: Sequence[CaseRecord], problems: Sequence[str]) -> None:
    """Raise `InputError` where anything that was asked for is not there."""
    bad = [record for record in records if record.status != "done"]
    if not bad and not problems:
        return
    lines = [f"{len(bad)} of {len(records)} cases are not, or not wholly, done:"] if bad else []
    lines += [f"  {r.case} ({r.status}): {'; '.join(r.problems)}" for r in bad]
    raise InputError("\n".join([*problems, *lines]))


def tell(told: Said, dry_run: bool) -> None:
    """What a person is told before: on a terminal and in a pipe, on standard error unless nothing
    else follows."""
    rows = [
        ("model", told.model),
        ("adapter", told.adapter),
        *((f"weights {name}", how) for name, how in told.weights.items()),
        *([("other weights", " or ".join(told.other_weights[:8]))] if told.other_weights else []),
        ("options", f"as in {told.options_of}" if told.options_of else "the adapter's own"),
        ("memory", told.memory),
        ("time", told.time),
        ("images", ", ".join(f"{n} {kind}" for kind, n in told.kinds.items()) or "none"),
    ]
    sections = [
        (NOTICE, rows),
        ("licence", [*told.licences, ("commercial use of the weights", told.use)]),
        ("trained on", [(k, ", ".join(v) or "not recorded") for k, v in told.trained.items()]),
        ("may not fit", [("warning", text) for text in told.warnings]),
    ]
    if dry_run:
        sheet("Nothing was done (--dry-run). The command would do this:", sections)
        return
    for name, lines in sections:
        say(name)
        for field, value in lines:
            say(f"  {field}: {value}")
