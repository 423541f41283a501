"""Which released weights run here, from the records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.records import Checkpoint, LookFirst, Project
from catalog.registry import load_projects
from catalog.runnable import LIFTS, Line, by_family, line, releases
from catalog.vocabulary import vocabularies


@pytest.fixture(scope="module")
def lines(root: Path) -> list[Line]:
    return releases(load_projects(root))


def project(*points: Checkpoint, **changes: Any) -> Project:
    given: dict[str, Any] = {"family": "packages", "adapter_reason": "not written"} | changes
    return Project(slug="p", name="P", kind="method", checkpoints=list(points), **given)


def looked(why: Any, **changes: Any) -> Checkpoint:
    first = LookFirst(why=why, text="what was seen", place="owner/name#1")
    return Checkpoint(**({"id": "w", "look_first": first} | changes))


def test_every_release_of_the_field_has_its_line_and_reason(root: Path, lines: list[Line]) -> None:
    public = {
        p.slug
        for p in load_projects(root)
        if p.weights_status == "public" and p.kind not in ("control", "selftest")
    }
    assert {x.project.slug for x in lines} == public
    assert len(lines) == len(public) >= 70
    for x in lines:
        assert x.runs == (x.project.adapter is not None)
        assert x.runs or (x.why and x.lifted in LIFTS), x.project.slug


def test_families_are_told_apart_in_the_order_of_their_words(lines: list[Line]) -> None:
    grouped = by_family(lines)
    names = [name for name, _ in grouped]
    assert names == [name for name in vocabularies()["family"].terms if name in names]
    assert sum(len(held) for _, held in grouped) == len(lines)


def test_a_file_that_nobody_can_use_waits_for_what_would_lift_it() -> None:
    x = line(project(looked("closed-share"), looked("closed-share", id="v", file="v.pth")))
    assert (x.standing, x.lifts) == ("look-first", LIFTS["closed-share"])
    assert x.remarks == ("w, v.pth: what was seen (owner/name#1)",)


@pytest.mark.parametrize(
    "other",
    [
        {"id": "v"},  # another file is there to be used
        {"id": "v", "look_first": LookFirst(why="another-model", text="trained on the test set")},
    ],
)
def test_one_file_that_can_be_used_is_enough(other: dict[str, Any]) -> None:
    x = line(project(looked("pickle"), Checkpoint(**other)))
    assert (x.standing, x.lifts) == ("adapter", LIFTS["adapter"])


def test_files_of_others_lift_nothing() -> None:
    base = Checkpoint(id="base", of="sam")
    assert line(project(looked("dead-link"), base)).standing == "look-first"


def test_an_adapter_runs_it_whatever_its_files_need_first() -> None:
    x = line(project(looked("closed-share"), adapter="sam", adapter_reason=None))
    assert (x.runs, x.why, x.lifts) == (True, None, None)
    assert x.remarks


def test_where_nothing_is_segmented_nothing_lifts_it() -> None:
    x = line(project(Checkpoint(id="w"), family="no-segmentation"))
    assert (x.standing, x.lifted) == ("nothing", "nothing")
