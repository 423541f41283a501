"""What readers get of the collectors' notes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalog.importer.decisions import Decisions
from catalog.importer.facts import read_facts
from catalog.importer.notes import for_readers, left_over
from catalog.importer.project_text import plain
from catalog.importer.rows import read_rows
from catalog.importer.works import build_works
from catalog.registry import Registry

RULES = Decisions().notes


@pytest.mark.parametrize(
    ("collected", "told"),
    [
        (  # what the list got wrong is no fact about the work
            "row date 202408 but arXiv submission is 2024-09-14; needs box annotations only.",
            "Needs box annotations only.",
        ),
        ("Title says dual-teacher", "Title says dual-teacher."),
        ("nnU-Net is the teacher; names not seen", "nnU-Net is the teacher; names not known."),
        (
            "own 3D model (compared with MedSAM, scope doubt).",
            "Own 3D model (compared with MedSAM).",
        ),
        ("other-fm = DINO attention maps", "Other foundation model: DINO attention maps."),
        ("no segmentation (scope doubt). Two sets", "No segmentation. Two sets."),
        ("row's code was empty", None),
        ("No preprint row with this arXiv id in the list. Two sets.", "Two sets."),
        ("a set (A; B, names not seen); C", "A set (A; B, names not known); C."),
    ],
)
def test_clauses_are_told_in_plain_words(collected: str, told: str | None) -> None:
    assert for_readers(collected, RULES) == told


def test_no_reader_meets_the_collectors_words(root: Path) -> None:
    registry = Registry.load(root)
    for paper in registry.papers:
        for text in (paper.note, paper.inclusion.reason, *(r.note for r in paper.reported)):
            assert not left_over(text, RULES), (paper.id, text)
    for project in registry.projects:
        for text in (
            project.note,
            *(checkpoint.note for checkpoint in project.checkpoints or []),
            *(reported.note for reported in project.reported),
        ):
            unclear = re.search(r"\b(snapshot|not seen|low trust|excerpt)\b", text or "")
            assert not unclear, (project.slug, text)


def test_every_rule_is_used_by_some_note(listing: Path) -> None:
    """A clause that the facts no longer have is a rule about nothing."""
    told = " ".join(
        text
        for fact in read_facts(listing).values()
        for text in (fact.note, *(x for r in fact.reported for x in (r.note, r.dataset)))
        if text
    )
    assert [clause for clause in RULES.clauses if clause not in told] == []


def test_words_without_a_rule_are_a_finding(listing: Path) -> None:
    class Bare(Decisions):
        @property
        def notes(self):  # type: ignore[no-untyped-def,override] # no rules, the same words
            return type(RULES)(words=RULES.words, clauses={}, patterns=[])

    rows, _ = read_rows(listing)
    facts = read_facts(listing)
    assert sum(f.code == "L052" for f in build_works(rows, facts, Bare()).findings) > 100
    assert not [f for f in build_works(rows, facts, Decisions()).findings if f.code == "L052"]


@pytest.mark.parametrize(
    ("collected", "told"),
    [
        ("MedIA 2024 (not in snapshot)", "MedIA 2024"),
        ("arXiv (later MedIA, not in snapshot)", "arXiv (later MedIA)"),
        (
            "in git, blob e5 (absent from the snapshot, size unknown)",
            "in git, blob e5 (not read, size unknown)",
        ),
        ("reply text not seen", "reply text not known"),
    ],
)
def test_projects_are_told_in_plain_words_too(collected: str, told: str) -> None:
    assert plain(collected) == told
