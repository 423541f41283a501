"""Identifiers of works and repositories in one normal form.

`identify` reads whatever people paste (an id, a DOI, an address of a landing page, PDF or mirror)
and answers what it certainly names. Normal forms are idempotent: feeding one back gives it again.

==============  ==========================  ================================================
 kind            normal form                 examples that are understood
==============  ==========================  ================================================
 arxiv           `2304.12306`, `hep-th/..`   abs/pdf/html pages, versions, mirrors, DataCite DOI
 doi             lower case, `10.x/...`      doi.org, `doi:`, publisher pages (`_doi_of_page`)
 pmid            digits                      PubMed and Europe PMC pages, `PMID: 1`
 pmcid           `PMC123`                    PMC and Europe PMC pages
 openreview      forum id, case kept         forum, pdf and attachment pages
 ieee            digits                      `/document/1`, `stamp.jsp?arnumber=1`
 pii             `S` + 16 (Elsevier)         ScienceDirect pages, punctuated forms
 github          `owner/name`                https, ssh, `.git`, deep links
 huggingface     `owner/name`, `datasets/..` model, data set and space pages
 zenodo          record number               record pages and 10.5281 DOIs
==============  ==========================  ================================================

A version of an arXiv id is split off (`arxiv_version`); every other part that does not change
which work is meant (query, tracking, tokens, `.pdf`) is dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

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
    """One identifier in its normal form. `derived` names the rule when it was not printed itself."""

    kind: Kind
    value: str
    derived: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


# New style since April 2007, five digits since January 2015; old style `archive(.CLASS)/YYMMNNN`.
_ARXIV_NEW = re.compile(r"(?P<yy>\d\d)(?P<mm>0[1-9]|1[0-2])\.(?P<n>\d{4,5})(?:v(?P<v>[1-9]\d*))?")
_ARXIV_OLD = re.compile(
    r"(?P<archive>[a-z][a-z-]{1,15})(?:\.[A-Za-z-]{2,4})?/"
    r"(?P<n>(?:9[1-9]|0[0-7])(?:0[1-9]|1[0-2])\d{3})(?:v(?P<v>[1-9]\d*))?"
)
_DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)*/\S+")
_PII = re.compile(r"S\d{7}[\dX]\d{2}\d{5}[\dX]|B97[89]\d{10}\d{5}[\dX]")
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


def arxiv(text: str) -> str | None:
    """The arXiv id without its version, or None where `text` is no arXiv id."""
    parsed = _arxiv(text)
    return parsed[0] if parsed else None


def arxiv_version(text: str) -> int | None:
    """The version named in an arXiv id or address (`2304.12306v2` -> 2), or None."""
    parsed = _arxiv(text) or _arxiv_of_url(text)
    return parsed[1] if parsed else None


def arxiv_month(value: str) -> str | None:
    """`YYYY-MM` in which an arXiv id was given; the id itself says so."""
    if match := _ARXIV_NEW.fullmatch(value):
        return f"20{match['yy']}-{match['mm']}"
    if match := _ARXIV_OLD.fullmatch(value):
        year = int(match["n"][:2])
        return f"{1900 + year if year > 50 else 2000 + year}-{match['n'][2:4]}"
    return None


def _arxiv(text: str) -> tuple[str, int | None] | None:
    text = re.sub(r"(?i)^arxiv\s*:\s*", "", text.strip()).strip()
    text = re.sub(r"(?i)\.pdf$", "", text)
    text = re.sub(r"\s*\[[A-Za-z.-]+\]$", "", text)  # 2304.12306 [eess.IV]
    if match := _ARXIV_NEW.fullmatch(text):
        digits = 5 if (match["yy"], match["mm"]) >= ("15", "01") else 4
        if len(match["n"]) != digits or match["yy"] < "07":
            return None
        version = int(match["v"]) if match["v"] else None
        return f"{match['yy']}{match['mm']}.{match['n']}", version
    if match := _ARXIV_OLD.fullmatch(text):
        version = int(match["v"]) if match["v"] else None
        return f"{match['archive']}/{match['n']}", version
    return None


def _arxiv_of_url(text: str) -> tuple[str, int | None] | None:
    host, path, _ = _split(text)
    if any(host == known or host.endswith("." + known) for known in _ARXIV_HOSTS):
        match = re.match(
            r"/(?:abs|pdf|html|e-print|format|ps|src|overview|vanity/papers|papers)/(.+)", path
        )
        return _arxiv(_trim(match[1])) if match else None
    if host in ("huggingface.co", "hf.co") and (match := re.match(r"/papers/(.+)", path)):
        return _arxiv(_trim(match[1]))
    if host.endswith("semanticscholar.org") and (match := re.match(r"(?i)/arxiv/(.+)", path)):
        return _arxiv(_trim(match[1]))
    return None


def doi(text: str) -> str | None:
    """The DOI in lower case (DOIs do not tell cases apart), or None where `text` is none."""
    text = text.strip()
    text = re.sub(r"(?i)^(?:https?://)?(?:dx\.)?(?:www\.)?doi\.org/", "", text)
    text = re.sub(r"(?i)^doi\s*:\s*", "", text)
    text = unquote(text).strip()
    text = _trim_doi(text)
    return text.lower() if _DOI.fullmatch(text) and not _has_control(text) else None


def pii(text: str) -> str | None:
    """An Elsevier PII without punctuation (`S0925-2312(26)00504-7` -> `S0925231226005047`)."""
    bare = re.sub(r"[\s().\-]", "", text).upper()
    return bare if _PII.fullmatch(bare) else None


def pmid(text: str) -> str | None:
    """A PubMed number (`PMID: 38253604` or bare digits)."""
    match = re.fullmatch(r"(?i)\s*(?:pmid\s*:?\s*)?([1-9]\d{0,8})\s*", text)
    return match[1] if match else None


def pmcid(text: str) -> str | None:
    """A PubMed Central id, `PMC` and digits."""
    match = re.fullmatch(r"(?i)\s*(?:pmcid\s*:?\s*)?PMC([1-9]\d{0,9})(?:\.\d+)?\s*", text)
    return f"PMC{match[1]}" if match else None


def openreview(text: str) -> str | None:
    """An OpenReview forum id; its case matters."""
    return text.strip() if _OPENREVIEW.fullmatch(text.strip()) else None


def ieee(text: str) -> str | None:
    """An IEEE Xplore document number without leading zeros."""
    match = re.fullmatch(r"\s*0*([1-9]\d{4,9})\s*", text)
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
    match = re.match(r"(?i)^(?:git\+)?(?:ssh://)?git@github\.com[:/](.+)$", text.strip())
    host, path, _ = ("github.com", "/" + match[1], "") if match else _split(text)
    if host == "raw.githubusercontent.com":
        host = "github.com"
    if host != "github.com":
        return None
    parts = [unquote(part) for part in path.split("/") if part]
    if len(parts) < 2 or parts[0].lower() in _GITHUB_PAGES:
        return None
    owner, name = parts[0], parts[1].removesuffix(".git")
    if not (_GITHUB_OWNER.fullmatch(owner) and _GITHUB_NAME.fullmatch(name)):
        # GitHub has no `+` in names, but addresses of renamed repositories still carry them.
        if not (_GITHUB_OWNER.fullmatch(owner) and re.fullmatch(r"[\w.+-]{1,100}", name)):
            return None
    return f"{owner}/{name}" if name not in (".", "..") else None


def huggingface(text: str) -> str | None:
    """`owner/name`, `datasets/owner/name` or `spaces/owner/name` of a Hugging Face page."""
    host, path, _ = _split(text)
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
    host, path, _ = _split(text)
    if host == "zenodo.org" and (match := re.match(r"/(?:records?|deposit)/([1-9]\d*)", path)):
        return match[1]
    value = doi(text)
    match = re.fullmatch(r"10\.5281/zenodo\.([1-9]\d*)", value) if value else None
    return match[1] if match else None


# ------------------------------------------------------------------------------------ anything


def identify(text: str) -> list[Identifier]:
    """Everything `text` (an id, a DOI, an address) certainly names; [] where nothing is known."""
    text = text.strip()
    if not text or _has_control(text) or len(text) > 2000:
        return []
    if found := _arxiv(text) or _arxiv_of_url(text):
        return [Identifier("arxiv", found[0])]
    if value := pmcid(text):
        return [Identifier("pmcid", value)]
    if match := re.fullmatch(r"(?i)pmid\s*:?\s*(\d+)", text):
        return [Identifier("pmid", match[1].lstrip("0"))] if match[1].strip("0") else []
    if not _looks_like_url(text):
        if value := doi(text):
            return _of_doi(value)
        if value := pii(text):
            return [Identifier("pii", value)]
        return []
    return _of_url(text)


def _of_doi(value: str, rule: str | None = None) -> list[Identifier]:
    if value.startswith("10.48550/arxiv."):
        parsed = _arxiv(value.removeprefix("10.48550/arxiv."))
        return [Identifier("arxiv", parsed[0])] if parsed else [Identifier("doi", value, rule)]
    found = [Identifier("doi", value, rule)]
    if record := re.fullmatch(r"10\.5281/zenodo\.([1-9]\d*)", value):
        found.append(Identifier("zenodo", record[1]))
    return found


def _of_url(text: str) -> list[Identifier]:
    host, path, query = _split(text)
    first = {key: values[0] for key, values in parse_qs(query).items()}
    if host in ("doi.org", "dx.doi.org"):
        value = doi(path.lstrip("/"))
        return _of_doi(value) if value else []
    if host.endswith("pubmed.ncbi.nlm.nih.gov"):
        value = pmid(path.strip("/").split("/")[0])
        return [Identifier("pmid", value)] if value else []
    if host.endswith("ncbi.nlm.nih.gov") or host.endswith("europepmc.org"):
        if match := re.search(r"(?i)/(PMC\d+)", path):
            value = pmcid(match[1])
            return [Identifier("pmcid", value)] if value else []
        if match := re.search(r"(?i)/(?:pubmed|med)/(\d+)", path):
            value = pmid(match[1])
            return [Identifier("pmid", value)] if value else []
        return []
    if host == "openreview.net":
        value = openreview(first.get("id", "")) if path.rstrip("/") in _OPENREVIEW_PAGES else None
        return [Identifier("openreview", value)] if value else []
    if host.endswith("ieeexplore.ieee.org"):
        match = re.search(r"/document/0*(\d+)", path) or re.search(r"/0*(\d+)\.pdf$", path)
        number = ieee(first.get("arnumber") or (match[1] if match else ""))
        return [Identifier("ieee", number)] if number else []
    if match := re.search(r"(?i)/pii/([SB][\dX().\-]+)", path):
        value = pii(match[1])
        return [Identifier("pii", value)] if value else []
    for kind, reader in (("github", github), ("huggingface", huggingface)):
        if value := reader(text):
            return [Identifier(kind, value)]  # type: ignore[arg-type] # the two literals above
    if value := zenodo(text):
        return [Identifier("doi", f"10.5281/zenodo.{value}", "zenodo"), Identifier("zenodo", value)]
    derived = _doi_of_page(host, path, first)
    return _of_doi(*derived) if derived else []


_OPENREVIEW_PAGES = ("/forum", "/pdf", "/attachment", "/references/pdf", "/revisions")

# MDPI builds its DOIs as 10.3390/<short name><volume><issue, 2 digits><article, 4 digits>; the
# address has the ISSN instead of the short name. Only journals whose pair we are sure of.
_MDPI = {
    "1999-4893": "a",
    "1099-4300": "e",
    "2306-5354": "bioengineering",
    "2075-4418": "diagnostics",
    "1424-8220": "s",
    "2076-3417": "app",
    "2072-6694": "cancers",
    "2313-433x": "jimaging",
    "2079-9292": "electronics",
    "2072-4292": "rs",
    "2227-7390": "math",
    "2077-0383": "jcm",
    "2504-4990": "make",
}


def _doi_of_page(host: str, path: str, query: dict[str, str]) -> tuple[str, str] | None:
    """A DOI and the rule that gives it, only where the publisher's rule leaves no doubt."""
    path = unquote(path)
    if host.endswith("nature.com") and (
        match := re.match(
            r"/articles/(s\d{5}-\d{3}-\d{4,5}-[\da-z]|[a-z]{3,9}\.?\d{2,8}(?:\.\d+)?)(?:\.pdf|_reference\.pdf|/.*)?$",
            path,
        )
    ):
        return f"10.1038/{match[1]}", "nature.com/articles/X is 10.1038/X"
    if host.endswith("mdpi.com") and (
        match := re.match(r"/(\d{4}-\d{3}[\dxX])/(\d+)/(\d+)/(\d+)(?:/|$)", path)
    ):
        short = _MDPI.get(match[1].lower())
        if short:
            number = f"{int(match[2])}{int(match[3]):02d}{int(match[4]):04d}"
            return f"10.3390/{short}{number}", "MDPI: journal, volume, issue, article"
    if host.endswith("jmir.org") and (match := re.match(r"/20(\d\d)/\d+/e(\d{5,})", path)):
        return f"10.2196/{match[2]}", "JMIR: 10.2196/<article number>"
    if host.endswith(("biorxiv.org", "medrxiv.org")) and (
        match := re.search(r"/(?:10\.1101/)?((?:\d{4}\.\d\d\.\d\d\.)?\d{6,8})(?=v\d|\.|/|$)", path)
    ):
        return f"10.1101/{match[1]}", "bioRxiv and medRxiv: 10.1101/<number>"
    if host.endswith("ssrn.com") and re.fullmatch(r"\d+", query.get("abstract_id", "")):
        return f"10.2139/ssrn.{query['abstract_id']}", "SSRN: 10.2139/ssrn.<abstract id>"
    if host.endswith("preprints.org") and (
        match := re.match(r"/manuscript/(20\d{4}\.\d{4})/(v\d+)", path)
    ):
        return f"10.20944/preprints{match[1]}.{match[2]}", "preprints.org: number and version"
    if host.endswith("researchsquare.com") and (
        match := re.match(r"/article/(rs-\d+)/(v\d+)", path)
    ):
        return f"10.21203/rs.3.{match[1]}/{match[2]}", "Research Square: number and version"
    if host == "elifesciences.org" and (match := re.match(r"/articles/(\d{5,})", path)):
        return f"10.7554/elife.{match[1]}", "eLife: 10.7554/eLife.<number>"
    if host.endswith("plos.org") and (value := doi(query.get("id", ""))):
        return value, "PLOS: the DOI is in the address"
    # Springer, ACM, Wiley, SPIE, Frontiers, RSNA, IOP, Liebert ...: the address contains the DOI.
    if match := re.search(r"/(10\.\d{4,9}/.+)$", path):
        value = doi(_trim_page(match[1]))
        return (value, "the DOI is in the address") if value else None
    return None


# ------------------------------------------------------------------------------------ addresses

_TRACKING = re.compile(
    r"(?i)^(?:utm_.*|fbclid|gclid|mc_[ce]id|ref|ref_src|casa_token|access_token|token|sid|"
    r"jsessionid|journalcode|via|tp|download|casatoken|spm|share|si|needaccess|seq)$"
)
_TOKEN = re.compile(r"(?i)^(?:casa_?token|access_token|token|sid|jsessionid)$")


def clean_url(url: str) -> str:
    """An http(s) address without tracking parameters, access tokens and stray punctuation.

    A missing scheme becomes https. Raises ValueError for any other scheme, control characters or
    an address without a host.
    """
    text = url.strip()
    if _has_control(text) or re.search(r"\s", text):
        raise ValueError(f"not an address: {url!r} has blanks or control characters in it")
    if not re.match(r"^[A-Za-z][A-Za-z0-9+.-]*://", text):
        if re.match(r"^[A-Za-z][A-Za-z0-9+-]*:(?!\d)", text):
            raise ValueError(f"not a web address: {url!r} (only http and https)")
        text = "https://" + text.lstrip("/")
    parts = urlsplit(text)
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError(f"not a web address: {url!r} (only http and https)")
    if not parts.hostname or ("." not in parts.hostname and parts.hostname != "localhost"):
        raise ValueError(f"not a web address: {url!r} has no host")
    query = [
        (k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)
    ]
    fragment = (
        "" if parts.fragment in ("_=_", "") or parts.fragment.startswith("utm_") else parts.fragment
    )
    host = parts.hostname.lower() + (f":{parts.port}" if parts.port else "")
    return urlunsplit((parts.scheme.lower(), host, parts.path, urlencode(query), fragment))


def token_parameters(url: str) -> list[str]:
    """Names of the parameters of an address that look like somebody's personal access token."""
    return [key for key, _ in parse_qsl(urlsplit(url).query) if _TOKEN.match(key)]


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


def _looks_like_url(text: str) -> bool:
    return bool(
        re.match(r"(?i)^https?://", text)
        or re.match(r"(?i)^(?:git\+)?(?:ssh://)?git@", text)
        or re.match(r"(?i)^(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/|$|:)", text)
    )


def _split(text: str) -> tuple[str, str, str]:
    """Host in lower case without `www.`, path, query; empty strings where it is no address."""
    text = text.strip()
    if not _looks_like_url(text):
        return "", "", ""
    if not re.match(r"(?i)^https?://", text):
        text = "https://" + text
    try:
        parts = urlsplit(text)
        return (parts.hostname or "").removeprefix("www."), parts.path, parts.query
    except ValueError:  # e.g. a broken IPv6 host
        return "", "", ""


def _trim(text: str) -> str:
    return re.sub(r"(?i)\.pdf$", "", unquote(text).strip().strip("/?#.,;)"))


def _trim_page(text: str) -> str:
    """A DOI at the end of a publisher's path without the page's own endings."""
    text = re.sub(
        r"(?i)/(?:full|abstract|abs|meta|pdf|epdf|html|xml|fulltext|summary)/?$", "", text
    )
    return re.sub(r"(?i)\.(?:pdf|short|full|abstract|html|full\.pdf)$", "", text)


def _trim_doi(text: str) -> str:
    text = re.split(r"[?#](?=[A-Za-z_]+=|_=_)", text)[0]
    text = text.rstrip(".,;:'\"> ")
    while text.endswith((")", "]")):
        opening = {")": "(", "]": "["}[text[-1]]
        if text.count(opening) >= text.count(text[-1]):
            break
        text = text[:-1].rstrip(".,;:'\"> ")
    return text.rstrip("/")


def _has_control(text: str) -> bool:
    return any(
        ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u2028\u2029" for char in text
    )
