"""Committed results of released rows against their records, their claims and themselves.

Without the tables what was counted in them cannot be counted again. Everything that follows from
it can, by the functions that wrote it, and is: an answer's state, reason and interval, what meets
the printed digits, what is said of the whole. Tables that the cache has are counted again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from catalog.errors import Finding, InputError
from catalog.evidence import (
    RECOMPUTED,
    Answer,
    Check,
    Every,
    Item,
    Recomputed,
    Rows,
    SameRows,
    Source,
    Weighing,
    Weights,
    Whole,
    load_recomputed,
    load_sources,
)
from catalog.metrics import FRACTIONS
from catalog.records import Claim
from reproduce.ground.alike import alike
from reproduce.rows import fetching, wholes
from reproduce.rows.aggregating import other_ways, told
from reproduce.rows.checking import IMPOSSIBLE, ONLY, concluded, judge_parts
from reproduce.rows.recomputing import recompute
from reproduce.rows.results import content_hash, reason_of, record_hash, state_of

AGAIN = "Run `sam4mis reproduce recompute {source}` and commit the file."
RESTORE = "Results are computed, never edited: restore it from git, or recompute it."
SHARES = 1.5e-4  # of weights, which are rounded to four decimals

# code, path, message, hint
Told = tuple[str, str, str, str]
T = TypeVar("T")


def problems(
    sources: Sequence[Source],
    results: Sequence[Recomputed],
    claims: Mapping[str, Claim],
    fresh: frozenset[str] = frozenset(),
) -> list[Finding]:
    """Results that are out of date, say what does not follow from them, or are not what the rows
    give that are on this machine.

    fresh  sources whose results nobody has examined as they are: they are counted again, or refused
    """
    records = {source.id: source for source in sources}
    found: list[Finding] = []
    for result in results:
        source, place = records.get(result.source), f"{RECOMPUTED}/{result.source}.json"
        told = list(_of(result, source, claims))
        if source is not None and not told:
            told = list(_counted(result, source, claims, result.source in fresh))
        found += [Finding(place, None, path, code, text, hint) for code, path, text, hint in told]
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


def sent(place: Path, names: Sequence[str], claims: Mapping[str, Claim]) -> list[Finding]:
    """What is wrong with results that others send, which lie below `place` with the records of
    their sources: the tables are fetched, and counted again."""
    if not names:
        return []
    sources, results = load_sources(place), load_recomputed(place)
    for source in sources:
        fetching.fetch(source)  # into the cache; what could not be had is told as missing there
    return [*problems(sources, results, claims, frozenset(names)), *misnamed(place, results)]


def _of(result: Recomputed, source: Source | None, claims: Mapping[str, Claim]) -> Iterator[Told]:
    if source is None:
        yield "Z005", "source", f"there is no record of {result.source}.", "Remove the file."
        return
    if content_hash(result) != result.content:
        yield "Z006", "content", "its hash is not that of what it says.", RESTORE
    again = AGAIN.format(source=source.id)
    if record_hash(source) != result.record:
        yield "Z005", "record", "the record of its source has changed since.", again
        return
    try:
        derived = _derived(result, source, claims)
    except InputError as error:
        yield "Z006", "", f"nothing follows from it: {error}", RESTORE
        return
    if moved := sorted(_moved(result, derived)):
        for name, what in moved:
            yield "Z005", name, f"{what} says another number now.", again
        return
    yield from _impossible(result, source)
    for name in Recomputed.__struct_fields__:
        if name not in ("content", "read"):
            yield from _other(name, getattr(result, name), getattr(derived, name))


def _moved(result: Recomputed, derived: Recomputed) -> Iterator[tuple[str, str]]:
    """Answers whose claim has another number than the one that was compared."""
    for one, now in zip(result.answers, derived.answers, strict=False):
        same = (one.printed, one.scale) == (now.printed, now.scale)
        if now.claim is not None and one.claim == now.claim and not same:
            yield one.name, f"the claim {now.claim}"
    for weighed, again in zip(result.weighings, derived.weighings, strict=False):
        if weighed.claims == again.claims and not alike(weighed.totals, again.totals, 1e-9):
            yield weighed.name, f"a claim of {', '.join(again.claims.values())}"


def _other(name: str, got: Any, expected: Any) -> Iterator[Told]:
    """Where a field is not what follows; of lists each entry by its own name."""
    got, expected = msgspec.to_builtins(got), msgspec.to_builtins(expected)
    absolute = SHARES if name == "weighings" else 1.5e-6  # intervals have six decimals
    if isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        for one, other in zip(got, expected, strict=True):
            if alike(one, other, absolute):
                continue
            here = str(one.get("name") or one.get("path"))
            keys = [k for k in {**other, **one} if not alike(one.get(k), other.get(k), absolute)]
            message = f"{keys[0]}: expected {other.get(keys[0])!r}, got {one.get(keys[0])!r}."
            yield "Z006", here, message, RESTORE
    elif not alike(got, expected, absolute):
        said = [len(v) if isinstance(v, list) else repr(v) for v in (expected, got)]
        yield "Z006", name, f"expected {said[0]}, got {said[1]}.", RESTORE


def _derived(result: Recomputed, source: Source, claims: Mapping[str, Claim]) -> Recomputed:
    """The document again: what was counted is taken from it, all else from record and claims.

    Raises `InputError` for an entry that nothing was counted for.
    """
    answers = {a.name: a for a in result.answers}
    kept = {w.name: w for w in result.wholes}
    weighed = {w.name: w for w in result.weighings}
    derived = msgspec.structs.replace(
        result,
        repository=source.repository or "",
        rows=source.rows,
        tables=[
            msgspec.structs.replace(
                read,
                path=file.path,
                commit=file.commit or source.commit or "",
                sha256=file.sha256,
                bytes=read.bytes if file.bytes is None else file.bytes,
            )
            for file, read in zip(source.files, result.tables, strict=False)
        ],
        answers=judge_parts(
            [concluded(source, c, _named(answers, c.name), claims) for c in source.checks]
        ),
        wholes=[_whole(check, _named(kept, check.name)) for check in source.every]
        + [_pair(check, _named(kept, check.name)) for check in source.same_rows],
        weighings=[
            wholes.weighing(source, check, wholes.printed_parts(check, claims))
            if check.registry
            else _weighed(check, _named(weighed, check.name), claims)
            for check in source.weights
        ],
    )
    if len(derived.tables) != len(source.files):
        raise InputError(f"{len(derived.tables)} of {len(source.files)} tables were read")
    derived.state = state_of(derived)
    if derived.state != source.state:  # else it is the record's prose, which may be put better
        derived.reason = reason_of(source, derived)
    return derived


def _named(entries: Mapping[str, T], name: str) -> T:
    if name not in entries:
        raise InputError(f"{name} is missing")
    return entries[name]


def _weighed(check: Weights, kept: Weighing, claims: Mapping[str, Claim]) -> Weighing:
    if len(kept.totals) != len(check.columns):
        raise InputError(f"{check.name} has {len(kept.totals)} totals")
    named = [check.claims.get(column, "") for column in check.columns]
    totals = [
        claims[name].fraction if name in claims else total
        for name, total in zip(named, kept.totals, strict=True)
    ]
    return msgspec.structs.replace(
        kept,
        columns=list(check.columns),
        totals=totals,
        possible=bool(kept.shares),
        claims=dict(check.claims),
    )


def _whole(check: Every, kept: Whole) -> Whole:
    return wholes.every_concluded(
        check, kept.of, kept.agree, kept.largest_difference, kept.differing, kept.some_files
    )


def _pair(check: SameRows, kept: Whole) -> Whole:
    number, _, rest = (kept.reason or "").rpartition("; ")[2].partition(" ")
    alone = int(number) if number.isdecimal() and rest == wholes.NO_PARTNER.format(check.one) else 0
    return wholes.same_rows_concluded(
        check, kept.of, kept.agree, kept.largest_difference, kept.differing, alone
    )


# --------------------------------------------------------- what no rows of this record can give


def _impossible(result: Recomputed, source: Source) -> Iterator[Told]:
    """Numbers that no rows can give, whatever follows from them."""
    read = {rows.reader: rows for rows in result.read}
    if list(read) != list(source.readers):
        message = (
            f"expected {', '.join(source.readers) or 'none'}, got {', '.join(read) or 'none'}."
        )
        yield "Z006", "read", message, RESTORE
        return
    for check, answer in zip(source.checks, result.answers, strict=True):
        if wrong := _no_rows(source, check, answer, read):
            yield "Z006", answer.name, wrong, RESTORE
    for whole in result.wholes:
        shown = min(whole.of - whole.agree, wholes.SHOWN)
        if not 0 <= whole.agree <= whole.of or len(whole.differing) != shown:
            message = f"{whole.agree} of {whole.of} agree, and {len(whole.differing)} differ."
            yield "Z006", whole.name, message, RESTORE
        apart = max(map(_apart, whole.differing), default=0.0)
        if whole.largest_difference < wholes.short(apart) * (1 - 1e-9):
            message = f"largest difference {whole.largest_difference:g}, one of {apart:g} is named."
            yield "Z006", whole.name, message, RESTORE


def _apart(item: Item) -> float:
    return 0.0 if item.value is None else abs(item.value - item.printed)


def _no_rows(source: Source, check: Check, answer: Answer, read: Mapping[str, Rows]) -> str | None:
    """Why no rows give an answer's numbers; None where some may."""
    rows = read[check.reader or next(iter(read))].rows
    counts = {name: getattr(answer, name) for name in ("n", "empty", "nan", "zero", "refused")}
    for name, count in counts.items():
        if not 0 <= count <= rows:
            return f"{name}: expected 0 to the {rows} rows that were read, got {count}."
    if (answer.value is None) != (answer.n == 0):
        return f"value {answer.value} of {answer.n}."
    ways = [(answer.value, answer.n, answer.sd)]
    ways += [(t.value, t.n, None) for t in answer.tried if t.how != IMPOSSIBLE]
    if source.column(check.column).metric in FRACTIONS:
        for value, n, sd in ways:
            # Most of all spread are values of 0 and 1, around their mean.
            most = 0.0 if value is None or n < 2 else math.sqrt(value * (1 - value) * n / (n - 1))
            if value is not None and not -1e-6 <= value <= 1 + 1e-6:
                return f"expected a share of 0 to 1, got {value:g}."
            if sd is not None and check.aggregation.statistic == "mean" and sd > most + 1e-6:
                return f"sd: expected at most {most:g} around {value:g}, got {sd:g}."
    return _other_way(source, check, answer)


def _other_way(source: Source, check: Check, answer: Answer) -> str | None:
    """Why what was tried is not what is tried; None where it is."""
    name = check.reader or next(iter(source.readers))
    known = {told(w) for w in other_ways(source.readers[name].levels, check.aggregation, True)}
    files = [f.path for f in source.files]
    unions = [t for t in answer.tried if t.how.startswith(ONLY)]
    for one in answer.tried:
        parts = one.how.removeprefix(ONLY).split(" + ")
        if one not in unions and one.how not in (*known, IMPOSSIBLE):
            return f"tried {one.how!r}, which is not a way."
        if one in unions and not (check.search and set(parts) <= {*files, *answer.files_left}):
            return f"tried {one.how!r}, which are no files of it."
    if fitting := next((t for t in unions if t.meets), unions[-1] if unions else None):
        taken = ONLY + " + ".join(answer.files)
        if (fitting.how, fitting.value, fitting.n) != (taken, answer.value, answer.n):
            return f"expected what {fitting.how!r} gives, got {answer.value} of {answer.n}."
    return None


# ------------------------------------------------------------------------------ counted again


def _counted(
    result: Recomputed, source: Source, claims: Mapping[str, Claim], fresh: bool
) -> Iterator[Told]:
    """What the tables of the cache say otherwise; that they are not there, where they must be."""
    again = AGAIN.format(source=source.id)
    missing = [f.path for f in source.files if not fetching.kept(f.sha256).is_file()]
    if missing:
        if fresh:
            message = (
                f"nobody has examined it as it is, and {len(missing)} of the {len(source.files)} "
                f"tables it is of are not on this machine, first {missing[0]}."
            )
            yield "Z006", "", message, again
        return
    outcome = recompute(source, fetching.fetch(source), claims)
    for problem in outcome.problems:
        yield "Z006", "", problem, again
    if outcome.whole:
        for name in Recomputed.__struct_fields__:
            if name not in ("content", "reason"):  # a hash of floats; prose, or what follows
                yield from _other(name, getattr(result, name), getattr(outcome.result, name))
