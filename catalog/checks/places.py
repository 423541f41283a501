"""Places in code against what was looked up at their commits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from catalog.checks.references import Crossing, near
from catalog.checks.seen import Seen, Told
from catalog.places import naming, verified
from catalog.places.naming import Place
from catalog.records import Project
from catalog.registry import PROJECTS, Registry


def check(registry: Registry, seen: Seen) -> Iterator[Crossing]:
    """Places that are not there, lie in no named repository, or were never looked up."""
    known = verified.load(registry.root)
    for project in registry.projects:
        for told in seen.of(project, partial(_told, project, known), b"places"):
            yield Crossing(told[0], f"{PROJECTS}/{project.slug}.yaml", project.slug, *told[1:])


def _told(project: Project, known: verified.Verified) -> Iterator[Told]:
    if naming.repositories(project):  # else its files lie in this repository
        found = (_one(place, project, known) for place in naming.places(project))
        yield from (told for told in found if told)


def _one(place: Place, project: Project, known: verified.Verified) -> Told | None:
    repository = naming.belongs_to(place, project)
    if repository is None:
        names = {r.url.removeprefix("https://github.com/") for r in naming.repositories(project)}
        hint = near(place.repository or "", names) or "Add it to further_repositories."
        where = place.repository or f"commit {place.commit or 'not recorded'}"
        return "F003", place.field, f"{place}: the project does not name {where}", hint
    key = naming.key(repository)
    if key is None:
        return None  # nothing to compare with: no commit, or another host
    looked = known.commits.get(key)
    if looked is None or place.path not in looked.files:
        hint = "`sam4mis doctor --places` looks it up."
        return "F004", place.field, f"{place}: not looked up at {key}", hint
    found = looked.files[place.path]
    if isinstance(found, list):
        hint = f"Is it {found[0]}?" if len(found) == 1 else "; ".join(found[:4])
        return "F001", place.field, f"{place}: {key} has no such file", hint
    if verified.beyond(place, found):
        message = f"{place}: line {place.last}, but the file has {found} at {key}"
        return "F002", place.field, message, ""
    return None
