"""Records joined and judged for showing: which paper has code, whose claims were checked.

A `Catalog` is built once from a registry; everything that renders reads it and nothing else.
"""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

from catalog import ready, repeats, standing, waiting
from catalog.evidence import Answer, Recomputed, Source, claim_answers
from catalog.exports.citation import cited_version, year_of
from catalog.facets import HAS_CODE, HAS_WEIGHTS, Work, code_state, weights_licence, weights_state
from catalog.naming import dataset_key, dataset_title, is_dataset, slug
from catalog.places import verified
from catalog.records import (
    Checkpoint,
    Claim,
    Paper,
    Project,
    Result,
    Tag,
    TakenBack,
    Verdict,
    Version,
)
from catalog.registry import Registry, load_verdict_log
from catalog.render.labels import DECIDED, STATES
from catalog.runnable import OUTSIDE, Line, releases
from catalog.sources import volatile

if TYPE_CHECKING:
    from catalog.render.facets import Facet

CONVENTIONS = Path(__file__).parent.parent / "data" / "protocol_conventions.yaml"


def tag_values(tag: Tag | None) -> tuple[str, ...]:
    """Values for filtering. None -> unknown, `n/a` -> n/a, [] -> none: three different things."""
    if tag is None:
        return ("unknown",)
    if isinstance(tag.values, str):
        return ("n/a",)
    return tuple(dict.fromkeys(tag.values)) or ("none",)


@dataclass(slots=True)
class ClaimView:
    """A claim with its project and its verdict (None: `verdicts.json` does not have it yet).

    `released`: what rows that others released say about it, apart from any run.
    """

    claim: Claim
    project: Project
    verdict: Verdict | None
    released: tuple[Recomputed, Answer] | None = None
    runners: list[str] = field(default_factory=list)  # who ran it, each once

    @property
    def run_by(self) -> str | None:
        """Who ran it, in words; None where nobody is named."""
        return repeats.in_words(self.runners)

    @property
    def free_from(self) -> datetime.date | None:
        """From when a `lower` may be published, where its authors were told."""
        return waiting.free_from(self.claim)

    @property
    def state(self) -> str:
        """The claim's state: the verdict's where there is one, else what a person recorded."""
        return self.verdict.state if self.verdict else self.claim.state

    @property
    def reason(self) -> str | None:
        return (self.verdict.reason if self.verdict else None) or self.claim.reason

    @property
    def recomputed(self) -> str | None:
        """agrees or differs: whether the number follows from released rows. None: there are none"""
        return self.released[1].state if self.released else None

    @property
    def rows(self) -> str | None:
        """What the released rows are that speak to it."""
        return self.released[0].rows if self.released else None

    @property
    def anchor(self) -> str:
        return f"claim-{self.claim.id}"


@dataclass
class ProjectView:
    """A code release with what was measured of it."""

    project: Project
    numbers: list[ClaimView] = field(default_factory=list)  # whoever printed them
    runs: list[Result] = field(default_factory=list)
    papers: list[PaperView] = field(default_factory=list)

    @cached_property
    def claims(self) -> list[ClaimView]:
        """What the project itself printed: all that its badge and counts take."""
        return [c for c in self.numbers if c.claim.own]

    @cached_property
    def others(self) -> list[ClaimView]:
        """What others printed about its weights; it stands apart."""
        return [c for c in self.numbers if not c.claim.own]

    @property
    def outside(self) -> bool:
        return self.project.kind in OUTSIDE

    @cached_property
    def code(self) -> str:
        """As `catalog.facets.code_state`, a key of `labels.CODE`."""
        return code_state(self.project)

    @cached_property
    def weights(self) -> str:
        """As `catalog.facets.weights_state`, a key of `labels.WEIGHTS`."""
        return weights_state(self.project)

    @cached_property
    def weights_licence(self) -> str:
        """Class of the licence of the weights (of the strictest checkpoint where they differ)."""
        return weights_licence(self.project)

    @cached_property
    def states(self) -> dict[str, int]:
        counts = Counter(c.state for c in self.claims)
        return {state: counts[state] for state in STATES if counts[state]}

    @cached_property
    def follow(self) -> int:
        """How many of its own claims follow from released rows."""
        return sum(c.recomputed == "agrees" for c in self.claims)

    @property
    def badge(self) -> str:
        """`k of n claims reproduced`, never one boolean; `0 of n claims checked` before any run."""
        n = len(self.claims)
        if not n:
            return "no claims of its own" if self.others else "no claims recorded"
        word = "checked" if self.states.keys() <= {"blocked", "not-attempted"} else "reproduced"
        said = f"{self.states.get('reproduced', 0)} of {n} claim{'s' * (n != 1)} {word}"
        return f"{said}, {self.follow} from released rows" if self.follow else said

    def checkpoint(self, name: str | None) -> Checkpoint | None:
        return next((c for c in self.project.checkpoints or [] if c.id == name), None)


@dataclass
class PaperView:
    """A work with its projects, ready for tables and filters."""

    paper: Paper
    line: int | None = None  # line of its record in papers.yaml
    projects: list[ProjectView] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.paper.id

    @property
    def name(self) -> str:
        """What a reader calls it: the short name, else the title."""
        return self.paper.short_name or self.paper.title

    @property
    def second_hand(self) -> bool:
        return standing.second_hand(self.paper)

    @property
    def taken_back(self) -> TakenBack | None:
        return standing.taken_back(self.paper)

    @cached_property
    def cite(self) -> Version | None:
        return cited_version(self.paper)

    @cached_property
    def date(self) -> str | None:
        """Date of the version to cite, else the earliest known, as precise as it is known."""
        if self.cite and self.cite.date:
            return self.cite.date
        return min((v.date for v in self.paper.versions if v.date), default=None)

    @property
    def year(self) -> str:
        """The year that the command line filters by."""
        return str(year_of(self.paper) or "unknown")

    @cached_property
    def venue(self) -> str | None:
        if self.cite and self.cite.venue:
            return self.cite.venue
        return next((v.venue for v in reversed(self.paper.versions) if v.venue), None)

    @cached_property
    def authors_short(self) -> str | None:
        """First author and how many more; None where no author is known."""
        authors = self.paper.authors
        if not authors:
            return None
        if len(authors) == 1 and (self.paper.authors_complete or "et al" in authors[0]):
            return authors[0]
        if len(authors) == 2 and self.paper.authors_complete:
            return " and ".join(authors)
        return f"{authors[0]} et al."

    @cached_property
    def titles(self) -> list[str]:
        """Earlier and other titles: aliases and version titles that differ from the work's."""
        seen = {self.paper.title.casefold(): self.paper.title}
        for title in [*self.paper.title_aliases, *(v.title for v in self.paper.versions)]:
            if title:
                seen.setdefault(title.casefold(), title)
        return list(seen.values())[1:]

    @cached_property
    def work(self) -> Work:
        """The same work as the command line filters and counts it."""
        return Work(self.paper, [view.project for view in self.projects])

    @cached_property
    def code(self) -> str:
        return self.work.code_state

    @cached_property
    def weights(self) -> str:
        return self.work.weights_state

    @cached_property
    def weights_licence(self) -> tuple[str, ...]:
        if self.weights not in HAS_WEIGHTS:
            return ("n/a",)
        found = [p.weights_licence for p in self.projects if p.weights in HAS_WEIGHTS]
        return tuple(dict.fromkeys(found)) or ("unknown",)

    @cached_property
    def claims(self) -> list[ClaimView]:
        """What its releases themselves printed."""
        return [c for p in self.projects for c in p.claims]

    @cached_property
    def others(self) -> list[ClaimView]:
        """What others printed about its releases."""
        return [c for p in self.projects for c in p.others]

    @property
    def sharers(self) -> int:
        """How many works the releases with its claims belong to; 1: they are its own."""
        owners = {q.id for p in self.projects if p.claims for q in p.papers}
        return max(len(owners), 1)

    @cached_property
    def verdicts(self) -> tuple[str, ...]:
        """States of its claims in showing order, or `no-claim`."""
        present = {c.state for c in self.claims}
        return tuple(s for s in STATES if s in present) or ("no-claim",)

    @property
    def stage(self) -> Literal["checked", "weights", "code", "none", "unknown"]:
        """How far the trail goes; unknown: nobody has looked for code."""
        if any(c.state in DECIDED for c in self.claims):
            return "checked"
        if self.code in HAS_CODE:
            return "weights" if self.weights == "yes" else "code"
        return "unknown" if self.code == "unknown" else "none"

    @property
    def undecided(self) -> bool:
        return self.paper.inclusion.decision == "undecided"


class Catalog:
    """Everything shown, joined: papers newest first, projects by slug, runs and verdicts."""

    def __init__(self, registry: Registry, lines: dict[str, int] | None = None) -> None:
        self.registry = registry
        self._volatile = volatile.load(registry.root)
        self._verified = verified.load(registry.root)
        self.links = self._volatile.links
        self.verdict_log = load_verdict_log(registry.root)
        lines = lines or {}
        verdicts: dict[str, Verdict] = {}
        for verdict in registry.verdicts:
            name = verdict.claim
            verdicts[name if "/" in name else f"{verdict.project}/{name}"] = verdict
        runs: dict[str, list[Result]] = defaultdict(list)
        for result in registry.results:
            runs[result.project].append(result)
        self.sources: dict[str, Source] = {s.id: s for s in registry.evidence}
        self.recomputed: dict[str, Recomputed] = {r.source: r for r in registry.recomputed}
        released = claim_answers(registry.recomputed)
        self.projects: dict[str, ProjectView] = {}
        for project in sorted(registry.projects, key=lambda p: p.name.casefold()):
            claims = [
                ClaimView(
                    c,
                    project,
                    verdicts.get(name),
                    released.get(name),
                    repeats.runners(registry, name),
                )
                for c in project.claims
                for name in (f"{project.slug}/{c.id}",)
            ]
            mine = sorted(runs.get(project.slug, []), key=lambda r: (r.created, r.run))
            self.projects[project.slug] = ProjectView(project, claims, mine)
        self.by_id = {p.id: PaperView(p, lines.get(p.id)) for p in registry.papers}
        alias = {a: p.id for p in registry.papers for a in p.aliases}
        self.merged = {a: i for a, i in sorted(alias.items()) if a not in self.by_id}
        for view in self.projects.values():
            for name in view.project.papers:
                if paper := self.by_id.get(name) or self.by_id.get(alias.get(name, "")):
                    paper.projects.append(view)
                    view.papers.append(paper)
        everyone = sorted(self.by_id.values(), key=lambda v: (v.paper.title.casefold(), v.paper.id))
        everyone.sort(key=lambda v: v.date or "", reverse=True)
        self.papers = [v for v in everyone if v.paper.inclusion.decision != "exclude"]
        self.excluded = [v for v in everyone if v.paper.inclusion.decision == "exclude"]

    def moved(self, project: Project) -> volatile.Moved | None:
        """Whether a project's repository moved since it was read."""
        return volatile.moved_since(project, self._volatile)

    def places(self, project: Project) -> verified.Tally | None:
        """What was verified of the places in code that a project names."""
        return verified.tally(project, self._verified)

    @cached_property
    def dataset_names(self) -> dict[str, str]:
        """Slug -> name of every dataset that a work, a project, a claim or a run names."""
        named: list[tuple[str, str]] = []  # (what identifies it, as written)
        for view in self.papers:
            tag = view.paper.datasets
            named += [(n, n) for n in tag.values] if tag and isinstance(tag.values, list) else []
        for project in self.projects.values():
            named += [(use.id or use.name, use.name) for use in project.project.datasets or []]
            named += [
                (c.claim.dataset, c.claim.dataset) for c in project.numbers if c.claim.dataset
            ]
        spellings: dict[str, Counter[str]] = defaultdict(Counter)
        for identity, name in named:
            if is_dataset(identity):
                same = dataset_key(identity) == dataset_key(name)
                spellings[dataset_key(identity)][dataset_title(name if same else identity)] += 1
        return {
            # an identifier such as `sa-med2d-20m` only where no record spells the name
            key: min(names, key=lambda name: (name == slug(name), -names[name], name))
            for key, names in sorted(spellings.items())
        }

    def facet_label(self, facet: Facet, value: str) -> str:
        """A facet's value as readers see it; data sets keep the spelling of the records."""
        if facet.key == "dataset" and value in self.dataset_names:
            return self.dataset_names[value]
        return facet.label(value)

    @cached_property
    def conventions(self) -> dict[str, dict[str, str]]:
        """Code -> {facet, text} of the protocol conventions that cards are compared by."""
        return dict(yaml.safe_load(CONVENTIONS.read_text("utf-8"))["conventions"])

    @cached_property
    def methods(self) -> list[ProjectView]:
        """Code releases of the field: no control, no self-test."""
        return [p for p in self.projects.values() if not p.outside]

    @cached_property
    def controls(self) -> list[ProjectView]:
        return [p for p in self.projects.values() if p.outside]

    @cached_property
    def releases(self) -> list[Line]:
        """A line for each project with released weights: whether it runs here, what lifts it."""
        return releases(view.project for view in self.methods)

    @cached_property
    def ready(self) -> ready.Readiness:
        """What claims that nobody has run would take."""
        return ready.load(self.registry.root)

    @cached_property
    def runs(self) -> list[Result]:
        """All runs, newest first."""
        return sorted(self.registry.results, key=lambda r: (r.created, r.run), reverse=True)

    @cached_property
    def claims(self) -> list[ClaimView]:
        """What methods of the field printed about themselves."""
        return [c for p in self.methods for c in p.claims]

    @cached_property
    def others(self) -> list[ClaimView]:
        """What others printed about methods of the field."""
        return [c for p in self.methods for c in p.others]

    @cached_property
    def numbers(self) -> list[ClaimView]:
        """Every recorded number about methods of the field, whoever printed it."""
        return [*self.claims, *self.others]

    @cached_property
    def control_claims(self) -> list[ClaimView]:
        return [c for p in self.controls for c in p.claims]

    @cached_property
    def newest(self) -> str:
        """The newest day that the data know, as `YYYY-MM-DD`: it dates what needs a date."""
        days = [v.date for v in self.papers if v.date]
        days += [r.created[:10] for r in self.registry.results]
        days += [v.paper.added for v in self.papers if v.paper.added]
        return max(map(day, days), default=day(""))

    def verdict_of(self, run: Result) -> list[ClaimView]:
        """Claims that a run speaks to."""
        view = self.projects.get(run.project)
        if view is None:
            return []
        names = {c.rpartition("/")[2] for c in run.claims}
        return [c for c in view.numbers if c.claim.id in names]


def day(date: str) -> str:
    """A date of any precision as the first day it may mean: `2023-04` -> `2023-04-01`.

    What is no date (`check` finds it) is 1970-01-01.
    """
    try:
        return datetime.date.fromisoformat(f"{date}-01-01"[:10]).isoformat()
    except ValueError:
        return "1970-01-01"
