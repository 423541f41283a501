"""How long a run would take: from a published run on a card, else from what the `gpu` benchmark
measured on one, else from an assumed rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import field

from catalog import json_in, own, reading
from catalog.converting import convert
from catalog.errors import FindingsError
from catalog.records import Record, Result
from reproduce.contracts import Adapter
from reproduce.ground.quantities import duration
from reproduce.planning.recipes import Recipe

FILE = "data/run_rates.yaml"
Positive = Annotated[float, msgspec.Meta(gt=0)]


class Rate(Record, kw_only=True):
    """Images (planes of a volume) a second, or whole cases, or cases for each seed.

    checkpoints, profiles  weights and prompt profiles (without a version) that it is for; []: any
    """

    adapter: str
    per_s: Positive
    of: Literal["images", "cases", "draws"] = "images"
    checkpoints: list[str] = field(default_factory=list)
    profiles: list[str] = field(default_factory=list)


class Size(Record, kw_only=True):
    """Planes of a split that no claim states."""

    dataset: str
    split: str
    planes: Annotated[int, msgspec.Meta(gt=0)]
    source: str


class Rates(Record, kw_only=True):
    """`catalog/data/run_rates.yaml`. `on`: the machine they are assumed for."""

    on: str
    source: str
    rates: list[Rate] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)


#: What rates count (`Rate.of`) -> how many there are, and what to call them.
Counts = Mapping[str, tuple[int, str]]


class Time(Record, kw_only=True):
    """How long a run would take. `hours` None: nothing is known to go by.

    basis  measured: a published run of the adapter says so, or a benchmark on a card;
           assumed: a declared rate
    """

    hours: float | None
    basis: Literal["measured", "assumed", "unknown"]
    on: str | None = None
    how: str = ""


def rates() -> Rates:
    """The declared rates. Raises `FindingsError` with all that is wrong in the file."""
    return _read(own.path(FILE))


@cache
def _read(file: Path) -> Rates:
    place = f"catalog/{FILE}"
    document = reading.parse(reading.read_text(file, place), place)
    record, findings = convert(document, (), document.data, Rates, "run_rates")
    if record is None:
        raise FindingsError(findings)
    return record


def on_cards() -> list[tuple[str, list[Rate]]]:
    """(card, its rates) of every `benchmarks/results/gpu-*.json`, the newest first. Raises
    `msgspec.ValidationError` for a file that is none."""
    folder = own.path(FILE).parents[2] / "benchmarks/results"
    found = [
        json_in.decoded(path.read_bytes(), _Measured) for path in sorted(folder.glob("gpu-*.json"))
    ]
    found.sort(key=lambda each: each.date, reverse=True)
    return [(each.machine.gpu, each.rates) for each in found]


class _Machine(msgspec.Struct):
    gpu: str


class _Measured(msgspec.Struct):
    """What is read of a file of `python -m benchmarks gpu`."""

    date: str
    machine: _Machine
    rates: list[Rate]


def expected_time(
    members: Sequence[Recipe], results: Sequence[Result], n_cases: int | None = None
) -> Time:
    """How long the one run of these recipes would take.

    A measured rate on a card goes before an assumed one, and that before a measured one on a CPU.

    results  published runs
    n_cases  of the split in the folder; None: not read yet, so what the claims state counts
    """
    item = members[0]
    counts, lacking = _counts(members, n_cases)
    number, of = counts.get("cases" if n_cases is not None else "images", (None, lacking))
    on_card, on_cpu = (_measured(item, results, card) for card in (True, False))
    if on_card is not None and number is not None:
        return _by_run(number, of, on_card)
    for card, of_card in on_cards():
        if rate := _rate(of_card, item, counts):
            return _at(rate, counts, "measured", card, "suite gpu")
    if rate := _rate(rates().rates, item, counts):
        return _at(rate, counts, "assumed", rates().on, "not measured on a card")
    if number is None:
        return Time(hours=None, basis="unknown", how=lacking)
    if on_cpu is not None:
        return _by_run(number, of, on_cpu)
    return Time(hours=None, basis="unknown", how=f"no rate of {item.adapter.name} is known")


def _rate(known: Sequence[Rate], item: Recipe, counts: Counts) -> Rate | None:
    """The first rate that fits and of which it is known how many there are."""
    return next((rate for rate in known if rate.of in counts and _fits(rate, item)), None)


def _at(
    rate: Rate, counts: Counts, basis: Literal["measured", "assumed"], on: str, said: str
) -> Time:
    number, of = counts[rate.of]
    how = f"{number} {of} at {rate.per_s:g} {rate.of}/s; {said}"
    return Time(hours=number / rate.per_s / 3600, basis=basis, on=on, how=how)


def adapter_time(
    adapter: Adapter, weights: Sequence[str], results: Sequence[Result], images: int
) -> str:
    """How long images (or planes of a volume) take, in words: by a declared rate, and by the newest
    published run of the adapter on a processor.

    weights  ids of the checkpoints;  images  so many of them
    """
    told = []
    for rate in rates().rates:
        if (
            rate.adapter == adapter.name
            and rate.of == "images"
            and (not rate.checkpoints or set(weights) & set(rate.checkpoints))
        ):
            told.append((rate.per_s, f"assumed on {rates().on}"))
            break
    measured = [
        result
        for result in results
        if str(result.protocol.get("adapter", "")).partition("/")[0] == adapter.name
        and result.timing.get("cases_per_s")
        and result.environment.get("gpu") is None
    ]
    if measured:
        newest = max(measured, key=lambda result: result.created)
        speed = float(newest.timing["cases_per_s"])
        told.append((speed, f"measured on {newest.environment.get('cpu')} ({newest.run})"))
    if not told:
        return "not known; the first case will tell"
    return "; ".join(
        f"{images} images about {duration(images / per_s / 3600)}, {how}"
        if images
        else f"a plane about {1 / per_s:.2g} s, {how}"
        for per_s, how in told
    )


def _by_run(number: int, of: str, run: Result) -> Time:
    rate = float(run.timing["cases_per_s"])
    where = run.environment.get("gpu") or run.environment.get("cpu")
    how = f"{number} {of} at the {rate:g} cases/s of {run.run}"
    return Time(hours=number / rate / 3600, basis="measured", on=str(where), how=how)


def _measured(item: Recipe, results: Sequence[Result], card: bool) -> Result | None:
    """The newest run of this version of the adapter on cases of the same kind; with the same
    options, where there is one."""
    name = f"{item.adapter.name}/{item.adapter.version}"
    fits = [
        result
        for result in results
        if result.protocol.get("adapter") == name
        and result.timing.get("cases_per_s")
        and (result.environment.get("gpu") is not None) == card
        and (item.dataset.dimensionality == "2d" or result.protocol["dataset"] == item.dataset.name)
    ]

    def rank(result: Result) -> tuple[bool, str]:
        return result.protocol.get(
            "adapter_options"
        ) == item.protocol.adapter_options, result.created

    return max(fits, key=rank, default=None)


def _fits(rate: Rate, item: Recipe) -> bool:
    names = {record.id for record in item.checkpoints}
    profile = None if item.profile is None else item.profile.name
    return (
        rate.adapter == item.adapter.name
        and (not rate.checkpoints or bool(names & set(rate.checkpoints)))
        and (not rate.profiles or profile in rate.profiles)
    )


def _counts(members: Sequence[Recipe], n_cases: int | None) -> tuple[Counts, str]:
    """What rates count -> how many the run goes through and of what kind the number is; and what to
    say where the number of images is not known.

    Claims that state different numbers are about different images: at most their sum, since some
    may be about the same.
    """
    item = members[0]
    flat = item.dataset.dimensionality == "2d"
    if n_cases is not None:
        here = (n_cases, "cases")
        return {"cases": here, "images": here} if flat else {"cases": here}, ""
    counts: dict[str, tuple[int, str]] = {}
    for kind, stated in (
        ("cases", [member.claim.n.cases for member in members]),
        ("images", [m.claim.n.images or (m.claim.n.cases if flat else None) for m in members]),
    ):
        known = {number for number in stated if number}
        if len(known) == 1:
            counts[kind] = known.pop(), kind
        elif known:
            counts[kind] = sum(number or 0 for number in stated), f"{kind} at most"
    count = item.protocol.dataset_options.get("count")
    if item.dataset.generated and isinstance(count, int):
        counts["images"] = count, "images"
    for size in rates().sizes:
        if (size.dataset, size.split) == (item.dataset.name, item.protocol.split):
            counts["images"] = size.planes, "planes (assumed)"
    if "cases" in counts:
        number, of = counts["cases"]
        counts["draws"] = number * len(item.protocol.seeds), f"{of} times seeds"
    return counts, "no claim states how many images there are"
