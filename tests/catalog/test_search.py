"""Search and filters over small registries made of records, and over the real one."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from terminal import here

from catalog.errors import UsageError
from catalog.facets import Filters, Work, works, year_range
from catalog.licences import licence_class
from catalog.records import (
    Checkpoint,
    Ids,
    Inclusion,
    Licences,
    Links,
    Paper,
    Project,
    Repository,
    Tag,
    Version,
)
from catalog.registry import Registry
from catalog.search import Index


def paper(id: str, title: str, year: str = "2024", **fields: Any) -> Paper:
    versions = [Version(kind="preprint", date=year, ids=Ids(arxiv=fields.pop("arxiv", None)))]
    return Paper(id=id, title=title, versions=versions, **fields)


def tag(*values: str) -> Tag:
    return Tag(values=list(values), provenance="abstract")


PAPERS = [
    paper(
        "medsam",
        "Segment anything in medical images",
        "2023",
        short_name="MedSAM",
        arxiv="2304.12306",
        title_aliases=["MedSAM: an earlier name of the whole thing"],
        authors=["Jun Ma", "JD. Gutiérrez"],
        modalities=tag("ct", "mri"),
        prompts_infer=tag("box"),
        links=Links(code=["https://github.com/bowang-lab/MedSAM"]),
    ),
    paper("sam-med2d", "SAM-Med2D", short_name="SAM-Med2D", modalities=tag("ct")),
    paper("sam-med3d", "SAM-Med3D: a volumetric one", short_name="SAM-Med3D", links=Links(code=[])),
    paper("polyp", "Polyp segmentation by prompting", "2025", modalities=tag("endoscopy")),
    paper(
        "out",
        "Segment anything in industry",
        inclusion=Inclusion(decision="exclude", reason="not medical"),
    ),
]
PROJECTS = [
    Project(
        slug="medsam",
        name="MedSAM",
        kind="method",
        papers=["medsam"],
        repository=Repository(url="https://github.com/bowang-lab/MedSAM"),
        licences=Licences(code="Apache-2.0"),
        code_status="training+inference",
        checkpoints=[Checkpoint(id="a", urls=["https://example.org/a.pth"])],
    ),
    Project(
        slug="polyp",
        name="Polypper",
        kind="method",
        papers=["polyp"],
        code_status="empty",
        weights_status="none",
        licences=Licences(code="none", weights="CC-BY-NC-4.0"),
    ),
]
REGISTRY = Registry(Path(), papers=PAPERS, projects=PROJECTS)


@pytest.fixture(scope="module")
def index() -> Index:
    return Index(works(REGISTRY))


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("medsam", "medsam"),
        ("MedSAM", "medsam"),
        ("segment anything in medical images", "medsam"),
        ("earlier name of the whole", "medsam"),
        ("segmnt anythng medical imges", "medsam"),
        ("gutierrez", "medsam"),
        ("Gutiérez", "medsam"),
        ("2304.12306", "medsam"),
        ("sam-med2d", "sam-med2d"),
        ("SAM Med2D", "sam-med2d"),
        ("sammed3d", "sam-med3d"),
        ("polyp 2025", "polyp"),
        ("polypper", "polyp"),
        ("endoscopy", "polyp"),
    ],
)
def test_finds(index: Index, query: str, first: str) -> None:
    assert index.search(query)[0].work.paper.id == first


def test_digits_match_exactly(index: Index) -> None:
    assert [hit.work.paper.id for hit in index.search("sam-med2d")] == ["sam-med2d"]
    assert [hit.work.paper.id for hit in index.search("sammed4d")] == []


def test_every_word_must_be_found(index: Index) -> None:
    assert index.search("medsam polyp") == []
    assert index.search("   ") == []


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=40))
def test_any_query_is_answered(query: str) -> None:
    for hit in Index(works(REGISTRY)).search(query):
        assert 0 < hit.score <= 1.0


def test_known_works_of_the_registry_are_found(root: Path, tmp_path: Path) -> None:
    """Every title and earlier title finds its own work, first or under an equal name."""
    shutil.copy(root / "papers.yaml", tmp_path)
    all_works = works(Registry.load(tmp_path))
    index = Index(all_works)
    for work in all_works[::7]:
        for title in [work.paper.title, *work.paper.title_aliases]:
            found = [hit.work.paper.id for hit in index.search(title, 3)]
            assert work.paper.id in found, title


def test_index_that_was_kept_finds_the_same(root: Path, tmp_path: Path) -> None:
    """An index from the cache answers as a fresh one, and a changed file makes a new one."""
    shutil.copy(root / "papers.yaml", tmp_path)
    shutil.copytree(root / "projects", tmp_path / "projects")
    queries = ("medsam", "polyp sam", "2304.12306", "gutierez", "SAM-Med2D", "no such thing")

    def answers(index: Index) -> list[list[tuple[str, float, tuple[str, ...]]]]:
        return [[(h.work.paper.id, h.score, h.fields) for h in index.search(q)] for q in queries]

    for _ in range(2):  # first made and kept, then read
        registry = Registry.load(tmp_path)
        index = Index.kept(registry, works(registry))
        assert answers(index) == answers(Index(works(registry)))
    assert (tmp_path / ".sam4mis/cache/search.json").is_file()

    text = (tmp_path / "papers.yaml").read_text("utf-8")
    renamed = text.replace("    short_name: MedSAM\n", "    short_name: Xylophone\n", 1)
    (tmp_path / "papers.yaml").write_text(renamed, "utf-8")
    changed = Registry.load(tmp_path)
    index = Index.kept(changed, works(changed))
    assert [hit.work.paper.id for hit in index.search("xylophone")] == ["medsam"]
    fresh = Index(works(changed))

    # only what changed was read again, works that come and go, too: the same as made anew
    papers = list(changed.papers)
    for now in (papers, papers[1:], papers[:-3], papers, [*papers[5:9], *papers]):
        told = replace(changed, papers=now, keys={"papers": str(len(now)), "projects": ""})
        index, fresh = Index.kept(told, works(told)), Index(works(told))
        assert {w: sorted(at) for w, at in index._words.items()} == fresh._words
        assert {w: sorted(at) for w, at in index._names.items()} == fresh._names
        assert answers(index) == answers(fresh)


def calls_of(function: Callable[[], Any]) -> tuple[int, Any]:
    """How many calls a function makes, those of compiled code included, and its answer."""
    calls = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        answer = function()
    finally:
        sys.setprofile(None)
    return calls, answer


def test_a_search_in_5000_works_costs_little_beside_the_index() -> None:
    """With a typing error in two of three words, in calls; seconds are in the benchmarks."""
    many = [
        paper(f"w{n}", f"Method {n}: segmenting organ {n % 97} in scan {n % 89} by prompts")
        for n in range(5000)
    ]
    everything = works(Registry(Path(), papers=many))
    building, index = calls_of(lambda: Index(everything))
    searching, hits = calls_of(lambda: index.search("segmnting orgn 42"))
    assert hits
    assert searching < building / 4


# ---------------------------------------------------------------------------------- filters


def kept(**filters: Any) -> list[str]:
    facets = {name: filters.pop(name) for name in list(filters) if isinstance(filters[name], list)}
    found = Filters(facets=facets, **filters).apply(works(REGISTRY))
    return [work.paper.id for work in found]


def test_filters() -> None:
    assert kept() == ["medsam", "sam-med2d", "sam-med3d", "polyp"]
    assert kept(modality=["CT"]) == ["medsam", "sam-med2d"]
    assert kept(modality=["ct", "endoscopy"]) == ["medsam", "sam-med2d", "polyp"]
    assert kept(modality=["ct"], prompt=["box"]) == ["medsam"]
    assert kept(year="2025-") == ["polyp"]
    assert kept(year="-2023") == ["medsam"]
    assert kept(author="gutierrez") == ["medsam"]
    assert kept(inclusion="exclude") == ["out"]
    assert kept(inclusion="all")[-1] == "out"
    assert kept(licence=["commercial"]) == ["medsam"]
    assert kept(licence=["non-commercial"]) == ["polyp"]


def test_has_code_and_weights_know_what_nobody_checked() -> None:
    assert kept(code=True) == ["medsam"]
    assert kept(code=False) == ["sam-med3d", "polyp"]  # looked, none; an empty repository
    assert kept(weights=True) == ["medsam"]
    assert kept(weights=False) == ["sam-med3d", "polyp"]  # where there is no code, no weights


def test_unknown_value_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"--modality: 'endoscopi' is not known.*endoscopy"):
        kept(modality=["endoscopi"])
    assert kept(modality=["spect"]) == []  # of the vocabulary, though no work has it


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024", (2024, 2024)),
        ("2023-2025", (2023, 2025)),
        ("2024-", (2024, 9999)),
        ("-2023", (0, 2023)),
    ],
)
def test_year_range(text: str, expected: tuple[int, int]) -> None:
    assert year_range(text) == expected


@pytest.mark.parametrize("text", ["", "-", "20", "2023 2024", "next"])
def test_no_year(text: str) -> None:
    with pytest.raises(UsageError, match="--year"):
        year_range(text)


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("MIT", "commercial"),
        ("Apache-2.0", "commercial"),
        ("GPL-3.0-only", "commercial"),
        ("CC-BY-NC-SA-4.0", "non-commercial"),
        ("MIT OR CC-BY-NC-4.0", "commercial"),
        ("MIT AND CC-BY-NC-4.0", "non-commercial"),
        ("(MIT OR Apache-2.0) AND CC-BY-NC-4.0", "non-commercial"),
        ("MIT OR (Apache-2.0 AND CC-BY-NC-4.0)", "commercial"),
        ("Apache-2.0 AND LicenseRef-Commons-Clause", "non-commercial"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "commercial"),
        ("MIT AND (", "unknown"),
        ("research only", "non-commercial"),
        ("none", "none"),
        (None, "unknown"),
        ("LicenseRef-own", "unknown"),
    ],
)
def test_licence_class(expression: str | None, kind: str) -> None:
    assert licence_class(expression) == kind


def test_states_come_from_verdicts_where_there_are_any() -> None:
    assert Work(PAPERS[0]).states == []


# ------------------------------------------------------------------------- what people type

QUERIES = yaml.safe_load((Path(__file__).parent / "search_queries.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", QUERIES, ids=lambda case: str(case["type"]))
def test_what_people_type(root: Path, case: dict[str, Any]) -> None:
    def typed(words: str) -> list[str]:
        found = here(root, "search", words, "--limit", "1000", "--json")
        return [item["id"] for item in json.loads(found.out)]

    found = typed(case["type"])
    assert bool(found) != ("none" in case)
    first = [case["first"]] if "first" in case else case.get("any")
    assert first is None or found[0] in first
    assert set(case.get("also", ())) <= set(found[:10])
    if "same_as" in case:
        assert found == typed(case["same_as"])
    if "none" in case:
        assert found == []
        said = here(root, "search", case["type"]).err
        assert not case["none"] or f"Did you mean {case['none']}" in said
        assert "without" not in case or f"Without '{case['without']}': " in said
