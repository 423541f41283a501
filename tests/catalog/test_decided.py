"""What people decided: each with its reason, about works and rows that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from terminal import here

from catalog import own
from catalog.checks import check_registry
from catalog.decided import FOLDER, decisions
from catalog.registry import Registry

PAPERS = """papers:
  - id: kneesam
    title: KneeSAM
    authors: [Ada Lovelace]
    authors_complete: true
    rows: [7]
    versions:
      - {kind: preprint, ids: {arxiv: '2401.00001'}, date: '2024-01-01', cite: true}
"""
# Words that only the people who collected the first list could place.
COLLECTORS = re.compile(
    r"\b(rows?|excerpts?|cut off|stored (copy|page)|not seen|scope doubt|out-of-scope|scale field"
    r"|in the list|snapshot|low trust|as collected)\b",
    re.IGNORECASE,
)


def test_every_decision_has_a_reason_and_a_source(root: Path) -> None:
    kept = decisions(root)
    for decision in (*kept.merges, *kept.corrections, *kept.scope, *kept.not_duplicates):
        assert len(decision.reason) > 10
        assert decision.source
    assert all(link.reason for link in (*kept.links.values(), *kept.code_links))
    scoped = [row for scope in kept.scope for row in scope.rows]
    assert len(scoped) == len(set(scoped)), "a row has two decisions on its scope"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "merges",
            "merges: [{rows: [7, 8], kind: exact-duplicate, reason: twice, source: page}]",
            "no work has row 8 of the list",
        ),
        (
            "links",
            "code_links: [{row: 7, url: 'https://github.com/a/b', reason: x, belongs_to: 9}]",
            "no work has row 9 of the list",
        ),
        (
            "not_duplicates",
            "not_duplicates: [{papers: [kneesam, hipsam], reason: two, source: page}]",
            "there is no work 'hipsam'",
        ),
    ],
)
def test_a_decision_about_what_is_gone_is_told(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / f"{name}.yaml").write_text(f"{text}\n")
    (tmp_path / "papers.yaml").write_text(PAPERS)
    own._path.cache_clear()
    _, findings = check_registry(tmp_path)
    assert [(f.place, f.code, f.message) for f in findings] == [
        (f"{FOLDER}/{name}.yaml", "R007", told)
    ]


def test_what_was_decided_is_shown_with_the_work(root: Path) -> None:
    shown = here(root, "show", "sat-liu-2025").out
    assert "another work, one extends the other: gbmseg" in shown
    assert "another work: sat-zhao-2023" in shown
    assert "rows 83, 342 of the first list are one work" in here(root, "show", "cellsam").out
    joined = here(root, "show", "skinsam").out
    assert "is a version of it\tSame name and subject" in joined


def test_no_token_and_no_tracking_reaches_the_registry(root: Path) -> None:
    text = (root / "papers.yaml").read_text("utf-8")
    assert not re.search(r"casa_token|utm_|journalCode|#_=_", text)


def test_no_reader_meets_the_collectors_words(root: Path) -> None:
    registry = Registry.load(root)
    for paper in registry.papers:
        for text in (paper.note, paper.inclusion.reason, *(r.note for r in paper.reported)):
            assert not COLLECTORS.search(text or ""), (paper.id, text)
    for project in registry.projects:
        notes = [
            *(checkpoint.note for checkpoint in project.checkpoints or []),
            *(r.note for r in project.reported),
        ]
        for text in (project.note, *notes):
            assert not re.search(r"\b(snapshot|not seen|low trust|excerpt)\b", text or "")
