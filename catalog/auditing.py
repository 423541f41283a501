"""Facts drawn at random to be checked by hand, and what came of it: `catalog/audits/*.yaml`.

    drawn(registry, 60, seed=7)   # one fact each of 60 records, the same for the same registry
    rate(load(root))              # how many of the facts that somebody checked were wrong

Every record is equally likely, then every fact of it: a project with hundreds of claims weighs no
more than another.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from catalog import provenance, reading
from catalog.converting import convert, dotted
from catalog.errors import FindingsError, InputError
from catalog.places import naming
from catalog.records import TAG_FIELDS, Paper, Project, Record, to_builtins
from catalog.registry import PAPERS, PROJECTS, Registry

FOLDER = "catalog/audits"
Outcome = Literal["right", "wrong", "unsupported"]


class Fact(Record, kw_only=True):
    """One value of one record, where it was read, and what somebody found there.

    outcome  right, wrong (`note` says what is right), unsupported (the source does not say it);
             None: nobody has looked
    """

    record: str  # papers/<id> or projects/<slug>
    field: str
    value: str
    sources: list[str] = msgspec.field(default_factory=list)
    outcome: Outcome | None = None
    note: str | None = None


class Audit(Record, kw_only=True):
    """One drawing. An audit that kept no list of its facts has their counts."""

    date: str
    seed: int | None = None
    about: str | None = None  # how it was drawn, where not by this command
    facts: list[Fact] = msgspec.field(default_factory=list)
    checked: int | None = None
    wrong: int | None = None

    @property
    def counts(self) -> tuple[int, int]:
        """How many facts somebody checked, and how many of them are not right."""
        if self.checked is not None:
            return self.checked, self.wrong or 0
        outcomes = [fact.outcome for fact in self.facts if fact.outcome]
        return len(outcomes), sum(outcome != "right" for outcome in outcomes)


@dataclass(frozen=True, slots=True)
class Rate:
    """Share of wrong facts with its 95 % interval (Wilson); fractions."""

    checked: int
    wrong: int
    audits: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.wrong / self.checked


def facts(registry: Registry) -> dict[str, list[Fact]]:
    """Every fact that a person can check, by record."""
    found = {f"{PAPERS.removesuffix('.yaml')}/{p.id}": list(_of_paper(p)) for p in registry.papers}
    found |= {f"{PROJECTS}/{p.slug}": list(_of_project(p)) for p in registry.projects}
    return {
        record: [Fact(record=record, field=f, value=v, sources=s) for f, v, s in rows]
        for record, rows in found.items()
        if rows
    }


# field, value, sources
_Row = tuple[str, str, list[str]]


def _of_paper(paper: Paper) -> Iterator[_Row]:
    pages = [*provenance.own_pages(paper), *paper.sources]
    data = to_builtins(paper)
    if paper.authors:
        yield "authors", ", ".join(paper.authors), pages
    for number, version in enumerate(data.get("versions", ())):
        for name in ("kind", "venue", "date"):
            if version.get(name):
                yield dotted(("versions", number, name)), str(version[name]), pages
        for kind, value in (version.get("ids") or {}).items():
            yield dotted(("versions", number, "ids", kind)), str(value), pages
    for name in TAG_FIELDS:
        if tag := getattr(paper, name):
            yield name, _text(tag.values), [f"from {tag.provenance}", *pages]
    for kind, urls in (data.get("links") or {}).items():
        for number, url in enumerate(urls or []):
            yield dotted(("links", kind, number)), url, [url, *pages]
    for number, row in enumerate(data.get("reported", ())):
        yield dotted(("reported", number)), _text(row), pages


def _of_project(project: Project) -> Iterator[_Row]:
    tree = [naming.key(r) or r.url for r in naming.repositories(project)]
    for name in ("code_status", "weights_status", "base_model", "image_size", "prompts_eval"):
        if (value := getattr(project, name)) is not None:
            yield name, _text(value), tree
    if project.licences.code:
        yield "licences.code", project.licences.code, tree
    for number, said in enumerate(project.licences.statements):
        path = dotted(("licences", "statements", number))
        yield path, f"{said.stated} for the {said.of}", [*filter(None, [said.place]), *tree]
    for number, point in enumerate(project.checkpoints or []):
        if point.urls:
            yield dotted(("checkpoints", number, "urls")), _text(point.urls), [*point.urls, *tree]
    if card := project.protocol_card:
        for name in ("prompt", "threshold", "empty_cases", "aggregation", "resolution"):
            if value := getattr(card, name):
                places = [p for p in (card.metric_code, card.eval_script) if p]
                yield f"protocol_card.{name}", value, [*places, *tree]
        for number, trap in enumerate(card.traps):
            place = f"{trap.file}:{trap.line}" if trap.line else trap.file
            path = dotted(("protocol_card", "traps", number))
            yield path, trap.text, [*filter(None, [place, trap.ref]), *tree]
    for number, claim in enumerate(project.claims):
        source = claim.source
        where = [source.url, source.doi, source.arxiv, source.version, source.place, source.row]
        where += [source.column, source.page, source.transcribed_from]
        path = dotted(("claims", number, "value"))
        yield path, f"{claim.id}: {claim.metric} {claim.value:g}", [w for w in where if w]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def drawn(registry: Registry, number: int, seed: int) -> list[Fact]:
    """One fact each of `number` records (all, where there are fewer)."""
    everything = facts(registry)
    dice = random.Random(seed)  # noqa: S311 - a drawing that anyone can repeat, no secret
    records = dice.sample(sorted(everything), min(number, len(everything)))
    return [dice.choice(everything[record]) for record in records]


def load(root: Path) -> dict[str, Audit]:
    """All audits by the name of their file. Raises `FindingsError` with all that is wrong."""
    audits, findings = {}, []
    for path in sorted((root / FOLDER).glob("*.yaml")):
        place = f"{FOLDER}/{path.name}"
        document = reading.parse(reading.read_text(path, place), place)
        audit, wrong = convert(document, (), document.data, Audit, path.stem)
        findings += wrong
        if audit is not None:
            audits[path.stem] = audit
    if findings:
        raise FindingsError(findings)
    return audits


def recorded(audit: Audit, said: Iterable[str]) -> Audit:
    """The audit with outcomes as `NUMBER=right` or `NUMBER=wrong: what is right`, from 1.

    Raises `InputError` for a number or word that does not exist.
    """
    for text in said:
        number, _, rest = text.partition("=")
        outcome, _, note = rest.partition(":")
        if not number.isdecimal() or not 1 <= int(number) <= len(audit.facts):
            raise InputError(f"{text!r}: expected a fact from 1 to {len(audit.facts)}")
        if outcome not in ("right", "wrong", "unsupported"):
            raise InputError(f"{text!r}: expected {number}=right, wrong or unsupported")
        fact = audit.facts[int(number) - 1]
        fact.outcome, fact.note = outcome, note.strip() or None  # type: ignore[assignment] # one of the three
    return audit


def rate(audits: Iterable[Audit]) -> Rate | None:
    """Share of wrong facts over all audits; None where nobody has checked one.

    The interval is Wilson's: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), z = 1.96.
    """
    counts = [audit.counts for audit in audits]
    counts = [(checked, wrong) for checked, wrong in counts if checked]
    n, wrong = sum(c for c, _ in counts), sum(w for _, w in counts)
    if not n:
        return None
    z, p = 1.96, wrong / n
    middle, scale = p + z * z / (2 * n), 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Rate(n, wrong, len(counts), max(0.0, (middle - half) / scale), (middle + half) / scale)
