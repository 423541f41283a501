"""After a change only what changed is read, and what is read is what reading everything gives."""

from __future__ import annotations

import threading
from pathlib import Path
from random import Random
from typing import Any

import pytest

from catalog import kept, loading, reading
from catalog.errors import FindingsError
from catalog.records import to_builtins
from catalog.registry import Registry, load_papers, load_projects, parse_papers

WORK = """\
  - id: work-{n}
    title: "Segment {n}: organs, and 'others'"
    authors: [Ada Example, Ben Example]
    versions:
      - kind: preprint
        ids: {{arxiv: '2304.{n:05d}'}}
        date: 2023-04-26
    note: >-
      folded text
      of two lines
    added: 2026-11-18
    inclusion:
      decision: include
"""
LINES = [  # of what somebody may type, or leave half typed
    "",
    "  # - id: a comment",
    "  - id: work-1",
    "  - id: another",
    "  -",
    "  - - nested",
    '    title: "opened',
    '  - id: closed"',
    "    note: |",
    "    authors: [a,",
    "  - b]",
    "    added: &anchor 2026-11-18",
    "other: 1",
    "papers:",
    "---",
    "...",
    "%YAML 1.2",
    "\t- id: tab",
    "    title: next\x85  - id: line",
    "    title: 7",
    "    unknown: 1",
    " - id: shallow",
    "    - id: deep",
    "- id: outside",
    "   ]",
    "    note: a\r  - id: b",
]


def _told(read: Any, *given: Any) -> tuple[list[Any], list[str], list[Any]]:
    """Works, findings and what stands in, whether reading raises or not."""
    try:
        return [to_builtins(paper) for paper in read(*given)], [], []
    except loading.IncompleteError as error:
        stand_ins = [(to_builtins(s.record), s.places) for s in error.stand_ins]
        records = [to_builtins(paper) for paper in error.records]
        return records, [str(finding) for finding in error.findings], stand_ins
    except FindingsError as error:
        return [], [str(finding) for finding in error.findings], []


def _typed(random: Random, lines: list[str]) -> list[str]:
    """The lines after one edit."""
    lines = [*lines]
    at = random.randrange(len(lines))
    match random.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, random.choice(LINES))
        case 2:
            lines[at] = random.choice(LINES)
        case 3:
            other = random.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        case _:
            place = random.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + random.choice("\"'[]{}:-#|x ") + lines[at][place:]
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_typed_reads_as_if_nothing_were_kept(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    path = tmp_path / "papers.yaml"
    whole = ["papers:", *"".join(WORK.format(n=n) for n in range(4)).splitlines()]
    lines, outcomes = whole, set()
    for _ in range(100):
        lines = _typed(random, whole if random.random() < 0.4 else lines)
        end = random.choice(["\n", "\n", "\r\n"])
        path.write_bytes((end.join(lines) + end).encode())
        told = _told(load_papers, tmp_path)
        assert told == _told(parse_papers, path), path.read_text()
        assert told == _told(load_papers, tmp_path)  # as kept
        outcomes.add((bool(told[0]), bool(told[1])))
    assert outcomes >= {(True, False), (True, True), (False, True)}


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were parsed as YAML."""
    texts: list[str] = []
    parse = reading.parse

    def watched(text: str, place: str) -> reading.Document:
        texts.append(text)
        return parse(text, place)

    monkeypatch.setattr(reading, "parse", watched)
    return texts


def _registry(root: Path, works: int = 6) -> Path:
    path = root / "papers.yaml"
    path.write_text("papers:\n" + "".join(WORK.format(n=n) for n in range(works)))
    (root / "projects").mkdir()
    for n in range(works):
        text = f"slug: p{n}\nname: P{n}\nkind: method\npapers: [work-{n}]\n"
        (root / f"projects/p{n}.yaml").write_text(text)
    return path


def test_only_the_changed_record_is_parsed(tmp_path: Path, parsed: list[str]) -> None:
    path = _registry(tmp_path)
    Registry.load(tmp_path)
    parsed.clear()
    Registry.load(tmp_path)
    assert not parsed
    path.write_text(path.read_text().replace("Segment 3", "Cut 3"))
    (tmp_path / "projects/p2.yaml").write_text(
        "slug: p2\nname: Two\nkind: method\npapers: [work-2]\n"
    )
    registry = Registry.load(tmp_path)
    assert registry.papers[3].title.startswith("Cut 3")
    assert registry.projects[2].name == "Two"
    assert sum("Cut 3" in text or "Two" in text for text in parsed) == 2
    assert len(parsed) == 3  # `papers:` alone, the work, the project
    parsed.clear()
    Registry.load(tmp_path)
    assert not parsed


def test_a_broken_record_or_file_does_not_make_the_others_be_read_again(
    tmp_path: Path, parsed: list[str]
) -> None:
    path = _registry(tmp_path)
    path.write_text(
        path.read_text().replace("authors: [Ada Example, Ben Example]", "authors: 7", 1)
    )
    (tmp_path / "projects/p1.yaml").write_text("slug: p1\nname: [\n")
    registry, findings = Registry.read(tmp_path)  # nothing was kept
    assert (len(registry.papers), len(registry.projects), len(findings)) == (5, 5, 2)
    assert [finding.line for finding in findings] == [4, 3]
    parsed.clear()
    again, told = Registry.read(tmp_path)
    assert (again.papers, again.projects, told) == (registry.papers, registry.projects, findings)
    assert len(parsed) == 4  # `papers:`, the work twice (its lines), the project


def test_records_of_another_definition_are_read_again(
    tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _registry(tmp_path)
    load_projects(tmp_path)
    parsed.clear()
    monkeypatch.setattr(kept, "_definition", lambda: "0" * 64)
    load_projects(tmp_path)
    assert len(parsed) == 6


def test_readers_and_writers_at_once_read_what_is_there(tmp_path: Path) -> None:
    path = _registry(tmp_path)
    texts = [path.read_text().replace("Segment 1", f"Cut {n}") for n in range(8)]
    wanted = {text: loading.parse(text) for text in texts}
    failures: list[Any] = []

    def work(number: int) -> None:
        random = Random(number)
        for _ in range(25):
            text = random.choice(texts)
            content = text.encode()
            read = loading.papers_of(tmp_path, content, kept.key_of(content))
            if read != wanted[text]:
                failures.append(text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert not list((tmp_path / kept.FOLDER).glob("*.part"))
