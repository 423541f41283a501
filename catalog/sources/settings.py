"""Where the services are and how politely they are asked; all of it can be set from outside.

An address is changed with `SAM4MIS_URL_<SERVICE>` (mirrors, tests); keys come from the environment
and are never written anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog import __version__

# service -> (base address, seconds between two requests). Rates: arXiv's API terms ask for one
# request in three seconds, Semantic Scholar's for one a second; Crossref's and OpenAlex's polite
# pools allow more than ten a second, so ten is what we use.
SERVICES: dict[str, tuple[str, float]] = {
    "arxiv": ("https://export.arxiv.org/api/query", 3.0),
    "crossref": ("https://api.crossref.org", 0.1),
    "openalex": ("https://api.openalex.org", 0.1),
    "semanticscholar": ("https://api.semanticscholar.org/graph/v1", 1.1),
    "europepmc": ("https://www.ebi.ac.uk/europepmc/webservices/rest", 0.2),
    "openreview": ("https://api2.openreview.net", 0.5),
    "github": ("https://api.github.com", 0.1),
    "huggingface": ("https://huggingface.co/api", 0.1),
    "doi": ("https://doi.org", 0.2),
    "links": ("", 0.5),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How requests are made. Times in seconds.

    `retries`: further attempts after a failure that may pass; `longest_wait_s`: a Retry-After
    beyond this is not waited for; `polite`: factor on the rates of `SERVICES` (0 only against one's
    own server); `fresh_s`: how long an answer in the cache counts as fresh.
    """

    urls: Mapping[str, str] = field(default_factory=dict)
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 20.0
    total_timeout_s: float = 60.0
    limit_bytes: int = 8_000_000
    retries: int = 3
    backoff_s: float = 1.0
    longest_wait_s: float = 60.0
    polite: float = 1.0
    fresh_s: float = 5 * 86400.0
    mail: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    def url(self, service: str) -> str:
        """Base address of a service, without a slash at the end."""
        return self.urls.get(service, SERVICES[service][0]).rstrip("/")

    def interval_s(self, service: str) -> float:
        """Least time between two requests to a service."""
        return SERVICES[service][1] * self.polite

    @property
    def user_agent(self) -> str:
        """Who we are; with an address where one is set, which Crossref and OpenAlex ask for."""
        contact = f"; mailto:{self.mail}" if self.mail else ""
        return f"sam4mis/{__version__} (living catalog{contact})"


def from_environment(environment: Mapping[str, str] = os.environ, **changes: object) -> Settings:
    """Settings with addresses, keys and the mail address of the environment; `changes` go last.

    `SAM4MIS_QUICK` (any value) makes what the tests need: no polite waiting and short time limits.
    """
    urls = {
        name: environment[f"SAM4MIS_URL_{name.upper()}"]
        for name in SERVICES
        if f"SAM4MIS_URL_{name.upper()}" in environment
    }
    keys = {
        service: environment[name]
        for service, name in (
            ("github", "GITHUB_TOKEN"),
            ("huggingface", "HF_TOKEN"),
            ("semanticscholar", "S2_API_KEY"),
            ("openalex", "OPENALEX_API_KEY"),
        )
        if environment.get(name)
    }
    quick = (
        {"polite": 0.0, "backoff_s": 0.01, "read_timeout_s": 5.0, "total_timeout_s": 10.0}
        if "SAM4MIS_QUICK" in environment
        else {}
    )
    given = {
        "urls": urls,
        "keys": keys,
        "mail": environment.get("SAM4MIS_MAIL"),
        **quick,
        **changes,
    }
    return Settings(**given)  # type: ignore[arg-type] # names and types of the fields above
