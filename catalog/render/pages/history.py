"""The history of a record: versions and titles, when it came here, runs, changes of verdicts."""

from __future__ import annotations

from collections import Counter, defaultdict

from catalog.records import VerdictChange
from catalog.render.labels import DECIDED
from catalog.render.views import Catalog, PaperView, ProjectView

#: (date of any precision, what happened)
Event = tuple[str, str]


def _state(state: str | None) -> str:
    return (state or "no longer recorded").replace("-", " ")


def verdict_events(catalog: Catalog, projects: list[ProjectView]) -> list[Event]:
    """Changes of the verdicts of some projects; first ones without a run are counted by day."""
    slugs = {view.project.slug: view.project.name for view in projects}
    first: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    events = []
    for change in catalog.verdict_log:
        slug, _, claim = change.claim.partition("/")
        if slug not in slugs:
            continue
        if change.before is None and change.after not in DECIDED:
            first[change.date, slugs[slug]][_state(change.after)] += 1
        else:
            events.append((change.date, _changed(change, slugs[slug], claim)))
    for (date, name), counts in first.items():
        total = sum(counts.values())
        said = ", ".join(f"{n} {state}" for state, n in counts.most_common())
        events.append((date, f"{total} claim{'s' * (total > 1)} of {name} recorded: {said}."))
    return events


def _changed(change: VerdictChange, name: str, claim: str) -> str:
    before = f"{_state(change.before)} → " if change.before else "first verdict: "
    run = f", run {change.run}" if change.run else ""
    return f"Claim {claim} of {name}: {before}{_state(change.after)}{run}."


def paper_history(catalog: Catalog, view: PaperView) -> list[str]:
    """What happened to a work, oldest first, then what has no date."""
    paper = view.paper
    events: list[Event] = []
    title = None
    for version in paper.versions:
        said = f"{version.kind.capitalize()}" + (f", {version.venue}" if version.venue else "")
        if version.title and title and version.title.casefold() != title.casefold():
            said += f", under a new title: “{version.title}” (before: “{title}”)"
        elif version.title and version.title.casefold() != paper.title.casefold():
            said += f", as “{version.title}”"
        title = version.title or title
        events.append((version.date or "", f"{said}."))
    if paper.added:
        events.append((paper.added, "Record added."))
    events += verdict_events(catalog, view.projects)
    told = {v.title.casefold() for v in paper.versions if v.title}
    rest = [f"Also known as “{t}”." for t in paper.title_aliases if t.casefold() not in told]
    if paper.aliases:
        rest.append(f"Merged from: {', '.join(paper.aliases)}.")
    if paper.rows:
        rest.append(
            f"From row{'s' * (len(paper.rows) > 1)} {', '.join(map(str, paper.rows))} of the "
            "SAM4MIS list."
        )
    return _told(events) + rest


def project_history(catalog: Catalog, view: ProjectView) -> list[str]:
    """What happened to a code release, oldest first, then what has no date."""
    project = view.project
    events: list[Event] = []
    if project.repository and project.repository.commit_date:
        events.append((project.repository.commit_date, "Last commit of the code that was read."))
    if project.checked:
        events.append((project.checked, "Repository and weights checked."))
    events += [(run.created[:10], f"Run {run.run}: {run.status}.") for run in view.runs]
    events += verdict_events(catalog, [view])
    rest = ["Sources: " + ", ".join(project.sources)] if project.sources else []
    return _told(events) + rest


def _told(events: list[Event]) -> list[str]:
    """Events as lines, oldest first; those without a date first of all."""
    return [f"{date or 'No date'}: {said}" for date, said in sorted(events, key=lambda e: e[0])]
