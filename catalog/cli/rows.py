"""Works, projects and claims as rows and as plain data; what list, search and stats print."""

from __future__ import annotations

from collections import Counter
from typing import Any

from catalog.facets import Work
from catalog.metrics import is_share, percent_decimals
from catalog.records import Claim, Project, to_builtins

WORK_COLUMNS = ("id", "year", "code", "weights", "claims", "title")
PROJECT_COLUMNS = ("project", "kind", "code", "weights", "licence", "claims", "repository")
CLAIM_COLUMNS = ("claim", "metric", "value", "state", "dataset", "place", "printed by", "kind")


def work_row(work: Work) -> list[object]:
    """A work under `WORK_COLUMNS`."""
    paper = work.paper
    return [paper.id, work.year, work.code, work.weights, _states(work.states), titled(work)]


def titled(work: Work) -> str:
    """Title of a work; a project without a paper says of what kind it is."""
    if not work.of_project:
        return work.paper.title
    kind = work.projects[0].kind
    return f"{work.paper.title} [{kind} project, no paper here]"


def work_data(work: Work) -> dict[str, Any]:
    """A work as plain data: the record, and what follows from its projects and verdicts.

    A project without a paper has `kind`, and nothing that only a paper has.
    """
    paper = work.paper
    if work.of_project:
        known = {"id": paper.id, "title": paper.title, "kind": work.projects[0].kind}
    else:
        known = to_builtins(paper)
    return {
        **known,
        "year": work.year,
        "has_code": work.code,
        "has_weights": work.weights,
        "licence_classes": sorted(work.licences),
        "projects": [project.slug for project in work.projects],
        "claim_states": dict(Counter(work.states)),
    }


def project_row(project: Project, states: list[str]) -> list[object]:
    """A project under `PROJECT_COLUMNS`."""
    return [
        project.slug,
        project.kind,
        project.code_status,
        project.weights_status,
        _licences(project),
        _states(states),
        project.repository.url if project.repository else None,
    ]


def _licences(project: Project) -> str | None:
    """Licence of the code, and of the weights where it is known."""
    code, weights = project.licences.code, project.licences.weights
    return f"{code or 'not checked'}; weights {weights}" if weights else code


def claim_row(project: Project, claim: Claim, state: str) -> list[object]:
    """A claim under `CLAIM_COLUMNS`; the value as printed."""
    return [
        f"{project.slug}/{claim.id}",
        claim.metric,
        printed(claim),
        state if not claim.reason else f"{state} ({claim.reason})",
        claim.dataset,
        claim.source.place,
        claim.printed_by,
        project.kind,
    ]


def printed(claim: Claim) -> str:
    """The value with the decimals and scale it was printed with."""
    return f"{claim.value:.{claim.decimals}f}" + (" %" if claim.scale == 100 else "")


def in_percent(claim: Claim, fraction: float | None) -> str | None:
    """A reported or measured `fraction` in percent; what is no share (a distance) as it is.

    With the claim's own precision, at most two decimals. None: nothing was measured.
    """
    if fraction is None:
        return None
    if not is_share(claim):
        return f"{fraction:.{claim.decimals}f}"
    return f"{100 * fraction:.{percent_decimals(claim)}f} %"


def _states(states: list[str]) -> str | None:
    """`1 reproduced, 2 not-attempted`, never one boolean; None where there is no claim."""
    counts = Counter(states)
    return ", ".join(f"{number} {state}" for state, number in counts.most_common()) or None
