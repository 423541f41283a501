"""Works that are already there are found; siblings are not taken for twins."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.duplicates import DuplicateIndex, compatible, find_duplicates, version_marks
from catalog.records import Ids, Paper, Version
from catalog.registry import Registry, load_papers
from catalog.titles import normal_title


def paper(
    id: str, title: str, author: str = "Jun Ma", short: str | None = None, **ids: str
) -> Paper:
    versions = [Version(kind="preprint", ids=Ids(**ids), cite=True)] if ids else []
    return Paper(id=id, title=title, authors=[author], short_name=short, versions=versions)


def match(known: Paper, new: Paper) -> str | None:
    found = find_duplicates(Registry(Path(), papers=[known]), new)
    return found[0].level if found else None


@pytest.mark.parametrize(
    ("known", "new", "level"),
    [
        # certain: an identifier, in any version, in any spelling of a DOI's case
        (
            paper("a", "One", arxiv="2304.12306"),
            paper("b", "Other", "Eve Else", arxiv="2304.12306"),
            "identifier",
        ),
        (
            paper("a", "One", doi="10.1000/X"),
            paper("b", "Other", "Eve Else", doi="10.1000/x"),
            "identifier",
        ),
        (
            paper("a", "One", doi="10.48550/arXiv.2304.12306"),
            paper("b", "Two", "E. E", arxiv="2304.12306"),
            "identifier",
        ),
        (
            paper("a", "One", ieee="11105528"),
            paper("b", "Other", "Eve Else", ieee="11105528"),
            "identifier",
        ),
        # likely: the same title, whatever the typing
        (
            paper("a", "Segment Anything: a Study!"),
            paper("b", "segment anything – A study", "J. Ma"),
            "title",
        ),
        (paper("a", "Étude of SAM"), paper("b", "Etude of SAM", "Jun Ma"), "title"),
        (paper("a", "The same"), paper("b", "The same", "Eve Else"), None),
        # perhaps: nearly the same title, or short name and author
        (
            paper("a", "Segment anything in medical images with boxes"),
            paper("b", "Segment anything in medical image with boxes"),
            "similar",
        ),
        (paper("a", "One", short="UN-SAM"), paper("b", "Quite another", short="UNSAM"), "similar"),
        (
            paper("a", "One", "Ann Other", short="AutoSAM"),
            paper("b", "Two", "Bob Else", short="AutoSAM"),
            None,
        ),
        # siblings: digits and version marks tell them apart
        (
            paper("a", "SAM-Med2D: segmenting medical images"),
            paper("b", "SAM-Med3D: segmenting medical images"),
            None,
        ),
        (paper("a", "One", short="SAM-Med2D"), paper("b", "Two", short="SAM-Med3D"), None),
        (paper("a", "SAM for polyps"), paper("b", "SAM 2 for polyps"), None),
        (
            paper("a", "SemiSAM: semi-supervised segmentation"),
            paper("b", "SemiSAM+: semi-supervised segmentation"),
            None,
        ),
        (paper("a", "Adapting SAM in 16 images"), paper("b", "Adapting SAM in 17 images"), None),
        (
            paper("a", "With 2,048 parameters only for you"),
            paper("b", "With 2048 parameters only for you"),
            "similar",
        ),
    ],
)
def test_levels(known: Paper, new: Paper, level: str | None) -> None:
    assert match(known, new) == level
    assert match(new, known) == level  # either way round


def test_the_answer_says_which_and_since_when() -> None:
    known = paper("medsam", "Segment Anything in Medical Images", arxiv="2304.12306")
    known.rows = [422]
    (found,) = find_duplicates(
        Registry(Path(), papers=[known]), paper("x", "Else", "E. E", arxiv="2304.12306")
    )
    assert found.paper_id == "medsam"
    assert found.reason == "both have arxiv 2304.12306"
    assert found.since == "the SAM4MIS list, row 422"
    known.added = "2026-11-20"
    (found,) = find_duplicates(
        Registry(Path(), papers=[known]), paper("x", "Else", "E. E", arxiv="2304.12306")
    )
    assert found.since == "2026-11-20"


def test_former_titles_and_titles_of_versions_count() -> None:
    known = paper("a", "A new name")
    known.title_aliases = ["Its former name"]
    known.versions = [Version(kind="preprint", title="Its first name")]
    for title in ("Its former name", "its first NAME", "A new name"):
        assert match(known, paper("b", title)) == "title"


def test_decisions_are_remembered_but_never_hide_an_identifier() -> None:
    one, other = paper("a", "Same", arxiv="2304.12306"), paper("b", "Same", arxiv="2304.12307")
    decided = {frozenset(("a", "b"))}
    assert DuplicateIndex([one], decided).matches(other) == []
    other.versions[0].ids.arxiv = "2304.12306"
    assert [m.level for m in DuplicateIndex([one], decided).matches(other)] == ["identifier"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Jun Ma", "J. Ma", True),
        ("Jun Ma", "Jun Ma", True),
        ("Jun Ma", "Bo Wang", False),
        ("Jun Ma", "K. Ma", False),
        ("J. D. Gutiérrez", "JD. Gutierrez", True),
        ("Mauricio Fernandez M.", "M. Fernandez", True),
    ],
)
def test_people(one: str, other: str, same: bool) -> None:
    assert compatible(paper("a", "x", one), paper("b", "y", other)) is same


def test_nobody_is_compatible_with_everybody() -> None:
    assert compatible(Paper(id="a", title="x"), paper("b", "y"))


def test_version_marks() -> None:
    marks = version_marks(normal_title("SAM-Med3D+ v2: 2,048 points in 2.5D"))
    assert marks == version_marks(normal_title("sam med3d+ V2 2048 points in 2.5D"))
    assert version_marks("sam med2d") != version_marks("sam med3d")


def test_every_work_of_the_registry_is_found_again(root: Path) -> None:
    """What `add` would meet when somebody pastes a work that is there, with its old id gone."""
    papers = load_papers(root)
    index = DuplicateIndex(papers)
    for known in papers:
        new = Paper(
            id="new", title=known.title.upper(), authors=known.authors[:1], versions=known.versions
        )
        found = index.matches(new)
        assert found, known.id
        assert known.id in {m.paper_id for m in found if m.level != "similar"}
