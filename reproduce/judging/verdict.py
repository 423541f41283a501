"""`verdict/2`: a pure function of a claim and a run. Nothing here is edited by hand.

Comparability first, in the classes A to D of `reproduce.judging.comparability`. Class D is
`not-comparable`: the measurement alone is shown. Class C can be "reproduced under an inferred
protocol" or stay open; it accuses nobody, so it is never `lower` or `higher`.

Then gates (a run that fails one decides nothing), then the equivalence test of
`reproduce.judging.equivalence` with a margin of 0.01, shown at 0.005 and 0.02 as well.

Several claims of one paper are judged one by one at 5 % each side: of 100 true differences exactly
at the margin, up to five pass by chance. A paper's badge is therefore "k of n claims" and never
one boolean.

`verdict/1` took what a run did not record for what the claim says, a file of any hash for the
claim's checkpoint where no hash was recorded, any folder for its data set, and compared no numbers
but those of cases.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from catalog.metrics import FRACTIONS
from catalog.records import (
    CaseScore,
    Check,
    Claim,
    Measurement,
    Project,
    Repeat,
    Result,
    Rule,
    Verdict,
    Verdicts,
)
from catalog.registry import RESULTS, Registry
from reproduce.ground import wording
from reproduce.ground.alike import settled
from reproduce.judging.comparability import Class, Comparison, compare
from reproduce.judging.done import done_by
from reproduce.judging.equivalence import (
    Spread,
    interval,
    label,
    needed,
    quantile,
    redrawn_spread,
    rounding,
    seed_spread,
)

RULE: Rule = "verdict/2"
MARGIN = 0.01
MARGINS = (0.005, 0.01, 0.02)
MIN_SEEDS = 5

GATES = {
    "rerun": ("exact-keys", "all-cases", "batch-parity", "deterministic-rerun"),
    "selftest": ("exact-keys", "all-cases", "batch-parity", "deterministic-rerun"),
    "recomputed": ("all-cases",),
}


def judge(
    claim: Claim,
    result: Result | None,
    *,
    project: Project,
    values: Mapping[str, float | None] | None = None,
    patients: Mapping[str, str | None] | None = None,
) -> Verdict:
    """The verdict on one claim.

    result    the run to judge it by; None: there is none
    values    case -> its value under the claim's metric profile, for the spread of class B (None:
              taken from the run's case table, where the metric is Dice or IoU)
    patients  case -> patient, what cases are clustered by; None: from the run's case table
    """
    name = f"{project.slug}/{claim.id}"
    if result is None:
        return _without_run(claim, name, project.slug)
    verdict = Verdict(
        claim=name,
        project=project.slug,
        rule=RULE,
        state="inconclusive",
        run=result.run,
        reported=claim.fraction,
        gates=gates(result),
    )
    measurement = measurement_of(claim, result, name)
    comparison = compare(claim, project, done_by(result, measurement))
    verdict.comparability, reasons = comparison.group, comparison.reasons
    verdict.compared = list(comparison.fields)
    if measurement is None or measurement.value is None:
        verdict.state = "not-comparable" if verdict.comparability == "D" else "inconclusive"
        verdict.reason = result.reason or (
            "the run has no measurement for this claim"
            if measurement is None
            else "the score is undefined under the claim's metric profile"
        )
        return verdict
    verdict.measured = measurement.value
    verdict.difference = measurement.value - claim.fraction
    if (why := without_margin(claim)) is not None:
        verdict.state = "not-comparable"
        verdict.reason = why
        return verdict
    if verdict.comparability == "D":
        verdict.state = "not-comparable"
        verdict.reason = "; ".join(reasons)
        return verdict
    failed = [gate for gate in verdict.gates if not gate.passed]
    if failed:
        verdict.reason = "; ".join(f"gate {g.name}: {g.detail or 'failed'}" for g in failed)
        verdict.would_decide = "a run that passes " + ", ".join(gate.name for gate in failed)
        return verdict
    spread, unknown = _spread(claim, result, measurement, verdict.comparability, values, patients)
    if spread is None:
        verdict.reason = unknown
        verdict.would_decide = unknown
        return verdict
    _decide(verdict, claim, measurement, spread)
    if verdict.comparability == "C" and verdict.state in ("lower", "higher"):
        verdict.would_decide = _would_show(comparison)
        verdict.state = "inconclusive"
    verdict.reason = "; ".join([*reasons, *([unknown] if unknown else [])]) or None
    verdict.explanation = _in_words(verdict, claim, measurement)
    return verdict


def without_margin(claim: Claim) -> str | None:
    """Why no run can decide a claim's number: it is no share, which margins are for; else None."""
    if claim.metric in FRACTIONS:
        return None
    return f"{RULE} has no margin for {claim.metric}: it is no share between 0 and 1"


def _decide(verdict: Verdict, claim: Claim, measurement: Measurement, spread: Spread) -> None:
    assert verdict.difference is not None
    half = rounding(claim.decimals, claim.scale)
    low, high = interval(verdict.difference, spread, half)
    bounds = settled(low), settled(high)
    verdict.interval = [*bounds]
    verdict.standard_error = spread.standard_error
    verdict.labels = {f"{margin:g}": label(bounds, margin) for margin in MARGINS}
    verdict.state = label(bounds, MARGIN)
    if verdict.state == "inconclusive":
        verdict.would_decide = _would_decide(verdict, claim, measurement, spread, half)


def _would_show(comparison: Comparison) -> str:
    """What it takes for a difference to say something about the claim, not about our guesses."""
    lacking = [item.field for item in comparison.fields if item.answer == "not shown"]
    inferred = [item.field for item in comparison.fields if item.inferred]
    parts = []
    if lacking:
        parts.append(f"{' and '.join(map(wording.name, lacking))} shown to be the claim's")
    if inferred:
        parts.append(f"the authors' word on {', '.join(map(wording.name, inferred))}")
    return f"it is not the printed value; {', and '.join(parts)} would say what that means"


def _would_decide(
    verdict: Verdict, claim: Claim, measurement: Measurement, spread: Spread, half: float
) -> str:
    """What it takes, in words, if the difference stays as it is."""
    assert verdict.difference is not None
    factor = needed(verdict.difference, spread, half, MARGIN)
    if factor is None:
        return (
            f"more printed digits: rounding alone (+-{half:g}) reaches across the margin"
            if spread.standard_error == 0
            else "nothing we can do: the difference lies on the edge of the margin"
        )
    seeds = [v for v in measurement.per_seed.values() if v is not None]
    if verdict.comparability == "B" or (not seeds and measurement.n_cases):
        cases = math.ceil(settled(measurement.n_cases * factor))
        return f"{cases} cases instead of {measurement.n_cases}, or the authors' case list"
    return _would_decide_seeds(verdict.difference, seeds, claim, half)


def _would_decide_seeds(
    difference: float, seeds: Sequence[float], claim: Claim, half: float
) -> str:
    room = abs(abs(difference) - MARGIN) - half
    mean = sum(seeds) / len(seeds)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in seeds) / (len(seeds) - 1))
    own = 1 / (claim.n.seeds or 1)
    share = (room / (quantile(None) * deviation)) ** 2 - own
    if share <= 0:
        return (
            f"the authors' prompts: their number rests on {claim.n.seeds or 'one'} seed(s), "
            "which alone spreads more than the margin leaves"
        )
    return f"{math.ceil(settled(1 / share))} seeds instead of {len(seeds)}, or the authors' prompts"


def _spread(
    claim: Claim,
    result: Result,
    measurement: Measurement,
    comparable: Class,
    values: Mapping[str, float | None] | None,
    patients: Mapping[str, str | None] | None,
) -> tuple[Spread | None, str | None]:
    """The spread of the difference, or None with what is missing to know it."""
    parts: list[Spread] = []
    if random_prompts(claim, result):
        seeds = [v for v in measurement.per_seed.values() if v is not None]
        if len(seeds) < MIN_SEEDS:
            return None, (
                f"prompts are random: at least {MIN_SEEDS} seeds are needed, "
                f"the run has {len(seeds)}"
            )
        parts.append(seed_spread(seeds, claim.n.seeds))
    if comparable == "B" or (comparable == "C" and claim.split_source == "described"):
        table = values if values is not None else _case_values(claim, measurement, result.cases)
        known = {case: value for case, value in table.items() if value is not None}
        if len(known) < 2:
            return None, "the split was drawn again: values of at least two cases are needed"
        owner = patients or {score.case: score.patient for score in result.cases}
        clusters = [owner.get(case) or case for case in known]
        parts.append(redrawn_spread(list(known.values()), clusters, claim.n.cases))
    if not parts:
        return Spread(), None
    freedom = [part.freedom for part in parts if part.freedom is not None]
    total = math.sqrt(sum(part.standard_error**2 for part in parts))
    # With two sources the fewer degrees of freedom are the careful choice.
    return Spread(settled(total), min(freedom) if freedom else None), None


def random_prompts(claim: Claim, result: Result) -> bool:
    """Whether the claim's prompts differ from seed to seed, as its prompt profile says."""
    from reproduce.ground.plugins import plugins

    value = claim.protocol.prompt_profile.value
    used = value if isinstance(value, str) else result.protocol.get("prompt_profile")
    if not isinstance(used, str):
        return False
    profile = plugins("prompts").get(used.partition("/")[0])
    return bool(profile is not None and profile.random)


def _case_values(
    claim: Claim, measurement: Measurement, cases: Iterable[CaseScore]
) -> dict[str, float | None]:
    """Per-case values of the run's own table, labels averaged; {} for metrics it does not have."""
    metric = claim.metric.lower()
    if metric not in ("dice", "dsc", "iou", "jaccard"):
        return {}
    found: dict[str, list[float]] = {}
    for score in cases:
        if claim.label is not None and score.label != claim.label:
            continue
        value = score.dice if metric in ("dice", "dsc") else score.iou
        if value is not None:
            found.setdefault(score.case, []).append(value)
    return {case: sum(values) / len(values) for case, values in found.items()}


def gates(result: Result) -> list[Check]:
    """The gates of a run of its kind; one that was not tried counts as failed.

    A run in lower precision or on a GPU needs `fidelity` as well, and whatever else was tried
    beside a run and failed decides nothing either; nor does a run with plugins that are none of
    this repository.
    """
    tried = {check.name: check for check in result.checks}
    needed = GATES[result.kind]
    where = result.environment.get("device", "cpu"), result.environment.get("dtype", "float32")
    if result.kind != "recomputed" and where != ("cpu", "float32"):
        needed += ("fidelity",)
    found = [tried.get(name, Check(name=name, passed=False, detail="not tried")) for name in needed]
    found += [check for check in result.checks if check.name not in needed and not check.passed]
    if own := result.environment.get("plugins"):
        detail = f"computed beside code of somebody's own: {', '.join(map(str, own))}"
        found.append(Check(name="own-plugins", passed=False, detail=detail))
    if result.status != "complete":
        detail = result.reason or f"the run is {result.status}"
        found.append(Check(name="complete", passed=False, detail=detail))
    return found


def measurement_of(claim: Claim, result: Result, name: str) -> Measurement | None:
    """The measurement a run made for a claim (`project/claim` or the bare id)."""
    for measurement in result.measurements:
        if measurement.claim in (name, claim.id):
            return measurement
    return None


def _without_run(claim: Claim, name: str, project: str) -> Verdict:
    state, reason = claim.state, claim.reason
    if not claim.verifiable and state == "not-attempted":
        state, reason = "blocked", reason or "no-protocol"
    return Verdict(
        claim=name,
        project=project,
        rule=RULE,
        state=state,
        reported=claim.fraction,
        reason=reason or "no run yet",
        explanation=claim.state_note,
    )


def _in_words(verdict: Verdict, claim: Claim, measurement: Measurement) -> str:
    """One sentence for pages: what was printed, measured, and how far the test reaches."""
    assert verdict.measured is not None
    assert verdict.interval is not None
    low, high = verdict.interval
    text = (
        f"Printed {claim.value:.{claim.decimals}f}"
        f"{' %' if claim.scale == 100 else ''}, measured {verdict.measured:.4f} under "
        f"{measurement.metric_profile}; the difference lies between {100 * low:+.3f} and "
        f"{100 * high:+.3f} percentage points."
    )
    if how := reservation(verdict):
        text += f" {how[0].upper()}{how[1:]}."
    if claim.training_overlap == "yes":
        text += " The test cases were seen in training."
    if claim.disputes:
        who = ", ".join(f"{dispute.by} ({dispute.date})" for dispute in claim.disputes)
        text += f" Disputed by {who}."
    return text


def reservation(verdict: Verdict) -> str | None:
    """What is to be said with every `reproduced` of class C."""
    if verdict.comparability != "C" or verdict.state != "reproduced":
        return None
    if any(item.inferred for item in verdict.compared):
        return "reproduced under an inferred protocol"
    lacking = {c.field for c in verdict.compared if c.answer == "not shown"}
    if lacking == {"printed_number"}:
        return "reproduced, and nobody has seen the number where it is printed"
    names = sorted(map(wording.name, lacking - {"printed_number"}))
    return f"reproduced, and which {' and '.join(names)} it was is not shown"


def verdicts(registry: Registry) -> list[Verdict]:
    """A verdict for every claim of the registry, in its order.

    Of several runs of a claim the last complete one decides; a partial or failed run only where
    there is no complete one.
    """
    runs: dict[str, list[Result]] = {}
    for result in registry.results:
        for name in result.claims:
            full = name if "/" in name else f"{result.project}/{name}"
            runs.setdefault(full, []).append(result)
    rank = {"failed": 0, "partial": 1, "complete": 2}
    found = []
    for project in registry.projects:
        for claim in project.claims:
            candidates = runs.get(f"{project.slug}/{claim.id}", [])
            chosen = max(candidates, key=lambda r: (rank[r.status], r.created, r.run), default=None)
            values = None if chosen is None else stored_values(registry, claim, chosen)
            found.append(judge(claim, chosen, project=project, values=values))
    return found


def stored_values(
    registry: Registry, claim: Claim, result: Result, folder: Path | None = None
) -> dict[str, float | None] | None:
    """Case -> value under the claim's own metric profile, from the run's statistics.

    Only for splits that were drawn again, whose spread needs it; None where there is no statistics
    file, or where the profile pools cases and has no value of one.

    folder  the run's, where it is not among the committed results
    """
    profile = claim.protocol.metric_profile.value
    if claim.split_source != "described" or result.statistics is None or profile is None:
        return None
    path = (folder or registry.root / RESULTS / result.run) / result.statistics.file
    measurement = measurement_of(claim, result, f"{result.project}/{claim.id}")
    if measurement is None or not path.is_file():
        return None
    from reproduce.scoring import score
    from reproduce.statistics import read_statistics

    scores = score(
        read_statistics(path),
        str(profile),
        measurement.metric,
        label=claim.label,
        threshold=measurement.threshold,
        mask_selection=measurement.mask_selection,
    )
    per_case: dict[str, list[float]] = {}
    for (case, _), value in scores.per_case.items():
        if value is not None:
            per_case.setdefault(case, []).append(value)
    return {case: sum(values) / len(values) for case, values in per_case.items()}


def document(
    found: Sequence[Verdict], files: Mapping[str, str], repeats: Sequence[Repeat] = ()
) -> Verdicts:
    """The content of `reproduce/results/verdicts.json`; `files` as `catalog.results.digests`."""
    return Verdicts(
        schema="verdicts/1", verdicts=list(found), repeats=list(repeats), files=dict(files)
    )
