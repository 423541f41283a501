"""Tags against the vocabularies, reported numbers, scope."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from catalog import vocabulary
from catalog.checks.problem import Problem
from catalog.intake.suggest import suggest_tags
from catalog.records import TAG_FIELDS, Paper, Tag

# Where `none` beside another value contradicts it; among prompts it means "with and without".
_NONE_ALONE = ("base_models", "adaptation")
_OWN_BASE = {
    "sam-med2d": "sammed2d",
    "sam-med3d": "sammed3d",
    "medsam": "medsam",
    "segvol": "segvol",
    "vista3d": "vista3d",
    "mobilesam": "mobilesam",
}


# The name before the colon, where it is one word: "SAM-Path: A segment anything model for ...".
_NAME = re.compile(r"^(\S+):")


def check(paper: Paper) -> Iterator[Problem]:
    """Problems of a work's tags, numbers and inclusion."""
    for name in TAG_FIELDS:
        tag: Tag | None = getattr(paper, name)
        if tag is None or tag.values == "n/a":
            continue
        yield from _values(name, tag)
    yield from _contradictions(paper)
    yield from _titles(paper)
    yield from _numbers(paper)
    decision = paper.inclusion
    if decision.decision == "undecided":
        message = f"scope undecided: {decision.reason or 'no reason given'}"
        yield Problem("K001", ("inclusion",), message)
    if decision.decision == "exclude" and not decision.reason:
        yield Problem("K002", ("inclusion",), "excluded without a reason")


def _values(name: str, tag: Tag) -> Iterator[Problem]:
    terms = vocabulary.vocabularies()[name]
    for number, value in enumerate(tag.values):
        if value in terms.terms:
            continue
        path = (name, "values", number)
        known = vocabulary.canonical(name, value)
        if known != value:
            fix = partial(_respell, name, value, known)
            yield Problem("V002", path, f"{value!r}: expected {known!r}", "", fix)
            continue
        near = vocabulary.nearest(name, value)
        hint = f"Did you mean {near!r}?" if near else f"Known: {', '.join(list(terms.terms)[:30])}."
        code = "V005" if terms.open else "V001"
        yield Problem(code, path, f"{value!r} is not in the vocabulary of {name}", hint)


def _respell(name: str, value: str, known: str, paper: Paper) -> None:
    tag = getattr(paper, name)
    values = [known if item == value else item for item in tag.values]
    tag.values = list(dict.fromkeys(values))


def _contradictions(paper: Paper) -> Iterator[Problem]:
    for name in _NONE_ALONE:
        tag = getattr(paper, name)
        if tag and tag.values != "n/a" and "none" in tag.values and len(tag.values) > 1:
            yield Problem("V003", (name,), f"`none` beside {', '.join(tag.values)}")
    if paper.base_models and paper.base_models.values != "n/a" and paper.short_name:
        own = "".join(char for char in paper.short_name.casefold() if char.isalnum())
        for value in paper.base_models.values:
            if _OWN_BASE.get(value) == own and len(paper.base_models.values) == 1:
                yield Problem("V004", ("base_models",), f"{value} is the work itself")


def _titles(paper: Paper) -> Iterator[Problem]:
    """What a title states and the record lacks. A method's own name states nothing."""
    title = paper.title
    for name in filter(None, (paper.short_name, *_NAME.findall(title))):
        title = re.sub(rf"(?i)(?<!\w){re.escape(name)}(?!\w)", " ", title)
    suggested = suggest_tags(title)
    if "zero-shot" in (*_recorded(paper, "adaptation"), *_recorded(paper, "supervision")):
        suggested = {f: t for f, t in suggested.items() if t.values != ["zero-shot"]}
    for field, tag in suggested.items():
        recorded = _recorded(paper, field)
        known = vocabulary.widened(field, recorded)
        if getattr(paper, field) and (not recorded or "multi" in recorded):
            continue  # it does not apply, there is none, or several that are not listed
        for value in tag.values:
            if value not in known:
                yield Problem("V006", (field,), f"the title says {value!r}: {paper.title}")


def _recorded(paper: Paper, field: str) -> list[str]:
    tag: Tag | None = getattr(paper, field)
    return [] if tag is None or isinstance(tag.values, str) else tag.values


def _numbers(paper: Paper) -> Iterator[Problem]:
    for number, reported in enumerate(paper.reported):
        path = ("reported", number)
        value, scale = reported.value, reported.scale
        if value is None:
            continue
        if scale == "fraction" and not -1 <= value <= 1:
            yield Problem("N001", path, f"{reported.metric} {value} is no fraction")
        elif scale == "percent" and not -100 <= value <= 100:
            yield Problem("N001", path, f"{reported.metric} {value} is no percentage")
        elif scale == "percent" and reported.metric in ("dice", "iou", "nsd") and 0 < value < 1:
            yield Problem("N001", path, f"{reported.metric} {value} % looks like a fraction")
        elif scale is None and not reported.note:
            yield Problem("N002", path, f"{reported.metric} {value} has neither scale nor note")
