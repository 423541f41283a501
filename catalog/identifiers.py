"""Identifiers of works and repositories in one normal form.

`identify` reads whatever people paste (an id, a DOI, an address of a landing page, PDF or mirror)
and answers what it certainly names. Normal forms are idempotent: feeding one back gives it again.

==============  ==========================  ================================================
 kind            normal form                 examples that are understood
==============  ==========================  ================================================
 arxiv           `2304.12306`, `hep-th/..`   abs/pdf/html pages, versions, mirrors, DataCite DOI
 doi             lower case, `10.x/...`      doi.org, `doi:`, publisher pages (`catalog.publishers`)
 pmid            digits                      PubMed and Europe PMC pages, `PMID: 1`
 pmcid           `PMC123`                    PMC and Europe PMC pages
 openreview      forum id, case kept         forum, pdf and attachment pages
 ieee            digits                      `/document/1`, `stamp.jsp?arnumber=1`
 pii             `S` + 16 (Elsevier)         ScienceDirect pages, punctuated forms
 github          `owner/name`                https, ssh, `.git`, deep links
 huggingface     `owner/name`, `datasets/..` model, data set and space pages
 zenodo          record number               record pages and 10.5281 DOIs
==============  ==========================  ================================================

The version of an arXiv id and every other part that does not change which work is meant (query,
tracking, tokens, `.pdf`) are dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, unquote

from catalog.addresses import has_control, looks_like_url, on, split
from catalog.publishers import doi_of_page

Kind = Literal[
    "arxiv",
    "doi",
    "pmid",
    "pmcid",
    "openreview",
    "ieee",
    "pii",
    "github",
    "huggingface",
    "zenodo",
]


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """One identifier in its normal form. `derived` names the rule if it was not printed."""

    kind: Kind
    value: str
    derived: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


# New style since April 2007, five digits since January 2015; old style `archive(.CLASS)/YYMMNNN`.
_ARXIV_NEW = re.compile(
    r"(?a)(?P<yy>\d\d)(?P<mm>0[1-9]|1[0-2])\.(?P<n>\d{4,5})(?:v(?P<v>[1-9]\d*))?"
)
_ARXIV_OLD = re.compile(
    r"(?a)(?P<archive>[a-z][a-z-]{1,15})(?:\.[A-Za-z-]{2,4})?/"
    r"(?P<n>(?:9[1-9]|0[0-7])(?:0[1-9]|1[0-2])\d{3})(?:v(?P<v>[1-9]\d*))?"
)
_DOI = re.compile(r"(?a)10\.\d{4,9}(?:\.\d+)*/\S+")
_PII = re.compile(r"(?a)S\d{7}[\dX]\d{2}\d{5}[\dX]|B97[89]\d{10}\d{5}[\dX]")
_OPENREVIEW = re.compile(r"[A-Za-z0-9_-]{8,14}")
_GITHUB_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_GITHUB_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})")
_ARXIV_HOSTS = (
    "arxiv.org",
    "ar5iv.org",
    "ar5iv.labs.arxiv.org",
    "xxx.lanl.gov",
    "alphaxiv.org",
    "arxiv-vanity.com",
)
_GITHUB_PAGES = frozenset(
    [
        "about",
        "apps",
        "collections",
        "contact",
        "customer-stories",
        "enterprise",
        "events",
        "explore",
        "features",
        "gist",
        "join",
        "login",
        "marketplace",
        "new",
        "notifications",
        "orgs",
        "pricing",
        "search",
        "security",
        "settings",
        "site",
        "sponsors",
        "topics",
        "trending",
        "users",
    ]
)
_HUGGINGFACE_PAGES = frozenset(
    [
        "blog",
        "chat",
        "collections",
        "docs",
        "join",
        "learn",
        "login",
        "models",
        "new",
        "papers",
        "posts",
        "pricing",
        "search",
        "settings",
        "tasks",
    ]
)


# ------------------------------------------------------------------------------- single kinds


def arxiv_month(value: str) -> str | None:
    """`YYYY-MM` in which an arXiv id was given; the id itself says so."""
    if match := _ARXIV_NEW.fullmatch(value):
        return f"20{match['yy']}-{match['mm']}"
    if match := _ARXIV_OLD.fullmatch(value):
        year = int(match["n"][:2])
        return f"{1900 + year if year > 50 else 2000 + year}-{match['n'][2:4]}"
    return None


def arxiv(text: str) -> str | None:
    """The arXiv id without its version, or None where `text` is no arXiv id."""
    text = re.sub(r"(?i)^arxiv\s*:\s*", "", text.strip()).strip()
    text = re.sub(r"(?i)\.pdf$", "", text)
    text = re.sub(r"\s*\[[A-Za-z.-]+\]$", "", text)  # 2304.12306 [eess.IV]
    if match := _ARXIV_NEW.fullmatch(text):
        digits = 5 if (match["yy"], match["mm"]) >= ("15", "01") else 4
        if len(match["n"]) != digits or match["yy"] < "07":
            return None
        return f"{match['yy']}{match['mm']}.{match['n']}"
    if match := _ARXIV_OLD.fullmatch(text):
        return f"{match['archive']}/{match['n']}"
    return None


def _arxiv_of_url(text: str) -> str | None:
    host, path, _ = split(text)
    if on(host, *_ARXIV_HOSTS):
        match = re.match(
            r"/(?:abs|pdf|html|e-print|format|ps|src|overview|vanity/papers|papers)/(.+)", path
        )
        return arxiv(_trim(match[1])) if match else None
    if host in ("huggingface.co", "hf.co") and (match := re.match(r"/papers/(.+)", path)):
        return arxiv(_trim(match[1]))
    if on(host, "semanticscholar.org") and (match := re.match(r"(?ai)/arxiv/(.+)", path)):
        return arxiv(_trim(match[1]))
    return None


def doi(text: str) -> str | None:
    """The DOI in lower case (DOIs do not tell cases apart), or None where `text` is none."""
    text = text.strip()
    text = re.sub(r"(?i)^(?:https?://)?(?:dx\.)?(?:www\.)?doi\.org/", "", text)
    text = re.sub(r"(?i)^doi\s*:\s*", "", text)
    text = unquote(text).strip()
    text = re.sub(r"\\(?=[_%&#])", "", text)  # copied out of a LaTeX file
    text = _trim_doi(text)
    return text.lower() if _DOI.fullmatch(text) and not has_control(text) else None


def pii(text: str) -> str | None:
    """An Elsevier PII without punctuation (`S0925-2312(26)00504-7` -> `S0925231226005047`)."""
    bare = re.sub(r"[\s().\-]", "", text).upper()
    return bare if _PII.fullmatch(bare) else None


def pmid(text: str) -> str | None:
    """A PubMed number (`PMID: 38253604` or bare digits)."""
    match = re.fullmatch(r"(?ai)\s*(?:pmid\s*:?\s*)?([1-9]\d{0,8})\s*", text)
    return match[1] if match else None


def pmcid(text: str) -> str | None:
    """A PubMed Central id, `PMC` and digits."""
    match = re.fullmatch(r"(?ai)\s*(?:pmcid\s*:?\s*)?PMC([1-9]\d{0,9})(?:\.\d+)?\s*", text)
    return f"PMC{match[1]}" if match else None


def openreview(text: str) -> str | None:
    """An OpenReview forum id; its case matters."""
    return text.strip() if _OPENREVIEW.fullmatch(text.strip()) else None


def ieee(text: str) -> str | None:
    """An IEEE Xplore document number without leading zeros."""
    match = re.fullmatch(r"(?a)\s*0*([1-9]\d{4,9})\s*", text)
    return match[1] if match else None


NORMALISERS = {
    "arxiv": arxiv,
    "doi": doi,
    "pmid": pmid,
    "pmcid": pmcid,
    "openreview": openreview,
    "ieee": ieee,
    "pii": pii,
}


def github(text: str) -> str | None:
    """`owner/name` of the GitHub repository an address points into, else None.

    The name's case is kept as printed (GitHub shows it so); compare with `.lower()`.
    """
    match = re.match(r"(?ai)^(?:git\+)?(?:ssh://)?git@github\.com[:/](.+)$", text.strip())
    host, path, _ = ("github.com", "/" + match[1], "") if match else split(text)
    if host == "raw.githubusercontent.com":
        host = "github.com"
    if host != "github.com":
        return None
    parts = [unquote(part) for part in path.split("/") if part]
    if len(parts) < 2 or parts[0].lower() in _GITHUB_PAGES:
        return None
    owner, name = parts[0], parts[1].removesuffix(".git")
    # GitHub has no `+` in new names, but addresses of old repositories still carry them.
    if not (_GITHUB_OWNER.fullmatch(owner) and re.fullmatch(r"[A-Za-z0-9_.+-]{1,100}", name)):
        return None
    return f"{owner}/{name}" if name not in (".", "..") else None


def huggingface(text: str) -> str | None:
    """`owner/name`, `datasets/owner/name` or `spaces/owner/name` of a Hugging Face page."""
    host, path, _ = split(text)
    if host not in ("huggingface.co", "hf.co", "hf-mirror.com"):
        return None
    parts = [part for part in path.split("/") if part]
    prefix = ""
    if parts and parts[0] in ("datasets", "spaces"):
        prefix = parts.pop(0) + "/"
    if len(parts) < 2 or parts[0] in _HUGGINGFACE_PAGES:
        return None
    if not all(_GITHUB_NAME.fullmatch(part) for part in parts[:2]):
        return None
    return f"{prefix}{parts[0]}/{parts[1]}"


def zenodo(text: str) -> str | None:
    """Record number of a Zenodo page or DOI."""
    host, path, _ = split(text)
    if host == "zenodo.org" and (match := re.match(r"(?a)/(?:records?|deposit)/([1-9]\d*)", path)):
        return match[1]
    value = doi(text)
    match = re.fullmatch(r"(?a)10\.5281/zenodo\.([1-9]\d*)", value) if value else None
    return match[1] if match else None


# ------------------------------------------------------------------------------------ anything


def identify(text: str) -> list[Identifier]:
    """Everything `text` (an id, a DOI, an address) certainly names; [] where nothing is known."""
    text = text.strip()
    if not text or has_control(text) or len(text) > 2000:
        return []
    if found := arxiv(text) or _arxiv_of_url(text):
        return [Identifier("arxiv", found)]
    if value := pmcid(text):
        return [Identifier("pmcid", value)]
    if match := re.fullmatch(r"(?ai)pmid\s*:?\s*(\d+)", text):
        return [Identifier("pmid", match[1].lstrip("0"))] if match[1].strip("0") else []
    if not looks_like_url(text):
        if value := doi(text):
            return _of_doi(value)
        if value := pii(text):
            return [Identifier("pii", value)]
        return []
    return _of_url(text)


def _of_doi(value: str, rule: str | None = None) -> list[Identifier]:
    if value.startswith("10.48550/arxiv."):
        parsed = arxiv(value.removeprefix("10.48550/arxiv."))
        return [Identifier("arxiv", parsed)] if parsed else [Identifier("doi", value, rule)]
    found = [Identifier("doi", value, rule)]
    if record := re.fullmatch(r"(?a)10\.5281/zenodo\.([1-9]\d*)", value):
        found.append(Identifier("zenodo", record[1]))
    return found


def _of_url(text: str) -> list[Identifier]:
    host, path, query = split(text)
    first = {key: values[0] for key, values in parse_qs(query).items()}
    if host in ("doi.org", "dx.doi.org"):
        value = doi(path.lstrip("/"))
        return _of_doi(value) if value else []
    if on(host, "pubmed.ncbi.nlm.nih.gov"):
        value = pmid(path.strip("/").split("/")[0])
        return [Identifier("pmid", value)] if value else []
    if on(host, "ncbi.nlm.nih.gov") or on(host, "europepmc.org"):
        if match := re.search(r"(?ai)/(PMC\d+)", path):
            value = pmcid(match[1])
            return [Identifier("pmcid", value)] if value else []
        if match := re.search(r"(?ai)/(?:pubmed|med)/(\d+)", path):
            value = pmid(match[1])
            return [Identifier("pmid", value)] if value else []
        return []
    if host == "openreview.net":
        value = openreview(first.get("id", "")) if path.rstrip("/") in _OPENREVIEW_PAGES else None
        return [Identifier("openreview", value)] if value else []
    if on(host, "ieeexplore.ieee.org"):
        match = re.search(r"(?a)/document/0*(\d+)", path) or re.search(r"(?a)/0*(\d+)\.pdf$", path)
        number = ieee(first.get("arnumber") or (match[1] if match else ""))
        return [Identifier("ieee", number)] if number else []
    if match := re.search(r"(?ai)/pii/([SB][\dX().\-]+)", path):
        value = pii(match[1])
        return [Identifier("pii", value)] if value else []
    for kind, reader in (("github", github), ("huggingface", huggingface)):
        if value := reader(text):
            return [Identifier(kind, value)]  # type: ignore[arg-type] # the two literals above
    if value := zenodo(text):
        return [Identifier("doi", f"10.5281/zenodo.{value}", "zenodo"), Identifier("zenodo", value)]
    if derived := doi_of_page(host, path, first):
        value = doi(derived[0])
        return _of_doi(value, derived[1]) if value else []
    return []


_OPENREVIEW_PAGES = ("/forum", "/pdf", "/attachment", "/references/pdf", "/revisions")


def landing_page(identifier: Identifier) -> str:
    """The page a reader should be sent to."""
    value = identifier.value
    return {
        "arxiv": f"https://arxiv.org/abs/{value}",
        "doi": f"https://doi.org/{value}",
        "pmid": f"https://pubmed.ncbi.nlm.nih.gov/{value}/",
        "pmcid": f"https://pmc.ncbi.nlm.nih.gov/articles/{value}/",
        "openreview": f"https://openreview.net/forum?id={value}",
        "ieee": f"https://ieeexplore.ieee.org/document/{value}",
        "pii": f"https://www.sciencedirect.com/science/article/pii/{value}",
        "github": f"https://github.com/{value}",
        "huggingface": f"https://huggingface.co/{value}",
        "zenodo": f"https://zenodo.org/records/{value}",
    }[identifier.kind]


def _trim(text: str) -> str:
    return re.sub(r"(?i)\.pdf$", "", unquote(text).strip().strip("/?#.,;)"))


def _trim_doi(text: str) -> str:
    """Without a query, and without punctuation that belongs to the sentence around the DOI."""
    text = re.split(r"[?#](?=[A-Za-z_]+=|_=_)", text)[0]
    while True:
        shorter = text.rstrip(".,;:'\"> /")
        if shorter.endswith((")", "]")):
            opening = {")": "(", "]": "["}[shorter[-1]]
            if shorter.count(opening) < shorter.count(shorter[-1]):
                shorter = shorter[:-1]
        if shorter == text:
            return text
        text = shorter
