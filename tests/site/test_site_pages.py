"""Every kind of page: accessible, within budget, without broken links, silent towards others,
unharmed by hostile text, the same bytes for the same registry."""

from __future__ import annotations

import gzip
import hashlib
import html
import html.parser
import json
import os
import re
import resource
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request

from catalog.errors import InputError
from catalog.registry import Registry
from catalog.render.build import build

RULES = {
    "resultTypes": ["violations"],
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
}


def kinds(built: Path) -> list[str]:
    """One address of each kind of page that the registry has (runs only where there are runs)."""
    pages = [
        "",
        "papers/",
        "papers/?modality=ct&weights=yes",
        "papers/?find=zzzzqqq",
        "papers/medsam/",
        "questions/",
        "questions/without-training/",
        "questions/adaptation/",
        "questions/prompts/",
        "questions/annotation/",
        "questions/robustness/",
        "find/",
        "find/?modality=ultrasound&prompt=box&target=breast",
        "find/ultrasound/",
        "find/polyp/",
        "projects/",
        "projects/medsam/",
        "projects/lwnet/",
        "datasets/",
        "verification/",
        "released/",
        "released/medsam-lits-readme/",
        "runs/",
        "trends/",
        "protocols/",
        "collisions/",
        "changes/",
        "benchmarks/",
        "findings/",
        "why/",
        "profiles/",
        "methodology/",
        "glossary/",
        "api/",
        "contribute/",
        "cite/",
        "search/?find=medsam",
        "library/",
        "own-images/",
        "404.html",
    ]
    pages.append(
        f"datasets/{sorted(p.name for p in (built / 'datasets').iterdir() if p.is_dir())[0]}/"
    )
    pages += [f"runs/{p.name}/" for p in sorted((built / "runs").iterdir()) if p.is_dir()][:2]
    stones = [
        p.parent.name
        for p in (built / "papers").glob("*/index.html")
        if "Not in the catalog" in p.read_text()
    ]
    return pages + [f"papers/{s}/" for s in stones[:1]]


def settle(page: Page, address: str) -> None:
    page.goto(address)
    if page.locator("[data-table], [data-finder]").count():
        page.wait_for_selector("[data-ready]")
    if "search/?" in address:
        page.wait_for_selector("ol li a")


FIRST = """
for (const table of document.querySelectorAll("table"))
  for (const row of [...table.querySelectorAll("tbody tr")].slice(6)) row.remove();
for (const parent of document.querySelectorAll("ul, td, .deck, .s4m")) {
  const kinds = {};
  for (const child of [...parent.children])
    if (child.matches("li, article, .scroll, a")) {
      const kind = child.tagName + child.className;
      kinds[kind] = (kinds[kind] || 0) + 1;
      if (kinds[kind] > 6) child.remove();
    }
}
scrollTo(0, 0); // what has gone under the bar above is no small target
"""


def violations(page: Page) -> list[str]:
    """What axe finds; of rows, list items, cards and tables of one parent only the first six of a
    kind, since one template makes them all."""
    page.evaluate(FIRST)
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:160]} ({len(v['nodes'])}x)" for v in found]


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing(
    new_page: Callable[..., Page], server: str, built: Path, scheme: str, width: int
) -> None:
    _axe(new_page, server, kinds(built), scheme, width)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 390), ("light", 768)])
def test_axe_finds_nothing_elsewhere(
    new_page: Callable[..., Page], server: str, built: Path, scheme: str, width: int
) -> None:
    _axe(new_page, server, kinds(built), scheme, width)


def _axe(
    new_page: Callable[..., Page], server: str, pages: list[str], scheme: str, width: int
) -> None:
    page = new_page(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    found = {}
    for address in pages:
        settle(page, server + address)
        if address.startswith("papers/?") and width < 960:
            page.locator(".fp-all > summary").click()
        for closed in page.locator("details:not([open]) > summary").all()[:6]:
            if closed.is_visible():
                closed.click()
        if bad := violations(page):
            found[address] = bad
    assert not found, json.dumps(found, indent=1)


@pytest.mark.browser
def test_nothing_leaves_this_machine_and_no_script_fails(
    new_page: Callable[..., Page], server: str, built: Path
) -> None:
    page = new_page()
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.on("response", lambda r: failed.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    page.on("pageerror", lambda e: failed.append(str(e)))
    page.on("console", lambda m: failed.append(m.text) if m.type == "error" else None)
    for address in kinds(built):
        if address != "404.html":
            settle(page, server + address)
    away = {u for u in asked if not u.startswith((server, "data:", "blob:"))}
    assert not away
    assert not failed


@pytest.mark.browser
@pytest.mark.parametrize(
    ("address", "budget"),
    [
        ("", 110_000),
        ("papers/", 180_000),
        ("find/", 180_000),
        ("find/ultrasound/", 130_000),
        ("papers/medsam/", 130_000),
        ("questions/", 130_000),
        ("questions/robustness/", 130_000),
        ("projects/medsam/", 130_000),
        ("verification/", 130_000),
        ("released/", 130_000),
        ("trends/", 130_000),
        ("methodology/", 130_000),
        ("protocols/", 180_000),
        ("projects/", 180_000),
    ],
)
def test_weight(new_page: Callable[..., Page], server: str, address: str, budget: int) -> None:
    """Bytes on the wire of a first visit, packed with gzip."""
    page = new_page()
    sizes: dict[str, int] = {}

    def finished(request: Request) -> None:
        told = request.sizes()
        sizes[request.url] = told["responseBodySize"] + told["responseHeadersSize"]

    page.on("requestfinished", finished)
    settle(page, server + address)
    page.wait_for_load_state("networkidle")
    total = sum(sizes.values())
    assert total <= budget, json.dumps(sizes, indent=1)


def test_own_script_and_style_stay_small(built: Path) -> None:
    assert len(gzip.compress((built / "assets/app.js").read_bytes())) <= 30_000
    assert len(gzip.compress((built / "assets/app.css").read_bytes())) <= 6_000


class Links(html.parser.HTMLParser):
    """Ids and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                assert value not in self.ids or value.startswith("__"), f"id {value!r} twice"
                self.ids.add(value)
            if name in ("href", "src", "action") and value:
                self.links.append(value)


def test_no_link_and_no_anchor_is_broken(built: Path) -> None:
    files = {os.path.join(base, n) for base, _, names in os.walk(built) for n in names}  # noqa: PTH118
    pages: dict[str, Links] = {}
    for path in files:
        if path.endswith(".html"):
            pages[path] = Links()
            pages[path].feed(Path(path).read_text("utf-8"))
    assert len(pages) > 700
    broken = []
    for path, parser in pages.items():
        if path.endswith("404.html"):
            continue
        folder = os.path.dirname(path)  # noqa: PTH120 - text: 40,000 links
        for link in set(parser.links):
            address, anchor = urldefrag(link)
            if urlparse(address).scheme:
                assert urlparse(address).scheme in ("http", "https", "data"), link
                continue
            plain = unquote(address.partition("?")[0])
            target = os.path.normpath(f"{folder}/{plain}") if plain else path
            if plain.endswith(("/", ".")):
                target = f"{target}/index.html"
            if target not in files:
                broken.append(f"{os.path.relpath(path, built)} -> {link}")
            elif anchor and target in pages and unquote(anchor) not in pages[target].ids:
                broken.append(f"{os.path.relpath(path, built)} -> {link} (anchor)")
    assert not broken, "\n".join(broken[:30])


def test_facet_links_lead_to_values_that_exist(built: Path) -> None:
    data = json.loads((built / "assets/data/papers.json").read_text())
    known = {f["key"]: set(f["values"]) for f in data["facets"]}
    known["only-named"] = {f["key"] for f in data["facets"] if f["many"]}
    for path in [
        built / "index.html",
        built / "trends/index.html",
        built / "papers/medsam/index.html",
    ]:
        for query in re.findall(r'papers/\?([^"#]+)"', path.read_text("utf-8")):
            for pair in query.replace("&amp;", "&").split("&"):
                key, _, value = unquote(pair).partition("=")
                assert value in known[key], f"{path}: {pair}"


def tree(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_same_registry_same_bytes_and_only_changes_are_written(
    registry_root: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(registry_root, clone, ignore=shutil.ignore_patterns("build"))
    first = build(clone, site=False)
    assert tree(clone / "build/docs") == tree(registry_root / "build/docs")
    assert len(first.changed) > 1000
    assert build(clone, site=False).changed == []
    papers = clone / "papers.yaml"
    papers.write_text(
        papers.read_text("utf-8").replace(
            "title: Segment Anything in Medical Images\n",
            "title: Segment Anything in Medical Pictures\n",
            1,
        ),
        "utf-8",
    )
    changed = build(clone, site=False).changed
    assert "papers/medsam.md" in changed
    assert sum(name.startswith("papers/") for name in changed) < 12


def test_api_names_schema_commit_and_licence(built: Path, registry_root: Path) -> None:
    import jsonschema

    files = sorted((built / "api/v1").rglob("*.json"))
    assert len(files) > 500
    checked = 0
    for path in files:
        if "schema" in path.parts:
            continue
        document = json.loads(path.read_text("utf-8"))
        assert {"$schema", "schema", "commit", "licence"} <= document.keys(), path
        schema = json.loads((path.parent / document["$schema"]).read_text("utf-8"))
        if checked % 40 == 0 or path.parent.name == "v1":
            jsonschema.validate(document, schema)
        checked += 1
    listed = json.loads((built / "api/v1/papers.json").read_text())["items"]
    registry = Registry.load(registry_root)
    assert len(listed) == sum(p.inclusion.decision != "exclude" for p in registry.papers)


def test_feeds_badges_and_machine_files(built: Path) -> None:
    space = {"a": "http://www.w3.org/2005/Atom"}
    feeds = list((built / "feeds").rglob("*.xml"))
    assert len(feeds) > 20
    for path in feeds:
        feed = ET.parse(path).getroot()
        ids = [e.text for e in feed.findall("a:entry/a:id", space)]
        assert len(ids) == len(set(ids))
        assert feed.find("a:updated", space) is not None
    badges = list((built / "badges").glob("*.svg"))
    assert badges
    for path in badges:
        assert path.stat().st_size <= 2048
        ET.parse(path)
    others = (built / "badges/sam.svg").read_text()
    assert "no claims of its own" in others, "BiomedParse printed them"
    unchecked = (built / "badges/samed.svg").read_text()
    assert "claims checked" in unchecked, "nobody has tried: no failure to reproduce"
    control = (built / "badges/lwnet.svg").read_text()
    assert "control" in control
    assert "llms" not in (built / "llms.txt").read_text().splitlines()[0]
    assert (built / "sitemap.xml").is_file()


def test_controls_stand_in_no_table_of_methods(built: Path) -> None:
    page = (built / "projects/index.html").read_text("utf-8")
    table, _, controls = page.partition('id="controls"')
    assert "projects/lwnet" not in table.replace("../", "projects/").split("<tbody", 1)[1]
    assert "lwnet/" in controls
    assert "positive control, not a SAM method" in controls
    find = json.loads((built / "assets/data/find.json").read_text())
    assert "medsam" in find["offers"]
    assert "lwnet" not in find["offers"]
    assert "positive control" in (built / "projects/lwnet/index.html").read_text("utf-8")


def test_numbers_of_different_protocols_stand_apart(built: Path, registry_root: Path) -> None:
    """On a data set's board no group holds two runs whose protocols differ in what was done."""
    runs = {r.run: r for r in Registry.load(registry_root).results}
    boards = 0
    for path in (built / "datasets").glob("*/index.html"):
        board = path.read_text("utf-8").partition('id="board"')[2].partition("<h2")[0]
        for group in board.split("<h3>")[1:]:
            boards += 1
            done = {
                json.dumps(
                    [
                        runs[r].protocol[k]
                        for k in ("grid", "adapter_options", "split", "prompt_profile")
                    ]
                )
                for r in re.findall(r"runs/([\w.-]+)/", group)
            }
            assert len(done) == 1, f"{path}: {group[:80]}"
    assert boards > 0 or not runs


HOSTILE = [
    "<script>window.pwned=1</script> title",
    "<img src=x onerror=window.pwned=1> & \"quotes\" 'single'",
    "</div></td></table><h1>broken</h1> `code` **bold** [link](javascript:window.pwned=1)",
    "{{ 7*7 }} {% raw %} ${7*7} <!-- open comment",
    "| pipe | ---\n\n# heading\n\n    indented\n```fence",
    "\u202egnitirw-thgir \x02wzxhzdk:0\x03 ]]> &lt;script&gt;",
    '=HYPERLINK("http://evil.example","x") --- title: x',
]


@pytest.fixture(scope="module")
def hostile(
    root: Path, tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], str]
) -> tuple[Path, str]:
    """A small registry of hostile strings, built with instant loading; (folder, address)."""
    target = tmp_path_factory.mktemp("hostile")
    shutil.copytree(root / "site", target / "site")
    papers = [
        {
            "id": f"hostile-{i}",
            "title": text,
            "short_name": text,
            "title_aliases": [text + " old"],
            "authors": [text],
            "note": text,
            "sources": [text],
            "versions": [
                {
                    "kind": "preprint",
                    "ids": {"arxiv": f"2401.0000{i}"},
                    "date": "2024-01",
                    "venue": text,
                    "url": "javascript:window.pwned=1",
                    "cite": True,
                }
            ],
            "modalities": {"values": [text], "from": "title"},
            "datasets": {"values": [text], "from": "title"},
            "links": {"code": ["javascript:window.pwned=1", 'https://example.org/"><script>']},
            "reported": [{"metric": text, "value": 1.0, "dataset": text, "note": text}],
        }
        for i, text in enumerate(HOSTILE)
    ]
    papers.append(
        {"id": "gone", "title": "Gone", "inclusion": {"decision": "exclude", "reason": HOSTILE[0]}}
    )
    (target / "papers.yaml").write_text(
        yaml.safe_dump({"papers": papers}, allow_unicode=True), "utf-8"
    )
    (target / "projects").mkdir()
    project = {
        "slug": "hostile",
        "name": HOSTILE[2],
        "kind": "method",
        "papers": ["hostile-0"],
        "repository": {"url": "javascript:window.pwned=1"},
        "note": HOSTILE[0],
        "protocol_card": {"convention": HOSTILE[1], "traps": [{"text": HOSTILE[3]}]},
        "checkpoints": [{"id": "c", "file": HOSTILE[1], "urls": ["javascript:window.pwned=1"]}],
    }
    (target / "projects/hostile.yaml").write_text(
        yaml.safe_dump(project, allow_unicode=True), "utf-8"
    )
    (target / "README.md").write_text(
        "# x\n<!-- sam4mis:newest -->\n<!-- /sam4mis -->\nend\n", "utf-8"
    )
    address = serve(target / "build/site")
    config = target / "site/mkdocs.yml"
    text = config.read_text("utf-8").replace(
        "    - navigation.tabs\n", "    - navigation.tabs\n    - navigation.instant\n"
    )
    config.write_text(re.sub(r"^site_url: .*$", f"site_url: {address}", text, flags=re.M), "utf-8")
    build(target)
    return target, address


@pytest.mark.browser
def test_hostile_strings_do_nothing(hostile: tuple[Path, str], page: Page) -> None:
    target, address = hostile
    errors: list[str] = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    for path in sorted((target / "build/site").rglob("index.html")):
        name = path.parent.relative_to(target / "build/site").as_posix()
        page.goto(f"{address}{'' if name == '.' else name + '/'}")
        page.wait_for_timeout(20)
        assert page.evaluate("window.pwned === undefined"), name
        assert page.locator("h1").count() == 1, name
        assert page.locator("a[href^='javascript:']").count() == 0, name
        assert page.locator("footer.md-footer").count() == 1, f"{name}: the page's frame is broken"
    assert not errors
    for i in (0, 2, 3, 4):
        page.goto(f"{address}papers/hostile-{i}/")
        shown = page.locator("h1").text_content() or ""
        assert shown.split() == HOSTILE[i].split(), "the title is shown as it is written"
    page.goto(f"{address}papers/?find=script")
    page.wait_for_selector("[data-ready]")
    assert page.evaluate("window.pwned === undefined")
    readme = (target / "README.md").read_text("utf-8")
    assert "<script" not in readme
    assert "<img" not in readme
    assert readme.endswith("<!-- /sam4mis -->\nend\n")
    assert len([line for line in readme.splitlines() if line.startswith("|")]) == len(HOSTILE) + 2


@pytest.mark.browser
def test_instant_loading_does_not_break_scripts(hostile: tuple[Path, str], page: Page) -> None:
    _, address = hostile
    page.goto(address)
    page.evaluate("window.stayed = true")
    # On a busy machine a click can come before Material listens for it.
    page.wait_for_function("typeof window.document$ !== 'undefined'")
    page.locator(".md-tabs a", has_text="Papers").click()
    page.wait_for_selector("[data-table][data-ready]")
    assert page.evaluate("window.stayed === true"), "the page was swapped, not loaded"
    page.locator("input[name=year]").first.click()
    page.wait_for_selector(".chips button")
    page.locator(".md-tabs a", has_text="Find a model").click()
    page.wait_for_selector("[data-finder][data-ready]")
    page.locator(".md-tabs a", has_text="Papers").click()
    page.wait_for_selector("[data-kind=paper][data-ready]")
    page.locator("[name=find] >> visible=true").last.fill("hostile")
    assert page.evaluate("window.stayed === true")


def test_a_full_disk_leaves_the_readme_as_it_was(hostile: tuple[Path, str]) -> None:
    target, _ = hostile
    readme = target / "README.md"
    kept = readme.read_text("utf-8")
    readme.write_text(kept.replace("2024-01", "1999-01"), "utf-8")
    stale = readme.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        with pytest.raises(InputError, match=r"README.md: cannot be written: .* is untouched"):
            build(target, readme_only=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert readme.read_bytes() == stale
    assert not list(target.glob("*.part"))
    readme.write_text(kept, "utf-8")


def test_check_says_when_tables_are_stale(hostile: tuple[Path, str]) -> None:
    target, _ = hostile
    build(target, check=True)
    readme = target / "README.md"
    kept = readme.read_text("utf-8")
    readme.write_text(kept.replace("2024-01", "1999-01"), "utf-8")
    with pytest.raises(InputError, match="sam4mis build --readme-only"):
        build(target, check=True)
    assert "1999-01" in readme.read_text("utf-8"), "--check writes nothing"
    readme.write_text(kept + "<!-- sam4mis:nonsense -->\n<!-- /sam4mis -->\n", "utf-8")
    with pytest.raises(InputError, match="nonsense"):
        build(target, check=True)
    readme.write_text(kept, "utf-8")


def test_readme_of_the_real_registry_is_small(root: Path) -> None:
    assert (root / "README.md").stat().st_size < 100_000
    assert (root / "README.md").stat().st_size > 1000


def test_dataset_names_mean_one_page_each(built: Path, registry_root: Path) -> None:
    from catalog.naming import DATASET_NAMES, dataset_key, dataset_title, is_dataset

    reviewed = yaml.safe_load(DATASET_NAMES.read_text("utf-8"))
    assert dataset_key("DSB2018 (png)") == dataset_key("DSB 2018") == "dsb-2018"
    assert dataset_title("DSB2018") == "DSB 2018"
    for title, names in reviewed["same"].items():
        assert is_dataset(title)
        assert dataset_key(title) not in map(dataset_key, reviewed["none"])
        for name in names:
            assert dataset_key(name) == dataset_key(title), f"{name}: merged twice"
    pages = {p.parent.name for p in (built / "datasets").glob("*/index.html")}
    for name in reviewed["none"]:
        assert dataset_key(name) not in pages, name
    # what no page stands for is still said where the record has it
    for project in Registry.load(registry_root).projects:
        page = (built / "projects" / project.slug / "index.html").read_text("utf-8")
        for use in project.datasets or []:
            if not is_dataset(use.id or use.name):
                assert html.unescape(page).count(use.name), f"{project.slug}: {use.name}"


def test_data_sets_fold_what_is_named_once_and_say_who_uses_which_split(
    built: Path, registry_root: Path
) -> None:
    page = html.unescape((built / "datasets/index.html").read_text("utf-8"))
    table, _, folded = page.partition('<details class="data">')
    rows = re.findall(r'<th scope="row"><a href="[./]*datasets/([a-z0-9-]+)/">', table)
    once = re.findall(r'<a href="[./]*datasets/([a-z0-9-]+)/">', folded.partition("</details>")[0])
    pages = {p.parent.name for p in (built / "datasets").glob("*/index.html")} - {"splits"}
    assert len(rows) + len(once) == len(pages)
    assert {*rows, *once} == pages, "each data set once, in the table or folded"
    assert rows.index("synapse") > rows.index("btcv"), "a prepared copy follows its source"
    assert {"drive", "isic-2018", "totalsegmentator"} <= set(rows)
    splits = html.unescape((built / "datasets/splits/index.html").read_text("utf-8"))
    from catalog.naming import is_dataset

    uses = [
        use
        for project in Registry.load(registry_root).projects
        for use in project.datasets or []
        if is_dataset(use.id or use.name)
    ]
    told = [use for use in uses if use.split]
    assert f"For {len(told)} of {len(uses)} uses" in splits
    assert splits.count('<td data-l="Split">') == len(told)


def test_what_was_given_is_drawn_through_its_pixels(tmp_path: Path) -> None:
    from catalog.render.pages.pictures import Given, given_words, picture
    from catalog.render.pages.runs import given

    file = tmp_path / "prompts.json"
    assert given(file) == {}
    lines = [
        {"schema": "prompts/2", "profile": "box-tight/1"},
        {"case": "a", "label": "organ", "seed": 0, "box": [[0, 2, 1], [0, 6, 4]]},
        {"case": "a", "label": "organ", "seed": 1, "box": [[0, 9, 9], [0, 9, 9]]},
        {"case": "a", "label": "vessel", "points": [[0, 1, 2], [0, 5, 6]], "point_labels": [1, 0]},
        {"case": "a", "label": "deep", "plane": 7, "box": [[7, 2, 1], [7, 6, 4]]},
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n", "utf-8")
    found = given(file)
    assert set(found) == {("a", "organ"), ("a", "vessel")}, "no plane of a stack"
    box, clicks = found["a", "organ"], found["a", "vessel"]
    assert box.box == [[0, 2, 1], [0, 6, 4]]
    drawn = picture("p", given_words(box), (8, 8), None, boxes=[box.box])
    assert 'class="given" d="M1.5 2.5H4.5V6.5H1.5z"' in drawn
    assert "the box that was given" in drawn
    assert clicks.points
    drawn = picture("p", "", (8, 8), None, points=clicks.points, signs=clicks.point_labels or ())
    assert 'class="click" cx="2.5" cy="1.5"' in drawn
    assert drawn.count("<circle") == 1, "a cross where the object is not"
    assert 'class="given cross" d="M6.4 5.4L' in drawn
    line = picture("p", "", (8, 8), None, points=clicks.points, line=True)
    assert 'd="M2.5 1.5L6.5 5.5"' in line
    assert given_words(Given()) == ""
    assert "given" not in picture("p", "", (8, 8), None)


def test_pictures_have_their_image_their_credit_and_words(built: Path) -> None:
    page = html.unescape((built / "why/index.html").read_text("utf-8"))
    prompts = page[page.index('id="prompts"') :]
    assert prompts.count('<svg class="pic"') >= 9
    assert "CC BY 4.0" in prompts
    for address in re.findall(r'<image href="([^"]+)"', prompts):
        assert (built / "why" / address).resolve().is_file()
    assert "81.7 %</b> filled" in prompts, (
        "Dice of the filled tight box, by hand 2 TP / (box + mask)"
    )
    grids = page[page.index('id="example-two-protocols"') : page.index('id="prompts"')]
    assert re.findall(r"<b>([\d.]+) %</b> on", grids) == ["80.96", "82.13"]
    data = html.unescape((built / "datasets/endotect/index.html").read_text("utf-8"))
    assert data.count('<svg class="pic"') == 3
    assert "CC BY 4.0" in data
    project = (built / "projects/selftest/index.html").read_text("utf-8")
    drawn = project[project.index('id="pictures"') :]
    assert drawn.count("data:image/png") == drawn.count('class="given"') >= 2
    assert "dotted: the box that was given" in drawn
    given = (built / "projects/medsam/index.html").read_text("utf-8")
    assert '<svg class="prompt"' in given, "a prompt is drawn where one is meant"


def test_two_builds_of_one_clone_do_not_meet(hostile: tuple[Path, str]) -> None:
    from filelock import FileLock

    from catalog.errors import PrerequisiteError

    target, _ = hostile
    before = tree(target / "build/docs")
    with (
        FileLock(target / "build/.lock"),
        pytest.raises(PrerequisiteError, match="another build of this clone"),
    ):
        build(target, site=False)
    assert tree(target / "build/docs") == before
    build(target, site=False)


def test_every_benchmark_result_stands_on_the_page(
    registry_root: Path, tmp_path: Path, built: Path
) -> None:
    page = html.unescape((built / "benchmarks/index.html").read_text("utf-8"))
    found = sorted((registry_root / "benchmarks/results").glob("*.json"))
    assert found
    for path in found:
        result = json.loads(path.read_text("utf-8"))
        assert result["title"] in page
        if "machine" in result:
            assert f"{result['date']} · " in page
            assert result["machine"]["cpu"] in page, "hardware and date"
    small = tmp_path / "clone"
    shutil.copytree(registry_root / "site", small / "site")
    (small / "papers.yaml").write_text("papers: []\n", "utf-8")
    (small / "projects").mkdir()
    (small / "benchmarks/results").mkdir(parents=True)
    new = {"title": "A new suite", "date": "2027-01-02", "anything": {"at all": [1, 2]}}
    (small / "benchmarks/results/new.json").write_text(json.dumps(new), "utf-8")
    build(small, site=False)
    page = (small / "build/docs/benchmarks/index.md").read_text("utf-8")
    assert "A new suite" in page
    assert "2027-01-02" in page
    assert "anything.at all" in page


def test_findings_page_has_every_code(built: Path) -> None:
    from catalog.checks.codes import CODES
    from catalog.render.pages.quality import GROUPS

    page = (built / "findings/index.html").read_text("utf-8")
    for code in CODES:
        assert f'id="{code}"' in page
        assert code[0] in GROUPS, f"the page has no heading for {code}"


def test_history_tells_new_titles_and_verdicts() -> None:
    from catalog.records import Ids, Paper, Project, VerdictChange, Version
    from catalog.render.pages.history import paper_history
    from catalog.render.views import Catalog

    paper = Paper(
        id="x",
        title="New name",
        title_aliases=["Old name", "Third name"],
        added="2024-06-01",
        versions=[
            Version(kind="preprint", ids=Ids(), title="Old name", date="2023-04"),
            Version(kind="journal", ids=Ids(), title="New name", date="2024-01-22", venue="J"),
        ],
    )
    project = Project(slug="p", name="P", kind="method", papers=["x"])
    catalog = Catalog(Registry(Path("nowhere"), [paper], [project]))
    catalog.verdict_log = [
        VerdictChange(claim="p/a", date="2026-01-01", before=None, after="blocked"),
        VerdictChange(claim="p/b", date="2026-01-01", before=None, after="not-attempted"),
        VerdictChange(claim="p/a", date="2026-02-01", before="blocked", after="lower", run="r1"),
        VerdictChange(claim="other/a", date="2026-02-01", before=None, after="blocked"),
    ]
    assert paper_history(catalog, catalog.by_id["x"]) == [
        "2023-04: Preprint, as “Old name”.",
        "2024-01-22: Journal, J, under a new title: “New name” (before: “Old name”).",
        "2024-06-01: Record added.",
        "2026-01-01: 2 claims of P recorded: 1 blocked, 1 not attempted.",
        "2026-02-01: Claim a of P: blocked → lower, run r1.",
        "Also known as “Third name”.",
    ]
