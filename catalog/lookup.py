"""A work or project by what people call it."""

from __future__ import annotations

import shlex

from catalog.errors import UsageError
from catalog.facets import Work, nearest
from catalog.records import Paper, Project, to_builtins
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
    ids = [work.paper.id for work in all_works] + [project.slug for project in projects]
    ids += [work.paper.short_name for work in all_works if work.paper.short_name]
    near = nearest(name, ids)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise UsageError(
        f"no work or project is called {name!r}.{hint} Try: sam4mis search {shlex.quote(name)}"
    )


def _identifier_values(name: str) -> set[str]:
    from catalog.identifiers import identify

    return {str(identifier) for identifier in identify(name)}


def _identifiers(paper: Paper) -> set[str]:
    return {
        f"{kind}:{value}"
        for version in paper.versions
        for kind, value in to_builtins(version.ids).items()
    }
