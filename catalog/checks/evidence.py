"""What is wrong in records of released rows although every field has the right kind of value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.checks.references import Crossing, near
from catalog.checks.seen import Told
from catalog.evidence import EVIDENCE, Source
from catalog.registry import Registry


def check(registry: Registry) -> Iterator[Crossing]:
    """Problems of every record, and what it names that is not there."""
    for source in registry.evidence:
        for code, path, message, hint in (*_own(source), *_references(source, registry)):
            yield Crossing(code, f"{EVIDENCE}/{source.id}.yaml", source.id, path, message, hint)


def _own(source: Source) -> Iterator[Told]:
    if source.repository is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", source.repository):
        message = f"expected owner/name, got {source.repository!r}"
        yield "C001", ("repository",), message, ""
    commits: list[tuple[tuple[str | int, ...], str | None]] = [(("commit",), source.commit)]
    commits += [(("files", n, "commit"), f.commit) for n, f in enumerate(source.files)]
    for path, commit in commits:
        if commit is not None and not re.fullmatch(r"[0-9a-f]{40}", commit):
            hint = "Write the full hash: git rev-parse <commit>"
            yield "C001", path, f"expected 40 hex digits, got {commit!r}", hint
    if source.files and source.commit is None:
        yield "C001", ("commit",), "files lie at a commit, and none is named", ""
    for number, file in enumerate(source.files):
        if not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
            message = f"expected 64 hex digits in lower case, got {file.sha256!r}"
            yield "C002", ("files", number, "sha256"), message, "sha256sum <file> prints it."
    yield from _patterns(source)
    yield from _names(source)


def _patterns(source: Source) -> Iterator[Told]:
    for name, reader in source.readers.items():
        written = [("path", reader.path), ("rows", reader.rows)]
        written += [("carry", pattern) for pattern in reader.carry]
        written += [("derive", derived.pattern) for derived in reader.derive.values()]
        for field, pattern in written:
            try:
                re.compile(pattern or "")
            except re.error as error:
                message = f"{pattern!r} is no regular expression: {error}"
                yield "E001", ("readers", name, field), message, ""


def _names(source: Source) -> Iterator[Told]:
    readers = set(source.readers)
    used: list[tuple[tuple[str | int, ...], str | None]] = []
    used += [(("checks", n, "reader"), c.reader) for n, c in enumerate(source.checks)]
    for n, whole in enumerate(source.every):
        used += [(("every", n, "reader"), whole.reader), (("every", n, "printed"), whole.printed)]
    for n, pair in enumerate(source.same_rows):
        used += [(("same_rows", n, "one"), pair.one), (("same_rows", n, "other"), pair.other)]
    tabled = ((n, w) for n, w in enumerate(source.weights) if not w.registry)
    used += [(("weights", n, "reader"), w.reader) for n, w in tabled]
    for path, name in used:
        if name is None and not readers:
            yield "E002", path[:2], "there is no reader of rows", "Add one under `readers`."
        elif name is not None and name not in readers:
            yield "E002", path, f"there is no reader {name!r}", near(name, readers)
    names = [c.name for c in source.checks]
    for n, one in enumerate(source.checks):
        if one.name in names[:n]:
            yield "E003", ("checks", n, "name"), f"{one.name!r} stands twice", ""
        if one.claim is not None and one.printed is not None:
            message = "a claim brings its printed number; it is not written twice"
            yield "E004", ("checks", n, "printed"), message, "Drop `printed`."
        for part in one.parts:
            if part not in names:
                message = f"there is no check {part!r}"
                yield "E002", ("checks", n, "parts"), message, near(part, set(names))
    compared = source.checks or source.every or source.same_rows
    if source.state != "not enough" and source.readers and not compared:
        yield "E002", ("state",), "rows are read and nothing is compared", "Add `checks`."


def _references(source: Source, registry: Registry) -> Iterator[Told]:
    projects = {p.slug: p for p in registry.projects}
    claims = {f"{p.slug}/{c.id}" for p in registry.projects for c in p.claims}
    works = {name for p in registry.papers for name in (p.id, *p.aliases)}
    if source.paper is not None and source.paper not in works:
        yield "R001", ("paper",), f"no work {source.paper!r}", near(source.paper, works)
    for number, slug in enumerate(source.projects):
        if slug not in projects:
            yield "R002", ("projects", number), f"no project {slug!r}", near(slug, set(projects))
    for slug, names in source.checkpoints.items():
        known = {c.id for c in projects[slug].checkpoints or []} if slug in projects else set()
        for name in names:
            if name not in known:
                yield (
                    "R005",
                    ("checkpoints", slug),
                    f"{slug} has no checkpoint {name!r}",
                    near(name, known),
                )
    named: list[tuple[tuple[str | int, ...], str]] = []
    named += [(("claims", n), c) for n, c in enumerate(source.claims)]
    named += [(("checks", n, "claim"), c.claim) for n, c in enumerate(source.checks) if c.claim]
    for n, weights in enumerate(source.weights):
        named += [(("weights", n, "claims"), c) for c in weights.claims.values()]
        for part, by_column in weights.registry.items():
            named += [(("weights", n, "registry", part), c) for c in by_column.values()]
    for path, claim in named:
        if claim not in claims:
            yield "R003", path, f"no claim {claim!r}", near(claim, claims)
