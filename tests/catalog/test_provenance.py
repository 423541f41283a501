"""Whose pages the facts about a work were read on."""

from __future__ import annotations

from pathlib import Path

import pytest
from terminal import here

from catalog.provenance import copies_only, origin, own_pages, sources, told
from catalog.records import Ids, Paper, Version
from catalog.registry import load_papers
from catalog.standing import second_hand


@pytest.mark.parametrize(
    ("url", "whose"),
    [
        ("https://arxiv.org./abs/2304.12306", "publisher"),
        ("https://web3.arxiv.org/abs/2304.12306", "copy"),
        ("https://openaccess.thecvf.com/content/x.html", "publisher"),
        ("https://pmc.ncbi.nlm.nih.gov/articles/PMC1/", "publisher"),
        ("https://arxiv.cnoctave.top/abs/2304.12306", "copy"),  # a copy, not arXiv
        ("https://notarxiv.org/abs/2304.12306", "copy"),
        ("https://preview-www.nature.com/articles/x", "copy"),
        ("https://www.nature.com/articles/x", "publisher"),
        ("https://discovery.ucl.ac.uk/id/1", "deposit"),
        ("https://github.com/GuoleiSun/Awesome-SAM2/blob/main/README.md", "list"),
        ("GuoleiSun/Awesome-SAM2@618c9f0:README.md#L278", "list"),
        ("https://github.com/GuoleiSun/Other", "code"),
        ("https://uni-medical.github.io/x", "code"),
        ("https://deepai.org/publication/x", "copy"),
        ("BibTeX entry x", "record"),
    ],
)
def test_who_keeps_a_page(url: str, whose: str) -> None:
    assert origin(url) == whose


def test_the_work_itself_stands_before_those_who_write_about_it() -> None:
    paper = Paper(
        id="x",
        title="X",
        versions=[
            Version(kind="preprint", ids=Ids(arxiv="2304.12306")),
            Version(kind="journal", ids=Ids(doi="10.1038/s41467-024-44824-z", pmid="1"), cite=True),
        ],
        sources=["https://deepai.org/x", "https://arxiv.org/abs/2304.12306"],
    )
    assert own_pages(paper) == [
        "https://arxiv.org/abs/2304.12306",
        "https://doi.org/10.1038/s41467-024-44824-z",
    ]
    assert [whose for _, whose in sources(paper)] == ["publisher", "copy"]
    assert told(paper) == [
        (
            "The work itself",
            [
                "https://arxiv.org/abs/2304.12306",
                "https://doi.org/10.1038/s41467-024-44824-z",
            ],
        ),
        ("Read there, or in its code", ["https://arxiv.org/abs/2304.12306"]),
        ("Read in copies at", ["deepai.org"]),
    ]
    assert not copies_only(paper)
    assert copies_only(Paper(id="x", title="X", sources=["https://deepai.org/x"]))


def test_nothing_known_is_nothing_told() -> None:
    assert told(Paper(id="x", title="X", versions=[Version(kind="unknown")])) == []


def test_every_work_of_the_catalog_says_where_it_is(root: Path) -> None:
    nowhere = [paper for paper in load_papers(root) if not own_pages(paper)]
    # a list may name a work without any address; the line of the list is then all that is known
    assert [paper.id for paper in nowhere if not second_hand(paper)] == []
    assert all(version.second_hand for paper in nowhere for version in paper.versions)


def test_show_says_whose_page_it_was(root: Path) -> None:
    shown = here(root, "show", "buyukpatpat-2025-comparative-evaluation-zero-shot")
    assert "Read in copies at\txrayinterpreter.com" in shown.out
