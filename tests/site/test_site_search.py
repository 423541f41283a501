"""The site's search gives what the terminal's gives, in the same order, and says what is near."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect

from catalog.facets import Filters, without_paper, works
from catalog.registry import Registry
from catalog.search import Index

FILE = Path(__file__).parent.parent / "catalog/search_queries.yaml"
QUERIES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text("utf-8"))
FURTHER = (
    "",
    "   ",
    "zzzzqqqq",
    "ultrasound",
    "SAM",
    "straße",
    "Nguyễn",
    "2024",
    "a of the",
    "x\\'y",
)


@pytest.mark.browser
def test_one_index_and_one_ranking(page: Page, server: str, registry_root: Path) -> None:
    """Every query of the terminal's test and some odd ones: ids, order and scores are the same."""
    registry = Registry.load(registry_root)
    found = works(registry)
    index = Index(Filters().apply([*found, *without_paper(registry, found)]))
    queries = [case["type"] for case in QUERIES] + list(FURTHER)
    page.goto(f"{server}search/")
    answers = page.evaluate(
        """async (queries) => {
          const { works } = await document.querySelector("[data-everything]").search();
          return queries.map((q) => [
            works.search(q).map((h) => [h.id, h.score]), works.without(q), works.meant(q),
          ]);
        }""",
        queries,
    )
    for query, (hits, without, meant) in zip(queries, answers, strict=True):
        here = [[hit.work.paper.id, hit.score] for hit in index.search(query)]
        assert hits == here, query
        if not here:
            assert without == [list(pair) for pair in index.without(query)], query
            assert meant == index.near(query), query


@pytest.mark.browser
def test_no_result_says_what_is_near(page: Page, server: str) -> None:
    page.goto(f"{server}search/?find=SAM-Med9D")
    near = page.locator(".near")
    expect(near).to_contain_text("Did you mean SAM-Med2D")
    near.get_by_role("link", name="SAM-Med2D", exact=True).click()
    expect(page.locator("ol li a").first).to_contain_text("SAM-Med2D")
    expect(near).to_be_empty()
    page.locator("[data-everything] input").fill("colour fundus vessels")
    expect(near).to_contain_text("Without “colour”:")
