"""Committed results of released rows against their records and against themselves.

Without the tables a value cannot be computed again; everything that follows from a value can, and
the hash of the whole says that nobody touched the rest. `recompute --check` goes back to the rows.
Imports no numpy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from catalog.errors import Finding
from catalog.evidence import RECOMPUTED, Answer, Recomputed, Source, State
from catalog.records import Claim
from reproduce.rows.printed import Printed, printed_of, rounding_of
from reproduce.rows.results import content_hash, record_hash, state_of

AGAIN = "Run `sam4mis reproduce recompute {source}` and commit the file."
RESTORE = "Results are computed, never edited: restore it from git, or recompute it."


def problems(
    sources: Sequence[Source], results: Sequence[Recomputed], claims: Mapping[str, Claim]
) -> list[Finding]:
    """Results that are out of date, or that say what does not follow from them."""
    records = {source.id: source for source in sources}
    found: list[Finding] = []
    for result in results:
        place = f"{RECOMPUTED}/{result.source}.json"
        for code, path, message, hint in _of(result, records.get(result.source), claims):
            found.append(Finding(place, None, path, code, message, hint))
    return found


def misnamed(root: Path, results: Sequence[Recomputed]) -> list[Finding]:
    """Results that lie under another name than their source's."""
    names = {path.stem for path in (root / RECOMPUTED).glob("*.json")}
    return [
        Finding(
            f"{RECOMPUTED}/{name}.json", None, "source", "Z006", "is of another source.", RESTORE
        )
        for name in sorted(names - {r.source for r in results})
    ]


def _of(
    result: Recomputed, source: Source | None, claims: Mapping[str, Claim]
) -> Iterator[tuple[str, str, str, str]]:
    if source is None:
        yield "Z005", "source", f"there is no record of {result.source}.", "Remove the file."
        return
    if content_hash(result) != result.content:
        yield "Z006", "content", "its hash is not that of what it says.", RESTORE
    again = AGAIN.format(source=source.id)
    if record_hash(source) != result.record:
        yield "Z005", "record", "the record of its source has changed since.", again
        return
    recorded = {file.path: file.sha256 for file in source.files}
    for table in result.tables:
        if recorded.get(table.path) != table.sha256:
            yield "Z006", table.path, "is not the recorded table.", RESTORE
    for answer in result.answers:
        if answer.claim is not None and not _says(answer, claims.get(answer.claim)):
            message = f"the claim {answer.claim} says another number now."
            yield "Z005", answer.name, message, again
        elif wrong := _answer(source, answer, result.answers):
            yield "Z006", answer.name, wrong, RESTORE
    for weighing in result.weighings:
        for column, total in zip(weighing.columns, weighing.totals, strict=True):
            name = weighing.claims.get(column)
            claim = claims.get(name) if name else None
            if name and (claim is None or abs(claim.fraction - total) > 1e-9):
                message = f"the claim {name} says another number now."
                yield "Z005", weighing.name, message, again
    for whole in result.wholes:
        follows: State = "agrees" if whole.agree == whole.of else "differs"
        if whole.state not in ("not enough", follows):
            message = f"{whole.agree} of {whole.of} is not {whole.state}."
            yield "Z006", whole.name, message, RESTORE
    if state_of(result) != result.state:
        yield "Z006", "state", f"says {result.state}, its parts {state_of(result)}.", RESTORE


def _says(answer: Answer, claim: Claim | None) -> bool:
    """Whether a claim still has the number that was compared."""
    now = None if claim is None else printed_of(claim)
    return now is not None and (now.text, now.scale) == (answer.printed, answer.scale)


def _answer(source: Source, answer: Answer, all_: Sequence[Answer]) -> str | None:
    """What is wrong with one answer, or None."""
    if derived(source, answer, all_) != answer.state:
        return f"says {answer.state}, its numbers {derived(source, answer, all_)}."
    if answer.interval is not None and answer.value is not None:
        low, high = answer.interval
        if abs((low + high) / 2 - answer.value) > 1e-6 or low > high:
            return "its interval does not lie around its value."
    return None


def derived(source: Source, answer: Answer, all_: Sequence[Answer]) -> State:
    """What the numbers of an answer say, whatever it says itself."""
    if answer.printed is None:
        return "not enough"
    rounding = rounding_of(source.column(answer.column))
    if not Printed(answer.printed, answer.scale).met(answer.value, rounding):
        return "differs"
    states = {a.name: derived(source, a, all_) for a in all_ if a.name in answer.parts}
    return "differs" if "differs" in states.values() else "agrees"
