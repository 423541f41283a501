"""Answers in the services' real formats (fields as their documentation and public answers show)."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape


def arxiv_feed(*entries: str, total: int | None = None) -> bytes:
    """In the order and spelling that export.arxiv.org answers with (seen in recorded answers of
    April 2026, lukasschwab/arxiv.py @ 93315e7c tests/fixtures)."""
    count = len(entries) if total is None else total
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
        'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">\n'
        "  <id>https://arxiv.org/api/x</id>\n  <title>arXiv Query: search_query=x</title>\n"
        "  <updated>2026-11-20T00:00:00Z</updated>\n"
        '  <link href="https://arxiv.org/api/query?x" type="application/atom+xml"/>\n'
        "  <opensearch:itemsPerPage>100</opensearch:itemsPerPage>\n"
        f"  <opensearch:totalResults>{count}</opensearch:totalResults>\n"
        "  <opensearch:startIndex>0</opensearch:startIndex>\n" + "\n".join(entries) + "\n</feed>\n"
    ).encode()


def arxiv_entry(
    arxiv: str = "2304.12306v3",
    title: str = "Segment Anything in Medical Images",
    authors: tuple[str, ...] = ("Jun Ma", "Yuting He", "Feifei Li"),
    summary: str = "We present MedSAM for CT and MRI. Code: https://github.com/bowang-lab/MedSAM.",
    published: str = "2023-04-24T17:56:12Z",
    doi: str | None = None,
    journal: str | None = None,
) -> str:
    names = "".join(f"<author><name>{escape(name)}</name></author>" for name in authors)
    extra = f"<arxiv:journal_ref>{escape(journal)}</arxiv:journal_ref>" if journal else ""
    extra += f"<arxiv:doi>{doi}</arxiv:doi>" if doi else ""
    pages = "".join(
        f'<link href="https://arxiv.org/{kind}/{arxiv}" rel="{rel}" type="{form}"{more}/>'
        for kind, rel, form, more in (
            ("abs", "alternate", "text/html", ""),
            ("pdf", "related", "application/pdf", ' title="pdf"'),
        )
    )
    return (
        f"<entry><id>http://arxiv.org/abs/{arxiv}</id><title>{escape(title)}</title>"
        f"<updated>{published}</updated>{pages}<summary>{escape(summary)}</summary>"
        '<category term="eess.IV" scheme="http://arxiv.org/schemas/atom"/>'
        f"<published>{published}</published><arxiv:comment>20 pages, 3 figures</arxiv:comment>"
        f'<arxiv:primary_category term="eess.IV"/>{names}{extra}</entry>'
    )


ARXIV_ERROR = arxiv_feed(
    "<entry><id>https://arxiv.org/api/errors#incorrect_id_format_for_x</id><title>Error</title>"
    '<updated>2026-11-20T00:00:00Z</updated><link href="https://arxiv.org/api/errors#incorrect" '
    'rel="alternate" type="text/html"/><summary>incorrect id format for x</summary>'
    "<author><name>arXiv api core</name></author></entry>"
)


def crossref_work(**fields: Any) -> dict[str, Any]:
    return {
        "DOI": "10.1038/s41467-024-44824-z",
        "type": "journal-article",
        "title": ["Segment anything in medical images"],
        "author": [
            {"given": "Jun", "family": "Ma", "sequence": "first", "affiliation": []},
            {"given": "Yuting", "family": "He", "sequence": "additional", "affiliation": []},
            {"given": "Feifei", "family": "Li", "sequence": "additional", "affiliation": []},
        ],
        "container-title": ["Nature Communications"],
        "published": {"date-parts": [[2024, 1, 22]]},
        "issued": {"date-parts": [[2024, 1, 22]]},
        "URL": "https://doi.org/10.1038/s41467-024-44824-z",
        "is-referenced-by-count": 1234,
        "abstract": "<jats:p>Medical image segmentation &amp; more on CT.</jats:p>",
        **fields,
    }


def crossref(work: dict[str, Any]) -> bytes:
    return json.dumps({"status": "ok", "message-type": "work", "message": work}).encode()


def crossref_list(*works: dict[str, Any]) -> bytes:
    message = {"total-results": len(works), "items": list(works)}
    return json.dumps({"status": "ok", "message-type": "work-list", "message": message}).encode()


def europepmc(*results: dict[str, Any]) -> bytes:
    answer = {"version": "6.9", "hitCount": len(results), "resultList": {"result": list(results)}}
    return json.dumps(answer).encode()


def europepmc_result(**fields: Any) -> dict[str, Any]:
    return {
        "id": "38253604",
        "source": "MED",
        "pmid": "38253604",
        "pmcid": "PMC10803759",
        "doi": "10.1038/s41467-024-44824-z",
        "title": "Segment anything in medical images.",
        "authorString": "Ma J, He Y.",
        "authorList": {
            "author": [
                {"fullName": "Ma J", "firstName": "Jun", "lastName": "Ma", "initials": "J"},
                {"fullName": "He Y", "firstName": "Yuting", "lastName": "He", "initials": "Y"},
            ]
        },
        "journalInfo": {"journal": {"title": "Nature communications"}, "yearOfPublication": 2024},
        "pubYear": "2024",
        "firstPublicationDate": "2024-01-22",
        "citedByCount": 321,
        "abstractText": "Medical image segmentation is a critical component.",
        **fields,
    }


def openreview_note(**content: Any) -> bytes:
    values = {
        "title": "Segment Anything Model for Medical Image Analysis: an Experimental Study",
        "authors": ["Maciej A Mazurowski", "Haoyu Dong"],
        "venue": "MIDL 2024 Poster",
        "abstract": "Training segmentation models for medical images.",
        **content,
    }
    note = {
        "id": "5RuCR0fYZG",
        "forum": "5RuCR0fYZG",
        "pdate": 1709251200000,
        "content": {name: {"value": value} for name, value in values.items()},
    }
    return json.dumps({"notes": [note], "count": 1}).encode()


def openalex_work(**fields: Any) -> bytes:
    return json.dumps(
        {
            "id": "https://openalex.org/W4391109864",
            "doi": "https://doi.org/10.1038/s41467-024-44824-z",
            "title": "Segment anything in medical images",
            "display_name": "Segment anything in medical images",
            "publication_date": "2024-01-22",
            "type": "article",
            "cited_by_count": 1500,
            "ids": {"pmid": "https://pubmed.ncbi.nlm.nih.gov/38253604"},
            "authorships": [
                {"author": {"display_name": "Jun Ma"}, "raw_author_name": "Jun Ma"},
                {"author": {"display_name": "Yuting He"}, "raw_author_name": "Yuting He"},
            ],
            "primary_location": {
                "source": {"display_name": "Nature Communications", "type": "journal"}
            },
            **fields,
        }
    ).encode()


def semanticscholar_paper(**fields: Any) -> bytes:
    return json.dumps(
        {
            "paperId": "0" * 40,
            "externalIds": {"ArXiv": "2304.12306", "DOI": "10.1038/s41467-024-44824-z"},
            "title": "Segment anything in medical images",
            "venue": "Nature Communications",
            "publicationTypes": ["JournalArticle"],
            "publicationDate": "2024-01-22",
            "year": 2024,
            "citationCount": 1400,
            "authors": [
                {"authorId": "1", "name": "Jun Ma"},
                {"authorId": "2", "name": "Yuting He"},
            ],
            **fields,
        }
    ).encode()


def github_repository(**fields: Any) -> bytes:
    return json.dumps(
        {
            "full_name": "bowang-lab/MedSAM",
            "html_url": "https://github.com/bowang-lab/MedSAM",
            "archived": False,
            "disabled": False,
            "default_branch": "main",
            "pushed_at": "2025-06-01T10:00:00Z",
            "stargazers_count": 3000,
            "forks_count": 400,
            "open_issues_count": 100,
            "license": {"key": "apache-2.0", "spdx_id": "Apache-2.0"},
            **fields,
        }
    ).encode()


def github_tree(*paths: str) -> bytes:
    tree = [{"path": path, "type": "blob", "size": 1000} for path in paths]
    return json.dumps({"sha": "a" * 40, "tree": tree, "truncated": False}).encode()


def huggingface_model(**fields: Any) -> bytes:
    return json.dumps(
        {
            "id": "wanglab/medsam-vit-base",
            "lastModified": "2024-02-01T00:00:00.000Z",
            "gated": False,
            "private": False,
            "downloads": 5000,
            "likes": 50,
            "cardData": {"license": "apache-2.0"},
            "siblings": [{"rfilename": "model.safetensors"}, {"rfilename": "README.md"}],
            **fields,
        }
    ).encode()
