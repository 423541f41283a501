"""discover and screen against a local arXiv: counted, scored, queued once, decided with reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import service_answers as answers
from hostile import HOSTILE
from local_server import Asked, LocalServer, Reply, running
from terminal import here, on_terminal

from catalog.errors import FindingsError
from catalog.records import Paper
from catalog.registry import Registry
from catalog.sources import prisma_counts, screening
from catalog.sources.discovering import QUERY, load_query
from catalog.text import clean

PAPERS = """\
papers:
  - id: medsam
    title: Segment anything in medical images
    authors: [Jun Ma]
    versions:
      - kind: preprint
        ids: {arxiv: '2304.12306'}
        date: '2023-04'
        cite: true
    rows: [422, 423]
"""
MEDICAL = "SAM 2 segments tumours in CT scans of patients."
FEED = [
    answers.arxiv_entry("2611.00001v1", "PolypSAM: segmenting polyps", ("A B",), MEDICAL),
    answers.arxiv_entry("2611.00002v1", "LiverSAM: organs in CT", ("C D",), MEDICAL),
    answers.arxiv_entry("2304.12306v4", "Segment Anything in Medical Images"),
    answers.arxiv_entry("2611.00003v1", "Segment anything in MEDICAL images!", ("J. Ma",), MEDICAL),
    answers.arxiv_entry(
        "2611.00004v1", "Crop maps by satellite with SAM", ("E F",), "Remote sensing of crops."
    ),
    answers.arxiv_entry("2611.00001v2", "PolypSAM: segmenting polyps", ("A B",), MEDICAL),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "papers.yaml").write_text(PAPERS, "utf-8")
    return tmp_path


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with running() as local:
        local.routes["/arxiv"] = [Reply(answers.arxiv_feed(*FEED))]
        yield local


def discover(folder: Path, server: LocalServer, *arguments: str) -> Any:
    extra = {"SAM4MIS_QUICK": "1", "SAM4MIS_URL_ARXIV": f"{server.url}/arxiv"}
    ran = here(folder, "discover", "--json", *arguments, extra=extra)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


SINCE = ("--since", "2026-11-01", "--until", "2026-11-20")


def test_counts_add_up_and_the_best_come_first(folder: Path, server: LocalServer) -> None:
    found = discover(folder, server, *SINCE)
    search = found["search"]
    assert {name: search[name] for name in ("found", "known", "below_threshold", "queued")} == {
        "found": 5,
        "known": 2,
        "below_threshold": 1,
        "queued": 2,
    }
    assert {c["id"] for c in found["candidates"]} == {"2611.00001", "2611.00002"}
    scores = [c["score"] for c in found["candidates"]]
    assert scores == sorted(scores, reverse=True)
    assert all(c["why"] for c in found["candidates"])
    asked = server.asked[0].query["search_query"][0]
    assert "submittedDate:[202611010000 TO 202611202359]" in asked
    assert '"segment anything"' in asked


def test_dry_run_queues_nothing(folder: Path, server: LocalServer) -> None:
    discover(folder, server, *SINCE, "--dry-run")
    assert not (folder / screening.FILE).exists()


def test_second_search_finds_the_same_waiting_and_starts_where_the_first_ended(
    folder: Path, server: LocalServer
) -> None:
    discover(folder, server, *SINCE)
    again = discover(folder, server)
    assert again["search"]["since"] == "2026-11-20"
    assert (again["search"]["queued_before"], again["search"]["queued"]) == (2, 0)
    assert len(screening.load(folder).queue) == 2


def test_exclude_needs_a_reason_and_holds_for_good(folder: Path, server: LocalServer) -> None:
    discover(folder, server, *SINCE)
    no = here(folder, "screen", "2611.00002", "--exclude")
    assert (no.code, "--reason" in no.err) == (2, True)
    odd = here(folder, "screen", "2611.00002", "--exclude", "--reason", "not-medicl")
    assert (odd.code, "not-medical" in odd.err) == (2, True)
    arguments = ("--exclude", "--reason", "not-medical", "--note", "a phantom: study | <b>")
    assert here(folder, "screen", "2611.00002", *arguments).code == 0
    again = discover(folder, server, *SINCE)
    assert (again["search"]["decided_before"], again["candidates"]) == (1, [])
    (decision,) = screening.load(folder).decided
    assert (decision.reason, decision.note) == ("not-medical", "a phantom: study | <b>")


def test_include_adds_the_record_with_suggested_tags(folder: Path, server: LocalServer) -> None:
    discover(folder, server, *SINCE)
    dry = here(folder, "screen", "2611.00001", "--include", "--dry-run")
    assert len(Registry.load(folder).papers) == 1
    ran = here(folder, "screen", "https://arxiv.org/abs/2611.00001v2", "--include")
    assert ran.code == 0, ran.err
    assert dry.out == ran.out
    paper = Registry.load(folder).papers[-1]
    assert (paper.id, paper.versions[0].ids.arxiv) == ("polypsam", "2611.00001")
    assert paper.base_models is not None
    assert paper.base_models.provenance == "suggested"
    assert screening.load(folder).decided[0].work == "polypsam"
    assert here(folder, "screen", "2611.00001", "--include").code == 2  # waits no more


def test_queue_is_printed_in_a_pipe(folder: Path, server: LocalServer) -> None:
    discover(folder, server, *SINCE)
    lines = here(folder, "screen").out.splitlines()
    assert {line.split("\t")[0] for line in lines} == {"2611.00001", "2611.00002"}
    assert len(json.loads(here(folder, "screen", "--json").out)) == 2


def test_queue_as_markdown_for_a_pull_request(folder: Path, server: LocalServer) -> None:
    server.routes["/arxiv"] = [
        Reply(
            answers.arxiv_feed(
                answers.arxiv_entry("2611.00009v1", "SAM 2 | <b>@x</b>: CT", ("A B",))
            )
        )
    ]
    discover(folder, server, *SINCE)
    row = here(folder, "screen", "--markdown").out.splitlines()[-2]
    assert row.startswith("| [2611.00009](https://arxiv.org/abs/2611.00009) |")
    assert row.count("|") == 5
    assert "<" not in row
    assert "@" not in row


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_titles_survive_the_queue(folder: Path, text: str) -> None:
    title = clean(text)
    record = Paper(id="x", title=title, authors=[title])
    candidate = screening.Candidate(record=record, score=1, why=[title], found="x")
    screening.save(folder, screening.Screening(queue=[candidate]))
    assert screening.load(folder).queue == [candidate]


def test_terminal_goes_through_the_queue(folder: Path, server: LocalServer) -> None:
    discover(folder, server, *SINCE)
    ran = on_terminal(folder, "screen", typed="q\n", wait_for=b"[q]uit")
    assert "1 of 2" in ran.out
    assert MEDICAL in ran.out.replace("\r\n", " ")
    assert len(screening.load(folder).queue) == 2


def test_prisma_flow_adds_up(folder: Path, server: LocalServer) -> None:
    discover(folder, server, *SINCE)
    here(folder, "screen", "2611.00001", "--include")
    here(folder, "screen", "2611.00002", "--exclude", "--reason", "duplicate")
    discover(folder, server, *SINCE)
    counts = prisma_counts(folder)
    identified, removed = sum(counts["identified"].values()), sum(counts["removed"].values())
    waiting = counts["waiting"]["candidates"]
    assert identified - removed == counts["screened"]["works and candidates"] + waiting
    assert counts["identified"]["rows of the SAM4MIS list"] == 2
    assert counts["excluded"] == {"search: duplicate": 1}
    assert counts["included"]["works"] == 2


def test_prisma_flow_of_the_real_registry_adds_up(root: Path) -> None:
    counts = prisma_counts(root)
    identified, removed = sum(counts["identified"].values()), sum(counts["removed"].values())
    waiting = counts["waiting"]["candidates"]
    assert identified - removed == counts["screened"]["works and candidates"] + waiting
    assert counts["identified"]["rows of the SAM4MIS list"] == 425


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--since"),
        (("--since", "yesterday"), "no date"),
        (("--since", "2026-02-30"), "no date"),
        (("--since", "2026-11-20", "--until", "2026-11-01"), "is after"),
    ],
)
def test_odd_dates(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    ran = here(folder, "discover", *arguments)
    assert (ran.code, said in ran.err) == (2, True)


def test_no_network_queues_nothing_and_says_what_to_type(folder: Path) -> None:
    extra = {"SAM4MIS_QUICK": "1", "SAM4MIS_URL_ARXIV": "http://127.0.0.1:9"}
    ran = here(folder, "discover", *SINCE, extra=extra)
    assert (ran.code, "sam4mis discover --since 2026-11-01" in ran.err) == (3, True)
    assert not (folder / screening.FILE).exists()


def test_a_search_that_breaks_off_is_told(folder: Path, server: LocalServer) -> None:
    def page(asked: Asked) -> Reply:
        if asked.query["start"] == ["0"]:
            return Reply(answers.arxiv_feed(*FEED, total=300))
        return Reply(status=500)

    server.routes["/arxiv"] = page
    extra = {"SAM4MIS_QUICK": "1", "SAM4MIS_URL_ARXIV": f"{server.url}/arxiv"}
    ran = here(folder, "discover", *SINCE, extra=extra)
    assert ran.code == 3
    assert not (folder / screening.FILE).exists()


@pytest.mark.parametrize(
    "text",
    ["query: x\n", "query: x\nthreshold: 1\nscores: [{pattern: '(', in: any, weight: 1, why: x}]"],
)
def test_broken_query_file_is_a_finding(folder: Path, text: str) -> None:
    (folder / QUERY).parent.mkdir(parents=True)
    (folder / QUERY).write_text(text, "utf-8")
    with pytest.raises(FindingsError, match=r"discovery_query\.yaml"):
        load_query(folder)


def test_query_file_finds_most_works_of_the_catalog(root: Path) -> None:
    """Titles alone already lift most works of the SAM sections over the threshold."""
    query = load_query(root)
    papers = [p for p in Registry.load(root).papers if p.section in ("sam", "sam2")]
    passed = sum(
        query.score(p.title, "segment anything in medical images")[0] >= query.file.threshold
        for p in papers
    )
    assert passed / len(papers) > 0.95


def test_other_sams_score_low(root: Path) -> None:
    query = load_query(root)
    score, _ = query.score("Sharpness-aware minimization for cells", "SAM finds flat minima.")
    assert score < query.file.threshold
