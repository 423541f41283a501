"""Which released model may be used for what: the one view behind `sam4mis find` and the site.

A release is offered under one of three tiers, whatever is asked: *made* for certain images or
structures, *general* (many modalities, or any structure), *train* (code without weights). What is
asked narrows it facet by facet, each with a level: FITS, NEARLY (nobody says so), APART (offered
below the others: it wants something that was not named). A release without a level is not offered.
What is not recorded is a remark, never a yes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple, get_args

from catalog.errors import UsageError
from catalog.exports.citation import year_of
from catalog.facets import (
    HAS_WEIGHTS,
    Work,
    code_state,
    tag_values,
    unknown_value,
    weights_licence,
    weights_state,
    works,
)
from catalog.ladder import granting, terms
from catalog.licences import LicenceClass
from catalog.records import Claim, Project
from catalog.registry import Registry
from catalog.runnable import NO_MODEL, OUTSIDE, Line, line
from catalog.text import fold
from catalog.vocabulary import canonical, label, modality_of, vocabularies, widened

MEMORY = "benchmarks/results/memory.json"
Tier = Literal["made", "general", "train"]
TIERS: dict[Tier, str] = {
    "made": "Made for it",
    "general": "Generalist",
    "train": "Train it yourself",
}
FITS, NEARLY, APART = 0, 1, 2

#: What one can give, from least to most work; who gives one can give what stands before it.
GIVES: dict[str, str] = {
    "none": "nothing",
    "text": "the name of the structure",
    "point": "clicks",
    "box": "a box",
    "scribble": "scribbles or an outline",
    "mask": "a rough mask",
    "reference-image": "an example with its mask",
}
_NO_WORK = {"none", "learned", "other-model"}  # nobody gives anything
_SAME = {"class": "text", "box-3d": "box", "contour": "scribble", "recist": "scribble"}
_BELOW = {
    "none": (),
    "text": ("none",),
    "point": ("none",),
    "box": ("none", "point"),
    "scribble": ("none", "point", "box"),
    "mask": ("none", "point", "box", "scribble"),
    "reference-image": ("none",),
}
SHAPES = {"2d": "pictures", "3d": "volumes", "video": "video", "wsi": "whole slides"}
_PIECES = {"3d": "plane by plane", "video": "frame by frame", "wsi": "tile by tile"}
_SEGMENTS = {"semantic", "instance", "interactive", "video-object", "referring", "annotation-tool"}
_WIDE = ("multi", "whole-body")
_VOLUMES = ("ct", "cbct", "mri", "pet", "spect")

Kind = Literal["modality", "dimension", "prompt", "target", "licence"]  # fields of `Need`
KINDS: tuple[Kind, ...] = get_args(Kind)
Level = tuple[int, str]  # (FITS, NEARLY or APART; remark, empty where there is none)


class Need(NamedTuple):
    """What somebody has and wants; None: whatever. `memory_gib`: of the card."""

    modality: str | None = None
    dimension: str | None = None
    prompt: str | None = None
    target: str | None = None
    licence: str | None = None  # commercial
    memory_gib: float | None = None

    @classmethod
    def of(cls, kind: Kind, value: str) -> Need:
        """One thing asked: the kinds are the first fields, in their order."""
        modality, dimension, prompt, target, licence = (
            value if name == kind else None for name in KINDS
        )
        return cls(modality, dimension, prompt, target, licence)


class Rung(NamedTuple):
    """A line of the licence ladder; `counts`: the first that states something.

    What code or a base model states is no licence of the weights, and is marked as that.
    """

    of: str
    says: str
    counts: bool


class Numbers(NamedTuple):
    """Printed Dice inside one source under one protocol: how many, their median as a fraction."""

    many: int
    middle: float
    by: str


@dataclass(frozen=True)
class Offer:
    """A release with what somebody who looks for a model asks of it. None: not recorded."""

    project: Project
    works: tuple[Work, ...]
    measured_mib: tuple[tuple[str, int], ...] = ()  # (variant, peak on a CPU) of its adapter

    @cached_property
    def tier(self) -> Tier:
        if self.weights not in HAS_WEIGHTS:
            return "train"
        return "general" if self.general else "made"

    @cached_property
    def weights(self) -> str:
        return weights_state(self.project)

    @property
    def general(self) -> bool:
        made = self.project.made_for
        if made and made.general is not None:
            return made.general
        return "multi" in (self.modalities or ())

    @cached_property
    def modalities(self) -> tuple[str, ...] | None:
        """(): trained on natural images."""
        return self._about("modalities")

    @cached_property
    def regions(self) -> tuple[str, ...] | None:
        return self._about("regions")

    @cached_property
    def targets(self) -> tuple[str, ...] | None:
        return self._about("targets")

    @cached_property
    def prompts(self) -> tuple[str, ...] | None:
        return self._done(self.project.prompts_eval, "prompts_infer")

    @cached_property
    def shapes(self) -> tuple[str, ...] | None:
        return self._done(self.project.dimensionality, "dimensionality")

    def _about(self, field: str) -> tuple[str, ...] | None:
        made = self.project.made_for
        if made and (own := getattr(made, field)) is not None:
            return tuple(own)
        return self._of_works(field)

    def _done(self, own: list[str] | None, field: str) -> tuple[str, ...] | None:
        if own is None:
            return self._of_works(field)
        return tuple(dict.fromkeys(canonical(field, value) for value in own))

    def _of_works(self, field: str) -> tuple[str, ...] | None:
        found = [v for w in self.works for v in tag_values(getattr(w.paper, field))]
        return tuple(dict.fromkeys(found)) or None

    @property
    def year(self) -> int | None:
        years = [year for work in self.works if (year := year_of(work.paper))]
        commit = self.project.repository and self.project.repository.commit_date
        return max(years, default=int(commit[:4]) if commit else None)

    @cached_property
    def line(self) -> Line | None:
        """Whether it runs here; None: there are no public weights to run."""
        return line(self.project) if self.project.weights_status == "public" else None

    @property
    def runs(self) -> bool:
        return bool(self.line and self.line.runs)

    @property
    def command(self) -> str | None:
        """The one command that runs it here; None where it does not run."""
        if not self.runs:
            return None
        claims = sorted(self.project.claims, key=lambda claim: not claim.own)
        name = f"{self.project.slug}/{claims[0].id}" if claims else self.project.slug
        return f"sam4mis reproduce run {name} --data FOLDER"

    @property
    def hashed(self) -> tuple[int, int]:
        """(files whose sha256 is recorded, files of its own)."""
        own = [point for point in self.project.checkpoints or [] if point.of is None]
        return sum(bool(point.sha256) for point in own), len(own)

    @property
    def licence(self) -> LicenceClass:
        found: LicenceClass = weights_licence(self.project)  # type: ignore[assignment] # one of them
        return found

    @cached_property
    def rungs(self) -> list[Rung]:
        """Weights, code, base models: what each states, and which is the first that does."""
        licences = self.project.licences
        said: dict[str, list[str]] = {"weights": [], "code": []}
        for statement in granting(licences):
            of = "weights" if statement.of in ("weights", "files") else "code"
            text = (statement.name if statement.stated == "custom" else None) or statement.stated
            by = " (by the tree they lie in)" if statement.of == "files" else ""
            said[of].append(f"{text}{by}")
        said["weights"] = said["weights"] or [licences.weights or ""]
        said["code"] = said["code"] or [licences.code or ""]
        read = licences.commercial is not None
        lines: list[tuple[str, str, bool]] = []
        for of, texts in said.items():
            text = " and ".join(dict.fromkeys(t for t in texts if t and t != "none"))
            silent = "nothing stated" if read or "none" in texts else "not looked up"
            lines.append((of, text or silent, bool(text)))
        known = terms().bases
        for key in licences.base or []:
            base = known[key]
            stated = base.terms or base.licence or (base.project and f"see {base.project}")
            lines.append((f"base {base.name}", stated or "not looked up", bool(stated)))
        first = next((n for n, (_, _, states) in enumerate(lines) if states), None)
        if first:  # the weights themselves are silent
            of, says, _ = lines[first]
            lines[first] = (of, f"{says} (no word of the weights)", True)
        return [Rung(of, says, n == first) for n, (of, says, _) in enumerate(lines)]

    @property
    def memory_gib(self) -> float | None:
        """The least that is known to do: stated by its authors, else measured on a CPU here.

        What they trained on, or had at hand for a test, says nothing of what is needed.
        """
        said = self.project.min_gpu_memory or ""
        stated = re.search(r"(\d+(?:\.\d+)?)\s*G(?:i?B)?\b", said)
        if stated and ("inference" in said or not re.search(r"train|test", said)):
            return float(stated[1])
        return min((mib for _, mib in self.measured_mib), default=0) / 1024 or None

    @property
    def memory(self) -> str:
        """What is known of its memory and how; empty where nothing is."""
        told = []
        if self.project.min_gpu_memory:
            told.append(f"{self.project.min_gpu_memory} (stated)")
        if self.measured_mib:
            least, most = min(m for _, m in self.measured_mib), max(m for _, m in self.measured_mib)
            amount = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            told.append(f"{amount} MiB (measured on a CPU, one image)")
        return "; ".join(told)

    @property
    def traps(self) -> list[str]:
        card = self.project.protocol_card
        return [note.text for note in (card.traps if card else [])]

    def numbers(self, modality: str | None) -> Numbers | None:
        """Its Dice for one modality in the source that prints most of them."""
        groups: dict[tuple[str, str], list[Claim]] = {}
        alone = modality is not None and self.modalities == (modality,)
        for claim in self.project.claims:
            about = modality_of(claim.label or "")
            if claim.metric != "dice" or not claim.verifiable or not claim.printed_by:
                continue
            if about == modality or (alone and about not in vocabularies()["modalities"].terms):
                who = self.project.name if claim.own else claim.printed_by
                prompt = str(claim.protocol.prompt_profile.value)
                groups.setdefault((who, prompt), []).append(claim)
        if not modality or not groups:
            return None
        (who, _), claims = max(groups.items(), key=lambda item: len(item[1]))
        return Numbers(len(claims), median(claim.fraction for claim in claims), who)

    @property
    def rank(self) -> tuple[int, int, int, int, int, str]:
        """The order inside a tier: runs here, hash known, weights, recency, name."""
        hashed, files = self.hashed
        return (
            not self.runs,
            not (files and hashed == files),
            not hashed,
            self.weights != "yes",
            -(self.year or 0),
            self.project.name.casefold(),
        )

    # ------------------------------------------------------------------ what is asked, by facet

    def levels(self, kind: Kind) -> dict[str, Level]:
        """Value that may be asked -> how it fits. A value that is not in it: not offered."""
        if kind not in self._known:  # the site asks hundreds of times
            self._known[kind] = _LEVELS[kind](self)
        return self._known[kind]

    @cached_property
    def _known(self) -> dict[Kind, dict[str, Level]]:
        return {}

    def at_memory(self, gib: float) -> Level | None:
        """How it fits on a card of so many GiB; None: it is known to need more."""
        if self.memory_gib is None:
            return NEARLY, "its memory is not known"
        return (FITS, "") if self.memory_gib <= gib else None

    def level(self, need: Need) -> tuple[int, list[str]] | None:
        """(the worst level, remarks) of all that is asked; None: not offered."""
        found: list[Level] = []
        for kind in KINDS:
            wanted = getattr(need, kind)
            if wanted is not None:
                level = self.levels(kind).get(wanted)
                if level is None:
                    return None
                found.append(level)
        if need.memory_gib is not None:
            fit = self.at_memory(need.memory_gib)
            if fit is None:
                return None
            found.append(fit)
        return max((n for n, _ in found), default=FITS), [text for _, text in found if text]


def _modality(offer: Offer) -> dict[str, Level]:
    known = offer.modalities
    if known is None:
        return {}
    every = [v for v in vocabularies()["modalities"].terms if v != "multi"]
    if not known:
        return dict.fromkeys(every, (NEARLY, "trained on natural images"))
    found: dict[str, Level] = {}
    if "multi" in known:  # a model of volumes sees what comes in volumes
        several = (NEARLY, "several kinds of images, not all of them named")
        wide = (FITS, "") if offer.general else several
        found |= dict.fromkeys(every if _any_shape(offer) else _VOLUMES, wide)
    for value in every:  # a kind of what it is made for: histopathology of microscopy
        if set(known) & (widened("modalities", [value]) - {value}):
            wider = " and ".join(label("modalities", v) for v in known if v != "multi")
            found[value] = (NEARLY, f"made for {wider}")
    return found | {value: (FITS, "") for value in known if value != "multi"}


def _any_shape(offer: Offer) -> bool:
    return not offer.shapes or bool({"2d", "video", "wsi"} & set(offer.shapes))


def _dimension(offer: Offer) -> dict[str, Level]:
    known = offer.shapes
    if known is None:
        return dict.fromkeys(SHAPES, (NEARLY, "dimension not recorded"))
    found: dict[str, Level] = {}
    if {"2d", "2.5d"} & set(known):
        found |= {value: (FITS, text) for value, text in _PIECES.items()}
    if "2.5d" in known or "4d" in known:
        found["3d"] = (FITS, "")
    if "video" in known and offer.general:
        found.setdefault("3d", (FITS, "plane by plane, as a video"))
    if "wsi" in known:
        found["2d"] = (FITS, "")
    return found | {value: (FITS, "") for value in known if value in SHAPES}


def _prompt(offer: Offer) -> dict[str, Level]:
    known = offer.prompts
    if known is None:
        return dict.fromkeys(GIVES, (NEARLY, "prompt not recorded"))
    takes = {"none" if p in _NO_WORK else _SAME.get(p, p) for p in known}
    names = [GIVES[p] for p in GIVES if p in takes]
    found: dict[str, Level] = {}
    for given in GIVES:
        less = [p for p in _BELOW[given] if p in takes]
        if given in takes:
            found[given] = (FITS, "")
        elif less:
            enough = "needs nothing" if less == ["none"] else f"{GIVES[less[-1]]} will do"
            found[given] = (FITS, enough)
        else:
            found[given] = (
                APART,
                f"takes {' or '.join(names)}" if names else "takes other prompts",
            )
    return found


def _target(offer: Offer) -> dict[str, Level]:
    named = {*(offer.regions or ()), *(offer.targets or ())} - {"multi", "other"}
    # one field that is silent leaves its values open; several, not all named, do too
    open_regions = offer.regions is None or bool(set(offer.regions) & set(_WIDE))
    open_targets = offer.targets is None
    found: dict[str, Level] = {}
    several = (NEARLY, "several structures, not all of them named")
    silent = (NEARLY, "not recorded for which structures")
    unsure = several if offer.regions and open_regions else silent
    wide = (FITS, "") if offer.general else unsure
    for field, is_open in (("regions", open_regions), ("targets", open_targets)):
        for value in vocabularies()[field].terms:
            if value not in ("multi", "other") and (is_open or offer.general):
                found.setdefault(value, wide)
    if offer.targets and not offer.general and not open_regions:
        for value in vocabularies()["targets"].terms:
            found.pop(value, None)
    for value in vocabularies()["targets"].terms:  # a polyp is a lesion
        if named & (widened("targets", [value]) - {value}):
            wider = ", ".join(
                label("targets", v) for v in sorted(named & widened("targets", [value]))
            )
            found[value] = (NEARLY, f"made for {wider.lower()}")
    return found | dict.fromkeys(named, (FITS, ""))


def _licence(offer: Offer) -> dict[str, Level]:
    kind = offer.licence
    if kind == "commercial":
        return {"commercial": (FITS, "")}
    if kind == "non-commercial":
        return {}
    silent = "the authors state nothing" if kind == "none" else "it is not known"
    return {"commercial": (APART, f"commercial use: {silent}; ask the authors")}


_LEVELS = {
    "modality": _modality,
    "dimension": _dimension,
    "prompt": _prompt,
    "target": _target,
    "licence": _licence,
}


def askable(kind: Kind) -> dict[str, str]:
    """Values that may be asked -> how they are shown, in the order of the vocabularies."""
    if kind == "licence":
        return {"commercial": "commercial use"}
    if kind == "prompt":
        return GIVES
    if kind == "dimension":
        return SHAPES
    fields = ("modalities",) if kind == "modality" else ("regions", "targets")
    return {
        value: term.label
        for field in fields
        for value, term in vocabularies()[field].terms.items()
        if value not in ("multi", "other", "whole-body")
    }


def asked(kind: Kind, value: str | None) -> str | None:
    """The value as the records spell it. Raises `UsageError` with the nearest.

    >>> asked("modality", "Ultrasound"), asked("prompt", None)
    ('ultrasound', None)
    """
    if value is None:
        return None
    known = askable(kind)
    for token, name in known.items():
        if fold(value) in (fold(token), fold(name)):
            return token
    raise UsageError(unknown_value(f"--{kind}", value, list(known)))


class Found(NamedTuple):
    """An offer that fits a need, and what is to be said of it."""

    offer: Offer
    level: int
    remarks: list[str]


def answer(offers: Iterable[Offer], need: Need) -> dict[Tier, list[Found]]:
    """What is offered for a need, by tier, each in order; what wants something else stands last."""
    found: dict[Tier, list[Found]] = {tier: [] for tier in TIERS}
    for offer in offers:
        if (fit := offer.level(need)) is not None:
            found[offer.tier].append(Found(offer, *fit))
    for held in found.values():
        held.sort(key=lambda one: (one.level, one.offer.rank))
    return found


def offers(registry: Registry) -> list[Offer]:
    """Every release of the field that segments, in order of its rank."""
    of: dict[str, list[Work]] = {}
    for work in works(registry):
        if work.paper.inclusion.decision != "exclude":
            for project in work.projects:
                of.setdefault(project.slug, []).append(work)
    memory = measured_memory(registry.root)
    made = (
        Offer(p, tuple(of.get(p.slug, ())), tuple(memory.get(p.adapter or "", ())))
        for p in registry.projects
    )
    return sorted((offer for offer in made if segments(offer)), key=lambda offer: offer.rank)


def segments(offer: Offer) -> bool:
    """Whether it is a release of the field that segments, with weights or with code to train."""
    project = offer.project
    if project.kind in OUTSIDE or project.family == NO_MODEL:
        return False
    if offer.tier == "train" and (
        project.kind not in ("method", "tool") or code_state(project) != "yes"
    ):
        return False
    if project.kind in ("survey", "other"):
        return False
    tasks = {task for work in offer.works for task in tag_values(work.paper.task)}
    return not tasks or bool(tasks & _SEGMENTS)


def measured_memory(root: Path) -> Mapping[str, Sequence[tuple[str, int]]]:
    """Adapter -> (variant, peak MiB on a CPU) from the benchmarks; empty where there are none."""
    file = root / MEMORY
    if not file.is_file():
        return {}
    scenarios = json.loads(file.read_text("utf-8"))["scenarios"]
    return {
        adapter: [(name, round(each["peak_mib"])) for name, each in held["contenders"].items()]
        for adapter, held in scenarios.items()
    }


def facts(offer: Offer, modality: str | None = None) -> list[tuple[str, str]]:
    """(name, text) of each line of a card; what is not known is said as such."""

    def words(field: str, values: tuple[str, ...] | None) -> str:
        if values is None:
            return "not recorded"
        return ", ".join(label(field, value) for value in values)

    hashed, files = offer.hashed
    weights = {"yes": "public", "gated": "after registration"}.get(
        offer.weights, "none to download"
    )
    if files and offer.weights in HAS_WEIGHTS:
        known = f"hash known for {hashed} of {files} files" if files > 1 else "hash known"
        weights += f"; {known if hashed else 'no hash known'}"
    about = words("modalities", offer.modalities) or "natural images"
    where = [words("regions", offer.regions), words("targets", offer.targets)]
    runs = offer.command or (offer.line and f"no: {offer.line.why}") or "no weights"
    licences = "; ".join(f"{'> ' * r.counts}{r.of}: {r.says}" for r in offer.rungs)
    prompt = words("prompts_infer", offer.prompts)
    lines = [
        ("Images", about),
        ("Structures", "; ".join(w for w in where if w != "not recorded") or "not recorded"),
        ("Prompt", "none needed" if offer.prompts and set(offer.prompts) <= _NO_WORK else prompt),
        ("Dimension", words("dimensionality", offer.shapes)),
        ("Memory", offer.memory or "not known"),
        ("Weights", weights),
        ("Licence", licences),
        (
            "Commercial use",
            {"commercial": "allowed", "non-commercial": "not allowed"}.get(
                offer.licence, "not known: ask the authors"
            ),
        ),
        ("Runs here", str(runs)),
        ("Year", str(offer.year or "not recorded")),
        ("Traps", f"{len(offer.traps)}: {offer.traps[0]}" if offer.traps else "none recorded"),
    ]
    if numbers := offer.numbers(modality):
        said = f"median Dice {numbers.middle:.2f} of {numbers.many}, printed by {numbers.by}"
        lines.append(("Numbers", f"{said}, one source and one protocol"))
    return lines


def as_data(one: Found) -> dict[str, Any]:
    """For programs: the same facts as on a card of the site."""
    return {
        "project": one.offer.project.slug,
        "fits": one.level != APART,
        "remarks": one.remarks,
        "facts": dict(facts(one.offer)),
    }
