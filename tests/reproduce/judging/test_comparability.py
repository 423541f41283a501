"""Does a run answer a claim: rows computed by hand, then properties over every field."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published import published_cases

from catalog.protocol_words import words
from catalog.records import (
    Checkpoint,
    Claim,
    ClaimSource,
    Counts,
    HashSource,
    Measurement,
    Project,
    Protocol,
    ProtocolField,
    Repository,
    Result,
    RunOptions,
)
from reproduce.contracts import Conduct
from reproduce.ground.plugins import plugin, plugins
from reproduce.judging.comparability import DECISIVE, Comparison, Done, Weights, compare
from reproduce.judging.done import done_by, threshold_used
from reproduce.obtaining.identity import case_list, identity, shown
from reproduce.scoring.needs import needs_of

SHA256, OTHER = "ab" * 32, "cd" * 32
COMMIT = "0" * 40
# The four images of lwnet's validation, as the published run has them.
CASES = published_cases()
VALIDATION = case_list({case["id"]: case["files"] for case in CASES})
AUTHORS = [HashSource(by="authors", place=f"o/p@{'0' * 40}:README")]
CONVENTIONS: dict[str, Any] = {
    "metric_profile": "house/1",
    "prompt_profile": "box-tight/1",
    "preprocessing": "sam-official",
    "grid": "original",
    "mask_selection": "single",
    "threshold": 0.5,
    "postprocessing": "none",
    "precision": "float32",
}


def claim(evidence: str = "from-code", **changes: Any) -> Claim:
    fields = {
        name: ProtocolField(value=value, evidence=evidence)  # type: ignore[arg-type]
        for name, value in CONVENTIONS.items()
    }
    given = {
        "source": ClaimSource(place="Table 1"),
        "checkpoint": "w",
        "dataset": "drive",
        "split": "lwnet-val",
        "split_source": "released",
        "label": "vessel",
        "run": RunOptions(dataset={"observer": 2}, evidence="stated", place="README"),
        "n": Counts(cases=2, images=2, masks=2),
    }
    given["metric"] = "dice"
    return Claim(
        id="c",
        value=80.0,
        scale=100,
        decimals=1,
        protocol=Protocol(**fields),
        printed_by="own",
        **{**given, **changes},
    )


def project(sources: list[HashSource] | None = None, sha256: str | None = SHA256) -> Project:
    sources = AUTHORS if sources is None else sources
    weights = Checkpoint(id="w", sha256=sha256, sha256_from=sources if sha256 else [])
    return Project(
        slug="p",
        name="P",
        kind="method",
        repository=Repository(url="https://github.com/o/p"),
        adapter="sam",
        checkpoints=[weights],
    )


# What a run does that keeps to the claim.
KEPT = Done(
    weights=(Weights(id="w", sha256=SHA256),),
    adapter="sam",
    adapter_options={},
    dataset="drive",
    dataset_options={"observer": 2},
    class_names={},
    split="lwnet-val",
    case_list=VALIDATION,
    label="vessel",
    metric="dice",
    prompt_grid="original",
    counts={"cases": 2, "images": 2, "masks": 2},
    reference_filter="none",
    objects="union",
    rounds=1,
    **{name: CONVENTIONS[name] for name in DECISIVE},
)


def against(done: Done = KEPT, **changes: Any) -> Comparison:
    return compare(claim(**changes), project(), done)


def answer(comparison: Comparison, field: str) -> str:
    return next(item.answer for item in comparison.fields if item.field == field)


def test_a_run_that_keeps_to_the_claim_is_class_a() -> None:
    comparison = against()
    assert (comparison.group, comparison.reasons) == ("A", [])
    assert {item.answer for item in comparison.fields} == {"same"}


def test_a_number_that_nobody_saw_in_print_accuses_nobody() -> None:
    copied = ClaimSource(place="Table 1", transcribed_from="notes on the paper")
    comparison = against(source=copied)
    assert comparison.group == "C"
    assert comparison.reasons == [
        "printed number: read in notes on the paper, not where it is printed"
    ]


# ---------------------------------------------------------------------------- which data they are


def test_a_folder_in_the_layout_of_a_data_set_is_not_the_data_set() -> None:
    """Other pictures under DRIVE's names were "lower, class A: same cases"."""
    other = dataclasses.replace(KEPT, case_list=OTHER)
    assert (answer(against(other), "dataset"), against(other).group) == ("different", "D")
    lost = dataclasses.replace(KEPT, case_list=None)
    assert (answer(against(lost), "dataset"), against(lost).group) == ("unknown", "D")
    planned = dataclasses.replace(lost, open=frozenset({"case_list"}))
    assert (answer(against(planned), "dataset"), against(planned).group) == ("open", "A")


def test_a_list_is_that_of_the_options_it_was_made_with() -> None:
    """The second observer's masks under the first one's names were "higher, class A"."""
    first, second = (
        next(item.sha256 for item in plugin("datasets", "drive").case_lists if item.is_of(*asked))
        for asked in (("test", {}), ("test", {"observer": 2}))
    )
    for options, own, other in (({}, first, second), ({"observer": 2}, second, first)):
        asked = {
            "split": "test",
            "run": RunOptions(dataset=options, evidence="stated", place="README"),
        }
        done = dataclasses.replace(KEPT, split="test", dataset_options=options)
        for listed, expected in ((own, "A"), (other, "D")):
            comparison = against(dataclasses.replace(done, case_list=listed), **asked)
            assert (comparison.group, options) == (expected, options)


def test_of_files_that_nobody_recorded_it_is_not_shown_which_they_are() -> None:
    isic = {"dataset": "isic2016", "split": "test", "label": "lesion"}
    test = dataclasses.replace(KEPT, case_list=OTHER, dataset_options={}, **isic)
    comparison = against(test, run=None, **isic)
    assert comparison.group == "C"
    (reason,) = comparison.reasons
    assert "nobody has recorded which files isic2016/test is" in reason
    assert f"have the list {OTHER}" in reason
    assert "case_lists" in reason  # the way out


def test_what_is_made_here_is_what_its_reader_makes() -> None:
    """No file shows which they are, and no list is recorded; but others are not those."""
    phantoms = plugin("datasets", "phantoms")
    listed = case_list({case.id: {} for case in phantoms.cases(Path(), "test", {})})
    changes = {"dataset": "phantoms", "split": "test", "label": "organ"}
    made = dataclasses.replace(KEPT, dataset_options={}, case_list=listed, **changes)
    assert against(made, run=None, **changes).group == "A"
    others = dataclasses.replace(made, case_list=OTHER)
    assert answer(against(others, run=None, **changes), "dataset") == "different"


@pytest.mark.parametrize(
    "change",
    [
        lambda cases: cases.pop(),
        lambda cases: cases.append(cases[0] | {"id": "41"}),
        lambda cases: cases[0].update(files=cases[1]["files"]),
        lambda cases: cases[0]["files"].update(label=OTHER),
        lambda cases: cases[0].update(files={}),
    ],
)
def test_other_cases_are_told_from_the_released_ones(change: Any) -> None:
    made = result()
    made.inputs["cases"] = published_cases()
    assert judged(made).group == "A"
    change(made.inputs["cases"])
    assert judged(made).group == "D"


def test_predictions_are_of_no_weights_whatever_is_said_beside_them() -> None:
    made = result()
    made.kind = "recomputed"
    comparison = judged(made)
    assert (answer(comparison, "checkpoint"), comparison.group) == ("unknown", "D")


# ------------------------------------------------------------------------- which weights they are

LAB = f"lab/tool@{COMMIT}:a.py#1"


@pytest.mark.parametrize(
    ("sources", "known"),
    [
        ([], False),
        ([("authors", "README")], True),
        ([("host", "https://zenodo.org/records/1")], True),
        ([("others", LAB)], False),
        ([("others", LAB), ("others", f"lab/other@{COMMIT}:b.py")], False),  # one owner
        ([("others", LAB), ("others", f"Lab/other@{COMMIT}:b.py")], False),
        ([("others", LAB), ("others", f"group/code@{COMMIT}:b.py")], True),
        ([("others", LAB), ("others", "a page nobody can check")], False),
        ([("fetched", "https://host.example/w.pth")], True),
        ([("fetched", "https://elsewhere.example/w.pth")], False),
    ],
    ids=str,
)
def test_a_hash_counts_by_who_published_it(sources: list[tuple[Any, str]], known: bool) -> None:
    record = Checkpoint(
        id="w",
        sha256=SHA256,
        urls=["https://host.example/w.pth"],
        sha256_from=[HashSource(by=by, place=place) for by, place in sources],
    )
    assert shown(record) == known
    assert identity(record, SHA256)[0] == ("same" if known else "not shown")
    assert identity(record, OTHER)[0] == "different"


def test_any_file_under_a_record_without_a_hash_is_not_shown() -> None:
    comparison = compare(claim(), project(sha256=None), KEPT)
    assert comparison.group == "C"
    assert comparison.reasons == ["checkpoint w: nobody has recorded the released file's hash"]


def test_another_file_is_different_and_a_file_to_be_fetched_is_open() -> None:
    other = dataclasses.replace(KEPT, weights=(Weights(id="w", sha256=OTHER),))
    assert against(other).group == "D"
    later = dataclasses.replace(KEPT, weights=(Weights(id="w", sha256=None),))
    assert answer(against(later), "checkpoint") == "open"
    assert against(later).group == "A"
    assert compare(claim(), project(sha256=None), later).group == "C"


def test_every_part_of_a_release_is_compared() -> None:
    parts = claim(
        run=RunOptions(
            checkpoints=["w", "lora"], dataset={"observer": 2}, evidence="stated", place="README"
        )
    )
    released = project()
    assert released.checkpoints is not None
    released.checkpoints.append(Checkpoint(id="lora"))
    both = dataclasses.replace(KEPT, weights=(*KEPT.weights, Weights(id="lora", sha256=OTHER)))
    assert compare(parts, released, both).group == "C"
    assert compare(parts, released, KEPT).group == "D"


# ------------------------------------------------------------------------------ counts, sets, words


@pytest.mark.parametrize("name", ["cases", "images", "masks"])
def test_a_stated_number_that_differs_is_not_comparable(name: str) -> None:
    comparison = against(n=Counts(**{name: 99}))
    assert comparison.group == "D"
    assert comparison.reasons == [f"{name}: claim 99, run 2"]


def test_a_stated_number_that_the_run_does_not_tell_is_unknown() -> None:
    comparison = against(dataclasses.replace(KEPT, counts={}), n=Counts(masks=2))
    assert (comparison.group, answer(comparison, "masks")) == ("D", "unknown")


def test_an_unstated_number_neither_helps_nor_hinders() -> None:
    many = dataclasses.replace(KEPT, counts={"cases": 7, "images": 7, "masks": 9, "classes": 3})
    assert against(many, n=Counts()).group == "A"


def test_classes_are_counted_where_the_number_is_over_all() -> None:
    over_all = dataclasses.replace(KEPT, label=None, counts={"classes": 8})
    assert against(over_all, label=None, n=Counts(classes=8)).group == "A"
    assert against(over_all, label=None, n=Counts(classes=12)).group == "D"
    assert against(n=Counts(classes=12)).group == "A"  # of one of the table's twelve


def test_a_class_that_an_automatic_model_left_out_is_missed() -> None:
    """Without prompts no row of it stands anywhere else than in what can be edited."""
    mean = claim(label=None, n=Counts(), dataset="synapse", split="test", run=None)
    mean.protocol.prompt_profile.value = "none/1"
    whole = dataclasses.replace(
        KEPT,
        label=None,
        dataset="synapse",
        split="test",
        dataset_options={},
        prompt_profile="none",
        prompt_grid=None,
        counts={"classes": 8},
    )
    assert compare(mean, project(), whole).group == "C"  # nobody has recorded Synapse's files
    fewer = dataclasses.replace(whole, counts={"classes": 7})
    comparison = compare(mean, project(), fewer)
    assert (comparison.group, answer(comparison, "classes")) == ("D", "different")


@pytest.mark.parametrize("options", [{}, {"set": "kits23"}, {"set": "amos22/CT", "above": 9}])
def test_another_set_of_the_collection_is_different(options: dict[str, Any]) -> None:
    done = dataclasses.replace(KEPT, dataset="biomedparse", dataset_options=options)
    comparison = against(done, dataset="biomedparse", set="amos22/CT", run=None)
    assert (comparison.group, answer(comparison, "dataset options")) == ("D", "different")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reference_filter", {"min_pixels_2d": 100}),
        ("reference_filter", None),
        ("objects", "separate"),
        ("objects", None),
        ("rounds", 3),
        ("rounds", None),
    ],
)
def test_references_objects_and_rounds_are_those_of_the_claims_profiles(
    name: str, value: Any
) -> None:
    comparison = against(dataclasses.replace(KEPT, **{name: value}))
    expected = "unknown" if value is None else "different"
    assert (comparison.group, answer(comparison, name)) == ("D", expected)


def test_a_profile_that_filters_references_wants_them_filtered() -> None:
    about = claim()
    about.protocol.metric_profile.value = "medsam/1"
    done = dataclasses.replace(KEPT, metric_profile="medsam/1")
    needs = needs_of(plugin("metrics", "medsam"), {"dice"}, {2, 3})
    assert needs.rule is not None
    assert answer(compare(about, project(), done), "reference_filter") == "different"
    kept = dataclasses.replace(done, reference_filter=needs.rule, objects=needs.objects)
    comparison = compare(about, project(), kept)
    assert answer(comparison, "reference_filter") == answer(comparison, "objects") == "same"


@pytest.mark.parametrize("name", RunOptions.DECIDING)
def test_an_option_of_a_record_that_nobody_read_anywhere_accuses_nobody(name: str) -> None:
    """Whoever sets what makes the number, and says nowhere why, searched for it."""
    given: dict[str, tuple[Any, dict[str, Any]]] = {
        "adapter": ({"multimask": "three"}, {"adapter_options": {"multimask": "three"}}),
        "dataset": ({"observer": 2}, {}),
        "labels": ({"artery": "vessel"}, {"class_names": {"artery": "vessel"}}),
        "checkpoints": (["w"], {}),
        "seeds": ([3, 4, 5, 6, 7], {}),
    }
    value, does = given[name]
    done = dataclasses.replace(KEPT, **does)
    for evidence, place, group in (
        ("unknown", "test.py", "C"),
        ("inferred", "test.py", "C"),
        ("from-code", None, "C"),
        ("from-code", "test.py", "A"),
    ):
        chosen = {"dataset": {"observer": 2}, name: value}
        comparison = against(done, run=RunOptions(**chosen, evidence=evidence, place=place))
        assert (comparison.group, evidence, place) == (group, evidence, place)
        assert (f"run.{name}" in " ".join(comparison.reasons)) == (group == "C")


@pytest.mark.parametrize("name", DECISIVE)
def test_what_is_not_recorded_was_not_done_as_claimed(name: str) -> None:
    comparison = against(dataclasses.replace(KEPT, **{name: None}))
    assert (comparison.group, answer(comparison, name)) == ("D", "unknown")


NONSENSE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"metric": "dise"}, {"metric": "dise"}),
    ({"label": "vesel"}, {"label": "vesel"}),
    ({"split": "lwnet"}, {"split": "lwnet"}),
    ({"set": "DRIVE"}, {"dataset_options": {"observer": 2, "set": "DRIVE"}}),
    ({"protocol": {"threshold": 7}}, {"threshold": 7}),
    ({"protocol": {"threshold": "otsu"}}, {"threshold": "otsu"}),
    ({"protocol": {"metric_profile": "house/9"}}, {"metric_profile": "house/9"}),
    ({"protocol": {"prompt_profile": "boxes/1"}}, {"prompt_profile": "boxes/1"}),
    ({"protocol": {"preprocessing": "samm"}}, {"preprocessing": "samm"}),
    ({"protocol": {"postprocessing": "fill-holes"}}, {"postprocessing": "fill-holes"}),
    ({"protocol": {"mask_selection": "best"}}, {"mask_selection": "best"}),
    ({"protocol": {"grid": "half"}}, {"grid": "half"}),
]


@pytest.mark.parametrize(("said", "done"), NONSENSE, ids=lambda value: repr(value)[:40])
def test_the_same_nonsense_on_both_sides_is_no_agreement(
    said: dict[str, Any], done: dict[str, Any]
) -> None:
    """What `check` refuses in a record equals nothing, before the run and after it."""
    about = claim(**{name: value for name, value in said.items() if name != "protocol"})
    for name, value in said.get("protocol", {}).items():
        getattr(about.protocol, name).value = value
    comparison = compare(about, project(), dataclasses.replace(KEPT, **done))
    assert comparison.group == "D"
    assert any("unknown" in reason or "there is no" in reason for reason in comparison.reasons)


@pytest.mark.parametrize(
    "change",
    [
        {"sha256_from": [HashSource(by="authors", place="README")]},
        {"sha256_from": [HashSource(by="host", place="https://example.org")]},
        {"sha256": "AB" * 32},
        {"id": "v"},
    ],
    ids=lambda change: repr(change)[:40],
)
def test_a_hash_that_is_not_from_where_it_says_shows_nothing(change: dict[str, Any]) -> None:
    released = project()
    assert released.checkpoints is not None
    released.checkpoints.append(msgspec.structs.replace(released.checkpoints[0], **change))
    if "id" in change:  # the same id twice: which of the two it is nobody can say
        released.checkpoints[1].id = "w"
    else:
        del released.checkpoints[0]
    weights = (Weights(id="w", sha256=released.checkpoints[-1].sha256),)
    assert compare(claim(), released, dataclasses.replace(KEPT, weights=weights)).group == "D"


@pytest.mark.parametrize(
    ("named", "drawn", "group"),
    [
        (None, (0, 1, 2, 3, 4), "A"),
        (None, (0, 1, 2, 3, 4, 5, 6), "A"),
        (None, (3, 17, 21, 40, 86), "D"),  # those that give the printed number, out of a hundred
        (None, (0, 0, 0, 0, 0), "D"),
        (None, (), "D"),
        ([2024, 1, 2, 3, 4], (2024, 1, 2, 3, 4), "A"),
        ([2024, 1, 2, 3, 4], (0, 1, 2, 3, 4), "D"),
    ],
)
def test_nobody_chooses_the_seeds_of_random_prompts(
    named: list[int] | None, drawn: tuple[int, ...], group: str
) -> None:
    about = claim(
        run=RunOptions(dataset={"observer": 2}, seeds=named, evidence="stated", place="README")
    )
    about.protocol.prompt_profile.value = "point-uniform/1"
    done = dataclasses.replace(KEPT, prompt_profile="point-uniform/1", seeds=drawn)
    assert compare(about, project(), done).group == group


def test_no_prompts_are_no_prompts_whoever_names_them() -> None:
    automatic = claim()
    automatic.protocol.prompt_profile.value = "self/1"
    done = dataclasses.replace(KEPT, prompt_profile="none", prompt_grid=None)
    assert compare(automatic, project(), done).group == "A"
    assert compare(claim(), project(), done).group == "D"


def test_the_release_makes_its_prompts_on_its_own_grid() -> None:
    assert against(dataclasses.replace(KEPT, prompt_grid="model_input")).group == "D"


# --------------------------------------------------------------------------------- what a run says


def result(**protocol: Any) -> Result:
    known: dict[str, Any] = {
        "adapter": "sam/2",
        "adapter_options": {"multimask": "single", "encoder": "fused"},
        "dataset": "drive",
        "dataset_options": {"observer": 2},
        "split": "lwnet-val",
        "prompt_profile": "box-tight/1",
        "prompt_grid": "original",
        "grid": "original",
        "reference_filter": None,
        "objects": "union",
        "rounds": 1,
    }
    measurement = Measurement(
        metric="dice",
        metric_profile="house/1",
        value=0.8,
        n_cases=2,
        label="vessel",
        mask_selection="single",
    )
    return Result(
        schema="result/1",
        run="p-1",
        kind="rerun",
        project="p",
        claims=["p/c"],
        status="complete",
        title="t",
        protocol={**known, **protocol},
        inputs={"checkpoints": [{"id": "w", "sha256": SHA256}], "cases": CASES},
        environment={},
        checks=[],
        measurements=[measurement],
        cases=[],
        timing={},
        statistics=None,
        command="",
        created="2026-11-20T00:00:00Z",
    )


def judged(made: Result) -> Comparison:
    return compare(claim(n=Counts()), project(), done_by(made, made.measurements[0]))


def test_a_run_from_before_words_were_recorded_is_read_by_its_adapters_version() -> None:
    assert judged(result()).group == "A"
    earlier = judged(result(adapter="sam/1"))
    assert earlier.group == "D"
    assert "the run does not record its preprocessing" in earlier.reasons


def test_words_that_a_run_recorded_hold_whatever_adapters_say_today() -> None:
    words = {"postprocessing": "none", "candidates": 1, "answers": "logit"}
    assert judged(result(adapter="sam/1", preprocessing="sam-official", **words)).group == "A"
    assert judged(result(preprocessing="sam-max-scaled", **words)).group == "D"


def test_a_label_map_has_no_threshold_of_a_half() -> None:
    words = {"preprocessing": "sam-official", "postprocessing": "none", "candidates": 1}
    made = result(**words, answers="label", decided="argmax")
    assert "threshold: claim 0.5, run 'argmax'" in judged(made).reasons


def test_masks_that_do_not_say_what_made_them_are_of_no_threshold() -> None:
    """They were read as those of argmax, which a claim may say."""
    words = {"preprocessing": "sam-official", "postprocessing": "none", "candidates": 1}
    made = result(**words, answers="label")
    about = claim(n=Counts())
    about.protocol.threshold.value = "argmax"
    comparison = compare(about, project(), done_by(made, made.measurements[0]))
    assert (comparison.group, answer(comparison, "threshold")) == ("D", "unknown")


def test_finished_masks_say_which_threshold_made_them() -> None:
    words = {"preprocessing": "sam-official", "postprocessing": "none", "candidates": 1}
    assert judged(result(**words, answers="label", decided=0.5)).group == "A"
    other = judged(result(**words, answers="label", decided=0.62))
    assert "threshold: claim 0.5, run 0.62" in other.reasons


def test_an_option_that_changes_the_image_is_no_option_of_the_claim() -> None:
    three = judged(result(adapter_options={"multimask": "three", "encoder": "fused"}))
    assert "adapter option multimask: claim default, run three" in three.reasons


def test_what_a_contributed_run_says_of_its_weights_proves_nothing() -> None:
    made = result()
    made.inputs["checkpoints"][0]["identity"] = "shown"
    unrecorded = compare(
        claim(n=Counts()), project(sha256=None), done_by(made, made.measurements[0])
    )
    assert unrecorded.group == "C"


# -------------------------------------------------------------------------------------- properties

RANK = "ABCD"
WORDS = st.text("abc-/1", min_size=1, max_size=6)
EVIDENCE = st.sampled_from(["stated", "from-code", "author-reply", "inferred"])
SOURCES = st.sampled_from([AUTHORS, [], [HashSource(by="others", place=LAB)]])


@st.composite
def edits(draw: st.DrawFn) -> Done:
    """KEPT with one field that is not the claim's any more."""
    # Where prompts are not random, as here, seeds make nothing.
    names = [f.name for f in dataclasses.fields(Done) if f.name not in ("open", "seeds")]
    name = draw(st.sampled_from(names))
    value: Any
    if name == "weights":
        value = draw(
            st.sampled_from(
                [(), (Weights(id="w", sha256=OTHER),), (Weights(id="v", sha256=SHA256),)]
            )
        )
    elif name in ("adapter_options", "dataset_options", "class_names") and draw(st.booleans()):
        value = None
    elif name in ("adapter_options", "dataset_options", "class_names"):
        value = {**getattr(KEPT, name), draw(WORDS): draw(st.integers() | WORDS | st.booleans())}
    elif name == "counts":
        counted = draw(st.sampled_from(sorted(KEPT.counts)))
        number = draw(st.none() | st.integers(0, 9).filter(lambda n: n != 2))
        value = {**KEPT.counts, counted: number}
    elif name == "threshold":
        value = draw(st.none() | WORDS | st.floats(0, 1).filter(lambda x: abs(x - 0.5) > 1e-8))
    else:
        words = WORDS if name in ("untrained", "cut") else st.none() | WORDS
        value = draw(words.filter(lambda word: word != getattr(KEPT, name)))
    return dataclasses.replace(KEPT, **{name: value})


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    edited=edits(),
    evidence=EVIDENCE,
    sources=SOURCES,
    sha256=st.sampled_from([SHA256, None]),
    split=st.sampled_from(["released", "described", "unknown"]),
)
def test_no_single_edit_away_from_the_claim_gives_a_better_class(
    edited: Done, evidence: str, sources: list[HashSource], sha256: str | None, split: str
) -> None:
    about = claim(evidence, split_source=split)
    released = project(sources, sha256)
    before, after = compare(about, released, KEPT), compare(about, released, edited)
    assert RANK.index(after.group) >= RANK.index(before.group)
    # Where no hash is recorded, no other file can be told from the released one.
    unseen = sha256 is None and edited.weights == (Weights(id="w", sha256=OTHER),)
    assert after.group == (before.group if unseen else "D")
    assert unseen or after.reasons


RECORDED = {**result().protocol, "preprocessing": "sam-official", "postprocessing": "none"}
RECORDED |= {"candidates": 1, "answers": "logit"}
TOLD_BY_OTHERS = ("candidates",)  # which mask was taken stands in the measurement


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(sorted(set(RECORDED) - set(TOLD_BY_OTHERS))),
    value=st.none() | WORDS | st.integers() | st.dictionaries(WORDS, WORDS, max_size=2),
    evidence=EVIDENCE,
)
def test_no_edit_of_a_recorded_protocol_gives_a_better_class(
    name: str, value: Any, evidence: str
) -> None:
    about = claim(evidence, n=Counts())
    whole = result(**RECORDED)
    before = compare(about, project(), done_by(whole, whole.measurements[0]))
    made = result(**{**RECORDED, name: value})
    after = compare(about, project(), done_by(made, made.measurements[0]))
    assert RANK.index(after.group) >= RANK.index(before.group)


def test_every_profile_of_several_thresholds_has_the_word_that_claims_use() -> None:
    for profile in plugins("metrics").values():
        if profile.thresholds is not None:
            conduct = Conduct(preprocessing="x")
            word = threshold_used("dice", profile.id, None, conduct)
            assert word in words().threshold, profile.name
