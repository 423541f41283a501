"""Asking every service about every work, project and link, one after the other.

A service that fails repeatedly is left out for the rest of the run, and told; what others say is
used. Answers are kept on disk, so a run that was stopped asks nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from catalog.identifiers import github as github_name
from catalog.identifiers import huggingface as hub_name
from catalog.provenance import copies_only
from catalog.records import Paper, Project
from catalog.sources import (
    arxiv_,
    crossref,
    europepmc,
    github,
    huggingface,
    links,
    openalex,
    openreview,
    semanticscholar,
)
from catalog.sources.comparing import Difference, merge
from catalog.sources.http import Client, SourceError
from catalog.sources.sighting import Sighting
from catalog.sources.volatile import (
    Figure,
    Link,
    Moved,
    RepositoryState,
    Volatile,
    moved_since,
)
from catalog.standing import flagged

PAPER_SOURCES = ("arxiv", "crossref", "openreview", "openalex", "semanticscholar", "europepmc")
SOURCES = (*PAPER_SOURCES, "github", "huggingface", "links")
FAILURES_UNTIL_LEFT_OUT = 3
_ENOUGH = 10  # links after which a dead network can be told from dead links

Step = Callable[[int, int], None]  # (done, of)
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Outcome:
    """What a refresh found. `failed`: service -> why; `filled`: papers with gaps filled.

    `confirmed`, `flagged`: ids of works with a second-hand version that a primary page bears out,
    or contradicts.
    """

    differences: list[Difference] = field(default_factory=list)
    filled: dict[str, Paper] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    moved: dict[str, Moved] = field(default_factory=dict)  # project -> since its commit
    confirmed: list[str] = field(default_factory=list)
    flagged: list[str] = field(default_factory=list)


class Asking:
    """Asks services and remembers which of them to leave alone."""

    def __init__(self, client: Client, outcome: Outcome, sources: Iterable[str]) -> None:
        self.client = client
        self.outcome = outcome
        self.sources = set(sources)
        self.answered = False
        self.reached: set[str] = set()
        self._failures: dict[str, int] = {}

    def ask(self, service: str, question: Callable[[], Answer | None]) -> Answer | None:
        """The answer, None where there is none, the service failed or is left out.

        `answered` tells afterwards whether the service itself said that there is none.
        """
        self.answered = False
        if service not in self.sources:
            return None
        self.outcome.asked[service] = self.outcome.asked.get(service, 0) + 1
        try:
            answer = question()
        except SourceError as error:
            count = self._failures.get(service, 0) + 1
            self._failures[service] = count
            self.outcome.failed[service] = str(error)
            # one that was never reached is down, or we are: three tries would only cost minutes
            unreachable = error.kind == "offline" and service not in self.reached
            if count >= FAILURES_UNTIL_LEFT_OUT or error.kind == "rate-limit" or unreachable:
                self.sources.discard(service)
                self.outcome.failed[service] = f"{error}; left out for the rest of this run"
            return None
        self._failures[service] = 0
        self.reached.add(service)
        self.answered = True
        return answer


def refresh_papers(
    papers: Sequence[Paper], asking: Asking, volatile: Volatile, today: str, step: Step
) -> None:
    """Look every paper up; differences and filled records go to the outcome."""
    client, outcome = asking.client, asking.outcome
    ids = [arxiv for paper in papers for v in paper.versions if (arxiv := v.ids.arxiv)]
    step(0, len(papers))
    from_arxiv: dict[str, Sighting] = {}
    for start in range(0, len(ids), 100):
        part = ids[start : start + 100]
        from_arxiv |= asking.ask("arxiv", partial(arxiv_.by_ids, client, part)) or {}
    for number, paper in enumerate(papers, 1):
        step(number, len(papers))
        sightings = [
            from_arxiv[v.ids.arxiv] for v in paper.versions if v.ids.arxiv in from_arxiv
        ] + _elsewhere(paper, asking)
        filled, differences = merge(paper, sightings, today)
        outcome.differences += differences
        if filled != paper:
            outcome.filled[paper.id] = filled
            waiting = sum(version.second_hand is not None for version in filled.versions)
            seen = waiting < sum(version.second_hand is not None for version in paper.versions)
            if seen or (copies_only(paper) and not copies_only(filled)):
                outcome.confirmed.append(paper.id)
            if flagged(filled) and flagged(filled) != flagged(paper):
                outcome.flagged.append(paper.id)
        for sighting in sightings:
            if (cited := sighting.figures.get("cited_by")) is not None:
                figure = Figure(value=cited, date=today, source=sighting.service)
                volatile.citations.setdefault(paper.id, {})[sighting.service] = figure


def _elsewhere(paper: Paper, asking: Asking) -> list[Sighting]:
    """What the services other than arXiv say: by DOI where there is one, else by arXiv id."""
    client = asking.client
    dois = [v.ids.doi for v in paper.versions if v.ids.doi]
    arxiv = next((v.ids.arxiv for v in paper.versions if v.ids.arxiv), None)
    pii = next((v.ids.pii for v in paper.versions if v.ids.pii), None)
    forums = [v.ids.openreview for v in paper.versions if v.ids.openreview]
    found: list[Sighting | None] = [
        asking.ask("openreview", partial(openreview.by_forum, client, forum)) for forum in forums
    ]
    for doi in dois:
        found.append(asking.ask("crossref", partial(crossref.by_doi, client, doi)))
        found.append(asking.ask("openalex", partial(openalex.by_doi, client, doi)))
        found.append(asking.ask("europepmc", partial(europepmc.by_doi, client, doi)))
    if not dois and pii:
        found.append(asking.ask("crossref", partial(crossref.by_pii, client, pii)))
    if not dois and arxiv:
        found.append(asking.ask("openalex", partial(openalex.by_arxiv, client, arxiv)))
    if arxiv:
        found.append(
            asking.ask("semanticscholar", partial(semanticscholar.by_arxiv, client, arxiv))
        )
    elif dois:
        found.append(
            asking.ask("semanticscholar", partial(semanticscholar.by_doi, client, dois[0]))
        )
    return [sighting for sighting in found if sighting is not None]


def refresh_projects(
    projects: Sequence[Project], asking: Asking, volatile: Volatile, today: str, step: Step
) -> None:
    """Look every repository up: figures to `volatile`, differences to the outcome."""
    for number, project in enumerate(projects, 1):
        step(number, len(projects))
        if project.repository and (name := github_name(project.repository.url)):
            _github(project, name, asking, volatile, today)
        for point in project.checkpoints or []:
            for url in point.urls:
                if name := hub_name(url):
                    _hub(project, name, asking, volatile, today)


def _github(project: Project, name: str, asking: Asking, volatile: Volatile, today: str) -> None:
    found = asking.ask("github", partial(github.read, asking.client, name))
    page = f"https://github.com/{name}"

    def differs(field_name: str, ours: object, theirs: object) -> None:
        kind = "fill" if ours is None else "differs"
        asking.outcome.differences.append(
            Difference(
                record=f"projects/{project.slug}",
                field=field_name,
                kind=kind,  # type: ignore[arg-type] # one of the two literals
                ours=ours,
                theirs=theirs,
                source="github",
                page=page,
            )
        )

    if found is None:
        if asking.answered:
            volatile.repositories[f"github:{name}"] = RepositoryState(
                date=today, source="github", missing=True
            )
            differs("repository", page, "GitHub has no such repository (deleted or private)")
        return
    volatile.repositories[f"github:{name}"] = RepositoryState(
        date=today,
        source="github",
        stars=found.stars,
        forks=found.forks,
        last_push=found.pushed_at[:10] if found.pushed_at else None,
        archived=found.archived,
        moved_to=found.moved_to,
    )
    if since := moved_since(project, volatile):
        asking.outcome.moved[project.slug] = since
    assert project.repository is not None  # that is where `name` came from
    if found.moved_to and project.repository.moved_to is None:
        differs("repository.moved_to", None, f"https://github.com/{found.moved_to}")
    if found.licence and found.licence != project.licences.code:
        differs("licences.code", project.licences.code, found.licence)
    if found.code and found.code != project.code_status:
        # names of files are a weak sign: only a change of rung is worth a look
        grew = project.code_status in (None, "none", "announced", "empty")
        if grew != (found.code == "empty") or project.code_status is None:
            differs("code_status", project.code_status, found.code)
    if found.weights_files and not project.checkpoints:
        differs("checkpoints", project.checkpoints, list(found.weights_files[:5]))


def _hub(project: Project, name: str, asking: Asking, volatile: Volatile, today: str) -> None:
    found = asking.ask("huggingface", partial(huggingface.read, asking.client, name))
    if found is None:
        return
    volatile.repositories[f"huggingface:{name}"] = RepositoryState(
        date=today,
        source="huggingface",
        stars=found.likes,
        last_push=found.modified[:10] if found.modified else None,
        moved_to=found.moved_to,
    )
    if found.licence and project.licences.weights is None:
        asking.outcome.differences.append(
            Difference(
                record=f"projects/{project.slug}",
                field="licences.weights",
                kind="fill",
                ours=None,
                theirs=found.licence,
                source="huggingface",
                page=f"https://huggingface.co/{name}",
            )
        )


def links_of(papers: Sequence[Paper], projects: Sequence[Project]) -> list[str]:
    """Every address that the pages lead to, once: DOIs, repositories, code, weights, data."""
    found: dict[str, None] = {}
    for paper in papers:
        for version in paper.versions:
            if version.ids.doi:
                found[f"https://doi.org/{version.ids.doi}"] = None
            if version.url:
                found[version.url] = None
        for kind in ("code", "weights", "data", "demo", "page"):
            found |= dict.fromkeys(getattr(paper.links, kind) or [])
    for project in projects:
        if project.repository:
            found[project.repository.url] = None
        for point in project.checkpoints or []:
            found |= dict.fromkeys(point.urls)
    return [url for url in found if url.startswith(("http://", "https://"))]


def _no_network(found: Mapping[str, Link], asking: Asking) -> bool:
    """Whether it is the network that failed: most addresses cannot even be reached.

    Few of them say so only where no service has answered in this run either.
    """
    unreachable = sum("cannot be reached" in (link.detail or "") for link in found.values())
    telling = len(found) >= _ENOUGH or not asking.reached - {"links"}
    return telling and unreachable > 0.8 * len(found)


def refresh_links(
    urls: Sequence[str],
    asking: Asking,
    volatile: Volatile,
    today: str,
    step: Step,
    keep: set[str] | None = None,
) -> None:
    """Check every address; one that was checked on the same day is not asked again.

    `keep`: all addresses of the registry; others are forgotten (None: forget none). Where the
    network is what failed, nothing is written down.
    """
    found: dict[str, Link] = {}
    try:
        for number, url in enumerate(urls, 1):
            step(number, len(urls))
            before = volatile.links.get(url)
            if before and before.checked == today:
                continue
            question = partial(links.check, asking.client, url, before, today)
            health = asking.ask("links", question)
            if health is None:
                continue
            found[url] = health
            if len(found) >= _ENOUGH and _no_network(found, asking):
                break
    except BaseException:
        if not _no_network(found, asking):
            volatile.links |= found  # a sweep that was stopped, or failed, goes on from here
        raise
    if _no_network(found, asking):
        asking.outcome.failed["links"] = "hardly any address can be reached: no network?"
        return
    volatile.links |= found
    for url, health in found.items():
        if health.state in ("dead", "moved"):
            asking.outcome.differences.append(
                Difference(
                    record="links",
                    field=url,
                    kind="differs",
                    ours=url,
                    theirs=health.moved_to or f"dead since {health.last_alive or 'it was added'}",
                    source="links",
                    page=url,
                )
            )
    for gone in set(volatile.links) - keep if keep is not None else ():
        del volatile.links[gone]  # nobody links there any more
