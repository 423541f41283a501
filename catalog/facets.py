"""What a reader filters by: tags of the papers, and what follows from projects and verdicts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import get_args

from catalog.errors import UsageError
from catalog.exports.citation import cited_version, year_of
from catalog.ladder import commercial_class
from catalog.licences import LicenceClass, licence_class
from catalog.naming import dataset_key, is_dataset
from catalog.records import ClaimState, Paper, Project, Tag, Verdict
from catalog.registry import Registry
from catalog.text import fold

_RUNNABLE = ("inference", "training", "training+inference", "training+weights")
# states of code and of weights, the best first: a work has that of its best release
CODE_STATES = ("yes", "linked", "empty", "announced", "none")
WEIGHTS_STATES = ("yes", "gated", "announced", "dead", "none")
HAS_CODE = ("yes", "linked")
HAS_WEIGHTS = ("yes", "gated")
NEAR = 75.0  # rapidfuzz ratio from which a name is worth suggesting
START = 95.0  # what begins as was typed: before all but what is written the same
SLIP = 5.0  # less for what only its start is like

# values that are known even where no work has them yet
FIXED: dict[str, frozenset[str]] = {
    "verdict": frozenset(get_args(ClaimState)),
    "licence": frozenset(get_args(LicenceClass)),
    "weights-licence": frozenset(get_args(LicenceClass)),
}

# facets that have `multi`: several values, not all named by the work
SEVERAL = ("modality", "region")

# facet -> field of Project that says the same from the code
_FROM_CODE = {"prompt": "prompts_eval", "dimensionality": "dimensionality"}

# facet -> vocabulary of what is read from the code
_VOCABULARY = {"prompt": "prompts_infer", "dimensionality": "dimensionality"}

OTHER = "other"  # data sets that a work has without naming one

# option -> field of Paper
TAG_FACETS = {
    "modality": "modalities",
    "region": "regions",
    "target": "targets",
    "dimensionality": "dimensionality",
    "base-model": "base_models",
    "adaptation": "adaptation",
    "contribution": "contribution",
    "supervision": "supervision",
    "task": "task",
    "dataset": "datasets",
}


@dataclass(slots=True)
class Work:
    """A paper with its projects and verdicts. `code`, `weights`: None means nobody has checked.

    `of_project`: there is no paper; `paper` holds a project's slug and name only.
    """

    paper: Paper
    projects: list[Project] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    of_project: bool = False

    @property
    def year(self) -> int | None:
        return year_of(self.paper)

    @property
    def venue(self) -> str:
        version = cited_version(self.paper)
        return (version.venue or "") if version else ""

    @property
    def code_state(self) -> str:
        """The best of `CODE_STATES` among its releases and links, or `unknown`."""
        found = {code_state(project) for project in self.projects}
        if not self.projects and self.paper.links.code is not None:
            found.add("linked" if self.paper.links.code else "none")
        return _best(CODE_STATES, found)

    @property
    def weights_state(self) -> str:
        """The best of `WEIGHTS_STATES`, or `unknown`. Without code there are no weights."""
        found = {weights_state(project) for project in self.projects}
        if self.paper.links.weights:
            found.add("yes")
        if self.paper.links.weights == [] or self.code_state == "none":
            found.add("none")
        return _best(WEIGHTS_STATES, found)

    @property
    def code(self) -> bool | None:
        """Whether code can be read or is linked. An empty or announced repository is none."""
        return None if self.code_state == "unknown" else self.code_state in HAS_CODE

    @property
    def weights(self) -> bool | None:
        """Whether weights are released (freely or after a registration)."""
        return None if self.weights_state == "unknown" else self.weights_state in HAS_WEIGHTS

    @property
    def licences(self) -> set[str]:
        """Classes of the licences of code and weights of every project (see `catalog.licences`)."""
        return {
            licence_class(text)
            for project in self.projects
            for text in (project.licences.code, project.licences.weights)
            if text is not None
        } or ({"unknown"} if self.projects else set())

    @property
    def weights_licences(self) -> set[str]:
        """Class of the licence of the weights of every project that releases some."""
        found = {weights_licence(p) for p in self.projects if weights_state(p) in HAS_WEIGHTS}
        return found or ({"unknown"} if self.weights else set())

    @property
    def states(self) -> list[str]:
        """State of each claim that its projects printed themselves: a verdict's where there is
        one, else what the claim says."""
        judged = {verdict.claim: verdict.state for verdict in self.verdicts}
        return [
            judged.get(f"{project.slug}/{claim.id}", claim.state)
            for project in self.projects
            for claim in project.claims
            if claim.own
        ]

    def values(self, facet: str) -> list[str]:
        """The work's values of a facet of `TAG_FACETS` or of those that follow from projects.

        Prompts and dimensionality are what the paper says and what its projects' code does.
        """
        if facet == "verdict":
            return self.states
        if facet == "licence":
            return sorted(self.licences)
        if facet == "weights-licence":
            return sorted(self.weights_licences)
        found = [value for tag in self.tags(facet) for value in tag_values(tag)]
        if facet == "dataset":
            # data sets under one name each; of what names none (an organ, a mean) the one word
            return list(dict.fromkeys(map(dataset_key, filter(is_dataset, found)))) or (
                [OTHER] if found else []
            )
        if own := _FROM_CODE.get(facet):
            from catalog.vocabulary import canonical

            spelled = [value for p in self.projects for value in getattr(p, own) or []]
            found += [canonical(_VOCABULARY[facet], value) for value in spelled]
        return list(dict.fromkeys(found))

    def tags(self, facet: str) -> list[Tag | None]:
        """The tags of the record that a facet is read from."""
        if facet == "prompt":
            return [self.paper.prompts_infer, self.paper.prompts_train]
        return [getattr(self.paper, TAG_FACETS[facet])]

    def told(self, facet: str) -> tuple[str, ...]:
        """Its values of a facet, or the one word for why there is none (`nothing`)."""
        return tuple(self.values(facet)) or (nothing(*self.tags(facet)),)


def nothing(*tags: Tag | None) -> str:
    """What stands for no value: nobody looked, it does not apply, or there is none."""
    recorded = [tag for tag in tags if tag is not None]
    if not recorded:
        return "unknown"
    return "n/a" if all(isinstance(tag.values, str) for tag in recorded) else "none"


def weights_licence(project: Project) -> str:
    """Class of the licence of the weights, of the strictest checkpoint where they differ.

    Where a person has read the authors' statements, their reading counts (`catalog.ladder`).
    """
    if project.licences.commercial:
        return commercial_class(project.licences)
    classes = {licence_class(c.licence) for c in project.checkpoints or [] if c.licence}
    classes.add(licence_class(project.licences.weights))
    return next((c for c in ("non-commercial", "none", "commercial") if c in classes), "unknown")


def code_state(project: Project) -> str:
    """What a release has of code: one of `CODE_STATES`, or `unknown`."""
    status = project.code_status
    if status in _RUNNABLE:
        return "yes"
    if status in ("announced", "empty", "none"):
        return status
    return "linked" if project.repository else "unknown"


def weights_state(project: Project) -> str:
    """Whether anyone can download weights: one of `WEIGHTS_STATES`, or `unknown`.

    A release may list files of others that it runs unchanged; its status then says none.
    """
    status = (project.weights_status or "").split(" ")[0].lower()
    if status in ("public", "released", "available"):
        return "yes"
    if status in ("gated", "announced", "dead", "none"):
        return status
    if project.code_status == "training+weights" or any(
        point.urls for point in project.checkpoints or []
    ):
        return "yes"
    return "none" if project.checkpoints == [] else "unknown"


def _best(order: tuple[str, ...], states: set[str]) -> str:
    return next((state for state in order if state in states), "unknown")


def tag_values(tag: Tag | None) -> list[str]:
    """Values of a tag as a list; unknown and not applicable have none."""
    return [] if tag is None or isinstance(tag.values, str) else tag.values


def works(registry: Registry) -> list[Work]:
    """Every paper of the registry joined with its projects and verdicts, in file order."""
    projects: dict[str, list[Project]] = {}
    for project in registry.projects:
        for name in project.papers:
            projects.setdefault(name, []).append(project)
    verdicts: dict[str, list[Verdict]] = {}
    for verdict in registry.verdicts:
        verdicts.setdefault(verdict.project, []).append(verdict)
    joined = []
    for paper in registry.papers:
        mine = [p for name in (paper.id, *paper.aliases) for p in projects.get(name, [])]
        found = [verdict for project in mine for verdict in verdicts.get(project.slug, [])]
        joined.append(Work(paper, mine, found))
    return joined


def without_paper(registry: Registry, all_works: list[Work]) -> list[Work]:
    """Controls, self-tests, tools and releases that no paper of the registry belongs to."""
    joined = {project.slug for work in all_works for project in work.projects}
    return [
        Work(
            Paper(id=project.slug, title=project.name),
            [project],
            [v for v in registry.verdicts if v.project == project.slug],
            of_project=True,
        )
        for project in registry.projects
        if project.slug not in joined
    ]


@dataclass(slots=True)
class Filters:
    """What to keep: OR inside one facet, AND across facets.

    `code` and `weights`: True or False keep only what is known to be so. `inclusion`: None keeps
    all that is not excluded, "all" everything, else one decision.
    """

    facets: dict[str, list[str]] = field(default_factory=dict)
    year: str | None = None
    author: str | None = None
    section: str | None = None
    code: bool | None = None
    weights: bool | None = None
    inclusion: str | None = None

    def apply(self, all_works: list[Work]) -> list[Work]:
        """The works that pass, in their order. Raises `UsageError` for a value nothing has."""
        tests: list[Callable[[Work], bool]] = []
        for facet, wanted in self.facets.items():
            if wanted:
                tests.append(_facet_test(facet, known_values(all_works, facet, wanted)))
        if self.year:
            low, high = year_range(self.year)
            tests.append(lambda work: work.year is not None and low <= work.year <= high)
        if self.author:
            name = fold(self.author)
            tests.append(lambda work: any(name in fold(author) for author in work.paper.authors))
        if self.section:
            tests.append(lambda work: work.paper.section == self.section)
        if self.code is not None:
            tests.append(lambda work: work.code is self.code)
        if self.weights is not None:
            tests.append(lambda work: work.weights is self.weights)
        if self.inclusion is None:
            tests.append(lambda work: work.paper.inclusion.decision != "exclude")
        elif self.inclusion != "all":
            tests.append(lambda work: work.paper.inclusion.decision == self.inclusion)
        return [work for work in all_works if all(test(work) for test in tests)]

    def several(self, all_works: list[Work]) -> dict[str, int]:
        """Facet -> how many works more would pass if `multi` were asked for."""
        counts = {}
        for facet in SEVERAL:
            wanted = self.facets.get(facet)
            if wanted and "multi" not in wanted:
                kept = {work.paper.id for work in self.apply(all_works)}
                other = replace(self, facets={**self.facets, facet: ["multi"]})
                counts[facet] = len({work.paper.id for work in other.apply(all_works)} - kept)
        return {facet: count for facet, count in counts.items() if count}

    def unknown(self, all_works: list[Work]) -> dict[str, int]:
        """Filter -> how many works more might pass: nobody has recorded what it asks for."""
        kept = {work.paper.id for work in self.apply(all_works)}
        others: dict[str, Filters] = {
            facet: replace(self, facets={**self.facets, facet: []})
            for facet, wanted in self.facets.items()
            if wanted and "unknown" not in wanted and facet != "verdict"
        }
        if self.code is not None:
            others["code"] = replace(self, code=None)
        if self.weights is not None:
            others["weights"] = replace(self, weights=None)
        counts = {
            what: sum(
                work.paper.id not in kept and not_recorded(work, what)
                for work in other.apply(all_works)
            )
            for what, other in others.items()
        }
        return {what: number for what, number in counts.items() if number}


def not_recorded(work: Work, facet: str) -> bool:
    """Whether nobody has recorded what a filter is about, where there could be something."""
    if facet in ("code", "weights"):
        return (work.code if facet == "code" else work.weights) is None
    values = work.values(facet)
    if facet == "licence":
        return values == ["unknown"] or (not values and work.code is not False)
    if facet == "weights-licence":
        return values == ["unknown"]
    return not values and nothing(*work.tags(facet)) == "unknown"


def _facet_test(facet: str, wanted: list[str]) -> Callable[[Work], bool]:
    return lambda work: any(value in wanted for value in work.values(facet))


def known_values(all_works: Iterable[Work], facet: str, wanted: list[str]) -> list[str]:
    """`wanted` as written in the registry (case and punctuation do not matter).

    Raises `UsageError` naming the nearest known values where one is not there.
    """
    present = {value for work in all_works for value in work.values(facet)}
    known: dict[str, set[str]] = {}
    for value in present | FIXED.get(facet, frozenset()):
        known.setdefault(fold(value), set()).add(value)
    for spelling, value in _spellings(facet).items():
        known.setdefault(fold(spelling), set()).add(value)
    found: list[str] = []
    for value in wanted:
        if facet == "dataset" and dataset_key(value) in present:
            found.append(dataset_key(value))
            continue
        if fold(value) not in known:
            raise UsageError(
                unknown_value(f"--{facet}", value, sorted(set().union(*known.values())))
            )
        found += known[fold(value)]
    return found


def _spellings(facet: str) -> dict[str, str]:
    """Every spelling of the facet's vocabulary -> the value it stands for."""
    from catalog.vocabulary import vocabularies

    field_name = "prompts_infer" if facet == "prompt" else TAG_FACETS.get(facet, "")
    vocabulary = vocabularies().get(field_name)
    terms = vocabulary.terms if vocabulary else {}
    return {
        spelling: value
        for value, term in terms.items()
        for spelling in (value, term.label, *term.aliases)
    }


def unknown_value(option: str, value: str, known: list[str]) -> str:
    """One message for a value that is not known: the nearest ones, else some of the known ones."""
    if near := meant(value, known):
        return f"{option}: {value!r} is not known.{near}"
    listed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
    return f"{option}: {value!r} is not known. Known: {listed or 'none yet'}."


def meant(value: str, known: Iterable[str]) -> str:
    """` Did you mean A or B?`, to put behind a sentence; "" where nothing is near."""
    near = nearest(value, known)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def nearest(value: str, known: Iterable[str]) -> list[str]:
    """Up to three of `known` that `value` may be a slip or the start of, nearest first."""
    from rapidfuzz import fuzz

    asked = fold(value)
    if len(asked) < 2:
        return []
    scores: dict[str, float] = {}
    written: dict[str, str] = {}
    for name in known:
        folded = fold(name)
        score = fuzz.ratio(asked, folded)
        if len(asked) > 2 and folded.startswith(asked):
            score = max(score, START)
        elif len(asked) > 4:  # the start of it, with a slip
            score = max(score, fuzz.ratio(asked, folded[: len(asked) + 1]) - SLIP)
        if score >= NEAR and folded.replace(" ", "") not in written:
            written[folded.replace(" ", "")] = name
            scores[name] = score
    best = max(scores.values(), default=0)
    # what is much further off than the best is no candidate
    ranked = sorted((-score, len(name), name) for name, score in scores.items())
    return [name for score, _, name in ranked if -score >= best - 10][:3]


def year_range(text: str) -> tuple[int, int]:
    """`2024`, `2023-2025`, `2024-` or `-2023` as (first, last) year, both included."""
    found = re.fullmatch(r"(\d{4})?(-)?(\d{4})?", text.strip())
    if not found or not (found[1] or found[3]) or (found[1] and found[3] and not found[2]):
        raise UsageError(f"--year: {text!r} is no year: expected 2024, 2023-2025, 2024- or -2023.")
    if not found[2]:
        return int(found[1]), int(found[1])
    return int(found[1] or 0), int(found[3] or 9999)
