"""One joined view: terminal, site, API and README count the same works under the same name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from terminal import here

from catalog.facets import TAG_FACETS, Filters, Work, works
from catalog.records import Checkpoint, Links, Paper, Project, Repository
from catalog.registry import Registry
from catalog.render.build import generate
from catalog.render.facets import FACETS
from catalog.render.output import Settings
from catalog.render.readme import update
from catalog.render.views import Catalog

NOTHING = ("unknown", "n/a", "none", "no-claim")  # words for no value, on the site only


@pytest.fixture(scope="module")
def registry(root: Path) -> Registry:
    return Registry.load(root)


def test_every_facet_counts_the_same_on_site_and_terminal(registry: Registry) -> None:
    files = generate(Catalog(registry), Settings()).files
    facets = json.loads(files["api/v1/facets.json"])["items"]
    joined = works(registry)
    compared = 0
    for facet in facets:
        if facet["option"] is None:
            continue
        for value, count in facet["values"].items():
            if value not in NOTHING:
                kept = Filters(facets={facet["option"]: [value]}).apply(joined)
                assert len(kept) == count, (facet["facet"], value)
                compared += 1
    assert compared > 150
    named = {facet.option for facet in FACETS}
    assert named >= set(TAG_FACETS) - {"task"} | {"prompt", "verdict"}


def test_a_data_set_is_one_under_every_spelling(root: Path, registry: Registry) -> None:
    """Site and terminal keep the same works, however its name is written."""
    facets = json.loads(generate(Catalog(registry), Settings()).files["api/v1/facets.json"])[
        "items"
    ]
    counts = next(f["values"] for f in facets if f["facet"] == "dataset")
    spelled = {
        spelling: len(json.loads(here(root, "list", "--dataset", spelling, "--json").out))
        for spelling in ("kvasir-seg", "Kvasir-SEG", "Kvasir SEG")
    }
    assert set(spelled.values()) == {counts["kvasir-seg"]}
    told = here(root, "list", "--dataset", "kvasir-sge")
    assert told.code == 2
    assert "Did you mean Kvasir-SEG?" in told.err


def test_code_and_weights_are_one_count_everywhere(root: Path, registry: Registry) -> None:
    catalog = Catalog(registry)
    stats = json.loads(here(root, "stats", "--json").out)
    listed = json.loads(here(root, "list", "--has-code", "--json").out)
    items = json.loads(generate(catalog, Settings()).files["api/v1/papers.json"])["items"]
    code = sum(item["code"] in ("yes", "linked") for item in items)
    weights = sum(item["weights"] in ("yes", "gated") for item in items)
    assert stats["code"]["yes"] == len(listed) == code > 0
    assert stats["weights"]["yes"] == weights > 0
    readme = update((root / "README.md").read_text("utf-8"), catalog)
    for name, count in (("works with code", code), ("works with released weights", weights)):
        assert re.search(rf"\| {name} \| {count} of {len(items)}\b", readme), name
    assert stats["registry"]["works"] == len(items)


@pytest.mark.parametrize(
    ("release", "links", "code", "weights"),
    [
        (None, Links(), "unknown", "unknown"),
        (None, Links(code=[]), "none", "none"),  # without code, no weights
        (None, Links(code=["https://github.com/a/b"]), "linked", "unknown"),
        (None, Links(weights=["https://x.org/w"]), "unknown", "yes"),
        ({"repository": Repository(url="https://github.com/a/b")}, Links(), "linked", "unknown"),
        ({"code_status": "training"}, Links(), "yes", "unknown"),
        ({"code_status": "empty"}, Links(code=["https://github.com/a/b"]), "empty", "unknown"),
        ({"code_status": "training+weights"}, Links(), "yes", "yes"),
        ({"weights_status": "dead link"}, Links(), "unknown", "dead"),
        ({"weights_status": "gated"}, Links(), "unknown", "gated"),
        ({"checkpoints": []}, Links(), "unknown", "none"),
        (
            {"checkpoints": [Checkpoint(id="w", urls=["https://x.org/w"])]},
            Links(),
            "unknown",
            "yes",
        ),
    ],
)
def test_states_of_code_and_weights(
    release: dict[str, object] | None, links: Links, code: str, weights: str
) -> None:
    projects = []
    if release is not None:
        projects.append(Project(slug="p", name="P", kind="method", **release))  # type: ignore[arg-type]
    work = Work(Paper(id="x", title="X", links=links), projects)
    assert (work.code_state, work.weights_state) == (code, weights)
    answer = {"yes": True, "linked": True, "gated": True, "unknown": None}
    assert (work.code, work.weights) == (answer.get(code, False), answer.get(weights, False))
