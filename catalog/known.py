"""One paragraph on a code release: what is known of its numbers, and what a reader can do now."""

from __future__ import annotations

from collections import Counter

from catalog.cli.output import counted
from catalog.evidence import claim_answers
from catalog.facets import HAS_WEIGHTS, weights_state
from catalog.ladder import unstated
from catalog.records import Claim, Project
from catalog.registry import Registry
from catalog.runnable import line

#: Why a claim cannot be run -> how that goes on behind `N `.
BLOCKED = {
    "no-checkpoint": "of weights that nobody released",
    "dead-link": "of weights at an address that no longer answers",
    "gated-data": "on data behind a registration",
    "private-data": "on data that nobody else has",
    "manual-download": "with a download by hand",
    "protocol-unknown": "made in a way that is not told",
}
UNTOLD = "no reason recorded"
MEASURED = ("reproduced", "lower", "higher", "inconclusive", "not-comparable")


def known(project: Project, registry: Registry) -> str:
    """What is known: numbers and who printed them, what runs and rows said, what hinders.

    >>> from catalog.records import Project
    >>> from catalog.registry import Registry
    >>> from pathlib import Path
    >>> known(Project(slug="x", name="X", kind="method"), Registry(Path()))
    'No number that it printed is recorded. Whether weights are released is not known.'
    """
    own = [claim for claim in project.claims if claim.own]
    told = [_numbers(project, own)]
    states = Counter(_states(project, own, registry).values())
    told += [f"{states[s]} ran here: {s}." for s in MEASURED if states[s]]
    if waiting := states["not-attempted"]:
        told.append(f"{waiting} waits for a run." if waiting == 1 else f"{waiting} wait for a run.")
    if states["blocked"]:
        why = Counter(c.reason or "" for c in own if c.state == "blocked")
        reasons = ", ".join(
            f"{n} {BLOCKED.get(r, f'({r or UNTOLD})')}" for r, n in why.most_common()
        )
        told.append(f"{states['blocked']} cannot be run: {reasons}.")
    said = claim_answers(registry.recomputed)
    rows = Counter(said[name][1].state for c in own if (name := f"{project.slug}/{c.id}") in said)
    told += [f"From rows that were released, {n}: {state}." for state, n in rows.most_common()]
    told.append(_weights(project))
    return " ".join(told)


def possible(project: Project, registry: Registry) -> list[tuple[str, str]]:
    """What a reader can do now, each with the command that does it."""
    slug, steps = project.slug, []
    states = _states(project, project.claims, registry)
    measured = next((name for name, state in states.items() if state in MEASURED), None)
    open_ = next((name for name, state in states.items() if state == "not-attempted"), None)
    if measured:
        steps.append(("see what gives a number", f"sam4mis reproduce explain {measured}"))
    if project.adapter and weights_state(project) in HAS_WEIGHTS:
        steps.append(("use it", f"sam4mis reproduce predict {slug} --images FOLDER --out FOLDER"))
        if open_ or measured:
            steps.append(("check a number", f"sam4mis reproduce run {open_ or measured} --dry-run"))
        steps.append(("see what lacks here", f"sam4mis reproduce doctor {slug}"))
    elif lifts := line(project).lifts:
        steps.append(("it would take", lifts))
    if unstated(project):
        steps.append(("ask for a licence", f"sam4mis show {slug} --ask-licence"))
    return steps


def printers(project: Project) -> str | None:
    """Who printed the numbers of a release, and how many each; None: there are none."""
    by = Counter(
        "its authors" if c.own else c.printed_by or "whom is not known" for c in project.claims
    )
    return ", ".join(f"{who} {number}" for who, number in by.most_common()) or None


def _states(project: Project, claims: list[Claim], registry: Registry) -> dict[str, str]:
    judged = {verdict.claim: verdict.state for verdict in registry.verdicts}
    names = {f"{project.slug}/{claim.id}": claim.state for claim in claims}
    return {name: judged.get(name, state) for name, state in names.items()}


def _numbers(project: Project, own: list[Claim]) -> str:
    others = len(project.claims) - len(own)
    more = f" Others printed {others} of it." if others else ""
    if not own:
        return f"No number that it printed is recorded.{more}"
    return f"It printed {counted(len(own), 'recorded number')}.{more}"


def _weights(project: Project) -> str:
    state = weights_state(project)
    if state == "unknown":
        return "Whether weights are released is not known."
    if state not in HAS_WEIGHTS:
        return f"Weights: {state}."
    at = line(project)
    how = "Its weights are public" if state == "yes" else "Its weights need a registration"
    if at.runs:
        return f"{how} and run here with the adapter {project.adapter}."
    return (
        f"{how}; they do not run here: {(at.why or 'nobody has written an adapter').rstrip('.')}."
    )
