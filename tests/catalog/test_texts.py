"""Texts that no page should be given: found by `check`, and harmless in `build` without it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from catalog.addresses import leads_inside
from catalog.checks import check_registry, projects, texts
from catalog.checks.seen import Seen
from catalog.intake.latex import read_latex
from catalog.records import Ids, Links, Paper, Project, Tag, Version
from catalog.registry import Registry
from catalog.render.build import generate
from catalog.render.output import Settings
from catalog.render.views import Catalog, day
from catalog.text import clean

ODD = "a\x00b\x1b[31m\u202e<script>alert(1)</script>]]>&\ufffe " + "x" * 3000


def odd_paper(**changes: object) -> Paper:
    version = Version(
        kind="preprint", ids=Ids(arxiv="2304.12306"), date="yesterday", cite=True, venue=ODD
    )
    paper = Paper(
        id="odd",
        title=ODD,
        authors=["", ODD],
        authors_complete=True,
        versions=[version],
        added="<script>",
        modalities=Tag(values=["ct"], provenance="title"),
        links=Links(code=["http://169.254.169.254/latest"]),
    )
    for name, value in changes.items():
        setattr(paper, name, value)
    return paper


def test_each_odd_text_is_found_with_its_place() -> None:
    found = {(code, path) for code, path, *_ in texts.problems(odd_paper())}
    assert {
        ("X001", ("authors", 0)),
        ("X002", ("title",)),
        ("X002", ("authors", 1)),
        ("X003", ("title",)),
        ("X003", ("versions", 0, "venue")),
        ("P005", ("added",)),
        ("P005", ("versions", 0, "date")),
        ("U013", ("links", "code", 0)),
    } <= found


@pytest.mark.parametrize(
    "hidden", ["\U000e0041", "\U000e0100", "\ufe0f", "\u3164", "\u034f", "\u206a", "\U0001d173"]
)
def test_characters_that_nobody_sees_are_found_and_taken_out(hidden: str) -> None:
    title = f"Polyps{hidden} by SAM"
    found = [(code, path) for code, path, *_ in texts.problems(odd_paper(title=title))]
    assert ("X002", ("title",)) in found
    assert clean(title) == "Polyps by SAM"


@pytest.mark.parametrize(
    ("authors", "code", "said"),
    [
        ("[]", "S001", "an empty list"),
        (json.dumps([f"Ada{n} Author" for n in range(30_000)]), "X004", "30,000 values"),
    ],
    ids=["none", "30,000"],
)
def test_nobody_and_everybody_wrote_no_work(
    authors: str, code: str, said: str, tmp_path: Path
) -> None:
    """Authors that are not known are left out; what is written says who they are."""
    (tmp_path / "papers.yaml").write_text(
        "papers:\n  - id: odd\n    title: Polyps by SAM\n    versions:\n      - {kind: preprint, "
        f"ids: {{arxiv: '2304.12306'}}, date: '2023', cite: true}}\n    authors: {authors}\n"
    )
    (found,) = check_registry(tmp_path)[1]
    assert (found.code, found.path, found.line) == (code, "odd.authors", 6)
    assert said in found.message


def test_texts_of_a_project_are_looked_at_too() -> None:
    project = Project(slug="odd", name=ODD, kind="method", checked="<script>")
    registry = Registry(Path("nowhere"), projects=[project])
    found = {(found.code, found.path) for found in projects.check(registry, Seen(registry.root))}
    assert {("X002", ("name",)), ("X003", ("name",)), ("P005", ("checked",))} <= found


def test_build_is_harmless_where_check_was_skipped(tmp_path: Path) -> None:
    """Feeds are well-formed, and what is no date does not end it."""
    others = [odd_paper(id=f"odd{n}", added=added) for n, added in enumerate((None, "9999", "2"))]
    (tmp_path / "papers.yaml").write_text("papers: []\n")
    catalog = Catalog(Registry(tmp_path, [odd_paper(), *others]))
    output = generate(catalog, Settings())
    files = output.files
    feeds = [name for name in files if name.endswith(".xml")]
    assert len(feeds) > 1
    for name in feeds:
        for updated in ET.fromstring(files[name]).iter("{http://www.w3.org/2005/Atom}updated"):
            assert day(str(updated.text)[:10]) == str(updated.text)[:10]
    assert not any(b"<script>alert" in page for page in output.pages.values())


@pytest.mark.parametrize(
    ("date", "first"),
    [
        ("2023", "2023-01-01"),
        ("2023-04", "2023-04-01"),
        ("2023-04-05T10:00", "2023-04-05"),
        ("2023-02-30", "1970-01-01"),
        ("<script>", "1970-01-01"),
        ("", "1970-01-01"),
    ],
)
def test_a_date_of_any_kind_has_a_day(date: str, first: str) -> None:
    assert day(date) == first


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/",
        "https://printer.local/x",
        "http://10.0.0.1/",
        "http://192.168.1.1:80/x",
        "http://169.254.169.254/latest/meta-data",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[::ffff:10.0.0.1]/",
        "HTTP://metadata.google.internal./",
    ],
)
def test_addresses_of_ones_own_network(url: str) -> None:
    assert leads_inside(url)


@pytest.mark.parametrize(
    "url", ["https://arxiv.org/", "http://8.8.8.8/", "http://[::1", "10.0.0.1"]
)
def test_addresses_of_everybody(url: str) -> None:
    assert not leads_inside(url)


@pytest.mark.parametrize(
    "latex",
    [
        "{" * 500 + "SAM" + "}" * 500,
        "SAM" + r"\foo{" * 400,
        "SAM " + r"\'e" * 3_000_000,
        "SAM " + r"\unknown" * 5_000,
        "SAM " + r"\~\^" * 10_000,
    ],
    ids=["braces", "open", "eight megabytes", "macros", "accents"],
)
def test_titles_are_bounded_before_they_are_parsed(latex: str) -> None:
    text, unknown = read_latex(latex)
    assert "SAM" in text
    assert len(text) <= len(latex)
    assert all(len(macro) < 100 for macro in unknown)
    assert unknown
