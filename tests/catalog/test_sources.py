"""The network clients against a local server that answers, misbehaves and lies."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import service_answers as answers
from hostile import HOSTILE
from local_server import LocalServer, Reply, running

from catalog.editing import dump_record
from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.exports import to_bibtex
from catalog.reading import parse
from catalog.sources import arxiv_, crossref, europepmc, openreview
from catalog.sources.cache import Cache
from catalog.sources.http import Client, SourceError, retry_after_s
from catalog.sources.looking_up import look_up
from catalog.sources.settings import SERVICES, Settings, from_environment
from catalog.text import clean


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with running() as local:
        yield local


def settings(server: LocalServer, **changes: Any) -> Settings:
    defaults: dict[str, Any] = {
        "urls": {name: f"{server.url}/{name}" for name in SERVICES},
        "polite": 0.0,
        "backoff_s": 0.01,
        "connect_timeout_s": 300.0,
        "read_timeout_s": 300.0,
        "total_timeout_s": 300.0,
        "retries": 2,
    }
    return Settings(**{**defaults, **changes})


@pytest.fixture
def client(server: LocalServer) -> Client:
    return Client(settings(server))


# ------------------------------------------------------------------------------ the services


def test_arxiv(server: LocalServer, client: Client) -> None:
    server.routes["/arxiv"] = [
        Reply(
            answers.arxiv_feed(
                answers.arxiv_entry(doi="10.1038/s41467-024-44824-z", journal="Nat. Commun. 2024")
            )
        )
    ]
    found = arxiv_.by_ids(client, ["2304.12306"])["2304.12306"].draft
    assert found.title == "Segment Anything in Medical Images"
    assert found.authors == ["Jun Ma", "Yuting He", "Feifei Li"]
    assert found.complete
    paper = found.to_paper(set(), "2026-11-20")
    preprint, journal = paper.versions
    assert (preprint.ids.arxiv, preprint.date, preprint.cite) == ("2304.12306", "2023-04-24", False)
    assert (journal.ids.doi, journal.cite) == ("10.1038/s41467-024-44824-z", True)
    assert paper.links.code == ["https://github.com/bowang-lab/MedSAM"]
    assert paper.modalities is not None
    assert (paper.modalities.values, paper.modalities.provenance) == (["ct", "mri"], "suggested")


def test_arxiv_pages_through_a_long_answer(server: LocalServer, client: Client) -> None:
    def page(asked: Any) -> Reply:
        start = int(asked.query["start"][0])
        entries = [
            answers.arxiv_entry(f"2401.{start + n:05d}v1", f"Work {start + n}")
            for n in range(1, min(100, 250 - start) + 1)
        ]
        return Reply(answers.arxiv_feed(*entries, total=250))

    server.routes["/arxiv"] = page
    found = list(arxiv_.by_query(client, "all:medsam", None))
    assert len({s.draft.version.ids.arxiv for s in found}) == 250
    assert server.count("/arxiv") == 3


def test_arxiv_error_entry_is_no_work(server: LocalServer, client: Client) -> None:
    server.routes["/arxiv"] = [Reply(answers.ARXIV_ERROR)]
    assert arxiv_.by_ids(client, ["2304.12306"]) == {}


def test_crossref(server: LocalServer, client: Client) -> None:
    server.routes["/crossref/works/"] = [Reply(answers.crossref(answers.crossref_work()))]
    found = crossref.by_doi(client, "10.1038/s41467-024-44824-z")
    assert found is not None
    version = found.draft.version
    assert found.draft.authors == ["Jun Ma", "Yuting He", "Feifei Li"]
    assert (version.kind, version.venue, version.date) == (
        "journal",
        "Nature Communications",
        "2024-01-22",
    )
    assert found.figures == {"cited_by": 1234}
    assert found.draft.abstract == "Medical image segmentation & more on CT."
    # the slash of a DOI is part of it, not of the path
    assert "%2Fs41467" in server.asked[0].path


def test_crossref_finds_an_elsevier_item(server: LocalServer, client: Client) -> None:
    server.routes["/crossref/works"] = [Reply(answers.crossref_list(answers.crossref_work()))]
    assert crossref.by_pii(client, "S0925231226005047") is not None
    assert server.asked[0].query["filter"] == ["alternative-id:S0925231226005047"]


def test_europepmc(server: LocalServer, client: Client) -> None:
    server.routes["/europepmc/search"] = [Reply(answers.europepmc(answers.europepmc_result()))]
    found = europepmc.by_pmid(client, "38253604")
    assert found is not None
    assert found.draft.title == "Segment anything in medical images"
    assert found.draft.authors == ["Jun Ma", "Yuting He"]
    assert found.draft.version.ids.pmcid == "PMC10803759"
    server.routes["/europepmc/search"] = [Reply(answers.europepmc())]
    assert europepmc.by_pmid(client, "1") is None


@pytest.mark.parametrize(
    ("venue", "kind"),
    [
        ("MIDL 2024 Poster", "conference"),
        ("NeurIPS 2024 Workshop AIM-FM", "workshop"),
        ("Submitted to ICLR 2025", "preprint"),
    ],
)
def test_openreview(server: LocalServer, client: Client, venue: str, kind: str) -> None:
    server.routes["/openreview/notes"] = [Reply(answers.openreview_note(venue=venue))]
    found = openreview.by_forum(client, "5RuCR0fYZG")
    assert found is not None
    assert found.draft.version.kind == kind
    assert found.draft.version.date == "2024-03-01"
    assert found.draft.authors == ["Maciej A Mazurowski", "Haoyu Dong"]


# ------------------------------------------------------------------------------ misbehaviour


def works_url(client: Client) -> str:
    return client.settings.url("crossref") + "/works/x"


def test_429_with_retry_after_is_waited_for(server: LocalServer, client: Client) -> None:
    server.routes["/crossref"] = [Reply(status=429, headers={"Retry-After": "1"}), Reply(b"{}")]
    start = time.monotonic()
    assert client.get("crossref", works_url(client)).body == b"{}"
    assert time.monotonic() - start >= 1.0


def test_429_without_retry_after_is_tried_again(server: LocalServer, client: Client) -> None:
    server.routes["/crossref"] = [Reply(status=429), Reply(status=503), Reply(b"{}")]
    assert client.get("crossref", works_url(client)).status == 200


def test_too_long_a_wait_is_not_waited_for(server: LocalServer, client: Client) -> None:
    server.routes["/crossref"] = [Reply(status=429, headers={"Retry-After": "86400"})]
    with pytest.raises(SourceError, match="asks to wait 86400 s") as caught:
        client.get("crossref", works_url(client))
    assert caught.value.kind == "rate-limit"
    assert server.count("/crossref") == 1


def test_retry_after_as_a_date() -> None:
    when = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert 0 < (retry_after_s(when) or 0) <= 30
    assert retry_after_s("soon") is None
    assert retry_after_s(None) is None


def test_used_up_quota_of_github_is_a_rate_limit(server: LocalServer, client: Client) -> None:
    reset = str(int(time.time()) + 5000)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    server.routes["/github"] = [Reply(b"{}", status=403, headers=headers)]
    with pytest.raises(SourceError, match="asks to wait 4") as caught:
        client.get("github", server.url + "/github/repos/a/b")
    assert caught.value.kind == "rate-limit"


def test_500_gives_up_after_the_retries(server: LocalServer, client: Client) -> None:
    server.routes["/crossref"] = [Reply(b"oops", status=500)]
    with pytest.raises(SourceError, match="HTTP 500"):
        client.get("crossref", works_url(client))
    assert server.count("/crossref") == 3


def test_time_out(server: LocalServer) -> None:
    server.routes["/crossref"] = [Reply(b"{}", sleep_s=0.6)]
    quick = Client(settings(server, read_timeout_s=0.2, retries=0))
    with pytest.raises(SourceError) as caught:
        quick.get("crossref", works_url(quick))
    assert caught.value.kind == "timeout"


def test_cut_connection(server: LocalServer, client: Client) -> None:
    whole = answers.crossref(answers.crossref_work())
    server.routes["/crossref"] = [Reply(whole, cut=True), Reply(whole)]
    assert crossref.by_doi(client, "10.1/x") is not None
    server.routes["/crossref"] = [Reply(whole, cut=True)]
    with pytest.raises(SourceError) as caught:
        crossref.by_doi(client, "10.1/x")
    assert caught.value.kind == "offline"


@pytest.mark.parametrize("body", [b"<html><body>Login</body></html>", b'{"message":', b"[]", b"3"])
def test_html_or_broken_json_is_told(server: LocalServer, client: Client, body: bytes) -> None:
    server.routes["/crossref"] = [Reply(body, content_type="text/html")]
    with pytest.raises(SourceError) as caught:
        crossref.by_doi(client, "10.1/x")
    assert caught.value.kind == "format"


def test_html_instead_of_a_feed_is_told(server: LocalServer, client: Client) -> None:
    server.routes["/arxiv"] = [Reply(b"<html>captcha</html>", content_type="text/html")]
    with pytest.raises(SourceError, match="expected an Atom feed, got text/html"):
        arxiv_.by_ids(client, ["2304.12306"])


def test_gzip_and_redirects(server: LocalServer, client: Client) -> None:
    server.routes["/crossref/old"] = [Reply(status=301, headers={"Location": "/crossref/new"})]
    server.routes["/crossref/new"] = [Reply(b'{"a": 1}', gzipped=True)]
    answer = client.get("crossref", server.url + "/crossref/old")
    assert json.loads(answer.body) == {"a": 1}
    assert answer.moved == server.url + "/crossref/new"


def test_redirects_without_end(server: LocalServer, client: Client) -> None:
    server.routes["/crossref"] = [Reply(status=302, headers={"Location": "/crossref/again"})]
    with pytest.raises(SourceError, match="redirects without end"):
        client.get("crossref", works_url(client))


def test_enormous_answer_is_cut_off(server: LocalServer) -> None:
    server.routes["/crossref"] = [Reply(endless=True)]
    small = Client(settings(server, limit_bytes=200_000))
    with pytest.raises(SourceError, match="more than 200,000 bytes"):
        small.get("crossref", works_url(small))


def test_gzip_bomb_is_cut_off(server: LocalServer) -> None:
    server.routes["/crossref"] = [Reply(b"0" * 5_000_000, gzipped=True)]
    small = Client(settings(server, limit_bytes=200_000))
    with pytest.raises(SourceError) as caught:
        small.get("crossref", works_url(small))
    assert caught.value.kind == "too-large"


def test_nobody_there() -> None:
    nobody = Settings(urls={"crossref": "http://127.0.0.1:9"}, retries=1, backoff_s=0.01)
    with pytest.raises(SourceError) as caught:
        crossref.by_doi(Client(nobody), "10.1/x")
    assert caught.value.kind == "offline"


def test_polite_rate_is_kept(server: LocalServer) -> None:
    server.routes["/links"] = [Reply(b"{}")]
    slow = Client(settings(server, polite=0.4))  # 0.4 x 0.5 s between two requests
    start = time.monotonic()
    for number in range(3):
        slow.get("links", f"{server.url}/links/{number}")
    assert time.monotonic() - start >= 0.39


def test_cache_answers_without_asking_and_survives_damage(
    server: LocalServer, tmp_path: Path
) -> None:
    server.routes["/crossref"] = [Reply(answers.crossref(answers.crossref_work()))]
    cached = Client(settings(server), Cache(tmp_path))
    for _ in range(3):
        assert crossref.by_doi(cached, "10.1/x") is not None
    assert server.count("/crossref") == 1
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    kept.write_bytes(kept.read_bytes()[:50])
    assert crossref.by_doi(cached, "10.1/x") is not None
    assert server.count("/crossref") == 2


def test_secrets_are_sent_and_kept_nowhere(server: LocalServer, tmp_path: Path) -> None:
    server.routes["/openalex"] = [Reply(b"<html>", content_type="text/html")]
    client = Client(settings(server), Cache(tmp_path))
    with pytest.raises(SourceError) as caught:
        client.json("openalex", "/works/x", secrets={"api_key": "hush"})
    assert server.asked[0].query["api_key"] == ["hush"]
    assert "hush" not in str(caught.value)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hush" not in kept


def test_keys_and_addresses_come_from_the_environment() -> None:
    found = from_environment({"GITHUB_TOKEN": "t", "SAM4MIS_URL_ARXIV": "http://x/"})
    assert found.url("arxiv") == "http://x"
    assert found.keys == {"github": "t"}
    assert "t'" not in repr(found)


# ------------------------------------------------------------------------------- looking up


def test_looking_up_says_what_to_do(server: LocalServer, client: Client) -> None:
    with pytest.raises(InputError, match=r"Crossref has no work with doi 10\.1000/none"):
        look_up(client, "https://doi.org/10.1000/none")
    server.routes["/arxiv"] = [Reply(status=500)]
    with pytest.raises(PrerequisiteError, match="sam4mis add -"):
        look_up(client, "2304.12306")
    for odd in ("https://github.com/bowang-lab/MedSAM", "https://example.org/x", "hello"):
        with pytest.raises(UsageError):
            look_up(client, odd)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_answers_come_out_harmless(server: LocalServer, client: Client, text: str) -> None:
    safe = "".join(c for c in text if c >= " " or c in "\t\n\r")  # what XML can carry
    server.routes["/arxiv"] = [
        Reply(answers.arxiv_feed(answers.arxiv_entry(title=f"T {safe}", authors=(f"N {safe}",))))
    ]
    server.routes["/crossref"] = [
        Reply(
            answers.crossref(
                answers.crossref_work(title=[f"T {text}"], author=[{"given": "N", "family": text}])
            )
        )
    ]
    drafts = [arxiv_.by_ids(client, ["2304.12306"])["2304.12306"].draft]
    sighting = crossref.by_doi(client, "10.1038/s41467-024-44824-z")
    assert sighting is not None
    drafts.append(sighting.draft)
    for draft in drafts:
        paper = draft.to_paper(set(), "2026-11-20")
        assert paper.title == clean(paper.title) != ""
        block = dump_record(paper)
        (back,) = parse("papers:\n" + block, "x").data["papers"]
        assert back["title"] == paper.title
        assert back["authors"] == paper.authors
        assert block.count("\n- ") == 0
        assert sum(line.startswith("@") for line in to_bibtex([paper]).splitlines()) == 1
