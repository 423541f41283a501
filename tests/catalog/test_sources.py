"""The network clients against a local server that answers, misbehaves and lies."""

from __future__ import annotations

import contextlib
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
from stress.serving import Handler, serving

from catalog.editing import dump_record
from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.exports import to_bibtex
from catalog.reading import parse
from catalog.sources import arxiv_, crossref, europepmc, github, openreview, semanticscholar
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
    server.routes["/arxiv"] = [Reply(answers.ARXIV_ERROR), Reply(answers.ARXIV_ERROR, status=400)]
    assert arxiv_.by_ids(client, ["2304.12306"]) == {}
    with pytest.raises(SourceError, match="answers HTTP 400"):
        arxiv_.by_ids(client, ["2304.12306"])


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
        client.ask("openalex", "/works/x", dict, secrets={"api_key": "hush"})
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


# --------------------------------------------------------------------- what a page may lead to


def redirecting(server: LocalServer, target: str) -> None:
    server.routes["/links"] = [Reply(status=302, headers={"Location": target})]


@pytest.mark.parametrize("target", ["http://.x/", "http://a:99999/", "http://[::1", "file:///etc"])
def test_a_redirect_to_no_address_is_an_odd_answer(
    server: LocalServer, client: Client, target: str
) -> None:
    redirecting(server, target)
    with pytest.raises(SourceError) as caught:
        client.probe("links", f"{server.url}/links/x")
    assert caught.value.kind == "format"


@pytest.mark.parametrize(
    "inside",
    ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://127.0.0.1:9/", "//[::1]/"],
)
def test_no_page_leads_into_a_network_that_is_not_public(
    server: LocalServer, client: Client, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server here is at such an address itself: as a proxy it stands for a public one."""
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    server.routes["/page"] = [Reply(status=302, headers={"Location": inside})]
    with pytest.raises(SourceError, match="inside this network"):
        client.probe("links", "http://1.1.1.1/page")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("service", "header"), [("semanticscholar", "x-api-key"), ("github", "authorization")]
)
def test_no_key_follows_a_redirect_to_another_host(service: str, header: str) -> None:
    with running() as other, running() as server:
        server.routes[f"/{service}"] = [
            Reply(status=302, headers={"Location": f"{other.url}/elsewhere"})
        ]
        other.routes["/elsewhere"] = [Reply(b"{}")]
        keys = {service: "hush"}
        client = Client(settings(server, keys=keys))
        ask = {"semanticscholar": semanticscholar.by_doi, "github": github.read}[service]
        with pytest.raises(SourceError, match="missing required field"):
            ask(client, "10.1/x")
        sent, further = (
            {k.lower(): v for k, v in s.asked[0].headers.items()} for s in (server, other)
        )
        assert "hush" in sent[header]
        assert header not in further


@pytest.mark.parametrize("part", ["head", "body"])
def test_one_time_limit_for_head_and_body(part: str) -> None:
    """A byte now and then, for ever: the limit of the socket begins anew with each."""

    def drip(asked: Handler) -> None:
        if part == "body":
            asked.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                asked.wfile.write(b"x")
                asked.wfile.flush()
                time.sleep(0.02)

    with serving() as (address, does):
        does.acts = {"/drip": drip}
        client = Client(Settings(polite=0.0, retries=0, total_timeout_s=0.3))
        with pytest.raises(SourceError, match="answers too slowly"):
            client.get("links", f"{address}/drip")


@pytest.mark.parametrize("header", ["²", "soon", "-5", "1e3", "Fri, 99 Foo 2026"])
def test_an_odd_wait_is_no_wait(server: LocalServer, client: Client, header: str) -> None:
    odd = {"Retry-After": header, "X-RateLimit-Reset": header, "X-RateLimit-Remaining": "0"}
    server.routes["/github"] = [Reply(status=403, headers=odd), Reply(answers.github_repository())]
    assert retry_after_s(header) is None
    assert client.get("github", f"{server.url}/github/x").status == 200


def test_what_is_no_answer_is_not_kept(server: LocalServer, tmp_path: Path) -> None:
    whole = answers.crossref(answers.crossref_work())
    server.routes["/crossref"] = [Reply(b'{"message": 3}'), Reply(whole)]
    client = Client(settings(server), Cache(tmp_path))
    with pytest.raises(SourceError, match=r"Expected `object`, got `int` - at `\$.message`"):
        crossref.by_doi(client, "10.1/x")
    assert crossref.by_doi(client, "10.1/x") is not None


def test_an_answer_of_the_future_is_asked_again(server: LocalServer, tmp_path: Path) -> None:
    server.routes["/crossref"] = [Reply(answers.crossref(answers.crossref_work()))]
    client = Client(settings(server), Cache(tmp_path))
    crossref.by_doi(client, "10.1/x")
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    head, _, body = kept.read_bytes().partition(b"\n")
    later = json.loads(head) | {"time": time.time() + 86400}
    kept.write_bytes(json.dumps(later).encode() + b"\n" + body)
    crossref.by_doi(client, "10.1/x")
    assert server.count("/crossref") == 2


def test_arxiv_that_repeats_a_page_is_told(server: LocalServer, client: Client) -> None:
    page = answers.arxiv_feed(
        *(answers.arxiv_entry(f"2401.{n:05d}v1", f"Work {n}") for n in range(100)), total=10**6
    )
    server.routes["/arxiv"] = [Reply(page)]
    with pytest.raises(SourceError, match="repeats a page"):
        list(arxiv_.by_query(client, "all:medsam", None))
    assert server.count("/arxiv") == 2
