"""Places in code: read from records, looked up in a real clone and at a local GitHub."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_server import Asked, Reply, running
from terminal import here

from catalog.checks import check_registry
from catalog.places import naming, verified
from catalog.places.looking import lines
from catalog.registry import Registry

FILES = {
    "test.py": "import utils\n\nprint(utils.dice(1, 2))\n",
    "code/utils.py": "def dice(a, b):\n    return 2 * a / (a + b)",
    "data/lists.zip": "not read",
    "README.md": """# Tried

Please cite

@inproceedings{a2024,
  title = {A work}, author = {Author, Ada}, booktitle = {MICCAI}, year = {2024}
}
@article{b, title = {Another}, author = {B, C}, journal = {arXiv preprint arXiv:2304.12306}}
""",
}
PROJECT = """\
slug: tried
name: Tried
kind: method
no_paper: made up
repository: {url: 'https://github.com/authors/tried', commit: COMMIT}
further_repositories:
- {url: 'https://github.com/others/base', commit: COMMIT}
protocol_card:
  commit: COMMIT
  eval_script: test.py, then code/*.py
  metric_code: utils.py:2
  traps:
  - {text: three lines only, file: test.py, line: 2-4}
  - {text: inside an archive, file: data/lists.zip/split.txt}
  - {text: of the base, file: test.py, line: '3', repository: others/base}
  - {text: of nobody, file: test.py, repository: nobody/there}
  - {text: of another commit, file: test.py, commit: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
"""
EXPECTED = [
    ("F001", "tried.protocol_card.metric_code"),
    ("F002", "tried.protocol_card.traps[0].file"),
    ("F003", "tried.protocol_card.traps[3].file"),
    ("F003", "tried.protocol_card.traps[4].file"),
]


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Path, str]:
    """A folder with clones of both repositories, and their commit."""
    folder = tmp_path / "clones" / "authors" / "tried"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "all")
    commit = git(folder, "rev-parse", "HEAD")
    for name in FILES:  # what counts is the commit, not the work tree
        (folder / name).unlink()
    base = tmp_path / "clones" / "others"
    base.mkdir()
    git(base, "clone", "-q", "--bare", str(folder), "base.git")
    return tmp_path / "clones", commit


def registry(folder: Path, commit: str) -> Path:
    (folder / "projects").mkdir()
    (folder / "catalog/data").mkdir(parents=True)
    (folder / "papers.yaml").write_text("papers: []\n")
    (folder / "projects/tried.yaml").write_text(PROJECT.replace("COMMIT", commit))
    return folder


def told(root: Path) -> list[tuple[str, str]]:
    findings = check_registry(root, thorough=True)[1]
    return [(f.code, f.path) for f in findings if f.code != "C022"]  # the day says nothing here


def doctor(root: Path, *arguments: str, **environment: str) -> Any:
    return here(root, "doctor", "--only", "F", *arguments, extra=environment)


def test_places_are_looked_up_in_clones_once(tmp_path: Path, clones: tuple[Path, str]) -> None:
    folder, commit = clones
    root = registry(tmp_path, commit)
    before = {code for code, _ in told(root)}
    assert before == {"F003", "F004"}
    first = doctor(root, "--places", "--clones", str(folder))
    assert first.code == 1
    assert "5 files looked up in 2 commits" in first.err
    assert told(root) == EXPECTED
    assert "code/utils.py" in first.out  # where a file of that name is
    looked = verified.load(root).commits[f"authors/tried@{commit}"]
    assert (looked.source, looked.files["test.py"], looked.files["code/*.py"]) == (
        "clone",
        3,
        "folder",
    )
    assert looked.cites
    assert [(c.title, c.line) for c in looked.cites] == [("A work", 5)]  # a preprint is no venue
    (project,) = Registry.load(root).projects
    found = verified.tally(project, verified.load(root))
    assert found
    assert (found.named, found.there) == (8, 4)
    again = doctor(root, "--places", SAM4MIS_URL_GITHUB="http://127.0.0.1:9")
    assert "0 files looked up in 0 commits" in again.err


def test_places_are_looked_up_at_github(tmp_path: Path) -> None:
    commit = "c" * 40
    root = registry(tmp_path, commit)
    tree = {"tree": [{"type": "blob", "path": name} for name in FILES], "truncated": False}

    def content(asked: Asked) -> Reply:
        assert asked.query["ref"] == [commit]
        text = FILES[asked.path.partition("/contents/")[2]]
        assert asked.headers["Accept"] == "application/vnd.github.raw+json"
        return Reply(text.encode())

    with running() as server:
        for name in ("authors/tried", "others/base"):
            server.routes[f"/repos/{name}/git/trees/{commit}"] = [Reply(json.dumps(tree).encode())]
            server.routes[f"/repos/{name}/contents/"] = content
        doctor(root, "--places", SAM4MIS_URL_GITHUB=server.url, SAM4MIS_QUICK="1")
    assert told(root) == EXPECTED
    assert {looked.source for looked in verified.load(root).commits.values()} == {"github"}


def test_without_clones_and_network_the_way_out_is_told(tmp_path: Path) -> None:
    root = registry(tmp_path, "c" * 40)
    answer = doctor(root, "--places", SAM4MIS_URL_GITHUB="http://127.0.0.1:9", SAM4MIS_QUICK="1")
    assert answer.code == 3
    assert "sam4mis doctor --places --clones" in answer.err
    assert not (root / verified.FILE).exists()


def test_a_damaged_record_of_places_is_told(tmp_path: Path) -> None:
    root = registry(tmp_path, "c" * 40)
    (root / verified.FILE).write_text("{")
    assert told(root) == [("Y001", "")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("utils.py:606 and :1092", [("utils.py", 606, None)]),
        ("code.zip/SSMIS/a.py:40,197", [("code.zip/SSMIS/a.py", 197, None)]),
        ("o/n@10761d1:a/b.py:3-9; c.ipynb", [("a/b.py", 9, "o/n"), ("c.ipynb", None, None)]),
        ("https://example.org/a.py says 0.5", []),
        ("train.pytorch, e.g. 1.2", []),
        ("README.md:64 (--img_size=224)", [("README.md", 64, None)]),
    ],
)
def test_places_in_text(text: str, found: list[tuple[str, int | None, str | None]]) -> None:
    assert [(p.path, p.last, p.repository) for p in naming.named(text, ())] == found


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8")), max_size=8))
def test_lines_are_those_of_an_editor(texts: list[str]) -> None:
    whole = "\n".join(texts).encode()
    assert lines(whole + b"\n") == max(len(texts), 1)
    assert lines(whole) == (len(texts) if texts and texts[-1] else max(len(texts) - 1, 0))


def test_every_place_of_the_registry_names_its_repository(root: Path) -> None:
    for project in Registry.load(root).projects:
        if naming.repositories(project):
            for place in naming.places(project):
                assert naming.belongs_to(place, project), (project.slug, str(place))
