"""The papers table in a real browser: filters, chips, address, search, sort, export, keyboard."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import bibtexparser
import pytest
import yaml
from playwright.sync_api import Download, Page, expect

from catalog.registry import Registry
from catalog.render import paging
from catalog.render.build import build

pytestmark = pytest.mark.browser

READY = "[data-table][data-ready]"


def go(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(READY)


def ids(page: Page) -> list[str]:
    return page.eval_on_selector_all("#rows tbody tr", "rows => rows.map(r => r.id)")


def every_id(page: Page, count: int) -> list[str]:
    """All `count` rows of a filtered or sorted table, which shows a part of many at first."""
    rows, more = page.locator("#rows tbody tr"), page.locator("[data-more]")
    while True:
        expect(more.or_(rows.nth(count - 1)).first).to_be_attached()
        if not more.is_visible():
            expect(rows).to_have_count(count)
            return ids(page)
        shown = rows.count()
        more.click()
        expect(rows.nth(shown)).to_be_attached()


def total(page: Page) -> int:
    found = re.match(r"(\d+)", page.locator(".count").inner_text())
    assert found
    return int(found[1])


def tick(page: Page, key: str, value: str) -> None:
    """Press a facet's option, opening its group first where it is closed."""
    box = page.locator(f"input[name='{key}'][value='{value}']")
    if not box.is_visible():
        page.locator(f"#f-{key}").click()
    box.click()


def option_count(page: Page, key: str, value: str) -> int:
    label = page.locator(f"label:has(input[name='{key}'][value='{value}'])")
    return int(label.locator("output").text_content() or "")


def wanted(root: Path, modality: set[str], years: set[str] | None = None) -> set[str]:
    """The same question asked of the registry, without the site's code."""
    found = set()
    for paper in Registry.load(root).papers:
        if paper.inclusion.decision == "exclude" or paper.modalities is None:
            continue
        dated = next((v.date for v in paper.versions if v.cite), None)
        if set(paper.modalities.values) & modality and (
            years is None or (dated or "")[:4] in years
        ):
            found.add(paper.id)
    return found


def test_filter_chip_address_back_reload_reset(
    page: Page, server: str, registry_root: Path
) -> None:
    go(page, f"{server}papers/")
    everything = total(page)
    tick(page, "modality", "ultrasound")
    expect(page.locator(".chips")).to_contain_text("Modality: Ultrasound")
    named = wanted(registry_root, {"ultrasound"})
    ultrasound = wanted(registry_root, {"ultrasound", "multi"})
    expect(page.locator(".count")).to_have_text(
        f"{len(ultrasound)} of {everything} works, "
        f"{len(ultrasound - named)} of them on many kinds of image"
    )
    assert set(every_id(page, len(ultrasound))) == ultrasound
    tick(page, "modality", "mri")
    page.wait_for_function("location.search.includes('mri')")
    both = wanted(registry_root, {"ultrasound", "mri", "multi"})
    expect(page.locator(".count")).to_contain_text(f"{len(both)} of {everything} works")
    assert set(every_id(page, len(both))) == both > ultrasound, "OR inside a facet"
    tick(page, "year", "2025")
    page.wait_for_function("location.search.includes('2025')")
    narrowed = wanted(registry_root, {"ultrasound", "mri", "multi"}, {"2025"})
    expect(page.locator(".count")).to_contain_text(f"{len(narrowed)} of {everything} works")
    assert set(every_id(page, len(narrowed))) == narrowed, "AND across facets"
    assert page.url.endswith(
        "papers/?year=2025&modality=mri&modality=ultrasound"
    ) or page.url.endswith("papers/?year=2025&modality=ultrasound&modality=mri")

    page.reload()
    page.wait_for_selector(READY)
    assert set(every_id(page, len(narrowed))) == narrowed
    assert page.locator("input[name=year][value='2025']").is_checked()
    page.locator("#rows tbody tr a").first.click()
    page.wait_for_selector("h1")
    page.go_back()
    page.wait_for_selector(READY)
    expect(page.locator(".count")).to_contain_text(f"{len(narrowed)} of {everything} works")
    assert set(every_id(page, len(narrowed))) == narrowed

    page.get_by_role("button", name="Remove filter Year: 2025").click()
    expect(page.locator("input[name=year][value='2025']")).not_to_be_checked()
    expect(page.locator(".count")).to_contain_text(f"{len(both)} of {everything} works")
    assert set(every_id(page, len(both))) == both

    # a second click leaves out, a third does neither; the switch leaves the named kinds alone
    tick(page, "modality", "mri")
    expect(page.locator(".chips")).to_contain_text("Modality: not MRI")
    without = ultrasound - wanted(registry_root, {"mri"})
    expect(page.locator(".count")).to_contain_text(f"{len(without)} of {everything} works")
    assert page.url.endswith("papers/?modality=ultrasound&not-modality=mri")
    assert set(every_id(page, len(without))) == without
    assert page.locator("input[name=modality][value=mri]").evaluate("i => i.indeterminate")
    page.locator("[data-many=modality]").click()
    expect(page.locator(".count")).to_have_text(f"{len(named & without)} of {everything} works")
    page.reload()
    page.wait_for_selector(READY)
    assert set(ids(page)) == named & without
    tick(page, "modality", "mri")
    expect(page.locator(".count")).to_have_text(f"{len(named)} of {everything} works")
    assert page.url.endswith("papers/?modality=ultrasound&only-named=modality")
    page.get_by_role("button", name="Reset all").click()
    expect(page.locator(".count")).to_have_text(f"{everything} works")
    assert page.url == f"{server}papers/"
    assert page.locator(".chips li").count() == 0


def test_counts_ignore_their_own_facet_and_zero_stays(
    page: Page, server: str, registry_root: Path
) -> None:
    go(page, f"{server}papers/?modality=oct&only-named=modality")
    assert option_count(page, "modality", "ct") == len(wanted(registry_root, {"ct"}))
    assert option_count(page, "modality", "oct") == total(page)
    empty = page.locator(".fg label:has(input:disabled)")
    assert empty.count() > 0
    assert set(empty.locator("output").all_text_contents()) == {"0"}
    key, value = page.locator("input[name=region]:not(:disabled)").first.evaluate(
        "i => [i.name, i.value]"
    )
    promised = option_count(page, key, value)
    tick(page, key, value)
    page.wait_for_function(f"location.search.includes('{key}=')")
    assert len(ids(page)) == total(page) == promised


def test_search_finds_old_titles_authors_and_short_names(
    page: Page, server: str, registry_root: Path
) -> None:
    papers = [
        p
        for p in Registry.load(registry_root).papers
        if p.title_aliases
        and p.inclusion.decision != "exclude"
        and p.title_aliases[0].casefold() not in p.title.casefold()
    ]
    assert papers, "the registry has works under several titles"
    go(page, f"{server}papers/")
    field = page.locator(".ft input[name=find]")
    for paper in papers[:5]:
        field.fill(paper.title_aliases[0])
        page.wait_for_function(
            "id => [...document.querySelectorAll('#rows tbody tr')].some(r => r.id === id) "
            "&& document.querySelectorAll('#rows tbody tr').length < 30",
            arg=paper.id,
        )
    field.fill("medsam")
    page.wait_for_function("document.getElementById('medsam') !== null")
    assert page.url.endswith("?find=medsam")
    field.fill("zzzzqqqq")
    expect(page.locator(".empty")).to_be_visible()
    expect(page.locator(".count")).to_have_text(re.compile(r"^0 of "))
    page.locator("[data-reset]").click()
    expect(page.locator(".empty")).to_be_hidden()


def test_search_orders_by_relevance_until_a_sort_is_chosen(page: Page, server: str) -> None:
    go(page, f"{server}papers/?find=MedSAM")
    sort = page.locator(".ft select[name=sort]")
    expect(sort).to_have_value("relevance")
    assert ids(page)[0] == "medsam", "the work whose short name was typed comes first"
    sort.select_option("-date")
    page.wait_for_function("location.search.includes('sort=-date')")
    expect(page.locator("#rows tbody tr").first).not_to_have_id("medsam")
    page.reload()
    page.wait_for_selector(READY)
    expect(sort).to_have_value("-date")
    page.get_by_role("button", name="Remove filter Search: MedSAM").click()
    expect(sort.locator("option[value=relevance]")).to_have_count(0)


def test_sort_keeps_missing_values_last(page: Page, server: str, registry_root: Path) -> None:
    go(page, f"{server}papers/")
    papers = [p for p in Registry.load(registry_root).papers if p.inclusion.decision != "exclude"]
    have = {p.id for p in papers if any(v.venue for v in p.versions)}
    page.locator("[name=sort]").select_option("venue")
    page.wait_for_function("location.search.includes('sort=venue')")
    expect(page.locator("#rows tbody tr").first).to_have_id(
        re.compile("|".join(map(re.escape, have)))
    )
    flags = [i in have for i in every_id(page, len(papers))]
    assert True in flags
    assert False in flags
    assert flags == sorted(flags, reverse=True), "works without a venue come last"
    head = page.locator("#rows thead th").nth(1)
    head.get_by_role("button").click()
    page.wait_for_function("location.search.includes('sort=title')")
    expect(head).to_have_attribute("aria-sort", "ascending")
    first = min((p.title for p in papers), key=str.casefold)
    expect(page.locator("#rows tbody th > a").first).to_have_text(first)
    titles = page.locator("#rows tbody th > a").all_inner_texts()
    assert titles == sorted(titles, key=str.casefold)


def save(page: Page, kind: str) -> str:
    details = page.locator("details.ex")
    if details.get_attribute("open") is None:
        details.locator("summary").click()
    with page.expect_download() as waiting:
        page.locator(f"[data-export='{kind}']").click()
    download: Download = waiting.value
    return Path(download.path()).read_text("utf-8")


def test_export_is_what_is_on_screen(page: Page, server: str) -> None:
    go(page, f"{server}papers/?modality=oct&modality=fundus&only-named=modality&sort=title")
    shown = ids(page)
    assert 3 < len(shown) < 100
    rows = list(csv.DictReader(io.StringIO(save(page, "csv"))))
    assert [row["id"] for row in rows] == shown, "same works in the same order"
    assert [item["id"] for item in json.loads(save(page, "csl-json"))] == shown
    entries = bibtexparser.loads(save(page, "bibtex")).entries
    assert len(entries) == len(shown)
    ris = save(page, "ris")
    assert len(re.findall(r"^ER  -", ris, re.M)) == len(shown)


def test_keyboard_alone(page: Page, server: str) -> None:
    go(page, f"{server}papers/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "find"
    page.keyboard.type("retinal vessel")
    page.wait_for_function("document.querySelectorAll('#rows tbody tr').length < 60")
    chips = page.locator(".chips button")
    expect(chips.first).to_contain_text("retinal vessel")  # all of it: chips are made again
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.chips') !== null"):
            break
    else:
        pytest.fail("the chips are not reached with Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "the focus can be seen"
    page.keyboard.press("Enter")
    expect(chips).to_have_count(0)
    page.locator("input[name=code]").first.focus()
    page.keyboard.press("Space")
    expect(page.locator(".chips")).to_contain_text("Code: code")


def test_complete_without_javascript(
    new_page: Callable[..., Page], server: str, registry_root: Path
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(f"{server}papers/")
    papers = [p for p in Registry.load(registry_root).papers if p.inclusion.decision != "exclude"]
    known = {p.id for p in papers}
    shown, told = ids(page), page.locator(".found").count()
    for address in paging.addresses("papers", len(known))[1:]:
        page.goto(f"{server}{address}")
        shown += ids(page)
        told += page.locator(".found").count()
    assert set(shown) == known
    assert told == sum(p.finding is not None for p in papers), "findings under the titles"
    page.goto(f"{server}papers/")
    assert not page.locator(".fp").is_visible(), "what does nothing is not shown"
    assert not page.locator(".tb").is_visible()
    page.goto(f"{server}papers/medsam/")
    assert page.locator("#bibtex").is_visible()
    assert page.get_by_role("link", name="Projects").first.is_visible()


def test_phone(new_page: Callable[..., Page], server: str) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    for path in (
        "",
        "papers/",
        "papers/medsam/",
        "find/",
        "verification/",
        "trends/",
        "projects/medsam/",
    ):
        page.goto(server + path)
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, (
            f"{path} scrolls sideways"
        )
    go(page, f"{server}papers/")
    panel = page.locator(".fp-all")
    assert panel.get_attribute("open") is None, "filters are folded on a phone"
    panel.locator("> summary").click()
    tick(page, "weights", "yes")
    expect(page.locator(".chips")).to_contain_text("Weights: public weights")


def test_copy_link_and_per_case_sort(page: Page, server: str, built: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    go(page, f"{server}papers/?year=2024")
    page.locator("[data-link]").click()
    expect(page.locator("[data-link]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.goto(f"{server}datasets/")
    head = page.locator("table.sortable thead th").nth(1)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    column = page.locator("table.sortable tbody tr td:nth-of-type(1)").all_inner_texts()
    assert [int(c) for c in column] == sorted(int(c) for c in column)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"


def test_site_search_finds_everything(page: Page, server: str) -> None:
    page.goto(server)
    page.locator(".hs input").fill("sam-med2d")
    page.locator(".hs input").press("Enter")
    page.wait_for_selector("ol li a")
    assert "search/?find=sam-med2d" in page.url
    kinds = {text.split(" · ")[0] for text in page.locator("ol li .dim").all_inner_texts()}
    assert {"paper", "project"} <= kinds
    page.locator("[data-everything] input").fill("medsam")
    expect(page.locator("ol li a").first).to_have_text(
        re.compile("^(Segment Anything in Medical Images|MedSAM)$")
    )
    page.locator("[data-everything] input").fill("verdict rule")
    expect(page.locator("ol li a").filter(has_text="Methodology")).to_be_visible()


def test_data_for_filters_come_with_the_first_touch(page: Page, server: str) -> None:
    """What grows with the registry is not loaded by everybody who opens the table."""
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url.removeprefix(server)))
    go(page, f"{server}papers/")
    page.wait_for_load_state("networkidle")
    assert not [a for a in asked if a.startswith("assets/data/")]
    expect(page.locator(".count")).to_have_text(re.compile(r"^\d+ works$"))
    tick(page, "weights", "yes")
    expect(page.locator(".count")).to_have_text(re.compile(r"^\d+ of \d+ works$"))
    assert asked.count("assets/data/papers.json") == 1
    assert total(page) == len(ids(page))


def test_a_long_table_in_parts(
    new_page: Callable[..., Page],
    page: Page,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    serve: Callable[[Path], str],
) -> None:
    """Each part is a page of its own; a filter shows works of all parts."""
    monkeypatch.setattr(paging, "PART", 10)
    shutil.copytree(root / "site", tmp_path / "site")
    (tmp_path / "projects").mkdir()
    works = [
        {
            "id": f"work-{i}",
            "title": f"Work number {i}",
            "modalities": {"values": ["ct" if i % 3 else "mri"], "from": "title"},
            "versions": [{"kind": "preprint", "date": f"2024-{1 + i % 12:02}", "cite": True}],
        }
        for i in range(34)
    ]
    (tmp_path / "papers.yaml").write_text(yaml.safe_dump({"papers": works}), "utf-8")
    build(tmp_path)
    address = serve(tmp_path / "build/site")
    seen: list[str] = []
    plain = new_page(java_script_enabled=False)
    plain.goto(f"{address}papers/")
    for number in range(2, 6):
        seen += ids(plain)
        if number < 5:
            plain.get_by_role("link", name=str(number), exact=True).click()
            plain.wait_for_url(f"**/papers-{number}/")
    assert sorted(seen) == sorted(w["id"] for w in works), "each work in one part, none lost"
    go(page, f"{address}papers-2/")
    assert len(ids(page)) == 10
    tick(page, "modality", "mri")
    expect(page.locator(".count")).to_have_text("12 of 34 works")
    assert ids(page) == [i for i in seen if int(i[5:]) % 3 == 0]
    expect(page.locator(".pages")).to_be_hidden()
    for link in page.locator("#rows th a").evaluate_all("links => links.map(a => a.href)"):
        assert re.fullmatch(rf"{address}papers/work-\d+/", link)
    page.locator("[name=sort]").select_option("title")
    page.wait_for_function("location.search.includes('sort=title')")
    titles = sorted(w["title"] for w in works if w["modalities"]["values"] == ["mri"])
    expect(page.locator("#rows th a")).to_have_text(titles)  # waits for the parts' rows


def test_search_data_that_failed_are_asked_for_again(page: Page, server: str) -> None:
    go(page, f"{server}papers/")
    page.route("**/search.json", lambda route: route.abort())
    find = page.locator(".ft [name=find]")
    find.fill("medsam")
    expect(page.locator(".count").first).to_contain_text("could not be loaded")
    page.unroute("**/search.json")
    find.fill("MedSAM")
    expect(page.locator("#rows tbody tr").first).to_have_id("medsam")


def test_the_calculator_and_two_profiles_side_by_side(page: Page, server: str) -> None:
    page.goto(server + "why/")
    row = page.locator(
        "#calculated tr", has=page.locator("a", has_text=re.compile("^transunet/1$"))
    )
    expect(row.locator("td").first).to_have_text("1.000")
    for name, count in (("tp", "8"), ("fp", "2"), ("fn", "2")):
        page.fill(f"input[name={name}]", count)
    expect(row.locator("td").first).to_have_text("0.800")
    expect(page.locator("[data-counts]")).to_have_text("TP 8, FP 2, FN 2")
    page.select_option("select[name=a]", label="transunet/1")
    page.select_option("select[name=b]", label="medpy-0.5/1")
    cells = page.locator("#sides tr", has_text="10 pixels predicted.").first.locator("td")
    assert cells.all_inner_texts() == ["1.000", "0.000"]
    page.select_option("select[name=b]", label="transunet/1")
    expect(page.locator("#compared")).to_contain_text("0 of ")


def test_an_address_opens_the_part_that_it_names(page: Page, server: str) -> None:
    page.goto(server + "projects/samed/#claim-samed-synapse-dice-spleen")
    expect(page.locator("#claim-samed-synapse-dice-spleen")).to_be_visible()
