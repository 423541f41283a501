"""Broken, hostile and merely wrong YAML: one clear finding each, with line, path and way out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog import reading
from catalog.errors import Finding, FindingsError, PrerequisiteError
from catalog.kept import FOLDER as CACHE
from catalog.records import Paper, Version, to_builtins
from catalog.registry import Registry, find_clone, find_root, load_papers, parse_papers

GOOD = """\
papers:
  - id: medsam
    title: Segment Anything in Medical Images
    versions:
      - kind: preprint
        ids: {arxiv: '2304.12306'}
        date: 2023-04-24
        cite: true
"""


def findings_of(folder: Path, text: str | bytes) -> list[Finding]:
    path = folder / "papers.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FindingsError) as caught:
        Registry.load(folder)
    assert path.read_bytes() == (text if isinstance(text, bytes) else text.encode())
    return caught.value.findings


def test_a_good_file_reads_and_dates_stay_text(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text(GOOD)
    (paper,) = load_papers(tmp_path)
    assert paper.versions == [
        Version(kind="preprint", ids=paper.versions[0].ids, date="2023-04-24", cite=True)
    ]


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "path", "says", "hint"),
    [
        ("id: medsam", "id: medsam: x", "Y001", 2, "", "column 15", "quotes"),
        ("    title:", "\ttitle:", "Y001", 3, "", "broken YAML", "never with tabs"),
        (
            "title: Segment",
            "title: 'Segment",
            "Y001",
            None,
            "",
            "broken YAML",
            "quotes inside quoted text",
        ),
        ("cite: true\n", "cite: true\n  x\n", "Y001", None, "", "broken YAML", ""),
        ("    title:", "    id: other\n    title:", "Y002", 3, "id", "stands twice", "Keep one"),
        ("title: Segment", "title: &a Segment", "Y003", 3, "", "anchor", "Write the value out"),
        (
            "title: Segment",
            "title: !!python/object:os.system Segment",
            "Y003",
            3,
            "",
            "tag",
            "quote",
        ),
        ("papers:", "works:", "Y005", 1, "", "the keys works", "under `papers:`"),
        (
            "'2304.12306'",
            "2304.10",
            "S001",
            6,
            "medsam.versions[0].ids.arxiv",
            "2304.10",
            "'2304.10'",
        ),
        (
            "title: Segment",
            "titel: x\n    title: Segment",
            "S002",
            3,
            "medsam",
            "'titel'",
            "'title'",
        ),
        (
            "    title: Segment Anything in Medical Images\n",
            "",
            "S003",
            2,
            "medsam",
            "'title'",
            "Write title",
        ),
        (
            "kind: preprint",
            "kind: preprnt",
            "S004",
            5,
            "medsam.versions[0].kind",
            "preprnt",
            "'preprint'",
        ),
        ("cite: true", "cite: yes", "S001", 8, "medsam.versions[0].cite", "true or false", ""),
        (
            "    title: Segment Anything in Medical Images",
            "    title: [a, b]",
            "S001",
            3,
            "medsam.title",
            "a list",
            "",
        ),
        (
            "    title:",
            "    rows: [one]\n    title:",
            "S001",
            3,
            "medsam.rows[0]",
            "whole number",
            "",
        ),
        (
            "    title:",
            "    links: {code: none}\n    title:",
            "S001",
            3,
            "medsam.links.code",
            "expected a list or null, got text",
            "",
        ),
    ],
)
def test_one_finding_says_it_all(
    tmp_path: Path, old: str, new: str, code: str, line: int | None, path: str, says: str, hint: str
) -> None:
    assert old in GOOD
    (finding,) = findings_of(tmp_path, GOOD.replace(old, new, 1))
    assert finding.place == "papers.yaml"
    assert (finding.code, finding.path) == (code, path)
    assert line is None or finding.line == line
    assert says in finding.message
    assert hint in finding.hint
    assert "Traceback" not in str(finding)
    assert "Expected `" not in finding.message  # msgspec's own wording never comes through


def test_all_problems_of_all_records_at_once(tmp_path: Path) -> None:
    text = """\
papers:
  - id: one
    titel: x
    authors: nobody
    versions:
      - kind: thesiss
        cite: 1
  - id: two
    title: fine
  - title: 7
    rows: [a, 2, b]
  - id: two
    title: again
  - just text
"""
    found = findings_of(tmp_path, text)
    assert [(f.line, f.code) for f in found] == [
        (2, "S003"),  # no title
        (3, "S002"),
        (4, "S001"),
        (6, "S004"),
        (7, "S001"),
        (10, "S003"),  # no id
        (10, "S001"),  # the title is a number
        (11, "S001"),
        (11, "S001"),
        (12, "D001"),
        (14, "S001"),
    ]
    assert found[9].message == "the id 'two' is used twice, first in line 8"


def test_null_empty_and_not_applicable_stay_different(tmp_path: Path) -> None:
    text = (
        GOOD + "    modalities: {values: n/a, from: curator}\n    links: {code: [], demo: null}\n"
    )
    (tmp_path / "papers.yaml").write_text(text)
    (paper,) = load_papers(tmp_path)
    assert paper.modalities is not None
    assert (paper.modalities.values, paper.links.code, paper.links.demo) == ("n/a", [], None)
    (again,) = load_papers(tmp_path)  # from the cache
    assert again == paper


@pytest.mark.parametrize("word", ["no", "NO", "on", "y", "2023-04-24", "1_000", "0x1F", "12:30:45"])
def test_words_that_old_yaml_reads_as_something_else_stay_text(word: str) -> None:
    assert reading.parse(f"a: {word}\n", "x").data == {"a": word}


def test_an_alias_bomb_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    (finding,) = findings_of(tmp_path, "\n".join(lines))  # spelt out it would be 9^30 letters
    assert finding.code == "Y003"


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "- " * 200_000, "papers: " + "{a: " * 50_000, "a: " * 99]
)
def test_deep_nesting_is_a_finding_not_a_crash(tmp_path: Path, text: str) -> None:
    (finding,) = findings_of(tmp_path, text)
    assert finding.code == "Y001"


def test_not_utf8_names_the_line(tmp_path: Path) -> None:
    (finding,) = findings_of(tmp_path, GOOD.encode() + b"    note: caf\xe9\n")
    assert (finding.code, finding.line) == ("Y004", 9)


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"papers: \x07\n"])
def test_control_characters_are_findings(tmp_path: Path, content: bytes) -> None:
    (finding,) = findings_of(tmp_path, content)
    assert finding.code == "Y001"


@pytest.mark.parametrize(
    "text", ["", "papers:\n", "papers: []\n", "# nothing yet\n", "\ufeffpapers: []\n"]
)
def test_an_empty_registry_is_fine(tmp_path: Path, text: str) -> None:
    (tmp_path / "papers.yaml").write_text(text, "utf-8")
    assert Registry.load(tmp_path).papers == []


def test_a_missing_folder_or_file_says_what_to_type(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PrerequisiteError, match="no registry") as caught:
        Registry.load(tmp_path)
    assert "sam4mis --root" in str(caught.value)
    monkeypatch.delenv("SAM4MIS_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PrerequisiteError, match="`sam4mis check` needs a clone"):
        find_clone("check")
    assert find_root(tmp_path) == root  # this installation's own, for who only reads
    monkeypatch.setattr("catalog.registry.shipped", lambda: None)
    with pytest.raises(PrerequisiteError, match=r"no papers\.yaml"):
        find_root(tmp_path)
    monkeypatch.setenv("SAM4MIS_ROOT", str(tmp_path / "gone"))
    with pytest.raises(PrerequisiteError, match="no such folder"):
        find_root()


def test_a_folder_in_place_of_the_file_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").mkdir()
    with pytest.raises(FindingsError, match="cannot be read"):
        Registry.load(tmp_path)


def test_broken_projects_and_results_are_told_together_with_broken_papers(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text(GOOD.replace("title", "titel"))
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "a.yaml").write_text("slug: b\nname: B\nkind: method\n")
    (tmp_path / "projects" / "c.yaml").write_text("slug: c\nname: C\nkind: methods\nclaims: 3\n")
    run = tmp_path / "reproduce/results/r1"
    run.mkdir(parents=True)
    (run / "result.json").write_text('{"schema": "result/1"')
    (run.parent / "verdicts.json").write_text("[]")
    registry, found = Registry.read(tmp_path)
    assert sorted({(f.place, f.code) for f in found}) == [
        ("papers.yaml", "S002"),
        ("papers.yaml", "S003"),
        ("projects/a.yaml", "R004"),
        ("projects/c.yaml", "S001"),
        ("projects/c.yaml", "S004"),
        ("reproduce/results/r1/result.json", "S001"),
        ("reproduce/results/verdicts.json", "S001"),
    ]
    assert [project.slug for project in registry.projects] == ["b"]


# ------------------------------------------------------------------------------------- cache


def test_the_cache_gives_the_same_and_the_file_stays_the_truth(tmp_path: Path) -> None:
    path = tmp_path / "papers.yaml"
    path.write_text(GOOD)
    first = load_papers(tmp_path)
    cache = tmp_path / CACHE / "papers.json"
    assert cache.is_file()
    assert load_papers(tmp_path) == first
    path.write_text(GOOD.replace("Segment", "Cut"))
    assert load_papers(tmp_path)[0].title == "Cut Anything in Medical Images"


@pytest.mark.parametrize("damage", [b"", b"x", b"key-less {}", None])
def test_a_damaged_cache_is_ignored(tmp_path: Path, damage: bytes | None) -> None:
    (tmp_path / "papers.yaml").write_text(GOOD)
    first = load_papers(tmp_path)
    cache = tmp_path / CACHE / "papers.json"
    content = cache.read_bytes()
    cache.write_bytes(content[:-20] if damage is None else damage)
    assert load_papers(tmp_path) == first
    assert cache.read_bytes() == content  # mended on the way


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text(GOOD)
    (tmp_path / ".sam4mis").write_text("in the way")
    assert len(load_papers(tmp_path)) == 1


def test_the_real_registry_reads_the_same_with_and_without_cache(root: Path) -> None:
    assert load_papers(root) == parse_papers(root / "papers.yaml")
    assert all(isinstance(paper, Paper) and to_builtins(paper)["id"] for paper in load_papers(root))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text(GOOD)
    (tmp_path / "papers.yaml").chmod(0)
    with pytest.raises(FindingsError, match="Permission denied"):
        Registry.load(tmp_path)


def test_a_number_that_python_refuses_to_read_is_told_with_its_line(tmp_path: Path) -> None:
    (finding,) = findings_of(tmp_path, "papers:\n  - id: a\n    title: " + "9" * 5000)
    assert (finding.code, finding.line) == ("Y001", 3)
    assert "5000 digits" in finding.message
