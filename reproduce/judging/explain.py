"""Which conventions give the printed number, and by how much each of them moves it.

A search over stored statistics: nothing is predicted again. Settings are combinations of
conventions; some are chosen while scoring (metric profile, threshold, mask candidate, click
round, score), others made the statistics and need a run each (grid, flips, preprocessing).
Whatever is found here was *found by search*: it makes a claim comparable in class C at best.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """Statistics of one run, and the conventions that made them (`{"grid": "original"}`)."""

    conventions: Settings
    table: pa.Table


@dataclass(frozen=True, slots=True)
class Setting:
    """One combination and the score it gives. `value` None: undefined, with the reason."""

    conventions: dict[str, Any]
    value: float | None
    matches: bool = False
    reason: str | None = None

    def changed_from(self, base: Settings) -> dict[str, Any]:
        """Only what differs from `base`."""
        return {k: v for k, v in self.conventions.items() if base.get(k) != v}


@dataclass(frozen=True, slots=True)
class Effect:
    """One convention changed alone, everything else as in the base; `change` is value - base."""

    convention: str
    used: Any
    instead: Any
    value: float | None
    change: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """Share of one convention in the difference between two settings (they add up exactly).

    share    Shapley value: its change averaged over all orders in which conventions can change
    alone    its change when it is the first to change;  last: when it is the last
    """

    convention: str
    used: Any
    instead: Any
    share: float
    alone: float
    last: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer of a search.

    target, half   the printed number as a fraction, and half a unit of its last digit
    base           the setting that was asked about, and what it gives
    matches        settings that give the printed digits, fewest changes first
    nearest        those that come closest, where none matches
    effects        each convention changed alone, largest change first
    tried          how many settings were scored
    """

    target: float
    half: float
    base: Setting
    matches: list[Setting]
    nearest: list[Setting]
    effects: list[Effect]
    tried: int
    notes: list[str] = field(default_factory=list)


class Space:
    """Everything that can be scored from stored runs; values are computed once and kept."""

    def __init__(self, runs: Sequence[Stored], label: str | None = None) -> None:
        if not runs:
            raise UsageError("explain needs the statistics of at least one run.")
        names = {frozenset(run.conventions) for run in runs}
        if len(names) != 1:
            raise InputError("the stored runs name different conventions; they cannot be compared.")
        self.runs = list(runs)
        self.label = label
        self._known: dict[tuple[Any, ...], Setting] = {}

    def values_of(self, convention: str) -> list[Any]:
        """What a convention of the runs takes, in the order of the runs."""
        return list(dict.fromkeys(run.conventions[convention] for run in self.runs))

    def run_for(self, settings: Settings) -> Stored | None:
        """The run whose conventions are those of `settings`; None: nobody made it."""
        for run in self.runs:
            if all(settings.get(k) == v for k, v in run.conventions.items()):
                return run
        return None

    def score(self, settings: Settings) -> Setting:
        """The score of a setting. A profile that the statistics do not support gives a reason."""
        from reproduce.scoring import score

        key = tuple(sorted((k, repr(v)) for k, v in settings.items()))
        if key in self._known:
            return self._known[key]
        run = self.run_for(settings)
        if run is None:
            found = Setting(dict(settings), None, reason="no run with these conventions is stored")
        else:
            try:
                value = score(
                    run.table,
                    _profile(settings),
                    settings.get("metric"),
                    label=self.label,
                    threshold=settings.get("threshold"),
                    mask_selection=settings.get("mask_selection"),
                ).value
                found = Setting(dict(settings), value, reason=None if value is not None else "NaN")
            except (InputError, UsageError) as error:
                found = Setting(dict(settings), None, reason=str(error))
        self._known[key] = found
        return found


def _profile(settings: Settings) -> Any:
    from reproduce.scoring import metric_profile

    profile = metric_profile(settings["metric_profile"])
    rounds = settings.get("rounds")
    if rounds is None:
        return profile
    measures = {name: replace(m, rounds=rounds) for name, m in profile.measures.items()}
    return replace(profile, measures=measures)


def alternatives(space: Space, base: Settings) -> dict[str, list[Any]]:
    """For every convention what else could have been done, the base's own value first.

    Thresholds: those counted, and hundredths where score histograms have them. Profiles: all that
    have the base's metric. Mask choice and click rounds: only where the run has several.
    """
    import pyarrow.compute as pc

    from reproduce.ground.plugins import plugins

    table = space.runs[0].table
    found: dict[str, list[Any]] = {
        name: space.values_of(name) for name in space.runs[0].conventions
    }
    metric = base.get("metric")
    profiles = [p.id for p in plugins("metrics").values() if metric in p.measures or metric is None]
    found["metric_profile"] = profiles
    if metric in ("dice", "iou"):
        found["metric"] = ["dice", "iou"]
    stored = [t for t in pc.unique(table["threshold"]).to_pylist() if t is not None]
    if stored and base.get("threshold") is not None:
        found["threshold"] = sorted({*stored, *_histogram_thresholds(table)})
    if (pc.max(table["candidate"]).as_py() or 0) > 0:
        found["mask_selection"] = ["first", "argmax-predicted-iou", "oracle-iou"]
    if (pc.max(table["round"]).as_py() or 0) > 0:
        found["rounds"] = ["first", "last", "best"]
    for name, values in found.items():
        own = base.get(name)
        found[name] = [own, *[v for v in values if v != own]] if name in base else values
    return found


def _histogram_thresholds(table: pa.Table) -> list[float]:
    entry = next((e for e in table["histogram"].to_pylist() if e is not None), None)
    if entry is None or entry["bins"] % 100:
        return []
    return [k / 100 for k in range(5, 100, 5)]


def explain(
    space: Space,
    base: Settings,
    target: float,
    half: float,
    choices: Mapping[str, Sequence[Any]] | None = None,
    depth: int = 2,
    nearest: int = 5,
) -> Explanation:
    """Search the settings that differ from `base` in at most `depth` scoring conventions, over all
    stored runs.

    target, half  the printed number as a fraction and half a unit of its last digit: a setting
                  matches when it rounds to the printed digits
    choices       instead of `alternatives`
    """
    options = dict(choices) if choices is not None else alternatives(space, base)
    start = _matched(space.score(base), target, half)
    effects = []
    for name, values in options.items():
        for instead in values:
            if instead == base.get(name):
                continue
            changed = space.score({**base, name: instead})
            change = (
                None
                if changed.value is None or start.value is None
                else changed.value - start.value
            )
            effects.append(Effect(name, base.get(name), instead, changed.value, change))
    effects.sort(key=lambda e: -abs(e.change) if e.change is not None else math.inf)
    tried = [
        _matched(space.score(settings), target, half)
        for settings in _within(base, options, depth, space.runs[0].conventions)
    ]
    scored = [setting for setting in tried if setting.value is not None]
    order = sorted(scored, key=lambda s: (len(s.changed_from(base)), abs((s.value or 0) - target)))
    close = sorted(scored, key=lambda s: abs((s.value or 0) - target))
    matches = [setting for setting in order if setting.matches]
    notes = []
    if any(setting.changed_from(base) for setting in matches):  # what is as asked was not searched
        notes = ["found by search: at best class C, a claim reproduced under an inferred protocol"]
    if len(matches) > 1:
        notes.append(f"{len(matches)} settings give these digits: the search alone decides nothing")
    return Explanation(
        target=target,
        half=half,
        base=start,
        matches=matches,
        nearest=[] if matches else close[:nearest],
        effects=effects,
        tried=len(scored),
        notes=notes,
    )


def _within(
    base: Settings, options: Mapping[str, Sequence[Any]], depth: int, made: Settings
) -> Iterator[dict[str, Any]]:
    """Settings at most `depth` scoring conventions away from base, for every stored run."""
    scoring = [name for name in options if name not in made]
    runs = itertools.product(*[options.get(name, [base.get(name)]) for name in made])
    for values in runs:
        start = {**base, **dict(zip(made, values, strict=True))}
        for count in range(depth + 1):
            for names in itertools.combinations(scoring, count):
                others = [[v for v in options[n] if v != base.get(n)] for n in names]
                for chosen in itertools.product(*others):
                    yield {**start, **dict(zip(names, chosen, strict=True))}


def _matched(setting: Setting, target: float, half: float) -> Setting:
    near = setting.value is not None and abs(setting.value - target) <= half + 1e-12
    return replace(setting, matches=near)


def walk(space: Space, start: Settings, end: Settings) -> tuple[list[Step], list[Setting]]:
    """Attribute the difference between two settings to the conventions in which they differ.

    Every one of the 2^k settings between the two is scored, and each convention gets its Shapley
    value; the shares add up to the difference exactly. Returns the shares, largest first, and the
    2^k corners. Raises `InputError` where a corner cannot be scored.
    """
    names = [name for name in end if start.get(name) != end[name]]
    corners: dict[frozenset[str], Setting] = {}
    for count in range(len(names) + 1):
        for picked in itertools.combinations(names, count):
            settings = {**start, **{name: end[name] for name in picked}}
            corner = space.score(settings)
            if corner.value is None:
                raise InputError(f"explain: {settings} has no score: {corner.reason}")
            corners[frozenset(picked)] = corner
    value = {chosen: corner.value or 0.0 for chosen, corner in corners.items()}
    k = len(names)
    steps = []
    for name in names:
        share = 0.0
        for chosen, before in value.items():
            if name in chosen:
                continue
            weight = math.factorial(len(chosen)) * math.factorial(k - len(chosen) - 1)
            share += weight / math.factorial(k) * (value[chosen | {name}] - before)
        everything = frozenset(names)
        steps.append(
            Step(
                name,
                start.get(name),
                end[name],
                share,
                alone=value[frozenset({name})] - value[frozenset()],
                last=value[everything] - value[everything - {name}],
            )
        )
    steps.sort(key=lambda step: -abs(step.share))
    return steps, list(corners.values())
