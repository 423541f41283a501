"""Printed numbers of the fact files as claims, by the decisions of `project_claims.yaml`.

A decision names places, never values: the value and its decimals are read where they stand.
A number that no decision makes a claim becomes a `reported` number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from catalog.errors import InputError
from catalog.importer.project_reading import metric_name, reported
from catalog.importer.project_text import plain, slugify
from catalog.records import Claim, Protocol, ProtocolField, Reported

PROTOCOL_FIELDS = Protocol.__struct_fields__
_TOKEN = re.compile(r"\[(\d+|\*)\]|\{([^}]*)\}|([^.\[\]{}]+)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", re.I)
_NOT_NUMBERS = {
    "unit", "trust", "src", "std", "note", "source", "confidence", "where", "scale", "metric",
    "metric_name", "dataset", "what", "model", "prompt", "variant", "method", "inconsistency",
    "paper_table", "generalisation_columns", "prev_sota", "v1_paper_table",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """One place in a record: its path, what `*` matched on the way, the text that stands there."""

    path: str
    captures: tuple[str, ...]
    text: str


@dataclass(slots=True)
class Numbers:
    """What the decisions make of one project's numbers."""

    claims: list[Claim] = field(default_factory=list)
    reported: list[Reported] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)  # record#path of every number used


def find(node: Any, path: str) -> list[Found]:
    """All places of `path` below `node` (a tree whose leaves are strings), in file order.

    >>> find({"a": {"x": "1", "y": "2"}}, "a.*")[1]
    Found(path='a.y', captures=('y',), text='2')
    """
    return [Found(p, c, str(n)) for p, c, n in _walk(node, _TOKEN.findall(path), "", ())]


def _walk(
    node: Any, tokens: Sequence[tuple[str, str, str]], path: str, captures: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    if not tokens:
        yield path, captures, node
        return
    (index, choice, name), rest = tokens[0], tokens[1:]
    if isinstance(node, list):
        wanted = index or name or choice
        chosen = range(len(node)) if wanted == "*" else [int(i) for i in wanted.split(",")]
        keep = wanted == "*" or bool(choice)
        for i in chosen:
            if i < len(node):
                yield from _walk(
                    node[i],
                    rest,
                    f"{path}.{i}".strip("."),
                    (*captures, str(i)) if keep else captures,
                )
    elif isinstance(node, dict):
        if name == "*":
            keys, keep = list(node), True
        elif choice:
            keys, keep = choice.split(","), True
        else:
            keys, keep = [name], False
        for key in keys:
            if key in node:
                yield from _walk(
                    node[key],
                    rest,
                    f"{path}.{key}".strip("."),
                    (*captures, key) if keep else captures,
                )


def number_leaves(node: Any, path: str = "") -> Iterator[str]:
    """Paths of everything below `node` that holds a printed number (leaves are strings)."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in _NOT_NUMBERS:
                yield from number_leaves(value, f"{path}.{key}".strip("."))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from number_leaves(value, f"{path}.{i}".strip("."))
    elif _NUMBER.search(str(node)):
        yield path


def protocol_of(protocols: Mapping[str, Any], name: str | None) -> Protocol:
    """A named protocol of a decision; fields it does not have are unknown."""
    fields: dict[str, Any] = {}
    chain: list[Mapping[str, Any]] = []
    while name is not None:
        if name not in protocols:
            raise InputError(
                f"project_claims.yaml: no protocol {name!r}; known: {', '.join(protocols)}"
            )
        chain.append(protocols[name])
        name = protocols[name].get("base")
    for one in reversed(chain):
        fields |= {key: value for key, value in one.items() if key != "base"}
    return Protocol(**{key: _protocol_field(fields.get(key)) for key in PROTOCOL_FIELDS})


def _protocol_field(raw: Sequence[Any] | None) -> ProtocolField:
    if raw is None:
        return ProtocolField(value=None, evidence="unknown")
    value, evidence, *place = raw
    unknown = value == "unknown" or evidence == "unknown"
    return ProtocolField(
        value=None if unknown else ("none" if value is None else value),
        evidence="unknown" if unknown else evidence,
        place=place[0] if place else None,
    )


def decide(decisions: Mapping[str, Any], records: Mapping[str, Any]) -> Numbers:
    """Claims and reported numbers of one project. `records`: record name -> tree of strings.

    Raises `InputError` for a decision whose place holds nothing.
    """
    numbers = Numbers()
    defaults = decisions.get("defaults") or {}
    protocols = decisions.get("protocols") or {}
    for decision in decisions.get("claims") or []:
        merged = {**defaults, **decision}
        merged["source"] = {**(defaults.get("source") or {}), **(decision.get("source") or {})}
        for found, order in _places(decision, records, numbers):
            record = records[str(decision["from"]).partition("#")[0]]
            numbers.claims.append(_claim(merged, protocols, record, found, order))
    for decision in decisions.get("reported") or []:
        for found, order in _places(decision, records, numbers):
            numbers.reported.append(_reported(decision, found, order))
    for decision in decisions.get("same") or []:
        for _ in _places(decision, records, numbers, whole=True):
            pass
    return numbers


def _places(
    decision: Mapping[str, Any], records: Mapping[str, Any], numbers: Numbers, whole: bool = False
) -> list[tuple[Found, int]]:
    record, _, path = str(decision["from"]).partition("#")
    found = find(records.get(record), path)
    if not found:
        raise InputError(f"project_claims.yaml: nothing at {decision['from']!r} in the fact files.")
    for place in found:
        node = next(
            n for p, _, n in _walk(records[record], _TOKEN.findall(path), "", ()) if p == place.path
        )
        below = list(number_leaves(node, place.path)) if whole else [place.path]
        numbers.taken.update(f"{record}#{p}" for p in [*below, place.path])
    return [(place, i) for i, place in enumerate(found)]


def _number(decision: Mapping[str, Any], found: Found) -> tuple[float, int, str | None]:
    """Value, decimals as printed, and the words around it where there are any."""
    if pattern := decision.get("pattern"):
        match = re.search(pattern, found.text)
        if match is None:
            raise InputError(f"project_claims.yaml: {pattern!r} is not in {found.text!r}.")
        text, words = match[1], None
    elif _NUMBER.fullmatch(found.text):
        text, words = found.text, None
    else:
        match = _NUMBER.search(found.text)
        if match is None:
            raise InputError(f"project_claims.yaml: no number at {decision['from']!r}.")
        text, words = match[0], f"as collected: {plain(found.text)}"
    return float(text), len(text.partition(".")[2]), words


def _spread(decision: Mapping[str, Any], record: Any, found: Found) -> dict[str, Any] | None:
    """Dispersion printed beside a value, taken from the note of the same entry."""
    wanted = decision.get("dispersion")
    entry = found.path.rpartition(".")[0]
    notes = find(record, f"{entry}.note") if wanted else []
    match = re.search(wanted["from_note"], notes[0].text) if wanted and notes else None
    return {"kind": wanted["kind"], "value": float(match[1])} if wanted and match else None


def _claim(
    decision: Mapping[str, Any],
    protocols: Mapping[str, Any],
    record: Any,
    found: Found,
    order: int,
) -> Claim:
    value, decimals, words = _number(decision, found)
    captures = _captures(decision, found, order)
    protocol = protocol_of(protocols, decision.get("protocol"))
    raw = {
        key: _filled(decision[key], captures)
        for key in (
            "metric", "scale", "source", "checkpoint", "dataset", "split", "split_source", "label",
            "n", "training_overlap", "state", "reason", "state_note", "run",
        )
        if decision.get(key) is not None
    }  # fmt: skip
    if "label" in raw:  # printed names -> those of the data set's plugin
        raw["label"] = (decision.get("label_names") or {}).get(raw["label"], raw["label"])
    spread = _spread(decision, record, found)
    if "place" not in raw["source"]:  # the collector's own word for it
        entry = re.split(r"\.(?:value|note)", found.path)[0]
        where = find(record, f"{entry}.where")
        raw["source"] = {**raw["source"], **({"place": where[0].text} if where else {})}
    note = [_filled(decision["note"], captures)] if decision.get("note") else []
    return msgspec.convert(
        {
            **raw,
            "id": slugify(str(decision["id"]).format(*captures)),
            "value": value,
            "decimals": int(decision.get("decimals", decimals)),
            "protocol": msgspec.to_builtins(protocol),
            "verifiable": any(getattr(protocol, f).value is not None for f in PROTOCOL_FIELDS),
            **({"dispersion": spread} if spread else {}),
            **({"note": " ".join([*note, *([words] if words else [])])} if note or words else {}),
        },
        Claim,
    )


def _reported(decision: Mapping[str, Any], found: Found, order: int) -> Reported:
    value, _, words = _number(decision, found)
    captures = _captures(decision, found, order)
    own = {k: v for k, v in decision.items() if k not in ("from", "pattern", "names")}
    filled = _filled(own, captures)
    note = "; ".join(str(part) for part in (filled.get("note"), words) if part)
    return reported({**filled, "note": note or None}, value)


def _captures(decision: Mapping[str, Any], found: Found, order: int) -> tuple[str, ...]:
    """What templates are filled with: the decision's own names in order, else what matched."""
    names = decision.get("names")
    return (str(names[order]),) if names else found.captures


def _filled(value: Any, captures: Sequence[str]) -> Any:
    if isinstance(value, str):
        return value.format(*captures) if captures and "{" in value else value
    if isinstance(value, dict):
        return {key: _filled(item, captures) for key, item in value.items()}
    return value


def leftover_reported(records: Mapping[str, Any], taken: set[str]) -> list[Reported]:
    """`reported` entries of repository records that no decision names, as reported numbers."""
    rest = []
    for record, tree in records.items():
        for i, entry in enumerate(tree.get("reported") or [] if "/" in record else []):
            place = f"{record}#reported.{i}"
            if any(path == place or path.startswith(place + ".") for path in taken):
                continue
            values = entry["value"] if isinstance(entry["value"], list) else [entry["value"]]
            rest += [reported(entry, float(value)) for value in values]
    return rest


__all__ = [
    "Numbers",
    "decide",
    "find",
    "leftover_reported",
    "metric_name",
    "number_leaves",
    "protocol_of",
]
