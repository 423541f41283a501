"""The five questions: findings against their records, whose word they are, answers by rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from terminal import here

from catalog import questions
from catalog.checks import works_findings
from catalog.records import Claim, Paper, Project, WorkFinding
from catalog.registry import Registry
from catalog.render import contests
from catalog.render.answers import answers
from catalog.render.views import Catalog
from catalog.vocabulary import modality_of

PAGE = "https://arxiv.org/abs/2304.12306"
COPY = "https://deepai.org/publication/x"


def found(text: str = "Boxes won.", *sources: dict[str, Any], **rest: Any) -> dict[str, Any]:
    origin = list(sources) or [{"kind": "title"}]
    return {"text": text, "certainty": "stated", "models": "sam", "from": origin, **rest}


def work(name: str = "x", **rest: Any) -> Paper:
    return msgspec.convert({"id": name, "title": "A title", **rest}, Paper)


def says(question: int, direction: str, **rest: Any) -> dict[str, Any]:
    return {"question": question, "direction": direction, **rest}


def codes(paper: Paper, *projects: Project) -> list[str]:
    registry = Registry(Path(), papers=[paper], projects=list(projects))
    return [problem.code for problem in works_findings.check(registry)]


def test_a_finding_that_its_record_holds_is_silent() -> None:
    number = {"metric": "dice", "value": 0.914, "scale": "fraction"}
    reported = {"kind": "reported", "number": 0}
    for finding, record in (
        (found("Dice was 91.4%.", reported), {"reported": [number]}),
        (found("Dice 0.914 on 7,451 cases of SAM2.", {"kind": "note"}, reported),
         {"reported": [number], "note": "7451 cases"}),
        (found("Dice 0.5.", {"kind": "page", "place": PAGE}), {"sources": [PAGE]}),
    ):  # fmt: skip
        assert codes(work(finding=finding, **record)) == []


@pytest.mark.parametrize(
    ("finding", "code"),
    [
        ({**found(), "from": []}, "W001"),
        (found("Boxes won.", {"kind": "note"}), "W001"),
        (found("Boxes won.", {"kind": "reported", "number": 0}), "W001"),
        (found("Boxes won.", {"kind": "reported"}), "W001"),
        (found("Boxes won.", {"kind": "project", "place": "other"}), "W001"),
        (found("Boxes won.", {"kind": "page", "place": PAGE}), "W001"),
        (found(bears_on=[says(1, "for", saving="half")]), "W002"),
        (found(bears_on=[says(1, "for"), says(1, "against")]), "W002"),
        (found(bears_on=[says(5, "for")]), "W002"),
        (found("word " * 31), "W003"),
        (found("Dice was 0.914."), "W004"),
    ],
)
def test_each_check_finds_its_case_and_only_that(finding: dict[str, Any], code: str) -> None:
    assert codes(work(finding=finding)) == [code]


def test_a_project_is_a_source_of_its_own_works_only() -> None:
    card = Project(slug="p", name="P", kind="method", papers=["x"], note="Dice 0.5")
    finding = found("Dice 0.5.", {"kind": "project", "place": "p"})
    assert codes(work(finding=finding), card) == []
    assert codes(work("y", finding=finding), card) == ["W001", "W004"]


@pytest.mark.parametrize(
    ("kinds", "voice"),
    [
        (["evaluation"], "independent"),
        (["evaluation", "benchmark", "application"], "independent"),
        (["evaluation", "method"], "own"),  # its authors propose something too
        (["method"], "own"),
        (["application"], "own"),
        (None, "unknown"),
        ("n/a", "unknown"),
    ],
)
def test_whose_word_it_is(kinds: Any, voice: str) -> None:
    tag = None if kinds is None else {"values": kinds, "from": "curator"}
    assert questions.voice(work(contribution=tag)) == voice


def test_second_hand_is_what_only_copies_showed() -> None:
    def read(*sources: dict[str, Any]) -> bool:
        return questions.second_hand(msgspec.convert(found("x", *sources), WorkFinding))

    page, copy = {"kind": "page", "place": PAGE}, {"kind": "page", "place": COPY}
    assert read(copy)
    assert not read(copy, page)
    assert not read(copy, {"kind": "note"})
    assert not read({"kind": "title"})


def test_works_are_counted_once_a_direction_and_others_apart_from_authors() -> None:
    method = {"values": ["method"], "from": "curator"}
    study = {"values": ["evaluation"], "from": "curator"}
    shift, data = says(5, "for", obstacle="shift"), says(5, "for", obstacle="data")
    papers = [
        work("a", contribution=method, finding=found(bears_on=[shift, data])),
        work("b", contribution=study, finding=found(bears_on=[says(5, "against", obstacle="3d")])),
        work("c", contribution=study, finding=found(bears_on=[shift], models="other")),
        work("d", contribution=study, finding=found(bears_on=[shift], models=None)),
        work("e"),
    ]
    said = questions.said(papers, 5)
    assert [item.paper.id for item in said] == ["a", "a", "b"]
    assert questions.tally(said) == {
        "independent": {"for": 0, "against": 1, "mixed": 0, "neutral": 0},
        "own": {"for": 1, "against": 0, "mixed": 0, "neutral": 0},
    }


def number(name: str, value: float, *, prompt: str = "box-tight/1", **rest: Any) -> Claim:
    fields = ("metric_profile", "preprocessing", "grid", "mask_selection", "threshold",
              "postprocessing", "precision")  # fmt: skip
    same = {"value": "x", "evidence": "stated"}
    protocol = dict.fromkeys(fields, same)
    protocol["prompt_profile"] = {"value": prompt, "evidence": "stated"}
    return msgspec.convert(
        {"id": name, "metric": "dice", "value": value, "scale": 1, "decimals": 3,
         "dataset": "set", "source": {"place": "Table 1"}, "protocol": protocol, **rest},
        Claim,
    )  # fmt: skip


def catalog(root: Path, papers: list[Paper], *projects: Project) -> Catalog:
    return Catalog(Registry(root, papers=papers, projects=list(projects)))


def release(slug: str, *claims: Claim) -> Project:
    return Project(slug=slug, name=slug.upper(), kind="method", claims=list(claims))


def test_numbers_meet_only_inside_one_source_and_protocol(tmp_path: Path) -> None:
    third = {"printed_by": "study", "label": "CT_liver"}
    other_place = {**third, "source": {"place": "Table 2"}}
    plain = release("sam", number("a", 0.6, **third), number("own", 0.1, label="CT_liver"))
    tuned = release(
        "tuned",
        number("a", 0.7, **third),
        number("b", 0.9, **other_place),
        number("c", 0.9, prompt="point-uniform/1", **third),
        number("d", 0.9, **{**third, "printed_by": "another"}),
    )
    (pair,) = contests.structures(catalog(tmp_path, [], plain, tuned))
    assert (pair.modality, pair.plain.claim.id, pair.adapted.claim.id) == ("ct", "a", "a")
    assert pair.gain == pytest.approx(0.1)


def test_prompts_meet_only_where_nothing_else_differs(tmp_path: Path) -> None:
    own: dict[str, Any] = {"printed_by": "own"}
    box, point = number("box", 0.8, **own), number("pt", 0.7, prompt="point-uniform/1", **own)
    elsewhere = number("pt2", 0.1, prompt="point-uniform/1", **{**own, "dataset": "other"})
    (both,) = contests.prompts(catalog(tmp_path, [], release("m", box, point, elsewhere)).numbers)
    assert (both.asked("box"), both.asked("1 point"), both.asked("3 clicks")) == (0.8, 0.7, None)
    assert both.steps == [("1 point", 0.7), ("box", 0.8)]
    twice = number("pt3", 0.2, prompt="point-uniform/1", **own)
    view = catalog(tmp_path, [], release("m", box, point, twice))
    assert contests.prompts(view.numbers) == []


def test_modality_is_the_word_that_begins_a_label() -> None:
    labels = ("MRI-FLAIR_brain_tumor core", "X-Ray_chest", "pathology_x", "endoscope_polyp", "zz_a")
    assert [modality_of(label) for label in labels] == [
        "mri", "xray", "histopathology", "endoscopy", "zz",
    ]  # fmt: skip


def test_answers_follow_from_the_numbers(tmp_path: Path) -> None:
    def pair(label: str, low: float, high: float) -> tuple[Claim, Claim]:
        third = {"printed_by": "study", "label": label}
        return number(label.lower(), low, **third), number(label.lower(), high, **third)

    pairs = [pair("CT_a", 0.9, 0.92), pair("CT_b", 0.7, 0.8), pair("MRI_c", 0.5, 0.4)]
    plain, tuned = zip(*pairs, strict=True)
    view = catalog(tmp_path, [], release("sam", *plain), release("tuned", *tuned))
    first, second, third, fourth, fifth = (one.answer for one in answers(view))
    assert first.answer == (
        "It depends on the images: with a box made from the reference, plain SAM's median Dice is "
        "0.80 for CT (2 structures) and 0.50 for MRI (1); 1 of 3 structures reach 0.80."
    )
    assert first.evidence == ("3 printed numbers: 0 follow from released rows, 0 checked by a run.")
    assert second.answer == (
        "Over plain SAM: TUNED is better in 2 of 3 structures of one source, by 5 points of Dice "
        "or more in 1. Over specialists: not shown."
    )
    assert third.answer == "No project prints a box beside a point."
    assert fourth.answer.startswith("Not shown: 0 evaluations by others take a side")
    assert fifth.answer == "No evaluation script has been read yet."


def test_enough_evaluations_by_others_decide(tmp_path: Path) -> None:
    study = {"values": ["evaluation"], "from": "curator"}
    win = found(bears_on=[says(2, "for", about="specialist"), says(4, "for")])
    loss = found(bears_on=[says(2, "against", about="specialist"), says(4, "against")])

    def papers(wins: int, losses: int) -> list[Paper]:
        return [
            work(f"w{i}", contribution=study, finding=win if i < wins else loss)
            for i in range(wins + losses)
        ]

    def texts(wins: int, losses: int) -> tuple[str, str]:
        drawn = answers(catalog(tmp_path, papers(wins, losses)))
        return drawn[1].answer.answer, drawn[3].answer.answer

    assert "not shown" in texts(9, 0)[0]
    assert texts(9, 0)[1] == "Not shown: 9 evaluations by others take a side, too few to decide."
    assert all("hown by evaluations of others" in text for text in texts(6, 4))
    assert "not shown" in texts(5, 5)[0]
    assert texts(5, 5)[1] == ("Not shown: at most half of the evaluations by others are for it.")


def test_show_tells_what_a_work_found(root: Path) -> None:
    told = here(root, "show", "peivandi-2023-empirical-evaluation-segment-anything").out
    assert "finding\tstated\t" in told
    assert "finding\tquestion 2\tagainst\tover specialists: nnU-Net v2\n" in told
    assert "finding\twhose word\tby authors about the method" in told
