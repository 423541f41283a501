"""What an audit found wrong and nobody has corrected since."""

from __future__ import annotations

from collections.abc import Iterator

from catalog import auditing
from catalog.checks.references import Crossing
from catalog.registry import PAPERS, PROJECTS, Registry


def check(registry: Registry) -> Iterator[Crossing]:
    """Facts found wrong or unsupported that still stand. Raises what reading the audits raises."""
    audits = auditing.load(registry.root)
    found = [
        (name, fact)
        for name, audit in audits.items()
        for fact in audit.facts
        if fact.outcome in ("wrong", "unsupported")
    ]
    if not found:
        return
    today = {
        (record, fact.field): fact.value
        for record, facts in auditing.facts(registry).items()
        for fact in facts
    }
    for name, fact in found:
        if today.get((fact.record, fact.field)) == fact.value:
            kind, _, id = fact.record.partition("/")
            place = PAPERS if kind == "papers" else f"{PROJECTS}/{id}.yaml"
            message = f"{fact.field} {fact.value!r}: {fact.outcome} by audit {name}"
            yield Crossing("F015", place, id, (), message, fact.note or "")
