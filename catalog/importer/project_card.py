"""The protocol card of a release: what its evaluation code does, from all readings of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from catalog.importer.project_facts import Facts
from catalog.importer.project_reading import Reading
from catalog.records import Note, ProtocolCard

_CARD_FACETS = {
    "threshold": ("threshold",),
    "empty_cases": ("empty_cases",),
    "aggregation": ("aggregation", "cases"),
    "resolution": ("resolution",),
    "mask_selection": ("mask_selection",),
    "prompt": ("prompt",),
}


def first(values: Iterable[Any]) -> Any:
    """The first value that is known, or None."""
    return next((value for value in values if value is not None), None)


def distinct(items: Iterable[Any]) -> list[Any]:
    """Records in order, each once."""
    return list({msgspec.json.encode(item): item for item in items}.values())


def protocol_card(facts: Facts, readings: list[Reading]) -> ProtocolCard | None:
    codes: list[str] = []
    for reading in readings:
        codes += (
            facts.cards.get(reading.record) or facts.cards.get(f"methods:{reading.record}") or []
        )
    codes = list(dict.fromkeys(codes))
    texts = [(r, r.card["convention"]) for r in readings if r.card.get("convention")]
    convention = [
        text if i == 0 else f"Read again at {r.repository}@{str(r.commit)[:7]}: {text}"
        for i, (r, text) in enumerate(texts)
    ]
    convention = [text.rstrip(".") + "." for text in convention] if len(texts) > 1 else convention
    notes = distinct(note for r in readings for note in [*_worded_traps(facts, r), *r.traps])
    said = {
        key: first(
            value
            for r in readings
            for value in (r.card.get(key), (facts.worded.get(r.record) or {}).get(key))
        )
        for key in ("eval_script", "metric_code", "prompt")
    }
    if not codes and not convention and not notes and not any(said.values()):
        return None
    words = {key: _facet(facts, codes, facets) for key, facets in _CARD_FACETS.items()}
    if said["prompt"]:
        words["prompt"] = "; ".join(p for p in (words["prompt"], said["prompt"]) if p)
    source = texts[0][0] if texts else readings[0]
    return ProtocolCard(
        commit=source.commit,
        eval_script=said["eval_script"],
        metric_code=said["metric_code"],
        convention=" ".join(convention) or None,
        conventions=codes,
        traps=notes,
        **words,
    )


def _facet(facts: Facts, codes: list[str], facets: Sequence[str]) -> str | None:
    texts = [facts.conventions[c]["text"] for c in codes if facts.conventions[c]["facet"] in facets]
    return "; ".join(texts) or None


def _worded_traps(facts: Facts, reading: Reading) -> list[Note]:
    """Facts worded by hand from a method record, at the commit the record was read at."""
    worded = (facts.worded.get(reading.record) or {}).get("traps") or []
    return [
        msgspec.convert({**trap, "commit": reading.commit if trap.get("file") else None}, Note)
        for trap in worded
    ]
