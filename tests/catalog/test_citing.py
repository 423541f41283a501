"""What a work's page tells citation managers, tag by tag, and the card and forms of the catalog."""

from __future__ import annotations

import html.parser
import json
from pathlib import Path
from typing import Any

import bibtexparser
import pytest
import rispy
import yaml
from hostile import HOSTILE
from PIL import Image

from catalog.records import Ids, Paper, Version
from catalog.registry import Registry
from catalog.render import card, citing
from catalog.render.pages import cite
from catalog.render.views import Catalog

# Tags that Zotero's `Embedded Metadata` translator maps to a field, and those that Google Scholar's
# inclusion guidelines name. Ours are of these, but for the type of a preprint (read by Zotero's RDF
# translator, which passes over a type that it does not know) and arXiv's own tag.
ZOTERO = {
    "citation_title": "title",
    "citation_author": "creators",
    "citation_publication_date": "date",
    "citation_journal_title": "publicationTitle",
    "citation_conference_title": "conferenceName",
    "citation_dissertation_institution": "university",
    "citation_technical_report_institution": "institution",
    "citation_doi": "DOI",
    "citation_pmid": "extra",
    "citation_public_url": "url",
    "z:itemType": "itemType",
}
SCHOLAR = {
    "citation_title",
    "citation_author",
    "citation_publication_date",
    "citation_journal_title",
    "citation_conference_title",
    "citation_dissertation_institution",
    "citation_technical_report_institution",
}


def paper(kind: Any = "journal", **fields: Any) -> Paper:
    version: dict[str, Any] = {"date": "2024-01-22", "venue": "Nature Communications", "cite": True}
    version |= fields.pop("version", {})
    given: dict[str, Any] = {"authors": ["Jun Ma", "Bo Wang"], "authors_complete": True} | fields
    return Paper(id="x", title="A title", versions=[Version(kind=kind, **version)], **given)


def tags(work: Paper) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, content in citing.tags(work):
        found.setdefault(name, []).append(content)
    return found


def test_a_journal_article_has_every_tag() -> None:
    ids = Ids(doi="10.1038/s41467-024-44824-z", pmid="38253604", arxiv="2304.12306")
    assert tags(paper(version={"ids": ids})) == {
        "citation_title": ["A title"],
        "citation_author": ["Ma, Jun", "Wang, Bo"],
        "citation_publication_date": ["2024/01/22"],
        "citation_journal_title": ["Nature Communications"],
        "citation_doi": ["10.1038/s41467-024-44824-z"],
        "citation_pmid": ["38253604"],
        "citation_arxiv_id": ["2304.12306"],
        "citation_public_url": ["https://doi.org/10.1038/s41467-024-44824-z"],
    }


@pytest.mark.parametrize(
    ("kind", "tag"),
    [
        ("journal", "citation_journal_title"),
        ("conference", "citation_conference_title"),
        ("workshop", "citation_conference_title"),
        ("thesis", "citation_dissertation_institution"),
        ("report", "citation_technical_report_institution"),
        ("preprint", None),
        ("unknown", None),
    ],
)
def test_the_venue_tag_makes_it_what_it_is(kind: str, tag: str | None) -> None:
    """Zotero takes the type from the one tag of a venue; Scholar wants one of them."""
    named = {
        name
        for name in tags(paper(kind))
        if name.endswith(("_title", "_institution")) and name != "citation_title"
    }
    assert named == ({tag} if tag else set())
    assert ("z:itemType" in tags(paper(kind))) == (kind == "preprint")


@pytest.mark.parametrize(
    ("date", "said"),
    [("2024-01-22", "2024/01/22"), ("2024-03", "2024/03"), ("2024", "2024"), (None, None)],
)
def test_a_date_is_as_precise_as_it_is_known(date: str | None, said: str | None) -> None:
    found = tags(paper(version={"date": date})).get("citation_publication_date")
    assert found == ([said] if said else None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Jun Ma", "Ma, Jun"),
        ("Ma, Jun", "Ma, Jun"),
        ("Sutton Jr., Robert", "Sutton Jr., Robert"),
        ("Robert Sutton Jr.", "Sutton Jr., Robert"),
        ("Maarten van der Berg", "van der Berg, Maarten"),
        ("Maarten Jan van der Berg", "Maarten Jan van der Berg"),
        ("Plato", "Plato"),
        ("The MONAI Consortium", "The MONAI Consortium"),
    ],
)
def test_zotero_reads_one_author_from_one_tag(name: str, said: str) -> None:
    """It splits at a comma with a blank in both halves, and at every semicolon."""
    written = citing.author(name)
    assert written == said
    halves = written.split(",")
    assert len(halves) < 3
    assert len(halves) == 1 or not all(" " in half.strip() for half in halves)


def test_every_tag_of_the_registry_is_one_that_is_read(root: Path) -> None:
    works = [view.paper for view in Catalog(Registry.load(root)).papers]
    used: set[str] = set()
    for work in works:
        found = tags(work)
        used |= found.keys()
        assert all(len(v) == 1 for k, v in found.items() if k != "citation_author"), work.id
        assert all(v.strip() for values in found.values() for v in values), work.id
        if {"citation_author", "citation_publication_date"} <= found.keys():
            assert len(found.keys() & SCHOLAR) >= 3, work.id
    assert used - {"citation_arxiv_id"} <= ZOTERO.keys()
    assert used >= {"citation_conference_title", "citation_journal_title", "citation_doi"}


class Head(html.parser.HTMLParser):
    """The elements of a head with their attributes, and the texts of its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.scripts.append(data)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_place(text: str) -> None:
    work = paper(short_name=text, authors=[text])
    work.title = text + "</script><meta name=x>"
    head = Head()
    head.feed(citing.head(work, "https://example.org/"))
    assert {tag for tag, _ in head.found} == {"meta", "link", "script"}
    assert [a for t, a in head.found if t == "script"] == [{"type": "application/ld+json"}]
    data = json.loads(head.scripts[0])
    assert data["name"] == next(a["content"] for _, a in head.found)


def test_linked_data_names_the_work_and_where_it_is() -> None:
    ids = Ids(doi="10.1/a<b>", arxiv="2304.12306")
    data = citing.linked_data(paper(version={"ids": ids}), "https://example.org/papers/x/")
    assert data["@type"] == "ScholarlyArticle"
    assert data["datePublished"] == "2024-01-22"
    assert [a["name"] for a in data["author"]] == ["Jun Ma", "Bo Wang"]
    assert data["sameAs"] == ["https://doi.org/10.1/a%3Cb%3E", "https://arxiv.org/abs/2304.12306"]
    assert data["isPartOf"] == {"@type": "Periodical", "name": "Nature Communications"}
    silent = citing.linked_data(Paper(id="x", title="T"), None)
    assert silent == {"@context": "https://schema.org", "@type": "ScholarlyArticle", "name": "T"}


def test_the_catalog_is_cited_with_the_state_that_was_used(root: Path) -> None:
    named = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    assert (named["title"], named["authors"][0]["name"]) == (cite.TITLE, cite.AUTHOR)
    forms = dict(cite.forms("2026-11-29", "Data of 2026-11-29, commit abc", "https://x.org/"))
    (entry,) = bibtexparser.loads(forms["BibTeX"]).entries
    assert (entry["year"], entry["note"]) == ("2026", "Data of 2026-11-29, commit abc")
    (ris,) = rispy.loads(forms["RIS"])
    assert (ris["title"], ris["urls"]) == (cite.TITLE, ["https://x.org/"])
    (item,) = json.loads(forms["CSL-JSON"])
    assert item["issued"]["date-parts"] == [[2026, 11, 29]]


def test_the_card_is_drawn_from_the_data(root: Path, tmp_path: Path) -> None:
    catalog = Catalog(Registry.load(root))
    drawn = card.draw(catalog)
    assert drawn == card.draw(catalog)
    assert card.numbers(catalog)[0] == (f"{len(catalog.papers):,}", "works")
    catalog.papers = catalog.papers[:-40]
    assert card.draw(catalog) != drawn
    (tmp_path / "card.png").write_bytes(drawn)
    with Image.open(tmp_path / "card.png") as image:
        assert (image.format, image.size) == ("PNG", (1200, 630))
        # nothing runs off the sheet: the outermost columns are paper, but for the band on top
        edges = (
            image.convert("RGB").crop((0, 20, 60, 630)),
            image.convert("RGB").crop((1140, 20, 1200, 630)),
        )
        assert all(edge.getcolors() == [(60 * 610, (255, 255, 255))] for edge in edges)
