"""What a result says of its statistics against what they give when it is derived again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from catalog.errors import Sam4misError
from catalog.records import Counted
from reproduce.ground.alike import alike
from reproduce.ground.provenance import CREATED
from reproduce.runs.recorded import LOADER
from reproduce.runs.spec import kind_of
from reproduce.scoring import score
from reproduce.scoring.recorded import case_scores
from reproduce.statistics.checking import Problem
from reproduce.statistics.parity import FIDELITY_DICE, PARITY_DICE

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.records import Check, Contours, Measurement, Result
    from reproduce.judging.asked import Asked

KEYS_LEFT = ("missing_keys", "unexpected_keys")  # of `inputs`


def other_values(result: Result, table: pa.Table, asked: Asked) -> Iterator[Problem]:
    """Every field of a result that its statistics contradict."""
    yield from _measurements(result, table, asked)
    yield from _cases(result, table, asked)
    yield from _status(result, table, asked)
    yield from _gates(result)
    yield from _contours(result, table)
    yield from _created(result)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal: floats within the rounding of a sum, means over as many."""
    if isinstance(one, Counted) and isinstance(other, Counted):
        return _number(one) == _number(other)
    return alike(msgspec.to_builtins(one), msgspec.to_builtins(other))


def _number(counted: Counted) -> tuple[int, int, int]:
    """Values in a mean, those that stand for missing cases, those left out for whatever reason."""
    return counted.averaged, counted.missing, sum(counted.left_out.values())


def _measurements(result: Result, table: pa.Table, asked: Asked) -> Iterator[Problem]:
    named = [m.claim for m in result.measurements if m.claim is not None]
    for claim in sorted({*named, *result.claims}):
        if named.count(claim) != 1 or claim not in result.claims:
            yield Problem(
                "measurements",
                f"expected one for each claim the run serves ({', '.join(result.claims) or 'none'}"
                f"), got {named.count(claim)} for {claim}",
            )
    for number, recorded in enumerate(result.measurements):
        place = f"measurements[{number}]"
        try:
            again = _again(recorded, table, asked)
        except Sam4misError as error:
            yield Problem(place, f"cannot be derived from the statistics: {error}")
            continue
        for name in recorded.__struct_fields__:
            value, expected = getattr(recorded, name), getattr(again, name)
            # What was recorded before a field existed has its default.
            younger = value is None and name == "counted"
            if not younger and not _same(value, expected):
                yield Problem(
                    f"{place}.{name}",
                    f"expected {expected!r} from the statistics, got {value!r}",
                )


def _again(recorded: Measurement, table: pa.Table, asked: Asked) -> Measurement:
    if recorded.subgroup:
        wanted = recorded.subgroup.items()
        table = table.filter(
            [wanted <= asked.groups.get(case, {}).items() for case in table["case"].to_pylist()]
        )
    scores = score(
        table,
        recorded.metric_profile,
        recorded.metric,
        label=recorded.label,
        threshold=recorded.threshold,
        mask_selection=recorded.mask_selection,
        label_order=asked.classes,
        grid=asked.grid,
        interval=recorded.interval is not None,
    )
    return scores.measurement(
        claim=recorded.claim, label=recorded.label, subgroup=recorded.subgroup
    )


def _cases(result: Result, table: pa.Table, asked: Asked) -> Iterator[Problem]:
    scores = case_scores(table, asked.shown, asked.rounds)
    # The background is counted for some profiles of predictions, and shown by none.
    derived = {
        (c.case, c.label): c for c in scores if asked.classes is None or c.label in asked.classes
    }
    recorded = {(c.case, c.label): c for c in result.cases}
    if recorded.keys() != derived.keys() or len(recorded) != len(result.cases):
        yield Problem(
            "cases",
            f"expected the {len(derived)} cases and labels of the statistics, each once, got "
            f"{len(result.cases)}",
        )
    for key in sorted(recorded.keys() & derived.keys()):
        one, other = (msgspec.structs.asdict(of[key]) for of in (recorded, derived))
        for name, value in one.items():
            if not _same(value, other[name]):
                yield Problem(
                    f"cases.{name}",
                    f"case {key[0]!r}, label {key[1]!r}: expected {other[name]!r} from the "
                    f"statistics, got {value!r}",
                )


def _status(result: Result, table: pa.Table, asked: Asked) -> Iterator[Problem]:
    """Complete, or how far; what the gate `all-cases` says; where and how it was computed."""
    import pyarrow.compute as pc

    failed = table.filter(pc.is_valid(table["failure"]))
    lost = set(failed["case"].to_pylist())
    limit = result.protocol.get("limit")
    expected = "complete"
    if lost:
        expected = "partial" if len(lost) < len(asked.cases) else "failed"
    elif limit is not None:
        expected = "partial"
    if result.status != expected:
        yield Problem("status", f"expected {expected}, got {result.status}")
    if (result.reason is None) != (result.status == "complete"):
        yield Problem(
            "reason",
            f"expected {'none' if result.reason else 'one'} of a run that is "
            f"{result.status}, got {result.reason!r}",
        )
    if limit is not None and result.claims:
        yield Problem("claims", f"expected none of a run of {limit} cases, got {result.claims}")
    share = 1 - len(lost) / len(asked.cases)
    for check in result.checks:
        if check.name == "all-cases" and not (
            _same(check.value, share) and check.passed == (not lost)
        ):
            yield Problem(
                "checks.all-cases",
                f"expected {'passed' if not lost else 'not passed'} with {share:g}, got "
                f"{'passed' if check.passed else 'not passed'} with {check.value}",
            )
    if result.kind == "recomputed":
        return
    precision, dtype = result.protocol.get("precision"), result.environment.get("dtype")
    if dtype != precision:
        yield Problem("environment.dtype", f"expected {precision!r} as asked, got {dtype!r}")
    device, gpu = str(result.environment.get("device")), result.environment.get("gpu")
    asked_for = result.protocol.get("device", kind_of(device))
    if kind_of(device) != asked_for or (asked_for == "cuda") != (gpu is not None):
        yield Problem(
            "environment.device", f"expected {asked_for} as asked, got {device!r} on gpu {gpu!r}"
        )
    kinds = sorted({str(flag).partition(":")[0] for flag in result.protocol["flags"]})
    if kinds != sorted(asked.flags):
        yield Problem(
            "protocol.flags", f"expected {sorted(asked.flags)} of the prompts, got {kinds}"
        )
    words = {} if asked.does is None else dataclasses.asdict(asked.does)
    for name, expected in words.items():
        got = result.protocol.get(name, expected)  # words that were not recorded yet
        if got != expected:
            yield Problem(
                f"protocol.{name}", f"expected {expected!r} as the adapter does, got {got!r}"
            )
    loader = result.inputs.get("loader", LOADER)
    if loader != LOADER:
        yield Problem("inputs.loader", f"expected {LOADER!r}, got {loader!r}")
    for number, checkpoint in enumerate(result.inputs["checkpoints"]):
        if checkpoint.get("expected_sha256") not in (None, checkpoint["sha256"]):
            yield Problem(
                f"inputs.checkpoints[{number}].expected_sha256",
                f"expected {checkpoint['sha256']}, got {checkpoint['expected_sha256']}",
            )


def _gates(result: Result) -> Iterator[Problem]:
    """A gate is tried once, and passed only where its value says so."""
    names = [check.name for check in result.checks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(f"checks.{name}", f"expected it once, got {names.count(name)}")
    allowed = {
        "batch-parity": PARITY_DICE,
        "deterministic-rerun": 0.0,  # identical counts
        "fidelity": FIDELITY_DICE.get(str(result.protocol.get("precision")), 0.0),
    }
    for check in result.checks:
        if check.name in allowed and check.passed and not _within(check, allowed[check.name]):
            yield Problem(
                f"checks.{check.name}",
                f"expected a difference of at most {allowed[check.name]:g} where it was passed, "
                f"got {check.value}",
            )
        left = [name for name in KEYS_LEFT if result.inputs.get(name, []) != []]
        if check.name == "exact-keys" and check.passed and left:
            yield Problem("checks.exact-keys", f"expected not passed, inputs has {left[0]}")


def _created(result: Result) -> Iterator[Problem]:
    """A time in UTC, as runs write it, that has been: of several runs the last one decides."""
    latest = datetime.now(UTC) + timedelta(days=1)  # clocks differ
    try:
        written = datetime.strptime(result.created, CREATED).replace(tzinfo=UTC)
    except ValueError:
        written = None
    if written is None or written > latest or written.strftime(CREATED) != result.created:
        yield Problem(
            "created", f"expected a time in UTC that has been, as {CREATED}, got {result.created!r}"
        )


def _within(check: Check, allowed: float) -> bool:
    return check.value is not None and 0 <= check.value <= allowed


def _contours(result: Result, table: pa.Table) -> Iterator[Problem]:
    """Outlines are of cases of the run, and lie in their plane, which holds every pixel counted."""
    sizes: dict[tuple[str, str], int] = {}
    columns = ("case", "label", "scope", "tp", "fp", "fn", "tn")
    for row in table.select(columns).to_pylist():
        if row["tp"] is not None and row["scope"] != "volume":
            sizes[row["case"], row["label"]] = sum(row[name] for name in columns[3:])
    for number, outline in enumerate(result.contours):
        place = f"contours[{number}]"
        pixels = sizes.get((outline.case, outline.label))
        if pixels is None:
            yield Problem(
                place,
                f"expected a case and label of the run, got {outline.case!r}, {outline.label!r}",
            )
            continue
        if pixels > outline.width_px * outline.height_px:
            yield Problem(
                place,
                f"expected at most the {outline.width_px} x {outline.height_px} pixels of the "
                f"plane, got {pixels} in the statistics of {outline.case!r}, {outline.label!r}",
            )
        for polygon in (*outline.truth, *outline.predicted):
            if not _inside(polygon, outline):
                yield Problem(place, "expected points inside the plane, got some outside it")
                break


def _inside(polygon: Sequence[float], outline: Contours) -> bool:
    """Whether a flat polygon is of whole points, each within the plane."""
    points = zip(polygon[::2], polygon[1::2], strict=False)
    return len(polygon) % 2 == 0 and all(
        0 <= x <= outline.width_px and 0 <= y <= outline.height_px for x, y in points
    )
