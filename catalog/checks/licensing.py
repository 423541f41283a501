"""The licence ladder of a project against itself: nothing is allowed that nobody stated."""

from __future__ import annotations

from collections.abc import Iterator

from catalog import ladder
from catalog.checks.references import Crossing, near
from catalog.checks.seen import Told
from catalog.records import Project
from catalog.registry import PROJECTS, Registry


def check(registry: Registry) -> Iterator[Crossing]:
    """Problems of the licences of every project."""
    for project in registry.projects:
        for code, path, message, hint in _own(project):
            place = f"{PROJECTS}/{project.slug}.yaml"
            yield Crossing(code, place, project.slug, ("licences", *path), message, hint)


def _own(project: Project) -> Iterator[Told]:
    licences = project.licences
    reach = ladder.rung(licences)
    if licences.commercial and licences.commercial.answer == "yes" and reach in ("code", "nothing"):
        message = "commercial use of the weights, but no text of the authors names them"
        hint = "A licence of the code says nothing of weights that lie elsewhere: unclear."
        yield "F005", ("commercial", "answer"), message, hint
    stated = {s.stated for s in licences.statements if s.of in ("weights", "files")}
    if reach in ("code", "nothing"):
        stated.add("none")
    own_words = (licences.weights or "LicenseRef-").startswith("LicenseRef-")
    if licences.statements and not own_words and licences.weights not in stated:
        message = f"{licences.weights} for the weights, which no statement says"
        yield "F006", ("weights",), message, "Add the statement with its place."
    yield from _names(project)


def _names(project: Project) -> Iterator[Told]:
    licences, terms = project.licences, ladder.terms()
    known: dict[str, set[str]] = {"base": set(terms.bases), "data": set(terms.data)}
    for field, names in known.items():
        for number, name in enumerate(getattr(licences, field) or []):
            if name not in names:
                hint = near(name, names) or f"Add it to catalog/{ladder.FILE} with its place."
                yield "F007", (field, number), f"nothing is recorded of the terms of {name!r}", hint
    files = {checkpoint.id for checkpoint in project.checkpoints or []}
    for number, statement in enumerate(licences.statements):
        for name in statement.files:
            if name not in files:
                path = ("statements", number, "files")
                yield "F008", path, f"no checkpoint {name!r} in this project", near(name, files)
