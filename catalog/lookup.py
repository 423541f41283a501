"""A work or project by what people call it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

from catalog.errors import UsageError
from catalog.facets import Work, meant
from catalog.records import Claim, Paper, Project, to_builtins
from catalog.text import fold


def find(
    name: str, all_works: list[Work], projects: list[Project]
) -> tuple[Work | None, Project | None]:
    """The work or project called `name` (`projects/<slug>`: the project of that name).

    A work is known by its id, an id merged into it, its short name or an identifier. Raises
    `UsageError` where none or several are called so.
    """
    for work in all_works:
        if name == work.paper.id or name in work.paper.aliases:
            return work, None
    for project in projects:
        if name in (project.slug, f"projects/{project.slug}"):
            return None, project
    if (at := _repository(name)) and (released := [p for p in projects if _at(p) == at]):
        return None, _one(name, released)
    wanted, values = fold(name), _identifier_values(name)
    found = [
        work
        for work in all_works
        if (wanted and fold(work.paper.short_name or "") == wanted)
        or values & _identifiers(work.paper)
    ]
    if len(found) == 1:
        return found[0], None
    if found:
        listed = "\n".join(f"  {work.paper.id}  {work.paper.title}" for work in found)
        raise UsageError(f"{name!r} names {len(found)} works; say which one:\n{listed}")
    if spelled := _spelled(name, projects):
        return None, spelled
    ids = [work.paper.id for work in all_works] + [project.slug for project in projects]
    ids += [work.paper.short_name for work in all_works if work.paper.short_name]
    raise UsageError(
        f"no work or project is called {name!r}.{meant(name, ids)} "
        f"Try: sam4mis search {shlex.quote(name)}"
    )


def named_project(name: str, projects: Sequence[Project]) -> Project:
    """The code release that is meant: by its slug or name in any spelling, or its repository.

    Raises `UsageError` with the nearest names where there is none.
    """
    for project in projects:
        if name in (project.slug, f"projects/{project.slug}"):
            return project
    if at := _repository(name):
        released = [project for project in projects if _at(project) == at]
    else:
        released = []
    if released:
        return _one(name, released)
    if spelled := _spelled(name, projects):
        return spelled
    raise UsageError(
        f"no project is called {name!r}.{meant(name, [project.slug for project in projects])} "
        "`sam4mis list projects` shows those there are."
    )


def named_claims(target: str, projects: Sequence[Project]) -> tuple[Project, list[Claim]]:
    """`project`: it and all its claims; `project/claim`: it and that one.

    The project may be named as `named_project` has it. Raises `UsageError` for what is not there.
    """
    if _repository(target):
        return (project := named_project(target, projects)), project.claims
    slug, slash, name = target.partition("/")
    project = named_project(slug, projects)
    if not slash:
        return project, project.claims
    found = [claim for claim in project.claims if claim.id == name]
    found = found or [claim for claim in project.claims if fold(claim.id) == fold(name)]
    if found:
        return project, found
    known = [claim.id for claim in project.claims]
    some = _meant_of(name, known)
    raise UsageError(f"{project.slug} has no claim {name!r}.{some}")


def _meant_of(name: str, known: list[str]) -> str:
    if near := meant(name, known):
        return near
    if not known:
        return " It has none."
    more = f" and {len(known) - 5} more" if len(known) > 5 else ""
    return f" Its claims: {', '.join(known[:5])}{more}."


def _spelled(name: str, projects: Iterable[Project]) -> Project | None:
    """The one project whose slug or name is `name` but for case and punctuation."""
    wanted = fold(name).replace(" ", "")
    found = [
        project
        for project in projects
        if wanted and wanted in (fold(n).replace(" ", "") for n in (project.slug, project.name))
    ]
    return found[0] if len(found) == 1 else None


def _one(name: str, found: Sequence[Project]) -> Project:
    if len(found) == 1:
        return found[0]
    listed = ", ".join(project.slug for project in found)
    raise UsageError(f"{name!r} is the repository of several projects; say which one: {listed}")


def _at(project: Project) -> str | None:
    return _repository(project.repository.url) if project.repository else None


def _repository(address: str) -> str | None:
    """`host/owner/name` of a repository's address, whatever is below it; None: it is none."""
    found = re.match(
        r"(?:https?://|git@|ssh://git@)(?:www\.)?([\w.-]+\.\w+)[/:]([^/\s]+)/([^/\s?#]+)", address
    )
    return found and "/".join(found.groups()).lower().removesuffix(".git")


def _identifier_values(name: str) -> set[str]:
    from catalog.identifiers import identify

    return {str(identifier) for identifier in identify(name)}


def _identifiers(paper: Paper) -> set[str]:
    return {
        f"{kind}:{value}"
        for version in paper.versions
        for kind, value in to_builtins(version.ids).items()
    }
