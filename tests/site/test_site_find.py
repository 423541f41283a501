"""Find a model on the site: the command line's answer, side by side, and without a script."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect

from catalog.choosing import APART, Need, Offer, answer, offers
from catalog.registry import Registry

FILE = Path(__file__).parent.parent / "catalog/needs.yaml"
NEEDS: list[dict[str, Any]] = yaml.safe_load(FILE.read_text("utf-8"))
SHOWN = """() => Object.fromEntries([...document.querySelectorAll(".tier")].map((tier) => [
  tier.id,
  [...tier.querySelectorAll(".offer:not([hidden])")].map((o) => [
    o.id,
    o.classList.contains("apart"),
    o.querySelector(".remark").textContent.replace("Needs more: ", ""),
  ]),
]))"""


@pytest.fixture(scope="module")
def every(registry_root: Path, root: Path) -> list[Offer]:
    return offers(Registry.load(registry_root))


def expected(every: list[Offer], need: Need) -> dict[str, list[list[object]]]:
    return {
        tier: [[one.offer.project.slug, one.level == APART, "; ".join(one.remarks)] for one in held]
        for tier, held in answer(every, need).items()
    }


@pytest.mark.browser
def test_every_need_is_answered_as_on_the_command_line(
    page: Page, server: str, every: list[Offer]
) -> None:
    """Which, under which tier, in which order, with which remarks."""
    page.goto(f"{server}find/")
    page.wait_for_selector("[data-ready]")
    assert page.evaluate(SHOWN) == expected(every, Need())
    for case in NEEDS:
        query = "&".join(
            f"{key.removesuffix('_gib')}={value}" for key, value in case["need"].items()
        )
        page.goto(f"{server}find/?{query}")
        page.wait_for_selector("[data-ready='1']")
        assert page.evaluate(SHOWN) == expected(every, Need(**case["need"])), case["say"]


@pytest.mark.browser
def test_choices_stand_in_the_address_and_go_back(page: Page, server: str) -> None:
    page.goto(f"{server}find/")
    page.wait_for_selector("[data-ready]")
    page.get_by_label("My images").select_option("endoscopy")
    page.wait_for_function("location.search === '?modality=endoscopy'")
    page.get_by_label("I can give").select_option("none")
    expect(page.locator("#polyp-sam .remark")).to_have_text(re.compile("^Needs more: takes a box"))
    expect(page.locator("#samus")).to_be_hidden()
    expect(page.locator(".count")).to_contain_text("made for it")
    page.reload()
    page.wait_for_selector("[data-ready='1']")
    expect(page.get_by_label("My images")).to_have_value("endoscopy")
    expect(page.locator("#made .offer").first).to_have_id("sam2-unet")
    page.get_by_role("button", name="Start again").click()
    page.wait_for_function("location.search === ''")
    expect(page.locator("#samus")).to_be_visible()
    page.goto(f"{server}find/ultrasound/")
    page.get_by_label("I can give").select_option("box")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/find/?modality=ultrasound&**prompt=box**")


@pytest.mark.browser
def test_what_may_be_given_is_drawn_and_chosen_from(page: Page, server: str) -> None:
    page.goto(f"{server}find/")
    drawn = page.locator(".prompts li")
    expect(drawn.locator("svg.prompt")).to_have_count(drawn.count())
    page.locator(".prompts").get_by_role("link", name="a box").click()
    page.wait_for_selector("[data-finder][data-ready]")
    assert page.url == f"{server}find/?prompt=box"
    expect(page.locator(".finder [name=prompt]")).to_have_value("box")


def test_two_to_four_side_by_side(page: Page, server: str) -> None:
    page.goto(f"{server}find/ultrasound/")
    side = page.locator(".compare")
    page.locator("[name=compare][value=medsam]").check()
    expect(side).to_be_hidden()
    page.locator("[name=compare][value=samus]").check()
    expect(side.locator("thead th")).to_have_text(["SAMUS / AutoSAMUS", "MedSAM"])
    rows = side.locator("tbody th").all_inner_texts()
    assert {"Prompt", "Memory", "Licence", "Weights", "Runs here", "Numbers", "Traps"} <= set(rows)
    numbers = side.locator("tbody tr").nth(rows.index("Numbers"))
    expect(numbers).to_contain_text("one source")
    for slug in ("sam", "sam2"):
        page.locator(f"[name=compare][value={slug}]").check()
    expect(page.locator("#made [name=compare]:not(:checked)").first).to_be_disabled()


@pytest.mark.browser
def test_it_is_all_there_without_a_script(
    new_page: Callable[..., Page], server: str, every: list[Offer]
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(server)
    page.locator(".tiles").get_by_role("link", name="Ultrasound models").click()
    assert page.url == f"{server}find/ultrasound/"
    expect(page.locator(".finder")).to_be_hidden()
    for tier, held in expected(every, Need(modality="ultrasound")).items():
        shown = page.locator(f"#{tier} .offer").evaluate_all("all => all.map((o) => o.id)")
        assert shown == [slug for slug, _, _ in held]
    samus = page.locator("#samus")
    for said in ("Point", "no hash known", "no word of the weights", "measured on a CPU"):
        expect(samus).to_contain_text(said)
    page.goto(f"{server}find/")
    page.locator(".tags").get_by_role("link", name=re.compile("^Polyp")).click()
    assert page.url == f"{server}find/polyp/"
    expect(page.locator("#made .offer").first).to_be_visible()
