"""The licence ladder: statements read with their place, nothing inferred, questions ready."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from terminal import here

from catalog.checks import check_registry
from catalog.facets import weights_licence
from catalog.ladder import ladder, question, rung, terms, unstated
from catalog.records import Checkpoint, Commercial, Licences, LicenceStatement, Project
from catalog.registry import Registry


def statement(of: str, stated: str | None = "MIT", **rest: Any) -> LicenceStatement:
    return msgspec.convert({"of": of, "stated": stated, **rest}, LicenceStatement)


def release(*statements: LicenceStatement, **licences: Any) -> Project:
    return Project(
        slug="tried",
        name="Tried",
        kind="method",
        weights_status="public",
        checkpoints=[Checkpoint(id="weights")],
        licences=Licences(statements=list(statements), **licences),
    )


UNCLEAR = Commercial(answer="unclear", reason="not stated")


@pytest.mark.parametrize(
    ("statements", "reach"),
    [
        ([statement("code"), statement("weights")], "weights"),
        ([statement("code"), statement("files")], "files"),
        ([statement("code")], "code"),
        ([statement("project")], "code"),
        ([], "nothing"),
        # what says nothing, was not seen, or is said by others grants nothing
        ([statement("weights", "none"), statement("code")], "code"),
        ([statement("weights", None)], "nothing"),
        ([statement("weights", by="third-party")], "nothing"),
        ([statement("weights", second_hand=True)], "nothing"),
    ],
)
def test_how_far_statements_reach(statements: list[LicenceStatement], reach: str) -> None:
    assert rung(Licences(statements=statements)) == reach


@pytest.mark.parametrize(
    ("answer", "of", "kind"),
    [
        ("yes", "weights", "commercial"),
        ("no", "project", "non-commercial"),
        ("unclear", "code", "unknown"),
        ("unclear", None, "none"),
    ],
)
def test_the_class_is_what_a_person_read(answer: Any, of: str | None, kind: str) -> None:
    said = [statement(of)] if of else []
    read = Commercial(answer=answer, reason="as read")
    assert weights_licence(release(*said, commercial=read)) == kind


def test_the_question_says_what_was_found() -> None:
    silent = question(release(commercial=UNCLEAR))
    assert "no licence text for code or weights" in silent
    licensed = question(release(statement("code", place="LICENSE"), commercial=UNCLEAR))
    assert "MIT for the code (LICENSE); it does not name the weights" in licensed


def test_readings_of_the_registry(root: Path) -> None:
    """Counts of `licences.md`: 18, 4, 26 and 25 of 73; 10 yes, 6 no, 57 unclear; 51 to ask."""
    read = [p for p in Registry.load(root).projects if p.licences.commercial]
    assert Counter(rung(p.licences) for p in read) == {
        "weights": 18,
        "files": 4,
        "code": 26,
        "nothing": 25,
    }
    answers = Counter(p.licences.commercial.answer for p in read if p.licences.commercial)
    assert answers == {"yes": 10, "no": 6, "unclear": 57}
    assert sum(map(unstated, read)) == 51
    assert sum(bool(p.licences.contradictions) for p in read) == 13


def test_every_statement_that_grants_has_its_place(root: Path) -> None:
    for project in Registry.load(root).projects:
        for said in project.licences.statements:
            assert said.place or said.stated in (None, "none"), project.slug
    for base in terms().bases.values():
        assert base.place or base.project or base.licence is None


def test_ladder_shows_bases_and_data_with_their_places(root: Path) -> None:
    cellvit = next(p for p in Registry.load(root).projects if p.slug == "cellvit")
    shown = {step.of.partition(":")[0]: step for step in ladder(cellvit)}
    assert shown["training data"].says == "CC-BY-NC-SA-4.0, research purposes only"
    assert shown["base weights"].place == (
        "mahmoodlab/HIPT@780fafaed2e5b112bc1ed6e78852af1fe6714342:LICENSE; README.md:414"
    )


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "yes from the code alone": (
        "F005",
        {
            "statements": [{"of": "code", "stated": "MIT"}],
            "commercial": {"answer": "yes", "reason": "MIT"},
        },
    ),
    "weights that nobody states": (
        "F006",
        {"weights": "MIT", "statements": [{"of": "code", "stated": "MIT"}]},
    ),
    "unknown base": ("F007", {"base": ["sam-9"]}),
    "unknown data": ("F007", {"data": ["kvasir"]}),
    "unknown file": (
        "F008",
        {"statements": [{"of": "weights", "stated": "MIT", "files": ["other"]}]},
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_ladder_that_contradicts_itself_is_found(name: str, tmp_path: Path) -> None:
    code, licences = WRONG[name]
    project = {
        "slug": "tried",
        "name": "Tried",
        "kind": "other",
        "licences": licences,
        "checkpoints": [{"id": "weights"}],
    }
    (tmp_path / "papers.yaml").write_text("papers: []\n")
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects/tried.yaml").write_text(yaml.safe_dump(project))
    assert [f.code for f in check_registry(tmp_path)[1]] == [code]


def test_the_text_to_ask_with_is_printed(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "projects", tmp_path / "projects")
    shutil.copy(root / "papers.yaml", tmp_path)
    asked = here(tmp_path, "show", "samed", "--ask-licence")
    assert asked.code == 0
    assert re.search(r"MIT for the project \(README.md:86\)", asked.out)
    settled = here(tmp_path, "show", "sam", "--ask-licence")
    assert (settled.code, "nothing to ask" in settled.err) == (2, True)
