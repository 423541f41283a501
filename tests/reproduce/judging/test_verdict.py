"""`verdict/2`: examples computed by hand, properties, and every claim of the registry."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published import published_cases

from catalog.records import (
    CaseScore,
    Check,
    Checkpoint,
    Claim,
    ClaimSource,
    Counts,
    Dispute,
    HashSource,
    Measurement,
    Project,
    Protocol,
    ProtocolField,
    Repository,
    Result,
    RunOptions,
    Verdict,
    VerdictChange,
)
from catalog.registry import Registry
from reproduce.ground.alike import ROUNDED, alike
from reproduce.judging.equivalence import (
    Spread,
    clustered_error,
    interval,
    label,
    needed,
    redrawn_spread,
    rounding,
    seed_spread,
)
from reproduce.judging.verdict import document, judge, verdicts
from reproduce.judging.verdict_log import changes

FIELDS: dict[str, Any] = {
    "metric_profile": "house/1",
    "prompt_profile": "box-tight/1",
    "preprocessing": "sam-official",
    "grid": "original",
    "mask_selection": "first",
    "threshold": 0.5,
    "postprocessing": "none",
    "precision": "float32",
}


def protocol(**evidence: str) -> Protocol:
    """All fields known from code, but those named."""
    return Protocol(
        **{
            name: ProtocolField(
                value=None if evidence.get(name) == "unknown" else value,
                evidence=evidence.get(name, "from-code"),  # type: ignore[arg-type]
            )
            for name, value in FIELDS.items()
        }
    )


def claim(value: float = 80.0, **changes: Any) -> Claim:
    given: dict[str, Any] = {
        "id": "c",
        "metric": "dice",
        "value": value,
        "scale": 100,
        "decimals": 1,
        "source": ClaimSource(place="Table 1"),
        "protocol": protocol(),
        "checkpoint": "w",
        "dataset": "drive",
        "split": "lwnet-val",
        "split_source": "released",
    }
    return Claim(**{**given, **changes})


SHA256 = "ab" * 32


def project(**changes: Any) -> Project:
    """A project with one checkpoint whose hash the authors print."""
    weights = Checkpoint(
        id="w",
        sha256=SHA256,
        sha256_from=[HashSource(by="authors", place=f"o/p@{'0' * 40}:README")],
    )
    repository = Repository(url="https://github.com/o/p")
    given = {"adapter": "sam", "repository": repository, "checkpoints": [weights], **changes}
    return Project(slug="p", name="P", kind="method", **given)


def gate(name: str, passed: bool = True) -> Check:
    return Check(name=name, passed=passed, detail="" if passed else "constructed")


GATES = ("exact-keys", "all-cases", "batch-parity", "deterministic-rerun")


def result(value: float | None = 0.8, **changes: Any) -> Result:
    measurement = Measurement(
        metric="dice",
        metric_profile="house/1",
        value=value,
        n_cases=20,
        claim="p/c",
        threshold=0.5,
        mask_selection="first",
        per_seed=changes.pop("per_seed", {}),
    )
    given: dict[str, Any] = {
        "schema": "result/1",
        "run": "p-1",
        "kind": "rerun",
        "project": "p",
        "claims": ["p/c"],
        "status": "complete",
        "title": "t",
        "protocol": {
            "adapter": "sam/2",
            "adapter_options": {"multimask": "single", "encoder": "fused"},
            "preprocessing": "sam-official",
            "postprocessing": "none",
            "candidates": 1,
            "answers": "logit",
            "prompt_profile": "box-tight/1",
            "prompt_grid": "original",
            "grid": "original",
            "reference_filter": None,
            "objects": "union",
            "rounds": 1,
            "dataset": "drive",
            "dataset_options": {},
            "split": "lwnet-val",
        },
        "inputs": {
            "checkpoints": [{"id": "w", "sha256": SHA256}],
            "cases": published_cases(),
        },
        "environment": {},
        "checks": [gate(name) for name in GATES],
        "measurements": [measurement],
        "cases": [],
        "timing": {},
        "statistics": None,
        "command": "",
        "created": "2026-11-20T00:00:00Z",
    }
    return Result(**{**given, **changes})


def judged(value: float | None = 0.8, c: Claim | None = None, **changes: Any) -> Verdict:
    return judge(c or claim(), result(value, **changes), project=project())


# --------------------------------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    ("measured", "decimals", "state"),
    [
        # printed 80.0: half a unit of the last digit is 0.0005
        (0.8000, 1, "reproduced"),
        (0.8095, 1, "reproduced"),  # 0.0095 + 0.0005 = 0.0100: still inside
        (0.8096, 1, "inconclusive"),  # 0.0101 reaches past the margin
        (0.8105, 1, "inconclusive"),  # 0.0105 - 0.0005 = 0.0100: touches it from outside
        (0.8106, 1, "higher"),
        (0.7905, 1, "reproduced"),
        (0.7894, 1, "lower"),
        (0.8096, 2, "reproduced"),  # one digit more: half a unit is 0.00005
    ],
)
def test_deterministic_class_a(measured: float, decimals: int, state: str) -> None:
    verdict = judged(measured, claim(80.0, decimals=decimals))
    assert (verdict.comparability, verdict.standard_error) == ("A", 0.0)
    assert verdict.state == state


def test_the_strip_of_margins() -> None:
    verdict = judged(0.807, claim(decimals=2))
    assert verdict.labels == {"0.005": "higher", "0.01": "reproduced", "0.02": "reproduced"}


def test_rounding_alone_can_leave_it_open() -> None:
    verdict = judged(0.8, claim(80, decimals=0))
    assert verdict.state == "reproduced"
    verdict = judged(0.806, claim(80, decimals=0))
    assert verdict.state == "inconclusive"
    assert verdict.would_decide is not None
    assert "more printed digits" in verdict.would_decide


def test_random_prompts_need_five_seeds() -> None:
    c = claim(protocol=protocol())
    c.protocol.prompt_profile.value = "point-uniform/1"
    run: dict[str, Any] = {
        "protocol": {**result().protocol, "prompt_profile": "point-uniform/1"},
    }
    four = judged(0.8, c, per_seed={str(k): 0.8 for k in range(4)}, **run)
    assert four.state == "inconclusive"
    assert four.reason is not None
    assert "at least 5 seeds" in four.reason
    steady = judged(0.8, c, per_seed={str(k): 0.8 + k * 1e-4 for k in range(5)}, **run)
    assert steady.state == "reproduced"
    wild = judged(
        0.8, c, per_seed=dict(zip("01234", (0.77, 0.79, 0.80, 0.81, 0.83), strict=True)), **run
    )
    assert wild.state == "inconclusive"
    # SD 0.02236; SE = SD sqrt(1/5 + 1) = 0.0245
    assert wild.standard_error == pytest.approx(0.02449, abs=1e-5)
    assert wild.would_decide is not None
    assert "the authors' prompts" in wild.would_decide


def test_a_redrawn_split_is_clustered_by_patient() -> None:
    cases = [
        CaseScore(case=f"c{k}", label="a", dice=0.8 + 0.01 * (-1) ** k, patient=f"p{k // 2}")
        for k in range(20)
    ]
    c = claim(split_source="described")
    verdict = judged(0.8, c, cases=cases)
    # pairs of one patient cancel exactly: the clustered error is 0
    assert (verdict.comparability, verdict.state) == ("B", "reproduced")
    assert verdict.standard_error == pytest.approx(0.0, abs=1e-12)
    for score, k in zip(cases, range(20), strict=True):
        score.patient = f"p{k}"
    apart = judged(0.8, c, cases=cases)
    # SD 0.010260, SE 0.002294, both draws vary: 0.003244; times t(19) 1.7291 = 0.00561
    assert apart.standard_error == pytest.approx(0.003244, abs=1e-6)
    assert apart.interval == pytest.approx([-0.00561 - 0.0005, 0.00561 + 0.0005], abs=1e-5)


def test_what_would_decide_counts_cases() -> None:
    cases = [CaseScore(case=f"c{k}", label="a", dice=0.8 + 0.1 * (-1) ** k) for k in range(20)]
    verdict = judged(0.8, claim(split_source="described"), cases=cases)
    assert verdict.state == "inconclusive"
    assert verdict.would_decide is not None
    # half width 0.0561 must shrink to 0.0095: (5.905)^2 = 34.87 times 20 cases
    assert verdict.would_decide.startswith("698 cases instead of 20")
    assert "case list" in verdict.would_decide


# --------------------------------------------------------------------------- comparability, gates


@pytest.mark.parametrize("name", [n for n in FIELDS if n != "precision"])
def test_an_unknown_decisive_field_is_not_comparable(name: str) -> None:
    verdict = judged(0.8, claim(protocol=protocol(**{name: "unknown"})))
    assert (verdict.comparability, verdict.state) == ("D", "not-comparable")
    assert verdict.measured == 0.8
    assert verdict.reason == f"{name.replace('_', ' ')} is unknown"


def test_an_unknown_precision_does_not_decide() -> None:
    assert judged(0.8, claim(protocol=protocol(precision="unknown"))).comparability == "A"


def test_an_inferred_field_is_class_c() -> None:
    verdict = judged(0.8, claim(protocol=protocol(threshold="inferred")))
    assert (verdict.comparability, verdict.state) == ("C", "reproduced")
    assert verdict.explanation is not None
    assert "inferred protocol" in verdict.explanation


def test_author_replies_count_as_known() -> None:
    assert judged(0.8, claim(protocol=protocol(threshold="author-reply"))).comparability == "A"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"inputs": {"checkpoints": [{"id": "other", "sha256": SHA256}]}}, "checkpoint"),
        ({"protocol": {**result().protocol, "grid": "model_input"}}, "grid"),
        ({"protocol": {**result().protocol, "split": "training"}}, "split"),
        ({"protocol": {**result().protocol, "dataset": "folder"}}, "dataset"),
        ({"protocol": {**result().protocol, "prompt_profile": "box-largest/1"}}, "prompt profile"),
    ],
)
def test_another_run_is_not_comparable(changes: dict[str, Any], word: str) -> None:
    verdict = judged(0.8, **changes)
    assert verdict.state == "not-comparable"
    assert verdict.reason is not None
    assert any(part.startswith(word) for part in verdict.reason.split("; "))


def test_another_number_of_cases_is_not_comparable() -> None:
    assert judged(0.8, claim(n=Counts(cases=12))).state == "not-comparable"
    assert judged(0.8, claim(n=Counts(cases=20))).state == "reproduced"


@pytest.mark.parametrize("name", GATES)
def test_a_failed_or_missing_gate_decides_nothing(name: str) -> None:
    for checks in (
        [gate(n, passed=n != name) for n in GATES],
        [gate(n) for n in GATES if n != name],
    ):
        verdict = judged(0.8, checks=checks)
        assert verdict.state == "inconclusive"
        assert verdict.reason is not None
        assert name in verdict.reason
        assert verdict.interval is None


@pytest.mark.parametrize(
    "environment",
    [{"device": "cuda", "dtype": "float32"}, {"device": "cpu", "dtype": "bfloat16"}],
    ids=str,
)
def test_other_arithmetic_decides_only_behind_the_fidelity_gate(
    environment: dict[str, Any],
) -> None:
    plain = [gate(name) for name in GATES]
    for checks in (plain, [*plain, gate("fidelity", passed=False)]):
        verdict = judged(0.8, environment=environment, checks=checks)
        assert verdict.state == "inconclusive"
        assert verdict.reason is not None
        assert "gate fidelity" in verdict.reason
    passed = judged(0.8, environment=environment, checks=[*plain, gate("fidelity")])
    assert passed.state == "reproduced"


def test_any_gate_that_was_tried_and_failed_decides_nothing() -> None:
    verdict = judged(0.8, checks=[*(gate(n) for n in GATES), gate("fidelity", passed=False)])
    assert verdict.state == "inconclusive"


def test_predictions_have_the_gate_of_predictions() -> None:
    verdict = judged(0.8, kind="recomputed", checks=[gate("all-cases")])
    assert [check.name for check in verdict.gates] == ["all-cases"]
    assert verdict.state == "not-comparable"
    assert "checkpoint: the run names none" in str(verdict.reason)


def test_a_partial_run_decides_nothing() -> None:
    verdict = judged(0.8, status="partial", reason="2 of 20 cases could not be read")
    assert verdict.state == "inconclusive"
    assert verdict.reason is not None
    assert "2 of 20 cases" in verdict.reason


def test_an_undefined_score_and_a_distance_have_no_verdict() -> None:
    assert judged(None).state == "inconclusive"
    assert judged(3.1, claim(metric="hd95")).state == "not-comparable"


def test_disputes_stand_beside_the_verdict() -> None:
    dispute = Dispute(by="an author", date="2026-11-01", text="other weights", counter_value=0.7)
    with_one, without = judged(0.8, claim(disputes=[dispute])), judged(0.8)
    assert (with_one.state, with_one.labels) == (without.state, without.labels)
    assert with_one.explanation is not None
    assert "Disputed by an author (2026-11-01)" in with_one.explanation


# ------------------------------------------------------------------------------------- properties

small = st.floats(-0.1, 0.1)
errors = st.floats(0, 0.05)
margins = st.floats(0.001, 0.05)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(difference=small, error=errors, half=st.floats(0, 0.005), margin=margins)
def test_the_rule_is_symmetric(difference: float, error: float, half: float, margin: float) -> None:
    mirrored = {"lower": "higher", "higher": "lower"}
    spread = Spread(error)
    one = label(interval(difference, spread, half), margin)
    other = label(interval(-difference, spread, half), margin)
    assert other == mirrored.get(one, one)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(difference=small, error=errors, half=st.floats(0, 0.005), margin=margins, more=margins)
def test_a_wider_margin_never_takes_reproduced_away(
    difference: float, error: float, half: float, margin: float, more: float
) -> None:
    bounds = interval(difference, Spread(error), half)
    if label(bounds, margin) == "reproduced":
        assert label(bounds, margin + more) == "reproduced"
    if label(bounds, margin + more) in ("lower", "higher"):
        assert label(bounds, margin) == label(bounds, margin + more)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(difference=small, error=errors, half=st.floats(0, 0.005), margin=margins)
def test_never_reproduced_when_the_interval_leaves_the_margin(
    difference: float, error: float, half: float, margin: float
) -> None:
    low, high = interval(difference, Spread(error), half)
    inside = low >= -margin - 1e-9 and high <= margin + 1e-9
    assert (label((low, high), margin) == "reproduced") == inside


@settings(max_examples=200, deadline=None, derandomize=True)
@given(difference=small, error=errors, extra=errors, half=st.floats(0, 0.005))
def test_more_noise_never_decides_more(
    difference: float, error: float, extra: float, half: float
) -> None:
    less = label(interval(difference, Spread(error), half), 0.01)
    more = label(interval(difference, Spread(error + extra), half), 0.01)
    assert more in (less, "inconclusive")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(difference=small, error=st.floats(1e-4, 0.05), half=st.floats(0, 0.002))
def test_what_is_said_to_decide_does(difference: float, error: float, half: float) -> None:
    factor = needed(difference, Spread(error), half, 0.01)
    if factor is not None:
        narrower = Spread(error / math.sqrt(1.001 * factor))
        assert label(interval(difference, narrower, half), 0.01) != "inconclusive"


def test_clustered_error_agrees_with_the_bootstrap() -> None:
    import numpy as np

    rng = np.random.default_rng(11)
    patients = [f"p{k // 3}" for k in range(240)]
    effect = np.repeat(rng.normal(0, 0.1, 80), 3)
    values = (0.8 + effect + rng.normal(0, 0.02, 240)).tolist()
    spread = clustered_error(values, patients)
    sums, sizes = np.asarray(values).reshape(80, 3).sum(1), np.full(80, 3)
    picked = rng.integers(80, size=(2000, 80))  # whole patients, drawn with replacement
    drawn = sums[picked].sum(1) / sizes[picked].sum(1)
    assert spread.freedom == 79
    assert spread.standard_error == pytest.approx(float(np.std(drawn)), rel=0.06)
    alone = clustered_error(values, [str(k) for k in range(240)])
    assert alone.standard_error == pytest.approx(float(np.std(values, ddof=1)) / 240**0.5)
    assert spread.standard_error > 1.5 * alone.standard_error


def test_spreads_by_hand() -> None:
    # SD of (1, 2, 3, 4, 5)/100 is 0.0158114; sqrt(1/5 + 1/1) = 1.0954
    spread = seed_spread([0.01, 0.02, 0.03, 0.04, 0.05], None)
    assert spread.standard_error == pytest.approx(0.0158114 * 1.0954451, abs=1e-7)
    assert seed_spread([0.01, 0.02, 0.03, 0.04, 0.05], 5).standard_error == pytest.approx(0.01)
    assert spread.freedom == 4
    assert rounding(2, 100) == pytest.approx(0.00005)
    assert rounding(3, 1) == pytest.approx(0.0005)
    twice = redrawn_spread([0.7, 0.9], ["a", "b"], None)
    assert twice.standard_error == pytest.approx(0.1 * 2**0.5)


# --------------------------------------------------------------------------------------- registry


def _registry(tmp_path: Path, claims: list[Claim], results: list[Result]) -> Registry:
    return Registry(tmp_path, projects=[project(claims=claims)], results=results)


def test_claims_without_runs_keep_their_reason(tmp_path: Path) -> None:
    found = verdicts(
        _registry(
            tmp_path,
            [
                claim(id="a"),
                claim(id="b", state="blocked", reason="gated-data"),
                claim(id="c", verifiable=False),
            ],
            [],
        )
    )
    assert [(v.state, v.reason) for v in found] == [
        ("not-attempted", "no run yet"),
        ("blocked", "gated-data"),
        ("blocked", "no-protocol"),
    ]


def test_the_last_complete_run_decides(tmp_path: Path) -> None:
    old = result(0.7, run="old", created="2026-01-01T00:00:00Z")
    new = result(0.8, run="new", created="2026-02-01T00:00:00Z")
    broken = result(0.1, run="broken", status="partial", created="2026-03-01T00:00:00Z")
    found = verdicts(_registry(tmp_path, [claim()], [new, broken, old]))
    assert [(v.run, v.state) for v in found] == [("new", "reproduced")]


def test_every_claim_of_the_registry_has_a_state_and_a_reason(root: Path) -> None:
    registry = Registry.load(root)
    found = verdicts(registry)
    names = [f"{p.slug}/{c.id}" for p in registry.projects for c in p.claims]
    assert [v.claim for v in found] == names
    assert found
    for verdict in found:
        decided = verdict.state in ("reproduced", "lower", "higher")
        assert decided or verdict.reason, verdict.claim
        assert not decided or verdict.run, verdict.claim
    encoded = msgspec.json.encode(document(found, {}))
    assert encoded == msgspec.json.encode(document(verdicts(registry), {}))


def test_a_redrawn_split_is_judged_by_the_claims_own_profile(tmp_path: Path) -> None:
    """Statistics beside the result say more than its case table: Dice under the claim's profile."""
    import numpy as np
    import torch

    from catalog.records import StatisticsFile
    from catalog.registry import RESULTS
    from reproduce.statistics import StatisticsBuilder, write_statistics

    builder = StatisticsBuilder()
    for index in range(12):
        reference, predicted = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
        reference.reshape(-1)[:100] = index != 11
        predicted.reshape(-1)[20 - index : 120 - index] = True
        builder.add(
            case=f"c{index:02d}",
            labels=["a"],
            kind="label",
            scores=torch.from_numpy(predicted)[None, None],
            reference=torch.from_numpy(reference)[None],
        )
    path = tmp_path / RESULTS / "p-1" / "statistics.parquet"
    write_statistics(path, builder.table())
    run = result(0.8)
    run.statistics = StatisticsFile(file=path.name, sha256="", bytes=0, rows=12)
    run.measurements[0].mask_selection = "single"
    c = claim(split_source="described")
    c.protocol.mask_selection.value = "single"
    c.protocol.metric_profile.value = "transunet/1"
    run.measurements[0].metric_profile = "transunet/1"
    (verdict,) = verdicts(_registry(tmp_path, [c], [run]))
    # Dice (80 + index) / 100 for eleven cases, and 1 for the false positive on an empty one
    values = [0.80 + k / 100 for k in range(11)] + [1.0]
    deviation = float(np.std(values, ddof=1))
    assert verdict.comparability == "B"
    assert verdict.standard_error == pytest.approx(deviation / 12**0.5 * 2**0.5)


def test_profiles_that_claims_name_exist(root: Path) -> None:
    from reproduce.ground.plugins import plugins

    known = {profile.id for profile in plugins("metrics").values()}
    named = {
        (f"projects/{project.slug}.yaml: {c.id}", c.protocol.metric_profile.value)
        for project in Registry.load(root).projects
        for c in project.claims
        if c.protocol.metric_profile.value is not None
    }
    unknown = sorted(place for place, value in named if value not in known)
    assert not unknown, f"no such metric profile: {unknown}"


def test_error_rates_by_simulation() -> None:
    """At the edge of the margin at most 5 % pass; a real drop does not pass at any size."""
    from benchmarks.verdict_rule import simulate

    edge = simulate(400, -0.01, 0.05, 300)
    assert edge["reproduced"] <= 0.09  # 5 % and three standard errors of 300 draws
    small = simulate(20, -0.05, 0.12, 300)
    assert small["reproduced"] == 0.0
    assert small["printed_value_in_our_interval"] > 0.4  # what the other rule lets through


@pytest.mark.parametrize(
    ("cases", "group", "state"), [(None, "D", "not-comparable"), (20, "C", "reproduced")]
)
def test_a_layout_does_not_vouch_for_the_data(cases: int | None, group: str, state: str) -> None:
    stood_in = claim(dataset="etis", run=RunOptions(dataset_plugin="drive"), n=Counts(cases=cases))
    verdict = judge(stood_in, result(0.8), project=project())
    assert (verdict.comparability, verdict.state) == (group, state)
    assert "layout of 'drive'" in str(verdict.reason)


def test_the_log_says_what_moved_a_verdict_and_under_which_rule() -> None:
    """`verdict/1` accused weights that nobody had shown to be the released ones."""
    old = VerdictChange(claim="p/c", date="2026-11-20", before=None, after="lower", run="p-1")
    now = judge(claim(), result(0.5), project=project(checkpoints=[Checkpoint(id="w")]))
    (change,) = changes([old], [now], "2026-11-29")
    assert (change.before, change.after, change.rule) == ("lower", "inconclusive", "verdict/2")
    assert "nobody has recorded the released file's hash" in str(change.reason)
    assert old.rule == "verdict/1"
    assert changes([old, change], [now], "2026-11-30") == []


@pytest.mark.parametrize("measured", [0.5, 0.9])
def test_class_c_accuses_nobody(measured: float) -> None:
    inferred = judged(measured, claim(protocol=protocol(threshold="inferred")))
    assert (inferred.comparability, inferred.state) == ("C", "inconclusive")
    assert "authors' word on threshold" in str(inferred.would_decide)
    unknown_file = judge(
        claim(), result(measured), project=project(checkpoints=[Checkpoint(id="w")])
    )
    assert (unknown_file.comparability, unknown_file.state) == ("C", "inconclusive")
    assert "checkpoint shown to be the claim's" in str(unknown_file.would_decide)


def test_a_reproduced_of_class_c_says_what_is_missing() -> None:
    verdict = judge(claim(), result(0.8), project=project(checkpoints=[Checkpoint(id="w")]))
    assert verdict.state == "reproduced"
    assert "which checkpoint it was is not shown" in str(verdict.explanation)


@settings(max_examples=60)
@given(
    values=st.lists(st.floats(0.3, 1.0), min_size=5, max_size=9),
    signs=st.lists(st.sampled_from((-1, 0, 1)), min_size=9, max_size=9),
    redrawn=st.booleans(),
)
def test_last_digits_of_another_machine_make_no_other_verdict(
    values: list[float], signs: list[int], redrawn: bool
) -> None:
    """Words to the letter, counts exactly, floats within `ROUNDED`; a spread of 1e-17 is none."""
    found = []
    for of in (values, [v * (1 + 4e-16 * s) for v, s in zip(values, signs, strict=False)]):
        if redrawn:
            cases = [CaseScore(case=f"c{n}", label="a", dice=v) for n, v in enumerate(of)]
            answer = judged(values[0], claim(split_source="described"), cases=cases)
        else:
            c = claim()
            c.protocol.prompt_profile.value = "point-uniform/1"
            run = {"protocol": {**result().protocol, "prompt_profile": "point-uniform/1"}}
            seeds = {str(n): value for n, value in enumerate(of)}
            answer = judged(values[0], c, per_seed=seeds, **run)
        found.append(msgspec.to_builtins(answer))
    assert alike(*found, ROUNDED)
