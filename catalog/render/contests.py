"""Printed numbers that may be compared: of one source, under one protocol, about the same cases."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.records import Claim, Protocol
from catalog.render.views import Catalog, ClaimView
from catalog.vocabulary import modality_of

#: The project of the unchanged model that everybody adapts.
PLAIN = "sam"
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """Plain SAM and an adaptation on one structure, as one source prints both (fractions)."""

    label: str
    modality: str
    plain: ClaimView
    adapted: ClaimView

    @property
    def gain(self) -> float:
        return self.adapted.claim.fraction - self.plain.claim.fraction


POINT, BOX = "1 point", "box"


@dataclass(frozen=True, slots=True)
class Prompts:
    """One model on the same cases under one protocol, asked with several prompts."""

    project: str
    dataset: str
    metric: str
    by: dict[str, ClaimView]  # prompt profile -> its number

    def asked(self, step: str) -> float | None:
        """The printed fraction of the one prompt that is this step; None: none or several."""
        found = [c.claim.fraction for name, c in self.by.items() if step_of(name) == step]
        return found[0] if len(found) == 1 else None

    @property
    def steps(self) -> list[tuple[str, float]]:
        """What was asked, from one point on, and the printed fraction of each."""
        names = {step for name in self.by if (step := step_of(name))}
        clicks = sorted((n for n in names if n.endswith("clicks")), key=lambda n: int(n.split()[0]))
        order = [POINT, *clicks, BOX]
        return [(name, v) for name in order if (v := self.asked(name)) is not None]


def step_of(profile: str) -> str | None:
    """What a prompt profile asks of a person: `1 point`, `5 clicks`, `box`; None: something else.

    >>> step_of("clicks-3d-10-random/1"), step_of("point-uniform/1"), step_of("text/1")
    ('10 clicks', '1 point', None)
    """
    if profile.startswith("box"):
        return BOX
    if profile.startswith("point-"):
        return POINT
    found = re.match(r"clicks-(?:3d-)?(\d+)\b", profile)
    return f"{found[1]} clicks" if found else None


def _cases(claim: Claim) -> Key:
    source = claim.source
    named = (claim.metric, claim.dataset, claim.set, claim.label, claim.split)
    return (*named, claim.n.images, source.doi, source.arxiv, source.version, source.place)


def _conventions(protocol: Protocol, *leave: str) -> Key:
    names = [name for name in protocol.__struct_fields__ if name not in leave]
    return tuple(getattr(protocol, name).value for name in names)


def structures(catalog: Catalog) -> list[Structure]:
    """Pairs that a third party printed of plain SAM and one adaptation, structure by structure."""
    plain: dict[Key, ClaimView] = {}
    others: dict[Key, list[ClaimView]] = {}
    for number in catalog.others:
        claim = number.claim
        if claim.label is None or claim.printed_by is None or not claim.verifiable:
            continue
        prompt = claim.protocol.prompt_profile.value
        key = (claim.printed_by, prompt, claim.protocol.metric_profile.value, *_cases(claim))
        if number.project.slug == PLAIN:
            plain[key] = number
        else:
            others.setdefault(key, []).append(number)
    return [
        Structure(
            number.claim.label or "", modality_of(number.claim.label or ""), plain[key], number
        )
        for key, numbers in others.items()
        if key in plain
        for number in numbers
    ]


def prompts(numbers: Iterable[ClaimView]) -> list[Prompts]:
    """Numbers that differ in nothing recorded but the prompt. What stands twice tells nothing."""
    groups: dict[Key, list[ClaimView]] = {}
    for number in numbers:
        claim = number.claim
        if claim.protocol.prompt_profile.value is None or claim.dataset is None:
            continue
        options = sorted((claim.run.adapter if claim.run else {}).items())
        rest = _conventions(claim.protocol, "prompt_profile")
        key = (number.project.slug, claim.checkpoint, claim.printed_by, repr(options), *rest)
        groups.setdefault((*key, *_cases(claim)), []).append(number)
    found = []
    for members in groups.values():
        by = {str(c.claim.protocol.prompt_profile.value): c for c in members}
        if 1 < len(by) == len(members):
            first = members[0]
            name = ", ".join(filter(None, (first.claim.dataset, first.claim.label)))
            found.append(Prompts(first.project.name, name, first.claim.metric, by))
    return found
