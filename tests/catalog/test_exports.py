"""Every format is parsed back by somebody else's parser, for the real registry and hostile text."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import bibtexparser
import jsonschema
import pytest
import rispy
from bibtexparser.bparser import BibTexParser
from hostile import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text

from catalog.exports import FORMATS, json_schema, to_bibtex, to_csl_json, to_csv, to_json, to_ris
from catalog.exports.names import split_name
from catalog.intake import read
from catalog.records import Ids, Paper, Tag, Version
from catalog.registry import Registry
from catalog.text import clean


@pytest.fixture(scope="module")
def papers(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Paper]:
    """The works of the real registry."""
    folder = tmp_path_factory.mktemp("registry")
    shutil.copy(root / "papers.yaml", folder)
    return Registry.load(folder).papers


def letters(text: str) -> str:
    """Without blanks, and with the quotes and carets that the decoder turns made straight again."""
    return "".join(text.translate({0x2C6: "^", 0x201D: '"', 0x2019: "'", 0x2018: "`"}).split())


def bibtex_entries(text: str) -> list[dict[str, Any]]:
    parser = BibTexParser(common_strings=True, ignore_nonstandard_types=False)
    entries: list[dict[str, Any]] = bibtexparser.loads(text, parser).entries
    return entries


def paper(title: str = "A title", **fields: Any) -> Paper:
    defaults: dict[str, Any] = {"id": "x", "authors": ["Ada Lovelace"], "authors_complete": True}
    return Paper(title=title, **{**defaults, **fields})


MEDSAM = paper(
    "Segment anything in medical images",
    id="medsam",
    authors=["Jun Ma", "JD. Gutiérrez", "Maarten van der Berg Jr."],
    authors_complete=False,
    versions=[
        Version(kind="preprint", ids=Ids(arxiv="2304.12306"), date="2023-04-24"),
        Version(
            kind="journal",
            venue="Nature Communications 2024",
            date="2024-01-22",
            ids=Ids(doi="10.1038/s41467-024-44824-z"),
            cite=True,
        ),
    ],
    modalities=Tag(values=["ct", "mri"], provenance="abstract"),
)


def test_bibtex_of_a_known_work_is_as_written_by_hand() -> None:
    assert (
        to_bibtex([MEDSAM])
        == r"""@article{medsam,
  title = {Segment anything in medical images},
  author = {Ma, Jun and Guti{\'e}rrez, JD. and van der Berg, Jr., Maarten and others},
  journal = {Nature Communications},
  year = {2024},
  month = jan,
  doi = {10.1038/s41467-024-44824-z},
  eprint = {2304.12306},
  archiveprefix = {arXiv},
  url = {https://doi.org/10.1038/s41467-024-44824-z},
}
"""
    )


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("SAM-Med2D: a study", "{SAM-Med2D}: a study"),
        ("A Study of 3D MRI", "A Study of {3D} {MRI}"),
        ("Segmentation with a Gaussian prior of some kind", "Segmentation with a {Gaussian} prior"),
        (
            "Segment Anything Model for Medical Images?",
            "Segment Anything Model for Medical Images?",
        ),
    ],
)
def test_bibtex_protects_capitals_that_carry_meaning(title: str, expected: str) -> None:
    assert bibtex_entries(to_bibtex([paper(title)]))[0]["title"].startswith(expected)


@pytest.mark.parametrize(
    ("kind", "entry", "venue"),
    [
        ("journal", "article", "journal"),
        ("conference", "inproceedings", "booktitle"),
        ("workshop", "inproceedings", "booktitle"),
        ("thesis", "phdthesis", "school"),
        ("report", "techreport", "institution"),
        ("preprint", "misc", "howpublished"),
    ],
)
def test_bibtex_types(kind: Any, entry: str, venue: str) -> None:
    work = paper(versions=[Version(kind=kind, venue="Somewhere", date="2024", cite=True)])
    (found,) = bibtex_entries(to_bibtex([work]))
    assert found["ENTRYTYPE"] == entry
    assert found[venue] == "Somewhere"


def test_whole_registry_comes_back_from_every_format(papers: list[Paper]) -> None:
    ids = [p.id for p in papers]
    assert [e["ID"] for e in bibtex_entries(to_bibtex(papers))] == ids
    assert [e["id"] for e in rispy.loads(to_ris(papers))] == ids
    assert [e["id"] for e in json.loads(to_csl_json(papers))] == ids
    assert [row["id"] for row in csv.DictReader(io.StringIO(to_csv(papers)))] == ids
    document = json.loads(to_json(papers))
    jsonschema.validate(document, json_schema())
    assert [p["id"] for p in document["papers"]] == ids


def test_titles_and_authors_of_the_registry_survive_bibtex_and_ris(papers: list[Paper]) -> None:
    """Round trip through our own intake too: what we write, we read."""
    some = [p for p in papers if p.authors][::8]
    for text, place in ((to_bibtex(some), "x.bib"), (to_ris(some), "x.ris")):
        drafts = read(text, place)
        for given_paper, draft in zip(some, drafts, strict=True):
            assert draft.title == clean(given_paper.title)
            assert draft.authors == [clean(a) for a in given_paper.authors]
            assert draft.complete == given_paper.authors_complete
    for given_paper, draft in zip(some, read(to_csl_json(some), "x.json"), strict=True):
        assert draft.title == clean(given_paper.title)
        assert draft.authors == [clean(a) for a in given_paper.authors]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_harmless_everywhere(text: str) -> None:
    works = [
        paper(text, id="first", authors=[text], authors_complete=False),
        paper("Second", id="second", versions=[Version(kind="journal", venue=text, url=text)]),
    ]
    entries = bibtex_entries(to_bibtex(works))
    assert [e["ID"] for e in entries] == ["first", "second"]
    plain = LatexNodes2Text(strict_latex_spaces=True).latex_to_text(entries[0]["title"])
    assert letters(plain) == letters(clean(text))
    records = rispy.loads(to_ris(works))
    assert [r["title"] for r in records] == [clean(text), "Second"]
    first, second = json.loads(to_csl_json(works))
    assert first["title"] == clean(text)
    assert second.get("URL", "https://").startswith("https://")
    rows = list(csv.reader(io.StringIO(to_csv(works))))
    assert len(rows) == 3
    assert len({len(row) for row in rows}) == 1
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    for name in ("bibtex", "ris", "csv", "csl-json"):
        out = FORMATS[name](works)
        assert not any(ord(c) < 32 and c != "\n" for c in out)
        assert not any(c in out for c in "\u202e\u2066\u200b\ufeff")


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=60).filter(clean), st.text(max_size=30))
def test_any_title_and_author_leaves_bibtex_readable(title: str, author: str) -> None:
    works = [paper(title, id="first", authors=[author]), paper("Second", id="second")]
    assert [e["ID"] for e in bibtex_entries(to_bibtex(works))] == ["first", "second"]
    assert [e["id"] for e in rispy.loads(to_ris(works))] == ["first", "second"]


def test_csv_tells_unknown_none_and_not_applicable_apart() -> None:
    work = paper(
        modalities=Tag(values=[], provenance="page"),
        regions=Tag(values="n/a", provenance="page"),
    )
    (row,) = csv.DictReader(io.StringIO(to_csv([work])))
    assert (row["modalities"], row["regions"], row["targets"]) == ("none", "n/a", "")


@pytest.mark.parametrize(
    ("name", "inverted"),
    [
        ("Jun Ma", "Ma, Jun"),
        ("Danny Z. Chen", "Chen, Danny Z."),
        ("Maarten van der Berg Jr.", "van der Berg, Jr., Maarten"),
        ("Lovelace, Ada", "Lovelace, Ada"),
        ("Mausam", "Mausam"),
        ("The MONAI Consortium", "The MONAI Consortium"),
        ("", ""),
    ],
)
def test_names(name: str, inverted: str) -> None:
    assert split_name(name).inverted == inverted
