"""Web addresses of a work: schemes, tracking, tokens, repositories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from catalog import addresses as web
from catalog import identifiers
from catalog.checks.problem import Problem, Step
from catalog.provenance import FILE, PRIMARY, copies_only, origin
from catalog.records import Links, Paper


def addresses(paper: Paper) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Every address of a work with its path."""
    for number, version in enumerate(paper.versions):
        if version.url:
            yield ("versions", number, "url"), version.url
        for name in ("second_hand", "taken_back"):
            said = getattr(version, name)
            if said and re.match(r"(?i)^[a-z]+://", said.source):
                yield ("versions", number, name, "source"), said.source
    for kind in Links.__struct_fields__:
        for number, url in enumerate(getattr(paper.links, kind) or []):
            yield ("links", kind, number), url
    for number, url in enumerate(paper.sources):
        if "://" not in url and re.search(r" |^[\w.-]+/[\w.-]+@", url):
            continue  # a record that somebody gave (BibTeX entry ma2024), a file of a repository
        yield ("sources", number), url


def check(paper: Paper) -> Iterator[Problem]:
    """Problems of a work's addresses."""
    for path, url in addresses(paper):
        yield from _one(path, url)
    for number, url in enumerate(paper.links.code or []):
        repository = identifiers.github(url)
        path = ("links", "code", number)
        if repository is None and not identifiers.huggingface(url) and not _other_forge(url):
            yield Problem("U005", path, f"{url} is no repository", "Move it to page or demo.")
        elif repository and url != (expected := f"https://github.com/{repository}"):
            fix = partial(_set, path, expected)
            yield Problem("U003", path, f"{url}: expected {expected}", "", fix)

    for number, version in enumerate(paper.versions):
        if version.url and origin(version.url) not in PRIMARY:
            path = ("versions", number, "url")
            hint = f"Give the work's own page, or add its host to catalog/{FILE}."
            yield Problem("U011", path, f"{version.url} is on no primary host", hint)
    if copies_only(paper):
        yield Problem("U012", ("sources",), "read in copies only; `refresh` asks the work's page")


def _one(path: tuple[Step, ...], url: str) -> Iterator[Problem]:
    try:
        cleaned = web.clean_url(url)
    except ValueError as error:
        yield Problem("U007", path, str(error))
        return
    if "://" not in url:
        yield Problem("U002", path, f"{url}: expected {cleaned}", "", partial(_set, path, cleaned))
        return
    if tokens := web.token_parameters(url):
        message = f"a personal access token ({', '.join(tokens)}) in an address"
        yield Problem("U008", path, message, "", partial(_set, path, cleaned))
    elif _plain(cleaned) != _plain(url) and path[0] != "sources":
        # Sources are kept as they were read; a dropped parameter could change what they show.
        message = f"{url}: parameters that name nothing"
        yield Problem("U001", path, message, f"Expected {cleaned}.", partial(_set, path, cleaned))
    if path[0] == "versions" and path[-1] == "url" and urlsplit(url).path.lower().endswith(".pdf"):
        page = web.landing_of_pdf(url)
        hint = f"Expected {page}." if page else "Give the page that describes it."
        fix = partial(_set, path, page) if page else None
        yield Problem("U004", path, f"{url} is a PDF", hint, fix)
    if url.startswith("http://") and path[0] == "links":
        yield Problem("U006", path, f"plain http: {url}")


def _plain(url: str) -> str:
    """An address for comparing: encodings of the same parameter are no difference."""
    return re.sub(r"%[0-9A-Fa-f]{2}|\+", "", url.rstrip("?#")).lower()


def _other_forge(url: str) -> bool:
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    return host in ("gitlab.com", "bitbucket.org", "codeberg.org", "gitee.com", "zenodo.org") or (
        host.startswith("gitlab.")
    )


def _set(path: tuple[Step, ...], value: str, paper: Paper) -> None:
    target: object = paper
    for step in path[:-1]:
        target = target[step] if isinstance(step, int) else getattr(target, step)  # type: ignore[index] # a list
    last = path[-1]
    if isinstance(last, int):
        target[last] = value  # type: ignore[index] # a list
    else:
        setattr(target, last, value)
