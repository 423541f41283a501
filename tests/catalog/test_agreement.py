"""A project against its works, its claims and itself: two records never say two things."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.checks import check_registry

PAPERS = """\
papers:
  - id: work
    title: A work
    authors: [Ada Author]
    authors_complete: true
    versions:
      - kind: preprint
        ids: {arxiv: '2304.12306'}
        date: '2023-04'
        cite: true
    links: {code: ['https://github.com/authors/tried']}
"""
FIELD = {"value": None, "evidence": "unknown"}
CLAIM = {
    "id": "dice",
    "metric": "dice",
    "value": 0.8,
    "scale": 1,
    "decimals": 1,
    "printed_by": "own",
    "source": {"arxiv": "2304.12306"},
    "state": "blocked",
    "reason": "no-checkpoint",
    "state_note": "not the file of this table",
    "protocol": dict.fromkeys(
        (
            *("metric_profile", "prompt_profile", "preprocessing", "grid", "mask_selection"),
            *("threshold", "postprocessing", "precision"),
        ),
        FIELD,
    ),
}
PROJECT = {
    "slug": "tried",
    "name": "Tried",
    "kind": "method",
    "papers": ["work"],
    "repository": {"url": "https://github.com/authors/tried"},
    "code_status": "inference",
    "weights_status": "public",
    "adapter_reason": "no adapter written yet",
    "checkpoints": [{"id": "best", "urls": ["https://example.org/best.pth"]}],
    "claims": [CLAIM],
}
OTHER = {
    "slug": "other",
    "name": "Other",
    "kind": "method",
    "papers": ["work"],
    "weights_status": "public",
    "checkpoints": [{"id": "theirs", "urls": ["https://example.org/best.pth"]}],
}


def told(folder: Path, papers: str, *projects: dict[str, Any]) -> list[str]:
    (folder / "papers.yaml").write_text(papers)
    (folder / "projects").mkdir()
    for project in projects:
        path = folder / "projects" / f"{project['slug']}.yaml"
        path.write_text(json.dumps(project))  # JSON is YAML
    findings = check_registry(folder, thorough=True)[1]
    assert not [str(f) for f in findings if f.code[0] in "YS"]
    return [f.code for f in findings if f.code[0] == "F"]


def test_records_that_agree_have_no_finding(tmp_path: Path) -> None:
    owned = OTHER | {"checkpoints": [{**OTHER["checkpoints"][0], "of": "tried"}]}  # type: ignore[dict-item] # a dict
    assert told(tmp_path, PAPERS, PROJECT, owned) == []


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "DOI in its facts": ("F009", {"details": {"paper": {"doi": "10.1000/x"}}}),
    "DOI in its claim": (
        "F009",
        {"claims": [CLAIM | {"source": {"doi": "https://doi.org/10.1000/x"}}]},
    ),
    "venue": ("F010", {"details": {"paper": {"venue": "arXiv / MIUA 2024"}}}),
    "no weights, an address": ("F011", {"weights_status": "none"}),
    "not checked, an address": ("F011", {"weights_status": None}),
    "unknown, an address": ("F011", {"weights_status": "unknown"}),
    "a protocol of another commit": (
        "F011",
        {
            "repository": {"url": "https://github.com/authors/tried", "commit": "a" * 40},
            "protocol_card": {"commit": "b" * 40},
        },
    ),
    "public, no address": ("F011", {"checkpoints": [{"id": "best"}]}),
    "only the file of another": (
        "F011",
        {"checkpoints": [{"id": "best", "urls": ["https://example.org/x"], "of": "sam"}]},
    ),
    "no code, but a protocol": (
        "F011",
        {"code_status": "empty", "protocol_card": {"eval_script": "in test"}},
    ),
    "no code released, but code": ("F011", {"adapter_reason": "no code released (empty)"}),
    "an adapter and a reason": ("F011", {"adapter": "sam"}),
    "another repository": ("F011", {"repository": {"url": "https://github.com/authors/other"}}),
    "no-adapter with an adapter": (
        "F013",
        {
            "adapter": "sam",
            "adapter_reason": None,
            "claims": [CLAIM | {"reason": "no-adapter"}],
        },
    ),
    "no-checkpoint unexplained": ("F013", {"claims": [CLAIM | {"state_note": None}]}),
    "nothing released, but public": (
        "F013",
        {"claims": [CLAIM | {"state_note": "No weights released by the authors."}]},
    ),
    "reason without a block": ("F013", {"claims": [CLAIM | {"state": "not-attempted"}]}),
    "no work": ("F014", {"papers": []}),
}


@pytest.mark.parametrize("name", CASES)
def test_two_records_that_say_two_things_are_found(name: str, tmp_path: Path) -> None:
    code, changes = CASES[name]
    assert told(tmp_path, PAPERS, PROJECT | changes) == [code]


@pytest.mark.parametrize("venue", ["arXiv", "arXiv (v2 2024-12)", "arXiv tech report", ""])
def test_an_archive_is_no_venue(venue: str, tmp_path: Path) -> None:
    assert told(tmp_path, PAPERS, PROJECT | {"details": {"paper": {"venue": venue}}}) == []


@pytest.mark.parametrize(("title", "found"), [("A Work", ["F010"]), ("Another work", [])])
def test_a_readme_that_names_the_venue(title: str, found: list[str], tmp_path: Path) -> None:
    commit = "a" * 40
    cited = {"title": title, "venue": "MICCAI 2024", "line": 7}
    looked = {"date": "2026-11-29", "source": "clone", "cites": [cited]}
    (tmp_path / "catalog/data").mkdir(parents=True)
    (tmp_path / "catalog/data/places.json").write_text(
        json.dumps({"schema": "places/1", "commits": {f"authors/tried@{commit}": looked}})
    )
    read = {"url": "https://github.com/authors/tried", "commit": commit}
    assert told(tmp_path, PAPERS, PROJECT | {"repository": read}) == found


@pytest.mark.parametrize(
    ("reason", "how", "state", "found"),
    [
        ("gated-data", "fetched", "alive", ["F013"]),
        ("gated-data", "by hand", "alive", []),
        ("dead-link", "by hand", "alive", ["F013"]),
        ("dead-link", "by hand", "dead", []),
    ],
)
def test_a_block_that_was_lifted(
    reason: str, how: str, state: str, found: list[str], tmp_path: Path, root: Path
) -> None:
    for name in ("catalog/data", "reproduce/results"):
        (tmp_path / name).mkdir(parents=True)
    data = json.loads((root / "reproduce/results/datasets.json").read_text())
    next(d for d in data["datasets"] if d["name"] == "kvasir-seg")["how"] = how
    (tmp_path / "reproduce/results/datasets.json").write_text(json.dumps(data))
    links = {"https://example.org/best.pth": {"state": state, "checked": "2026-11-29"}}
    (tmp_path / "catalog/data/volatile.json").write_text(json.dumps({"links": links}))
    claim = CLAIM | {"reason": reason, "dataset": "kvasir-seg"}
    assert told(tmp_path, PAPERS, PROJECT | {"claims": [claim]}) == found


DRIVE = "https://drive.google.com"
HUB = "https://huggingface.co/authors/tried"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/best.pth", "https://example.org/best.pth"),
        (f"{DRIVE}/file/d/1AbC/view?usp=sharing", f"{DRIVE}/uc?export=download&id=1AbC"),
        (f"{HUB}/blob/main/best.pth", f"{HUB}/resolve/main/best.pth?download=true"),
        (HUB, f"{HUB}/"),
    ],
)
def test_a_file_has_one_owner(one: str, other: str, tmp_path: Path) -> None:
    mine = PROJECT | {"checkpoints": [{"id": "best", "urls": [one]}]}
    theirs = OTHER | {"checkpoints": [{"id": "theirs", "urls": [other]}]}
    assert told(tmp_path, PAPERS, mine, theirs) == ["F012"]


def test_a_work_that_says_no_weights_or_no_code(tmp_path: Path) -> None:
    silent = PAPERS.replace(
        "{code: ['https://github.com/authors/tried']}", "{code: [], weights: []}"
    )
    assert told(tmp_path, silent, PROJECT) == ["F011", "F011"]


def test_a_project_may_say_why_it_has_no_work(tmp_path: Path) -> None:
    assert told(tmp_path, PAPERS, PROJECT | {"papers": [], "no_paper": "a tool"}) == []
