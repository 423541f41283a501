"""Refresh against local services: gaps filled, nothing overwritten, failures told, links judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace as replace_draft
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import markdown as markdown_package  # type: ignore[import-untyped] # it has no types
import pytest
import service_answers as answers
import yaml
from hostile import HOSTILE
from local_server import Asked, LocalServer, Reply, running
from msgspec.structs import replace
from terminal import here

from catalog.editing import changed_project
from catalog.errors import InputError
from catalog.intake.draft import Draft
from catalog.records import Ids, Paper, SecondHand, Version
from catalog.registry import Registry
from catalog.sources import github, huggingface, links
from catalog.sources.comparing import Difference, fill, merge, safe_fills
from catalog.sources.github import code_ladder
from catalog.sources.http import Client
from catalog.sources.refreshing import Outcome
from catalog.sources.reporting import markdown, summary
from catalog.sources.settings import SERVICES, Settings
from catalog.sources.sighting import Sighting
from catalog.sources.volatile import Link, Volatile, load
from catalog.text import clean

PAPERS = """\
papers:
  # a comment that stays
  - id: medsam
    title: Segment anything in medical images
    short_name: MedSAM
    authors: [J. Ma]
    versions:
      - kind: preprint
        ids: {arxiv: '2304.12306'}
        date: '2023-04'
        cite: true
  - id: curated
    title: Polyp segmentation by prompting
    authors: [Ada Lovelace, Alan Turing]
    authors_complete: true
    versions:
      - kind: journal
        ids: {doi: 10.1000/polyp}
        venue: What the curator wrote
        date: '2020-05'
        cite: true
"""
PROJECT = """\
slug: medsam
name: MedSAM
kind: method
papers: [medsam]
repository: {url: https://github.com/bowang-lab/MedSAM}
code_status: announced
checkpoints:
  - id: a
    urls: ['https://huggingface.co/wanglab/medsam-vit-base']
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "papers.yaml").write_text(PAPERS, "utf-8")
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "medsam.yaml").write_text(PROJECT, "utf-8")
    return tmp_path


def by_doi(published: bytes, other: bytes) -> Any:
    """Answers for 10.1000/polyp and for the rest."""

    def route(asked: Asked) -> Reply:
        return Reply(other if "polyp" in asked.path else published)

    return route


@pytest.fixture
def server() -> Iterator[LocalServer]:
    title = "Polyp segmentation by prompting"
    polyp = answers.crossref_work(
        title=[title],
        DOI="10.1000/polyp",
        author=[{"given": "Ada", "family": "Lovelace"}, {"given": "Alan", "family": "Turing"}],
        published={"date-parts": [[2024, 1]]},
        issued={"date-parts": [[2024, 1]]},
        **{"container-title": ["The real journal"]},
    )
    with running() as local:
        entry = answers.arxiv_entry(
            doi="10.1038/s41467-024-44824-z", journal="Nature Communications 2024"
        )
        local.routes = {
            "/arxiv": [Reply(answers.arxiv_feed(entry))],
            "/crossref/works/": by_doi(
                answers.crossref(answers.crossref_work()), answers.crossref(polyp)
            ),
            "/openalex/works/": by_doi(
                answers.openalex_work(),
                answers.openalex_work(title=title, doi="https://doi.org/10.1000/polyp", ids={}),
            ),
            "/semanticscholar/paper/": by_doi(
                answers.semanticscholar_paper(),
                answers.semanticscholar_paper(title=title, externalIds={"DOI": "10.1000/polyp"}),
            ),
            "/europepmc/search": [Reply(answers.europepmc())],
            "/github/repos/bowang-lab/MedSAM": [Reply(answers.github_repository())],
            "/github/repos/bowang-lab/MedSAM/git/trees": [
                Reply(answers.github_tree("train_one_gpu.py", "MedSAM_Inference.py", "README.md"))
            ],
            "/huggingface/models/": [Reply(answers.huggingface_model())],
            "/doi/api/handles/": [Reply(b'{"responseCode":1}')],
        }
        yield local


def urls(server: LocalServer) -> dict[str, str]:
    return {"SAM4MIS_QUICK": "1"} | {
        f"SAM4MIS_URL_{name.upper()}": f"{server.url}/{name}"
        for name in SERVICES
        if name != "links"
    }


WITHOUT_LINKS = [
    argument
    for name in SERVICES
    if name not in ("links", "doi", "openreview")
    for argument in ("--source", name)
]


def run(folder: Path, server: LocalServer, *arguments: str) -> Any:
    ran = here(folder, "refresh", *WITHOUT_LINKS, "--json", *arguments, extra=urls(server))
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_gaps_are_filled_and_nothing_else_changes(folder: Path, server: LocalServer) -> None:
    report = run(folder, server, "--apply")
    medsam, curated = Registry.load(folder).papers
    assert medsam.authors == ["Jun Ma", "Yuting He", "Feifei Li"]
    assert medsam.authors_complete
    preprint, journal = medsam.versions
    assert preprint.date == "2023-04"  # what was written stays; precision is no gap
    assert (journal.kind, journal.ids.doi, journal.cite) == (
        "journal",
        "10.1038/s41467-024-44824-z",
        True,
    )
    assert journal.second_hand == SecondHand(source="https://arxiv.org/abs/2304.12306")
    again = run(folder, server, "--apply")  # now its own DOI is asked for
    assert again["confirmed"] == ["medsam"]
    assert Registry.load(folder).papers[0].versions[1].second_hand is None
    # a curator's venue and date are differences to decide, not overwritten
    assert curated.versions[0].venue == "What the curator wrote"
    assert curated.versions[0].date == "2020-05"
    differs = {(d["record"], d["field"].rpartition(".")[2]) for d in report["differences"]}
    assert ("curated", "date") in differs
    assert "# a comment that stays" in (folder / "papers.yaml").read_text("utf-8")
    assert report["applied"] == 1


def test_facts_of_projects_are_filled_and_every_other_byte_stays(
    folder: Path, server: LocalServer
) -> None:
    file = folder / "projects" / "medsam.yaml"
    commented = "# mine\n" + PROJECT.replace("code_status", "# why\ncode_status")
    file.write_text(commented, "utf-8")
    moved = answers.github_repository(full_name="new/MedSAM", archived=True)
    server.routes["/github/repos/bowang-lab/MedSAM"] = [Reply(moved)]
    server.routes["/github/repos/new/MedSAM/git/trees"] = [Reply(answers.github_tree("train.py"))]
    report = run(folder, server, "--apply")
    assert report["applied_to_projects"] == 1
    expected = commented.replace(
        "MedSAM}\n",
        "MedSAM, moved_to: 'https://github.com/new/MedSAM'}\n"
        "licences: {code: Apache-2.0, weights: Apache-2.0}\n",
    )
    assert file.read_text("utf-8") == expected  # the rung of the code is for a person to decide
    assert load(folder).repositories["github:bowang-lab/MedSAM"].archived
    assert run(folder, server, "--apply")["applied_to_projects"] == 0
    assert file.read_text("utf-8") == expected


def test_what_a_curator_wrote_in_a_project_stays(folder: Path, server: LocalServer) -> None:
    file = folder / "projects" / "medsam.yaml"
    written = PROJECT + "licences: {code: MIT, weights: none}\n"
    file.write_text(written, "utf-8")
    assert run(folder, server, "--apply")["applied_to_projects"] == 0
    assert file.read_text("utf-8") == written


def test_no_licence_found_is_not_written(folder: Path, server: LocalServer) -> None:
    bare = answers.github_repository(license=None)
    server.routes["/github/repos/bowang-lab/MedSAM"] = [Reply(bare)]
    run(folder, server, "--apply")
    licences = Registry.load(folder).projects[0].licences
    assert licences.code is None  # the README may state one


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("licences: null\n", "licences: {code: MIT}\n"),
        ("licences:\n", "licences: {code: MIT}\n"),
        ("licences: {}\n", "licences: {code: MIT}\n"),
        ("licences: {code: null, note: x}\n", "licences: {code: MIT, note: x}\n"),
        ("licences: {note: x} # why\n", "licences: {note: x, code: MIT} # why\n"),
        ("licences:\n  note: x # a\n  # b\n", "licences:\n  note: x # a\n  code: MIT\n  # b\n"),
        ("licences:\n  code:\n  note: x\n", "licences:\n  code: MIT\n  note: x\n"),
        ("", "licences: {code: MIT}\n"),
    ],
)
def test_a_field_is_filled_in_every_layout(before: str, after: str) -> None:
    top = "slug: a\nname: A\nkind: tool\n"
    end = "code_status: none\nnote: end\n"
    filling = partial(fill, {"licences.code": "MIT"})
    assert changed_project(top + before + end, "projects/a.yaml", filling) == top + after + end


def test_a_field_that_is_there_is_refused() -> None:
    text = "slug: a\nlicences: {code: MIT}\n"
    with pytest.raises(InputError, match=r"licences\.code is 'MIT' by now; left as it is"):
        changed_project(text, "projects/a.yaml", partial(fill, {"licences.code": "GPL-3.0"}))


def test_services_that_contradict_each_other_fill_nothing() -> None:
    def said(theirs: str, field: str = "licences.weights") -> Difference:
        return Difference(
            record="projects/a", field=field, kind="fill", ours=None, theirs=theirs, source="x"
        )

    assert safe_fills([said("mit"), said("MIT")]) == {"a": {"licences.weights": "MIT"}}
    assert safe_fills([said("mit"), said("apache-2.0")]) == {}
    assert safe_fills([said("training", "code_status")]) == {}
    assert safe_fills([said("other")]) == {}


def test_without_apply_papers_stay_byte_for_byte(folder: Path, server: LocalServer) -> None:
    run(folder, server)
    assert (folder / "papers.yaml").read_text("utf-8") == PAPERS
    found = yaml.safe_load((folder / "build/refresh/differences.yaml").read_text("utf-8"))
    assert {entry["kind"] for entry in found} == {"fill", "differs"}
    assert "medsam" in (folder / "build/refresh/summary.md").read_text("utf-8")


def test_dry_run_writes_nothing(folder: Path, server: LocalServer) -> None:
    before = {p for p in folder.rglob("*") if ".sam4mis" not in p.parts}
    run(folder, server, "--dry-run")
    assert {p for p in folder.rglob("*") if ".sam4mis" not in p.parts} == before


def test_figures_go_to_the_cache_file_with_date_and_source(
    folder: Path, server: LocalServer
) -> None:
    run(folder, server)
    volatile = load(folder)
    assert volatile.citations["medsam"]["semanticscholar"].value == 1400
    assert volatile.citations["medsam"]["semanticscholar"].date.startswith("20")
    state = volatile.repositories["github:bowang-lab/MedSAM"]
    assert (state.stars, state.last_push, state.archived) == (3000, "2025-06-01", False)
    assert volatile.repositories["huggingface:wanglab/medsam-vit-base"].stars == 50
    assert "3000" not in (folder / "papers.yaml").read_text("utf-8")


def test_project_differences(folder: Path, server: LocalServer) -> None:
    found = {d["field"]: d for d in run(folder, server)["differences"] if "projects" in d["record"]}
    assert found["licences.code"]["theirs"] == "Apache-2.0"
    assert found["licences.weights"]["theirs"] == "apache-2.0"
    assert (found["code_status"]["ours"], found["code_status"]["theirs"]) == (
        "announced",
        "training+inference",
    )


def test_second_run_asks_nobody_again(folder: Path, server: LocalServer) -> None:
    run(folder, server)
    asked = len(server.asked)
    run(folder, server)
    assert len(server.asked) == asked
    run(folder, server, "--fresh")
    assert len(server.asked) > asked


def test_a_failing_source_is_told_and_the_rest_goes_on(folder: Path, server: LocalServer) -> None:
    server.routes["/crossref/works/"] = [Reply(status=500)]
    server.routes["/semanticscholar/paper/"] = [Reply(status=429, headers={"Retry-After": "9999"})]
    report = run(folder, server, "--apply")
    assert set(report["failed"]) == {"crossref", "semanticscholar"}
    assert "left out for the rest" in report["failed"]["semanticscholar"]
    assert server.count("/semanticscholar") == 1
    assert Registry.load(folder).papers[0].authors_complete


def test_nobody_there_is_a_missing_prerequisite(folder: Path) -> None:
    nobody = {"SAM4MIS_QUICK": "1"} | {
        f"SAM4MIS_URL_{name.upper()}": "http://127.0.0.1:9" for name in SERVICES
    }
    ran = here(folder, "refresh", *WITHOUT_LINKS, extra=nobody)
    assert ran.code == 3
    assert "no service answered" in ran.err


def test_unknown_source_names_the_nearest(folder: Path) -> None:
    ran = here(folder, "refresh", "--source", "crosref")
    assert (ran.code, "crossref" in ran.err) == (2, True)


@pytest.mark.parametrize(("read", "moved"), [("2025-05-07", True), ("2025-06-01", False)])
def test_repositories_that_moved_since_they_were_read_are_told(
    folder: Path, server: LocalServer, read: str, moved: bool
) -> None:
    commit = f"MedSAM, commit: {'a' * 40}, commit_date: '{read}'}}"
    (folder / "projects/medsam.yaml").write_text(PROJECT.replace("MedSAM}", commit))
    report = run(folder, server, "medsam")
    said = {"pushed": "2025-06-01", "read": read}
    assert {k: v.items() >= said.items() for k, v in report["moved"].items()} == (
        {"medsam": True} if moved else {}
    )
    summary_text = (folder / "build/refresh/summary.md").read_text()
    assert ("| medsam | 2025-05-07 | 2025-06-01 |" in summary_text) is moved


def test_only_one_work(folder: Path, server: LocalServer) -> None:
    report = run(folder, server, "curated")
    assert {d["record"] for d in report["differences"]} == {"curated"}
    assert server.count("/arxiv") == 0


# -------------------------------------------------------------------------------- comparing


def sighting(title: str, authors: list[str], version: Version) -> Sighting:
    return Sighting("crossref", Draft("x", None, title, authors, True, version))


OURS = Paper(
    id="a",
    title="Segment anything in medical images",
    authors=["Jun Ma", "Yuting He"],
    authors_complete=True,
    versions=[Version(kind="journal", ids=Ids(doi="10.1/x"), venue="V", date="2024", cite=True)],
)


def kinds(ours: Paper, *found: Sighting) -> list[tuple[str, str]]:
    return [(d.kind, d.field) for d in merge(ours, found, "2026-11-29")[1]]


def test_same_answer_makes_no_difference() -> None:
    same = sighting(OURS.title.upper(), OURS.authors, OURS.versions[0])
    filled, differences = merge(OURS, [same], "2026-11-29")
    assert (filled, differences) == (OURS, [])


def test_identifier_of_another_work_is_found_and_its_data_left() -> None:
    wrong = sighting("Deep learning for galaxies", ["A B"], OURS.versions[0])
    filled, (difference,) = merge(OURS, [wrong], "2026-11-29")
    assert (difference.kind, difference.field) == ("other-work", "title")
    assert filled == OURS


def test_changed_title_of_the_same_work_is_a_difference() -> None:
    changed = sighting("Segmenting anything in medical pictures", OURS.authors, OURS.versions[0])
    assert kinds(OURS, changed) == [("differs", "title")]


def test_two_services_saying_the_same_are_told_once() -> None:
    more = sighting(OURS.title, ["Jun Ma", "Yuting He", "Li Li"], OURS.versions[0])
    assert kinds(OURS, more, more) == [("differs", "authors")]


def test_another_first_author_never_replaces_ours() -> None:
    cut = Paper(id="a", title=OURS.title, authors=["Ada Lovelace"], versions=OURS.versions)
    assert kinds(cut, sighting(OURS.title, ["Jun Ma", "Yuting He"], OURS.versions[0])) == []


# -------------------------------------------------------------------------------- second hand

LIST = "owner/list@0123abc:README.md#L7"


def from_a_list(**changes: Any) -> Paper:
    """`OURS` as another list printed it."""
    version = Version(
        kind="preprint",
        ids=Ids(arxiv="2304.12306"),
        date="2023-04",
        cite=True,
        second_hand=SecondHand(source=LIST),
    )
    known: dict[str, Any] = {
        "id": "a",
        "title": OURS.title,
        "authors": OURS.authors,
        "authors_complete": True,
        "versions": [version],
        "sources": [LIST],
    }
    return Paper(**{**known, **changes})


def arxiv_says(title: str = OURS.title, authors: tuple[str, ...] = ("J. Ma", "Y. He")) -> Sighting:
    version = Version(kind="preprint", ids=Ids(arxiv="2304.12306"), date="2023-04-24")
    page = ["https://arxiv.org/abs/2304.12306"]
    return Sighting("arxiv", Draft("x", None, title, list(authors), True, version, sources=page))


def test_a_primary_page_that_agrees_confirms() -> None:
    filled, differences = merge(from_a_list(), [arxiv_says()], "2026-11-29")
    assert differences == []
    assert filled.versions[0].second_hand is None
    assert filled.sources == [LIST, "https://arxiv.org/abs/2304.12306"]


def test_an_incomplete_list_of_authors_is_confirmed_and_filled() -> None:
    cut = from_a_list(authors=["Jun Ma"], authors_complete=False)
    filled, _ = merge(cut, [arxiv_says(authors=("Jun Ma", "Yuting He"))], "2026-11-29")
    assert filled.versions[0].second_hand is None
    assert (filled.authors, filled.authors_complete) == (["Jun Ma", "Yuting He"], True)


@pytest.mark.parametrize(
    ("ours", "theirs", "told"),
    [
        ({}, {"title": "Segment anything in medical images again"}, "title: "),
        ({}, {"title": "Deep learning for galaxies", "authors": ("A B",)}, "title: "),
        ({}, {"authors": ("Yuting He", "Jun Ma")}, "authors: 2 (Jun Ma, Yuting He) here"),
        ({}, {"authors": ("Jun Ma",)}, "authors: 2 (Jun Ma, Yuting He) here, 1 (Jun Ma) at arxiv"),
        ({"authors_complete": False}, {"authors": ("Jun Ma", "Li Li")}, "authors: "),
    ],
)
def test_a_primary_page_that_differs_flags(
    ours: dict[str, Any], theirs: dict[str, Any], told: str
) -> None:
    filled, _ = merge(from_a_list(**ours), [arxiv_says(**theirs)], "2026-11-29")
    flagged = filled.versions[0].second_hand
    assert flagged is not None
    assert (flagged.source, flagged.checked) == (LIST, "2026-11-29")
    assert flagged.differs[0].startswith(told)


def test_a_date_years_apart_or_another_doi_flags() -> None:
    paper = from_a_list()
    paper.versions[0].date = "2021-01"
    filled, _ = merge(paper, [arxiv_says()], "2026-11-29")
    assert filled.versions[0].second_hand
    assert filled.versions[0].second_hand.differs == ["date: 2021-01 here, 2023-04-24 at arxiv"]


def test_services_that_only_collect_confirm_nothing() -> None:
    said = arxiv_says()
    said.service = "openalex"
    assert merge(from_a_list(), [said], "2026-11-29")[0].versions[0].second_hand


def test_without_a_network_second_hand_stays(folder: Path) -> None:
    nobody = {"SAM4MIS_QUICK": "1"} | {
        f"SAM4MIS_URL_{name.upper()}": "http://127.0.0.1:9" for name in SERVICES
    }
    marked = PAPERS.replace(
        "cite: true\n  - id", "cite: true\n        second_hand: {source: list}\n  - id"
    )
    (folder / "papers.yaml").write_text(marked, "utf-8")
    assert here(folder, "refresh", *WITHOUT_LINKS, "--apply", extra=nobody).code == 3
    assert (folder / "papers.yaml").read_text("utf-8") == marked
    ran = here(folder, "doctor", "--only", "P010")
    assert "1 of 2 works are second hand" in ran.out


def test_authors_read_in_a_list_are_confirmed_or_replaced_by_a_page_of_the_work() -> None:
    listed = replace(OURS, authors=["J. Ma", "Y. He"], second_hand={"authors": "o/list@a:README"})
    filled, (difference,) = merge(
        listed, [sighting(OURS.title, OURS.authors, OURS.versions[0])], "2026-11-29"
    )
    assert (filled.authors, filled.second_hand) == (OURS.authors, {})
    assert difference.kind == "fill"
    other = sighting(OURS.title, ["Ada Lovelace", "Alan Turing"], OURS.versions[0])
    assert (
        merge(listed, [other], "2026-11-29")[0] == listed
    )  # another first author: stays second hand


def test_what_was_read_in_copies_is_confirmed_by_the_page_of_the_work() -> None:
    copied = replace(OURS, sources=["https://deepai.org/x"])
    own = Draft("x", None, OURS.title, OURS.authors, True, OURS.versions[0])
    page = "https://doi.org/10.1/x"
    agrees = Sighting("crossref", replace_draft(own, sources=[page]))
    filled, differences = merge(copied, [agrees], "2026-11-29")
    assert (filled.sources, differences) == (["https://deepai.org/x", page], [])
    other = replace_draft(own, sources=[page], authors=["Jun Ma", "Yuting He", "Li Li"])
    assert merge(copied, [Sighting("crossref", other)], "2026-11-29")[0] == copied


# ------------------------------------------------------------------- repositories and links


@pytest.fixture
def client(server: LocalServer) -> Client:
    named = {name: f"{server.url}/{name}" for name in SERVICES}
    return Client(Settings(urls=named, polite=0.0, backoff_s=0.01, read_timeout_s=300.0, retries=0))


def test_renamed_archived_empty_and_missing_repositories(
    server: LocalServer, client: Client
) -> None:
    moved = answers.github_repository(full_name="new/name", archived=True, license=None)
    server.routes["/github/repos/old/name"] = [
        Reply(status=301, headers={"Location": "/github/repositories/1"})
    ]
    server.routes["/github/repositories/1"] = [Reply(moved)]
    server.routes["/github/repos/new/name/git"] = [Reply(b'{"message":"empty"}', status=409)]
    found = github.read(client, "old/name")
    assert found is not None
    assert (found.moved_to, found.archived, found.licence, found.code) == (
        "new/name",
        True,
        "none",
        "empty",
    )
    assert github.read(client, "no/such") is None


@pytest.mark.parametrize(
    ("paths", "rung"),
    [
        (["README.md"], "empty"),
        (["a/infer.py"], "inference"),
        (["train.py"], "training"),
        (["train.py", "tools/test.py"], "training+inference"),
        (["model.py"], "inference"),
    ],
)
def test_code_ladder(paths: list[str], rung: str) -> None:
    assert code_ladder(paths) == rung


def test_hugging_face(server: LocalServer, client: Client) -> None:
    found = huggingface.read(client, "wanglab/medsam-vit-base")
    assert found is not None
    assert (found.weights_files, found.gated, found.licence) == (
        ("model.safetensors",),
        False,
        "apache-2.0",
    )


def page(server: LocalServer, reply: Reply) -> str:
    server.routes["/page"] = [reply]
    return server.url + "/page"


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (Reply(b"hello"), "alive"),
        (Reply(b"", status=206), "alive"),
        (Reply(status=404), "failing"),
        (Reply(status=410), "failing"),
        (Reply(status=500), "failing"),
        (Reply(b"x" * 40, cut=True), "failing"),
        (Reply(b"the file you have requested does not exist"), "failing"),
        (Reply(status=403), "blocked"),
        (Reply(status=429), "blocked"),
        (Reply(status=999), "blocked"),
        (Reply(b"Please solve the CAPTCHA", status=404), "blocked"),
        (Reply(status=301, headers={"Location": "/elsewhere"}), "moved"),
        (Reply(status=302, headers={"Location": "/elsewhere"}), "alive"),
        (Reply(status=301, headers={"Location": "/page/"}), "alive"),
    ],
)
def test_link_states(server: LocalServer, client: Client, reply: Reply, state: str) -> None:
    server.routes["/elsewhere"] = server.routes["/page/"] = [Reply(b"here")]
    assert links.check(client, page(server, reply), None, "2026-11-20").state == state


def test_strikes_on_three_days_make_a_link_dead_and_one_answer_forgives(
    server: LocalServer, client: Client
) -> None:
    url = page(server, Reply(status=404))
    seen: list[Link] = [Link(state="alive", checked="2026-11-01", last_alive="2026-11-01")]
    for day in ("2026-11-02", "2026-11-02", "2026-11-09", "2026-11-16"):
        seen.append(links.check(client, url, seen[-1], day))
    assert [link.strikes for link in seen] == [0, 1, 1, 2, 3]
    assert [link.state for link in seen[1:]] == ["failing", "failing", "failing", "dead"]
    assert seen[-1].last_alive == "2026-11-01"
    server.routes["/page"] = [Reply(status=403)]
    blocked = links.check(client, url, seen[-1], "2026-11-23")
    assert (blocked.state, blocked.strikes) == ("blocked", 3)
    server.routes["/page"] = [Reply(b"back")]
    assert links.check(client, url, blocked, "2026-11-30") == Link(
        state="alive", checked="2026-11-30", last_alive="2026-11-30"
    )


def test_dois_are_checked_at_the_resolver(server: LocalServer, client: Client) -> None:
    assert links.check(client, "https://doi.org/10.1/x", None, "2026-11-20").state == "alive"
    assert server.asked[-1].path == "/doi/api/handles/10.1/x"
    server.routes["/doi/api/handles/"] = [Reply(b'{"responseCode":100}', status=404)]
    assert links.check(client, "https://doi.org/10.1/y", None, "2026-11-20").state == "failing"


def test_link_sweep_writes_states_and_forgets_gone_links(folder: Path, server: LocalServer) -> None:
    text = PAPERS.replace("        cite: true\n", "", 1).replace(
        "        date: '2023-04'\n", f"        url: {server.url}/page\n        cite: true\n"
    )
    (folder / "papers.yaml").write_text(text, "utf-8")
    (folder / "projects" / "medsam.yaml").unlink()
    page(server, Reply(status=404))
    ran = here(folder, "refresh", "--source", "links", extra=urls(server))
    assert ran.code == 0, ran.err
    found = load(folder).links
    assert {url: link.state for url, link in found.items()} == {
        f"{server.url}/page": "failing",
        "https://doi.org/10.1000/polyp": "alive",
    }
    (folder / "papers.yaml").write_text(PAPERS, "utf-8")
    here(folder, "refresh", "--source", "links", extra=urls(server))
    assert list(load(folder).links) == ["https://doi.org/10.1000/polyp"]


@pytest.mark.parametrize("many", [1, 15])
def test_a_dead_network_makes_no_link_dead(folder: Path, many: int) -> None:
    server = {"SAM4MIS_QUICK": "1", "SAM4MIS_URL_DOI": "http://127.0.0.1:9"}
    urls_ = "".join(f", 'http://127.0.0.1:9/{n}'" for n in range(many)).removeprefix(", ")
    text = PAPERS + f"    links: {{code: [{urls_}]}}\n"
    (folder / "papers.yaml").write_text(text, "utf-8")
    ran = here(folder, "refresh", "--source", "links", "curated", extra=server)
    assert ran.code == 3
    assert "no network?" in ran.err
    assert load(folder).links == {}


def test_one_dead_host_beside_a_service_that_answers_gets_a_strike(
    folder: Path, server: LocalServer
) -> None:
    text = PAPERS + "    links: {code: ['http://127.0.0.1:9/gone']}\n"
    (folder / "papers.yaml").write_text(text, "utf-8")
    only = ("--source", "crossref", "--source", "links", "curated")
    assert here(folder, "refresh", *only, extra=urls(server)).code == 0
    assert load(folder).links["http://127.0.0.1:9/gone"].strikes == 1


# -------------------------------------------------------------------------------- reporting


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_no_markup_in_html_made_of_the_summary(text: str) -> None:
    html = markdown_package.markdown(f"| a |\n|---|\n| {markdown(text)} |", extensions=["tables"])
    cell = html.partition("<td>")[2].partition("</td>")[0]
    assert "<" not in cell
    assert unescape(cell).split() == clean(text).split()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_the_summary_is_text(text: str) -> None:
    difference = Difference(
        record="a", field=text, kind="differs", ours=text, theirs=[text], source="crossref"
    )
    body = summary(Outcome(differences=[difference]), Volatile(), "2026-11-20")
    (row,) = [line for line in body.splitlines() if line.startswith("| a |")]
    assert row.count("|") == 6
    assert "<" not in body
    assert "](" not in body
    assert "@" not in markdown(text)
    assert "://" not in markdown(text)
