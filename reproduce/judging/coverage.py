"""Whether the rows of a result are those of the run that was asked: none missing, none beside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reproduce.statistics.checking import Problem

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.records import ReferenceArea
    from reproduce.judging.asked import Asked, Stored

COLUMNS = (
    "case", "patient", "label", "scope", "slice", "object", "round", "seed", "candidate",
    "threshold", "tp", "fp", "fn", "tn", "failure",
)  # fmt: skip
# (case, label, scope, slice, object)
Target = tuple[str, str, str, "int | None", int]


@dataclass(slots=True)
class _Found:
    """The rows of one target: (round, seed) -> candidate -> thresholds."""

    rows: dict[tuple[int, int], dict[int, list[float | None]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    area: int = 0
    pixels: int = 0
    predicted: int = 0  # foreground in all rows together


def missing_or_extra(table: pa.Table, asked: Asked) -> Iterator[Problem]:
    """Where the rows of a table are not those of what was asked. The table is sound by itself."""
    targets, failed, patients = _read(table)
    cases = {target[0] for target in targets} | {case for case, _ in failed}
    yield from _names("case", asked.cases, cases)
    for case, patient in patients.items():
        if case in asked.cases and asked.cases[case] != patient:
            yield Problem(
                "patient", f"case {case!r}: expected {asked.cases[case]!r}, got {patient!r}"
            )
    yield from _targets(targets, failed, asked)
    most: dict[int, int] = defaultdict(int)  # round -> candidates
    for found in targets.values():
        for (number, _), candidates in found.rows.items():
            most[number] = max(most[number], len(candidates))
    expected = None if asked.does is None else asked.does.candidates
    asked_any = asked.prompted is None or bool(asked.prompted)
    if expected is not None and most and asked_any and max(most.values()) != expected:
        yield Problem(
            "candidate",
            f"expected {expected} masks a prompt as the adapter gives, got {max(most.values())}",
        )
    for target, found in targets.items():
        yield from _rows(target, found, asked, most)
    yield from _failures(failed, asked)
    if asked.stored is not None:
        yield from _columns(table, asked.stored, min(asked.thresholds))


def other_areas(table: pa.Table, recorded: Sequence[ReferenceArea]) -> Iterator[Problem]:
    """Where the reference areas that the counts give are not those that were recorded."""
    targets, _, _ = _read(table)
    derived: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for (case, label, scope, _, _), found in targets.items():
        if scope != "volume":
            sums = derived[case, label]
            sums[:] = sums[0] + 1, sums[1] + found.pixels, sums[2] + found.area
    known = {(area.case, area.label): area for area in recorded}
    if len(known) != len(recorded):
        yield Problem("references", "expected each case and label once")
    yield from _names("references", known, derived)
    for key in sorted(known.keys() & derived.keys()):
        area, (number, pixels, size) = known[key], derived[key]
        for name, expected, got in (
            ("targets", area.targets, number),
            ("pixels", area.pixels, pixels),
            ("area_px", area.area_px, size),
        ):
            if expected != got:
                yield Problem(
                    f"references.{name}",
                    f"case {key[0]!r}, label {key[1]!r}: expected the recorded {expected}, got "
                    f"{got} from tp+fn of the statistics",
                )


def areas(table: pa.Table) -> dict[Target, tuple[int, int]]:
    """(pixels, reference area) of every target that has counts."""
    return {target: (found.pixels, found.area) for target, found in _read(table)[0].items()}


def _read(
    table: pa.Table,
) -> tuple[
    dict[Target, _Found], dict[tuple[str, str], list[dict[str, Any]]], dict[str, str | None]
]:
    targets: dict[Target, _Found] = defaultdict(_Found)
    failed: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    patients = {}
    for row in table.select(COLUMNS).to_pylist():
        patients[row["case"]] = row["patient"]
        if row["failure"] is not None:
            failed[row["case"], row["label"]].append(row)
            continue
        found = targets[row["case"], row["label"], row["scope"], row["slice"], row["object"]]
        found.rows[row["round"], row["seed"]][row["candidate"]].append(row["threshold"])
        found.area = row["tp"] + row["fn"]
        found.pixels = found.area + row["fp"] + row["tn"]
        found.predicted += row["tp"] + row["fp"]
    return targets, failed, patients


def _names(column: str, expected: Iterable[Any], got: Iterable[Any]) -> Iterator[Problem]:
    """Names that are missing and names that are beside, the first ones of each."""
    wanted, there = set(expected), set(got)
    for what, names in (("no rows of", wanted - there), ("rows of the unknown", there - wanted)):
        if names:
            first = ", ".join(map(str, sorted(names, key=repr)[:3]))
            yield Problem(
                column,
                f"expected rows of {len(wanted)}, got {what} {len(names)}: {first}",
            )


def _targets(
    targets: Mapping[Target, _Found], failed: Mapping[tuple[str, str], Any], asked: Asked
) -> Iterator[Problem]:
    """Without prompts every label and slice of a case; with them every target that has one.

    Which targets a case has besides (nothing to be seen there, so no prompt) the recorded
    reference areas say.
    """
    lost = {case for case, _ in failed}
    planes: dict[tuple[str, str], set[int | None]] = defaultdict(set)
    for case, label, scope, plane, _ in targets:
        if scope != "volume":
            planes[case, label].add(plane)
    if asked.prompted is not None:
        there = {(case, label, plane, number) for case, label, _, plane, number in targets}
        gone = [place for place in asked.prompted if place not in there and place[0] not in lost]
        for case, label, plane, number in sorted(gone, key=repr):
            where = "" if plane is None else f", slice {plane}"
            yield Problem(
                "object",
                f"case {case!r}, label {label!r}{where}, object {number} was prompted: expected "
                "its rows, got none",
            )
        return
    labels = sorted({target[1] for target in targets})
    for case in sorted({case for case, _ in planes}):
        first = planes.get((case, labels[0]), set())
        expected: set[int | None] = {None} if None in first else set(range(len(first)))
        for label in labels:
            got = planes.get((case, label), set())
            if got != expected or not got:
                yield Problem(
                    "label, slice",
                    f"case {case!r}: expected {len(expected) or 'all'} planes of {label!r}, each "
                    f"once, got {len(got)}",
                )


def _rows(
    target: Target, found: _Found, asked: Asked, most: Mapping[int, int]
) -> Iterator[Problem]:
    """Every round, seed, candidate and threshold of one target."""
    case, label, scope, plane, number = target
    where = f"case {case!r}, label {label!r}, {scope}" + (f" {plane}" if plane is not None else "")
    where += f", object {number}"
    expected = {(r, seed) for r in range(asked.rounds) for seed in asked.seeds}
    if set(found.rows) != expected:
        gone, beside = expected - set(found.rows), set(found.rows) - expected
        what = f"no rows of {sorted(gone)[0]}" if gone else f"rows of {sorted(beside)[0]}"
        yield Problem(
            "round, seed", f"{where}: expected {len(expected)} of (round, seed), got {what}"
        )
        return
    seeds = frozenset[int]()
    if asked.prompted is not None:
        whole = asked.prompted.get((case, label, None, number), frozenset())
        seeds = asked.prompted.get((case, label, plane, number), whole)
        if scope != "volume" and seeds not in (frozenset(), frozenset(asked.seeds)):
            yield Problem("seed", f"{where}: prompted with seeds {sorted(seeds)} of {asked.seeds}")
    silent = asked.prompted is not None and not seeds and scope != "volume"
    if silent and found.predicted:
        yield Problem(
            "tp+fp",
            f"{where} was not prompted: expected no prediction, got {found.predicted} pixels",
        )
    for (round_, _), candidates in found.rows.items():
        if set(candidates) != set(range(most[round_])) and not (silent and set(candidates) == {0}):
            yield Problem(
                "candidate",
                f"{where}: expected candidates 0 to {most[round_] - 1} in "
                f"round {round_}, got {sorted(candidates)}",
            )
            return
        for thresholds in candidates.values():
            got = [] if None in thresholds else sorted(t for t in thresholds if t is not None)
            if thresholds != [None] and got != sorted(asked.thresholds):
                yield Problem(
                    "threshold", f"{where}: expected {list(asked.thresholds)}, got {thresholds}"
                )
                return


def _failures(
    failed: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]], asked: Asked
) -> Iterator[Problem]:
    """Every label of a failed case once a seed."""
    labels = {label for _, label in failed}
    for case in sorted({case for case, _ in failed}):
        for label in sorted(labels):
            seeds = sorted(row["seed"] for row in failed.get((case, label), ()))
            if not seeds or not set(seeds) <= {*asked.seeds, 0}:
                yield Problem(
                    "failure",
                    f"case {case!r}, label {label!r}: expected a row for each "
                    f"seed of {list(asked.seeds)}, got {seeds}",
                )


def _columns(table: pa.Table, stored: Stored, lowest: float) -> Iterator[Problem]:
    """Histograms, surfaces and components where the run stores them, and nowhere else.

    They stand in the rows of the lowest threshold; slices have none of what their volume has.
    """
    names = ("scope", "threshold", "failure", "histogram", "surfaces", "components")
    for number, row in enumerate(table.select(names).to_pylist()):
        if row["failure"] is not None:
            continue
        first = row["threshold"] in (None, lowest)
        histogram, surfaces = row["histogram"], row["surfaces"]
        binned = stored.score_bins and row["threshold"] == lowest
        for column, expected, got in (
            (
                "histogram",
                f"{stored.score_bins} bins" if binned else "none",
                "none" if histogram is None else f"{histogram['bins']} bins",
            ),
            (
                "surfaces",
                ", ".join(sorted(stored.surfaces if first else ())) or "none",
                ", ".join(sorted(entry["definition"] for entry in surfaces or ())) or "none",
            ),
            (
                "components",
                "some" if stored.components and first else "none",
                "none" if row["components"] is None else "some",
            ),
        ):
            if expected != got and not (row["scope"] == "slice" and got == "none"):
                yield Problem(column, f"row {number}: expected {expected}, got {got}")
                return
