"""What is wrong in project files although every field has the right kind of value.

Profiles and adapters belong to `reproduce`, which the catalog never imports: they are known from
the files it leaves behind, and not judged in a registry that has none.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from catalog import json_in, own, reading, waiting
from catalog.checks import claims, texts
from catalog.checks.references import Crossing, near
from catalog.checks.seen import Seen, Told
from catalog.errors import Finding, FindingsError
from catalog.metrics import FRACTIONS, LENGTHS, LOSSES
from catalog.protocol_words import words
from catalog.records import OWN, Claim, Project, Result, RunOptions
from catalog.registry import PROJECTS, RESULTS, Registry
from catalog.runnable import OUTSIDE
from catalog.vocabulary import vocabularies

Shape = TypeVar("Shape", bound=msgspec.Struct)
WEIGHTS = frozenset({"public", "none", "announced", "gated", "dead", "unknown"})
CONVENTIONS = "data/protocol_conventions.yaml"
ADAPTERS = "reproduce/adapters"
# What a claim is compared by: hashes and who published them, metric, adapter, words, data, classes.
DECIDING = frozenset(
    (
        "C002",
        "C003",
        "C004",
        "C007",
        "C008",
        "C012",
        "C013",
        "C014",
        "C016",
        "C020",
        "R005",
    )
)


class _Named(msgspec.Struct):
    """A metric or prompt profile, as `reproduce` lists it."""

    id: str


class _Scoring(msgspec.Struct):
    """`profiles.json`."""

    profiles: list[_Named] = msgspec.field(default_factory=list)
    prompts: list[_Named] = msgspec.field(default_factory=list)


class _Reader(msgspec.Struct):
    """A data set that `reproduce` reads."""

    name: str
    splits: dict[str, Any]
    options: dict[str, Any]
    labels: list[str]


class _Readers(msgspec.Struct):
    """`datasets.json`."""

    datasets: list[_Reader] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Known:
    """Names that projects may use. None: this registry has no file that would say."""

    profiles: set[str] | None
    adapters: set[str] | None
    readable: claims.Readable

    @classmethod
    def of(cls, root: Path) -> Known:
        """What the files of `reproduce` in this registry name."""
        scoring = _left(root / RESULTS / "profiles.json", _Scoring)
        readers = _left(root / RESULTS / "datasets.json", _Readers).datasets
        adapters = {
            path.stem.replace("_", "-")
            for path in (root / ADAPTERS).glob("*")
            if path.suffix == ".py" or (path / "__init__.py").is_file()
        } - {"--init--"}
        prompts = frozenset(each.id for each in scoring.prompts)
        splits = {each.name: frozenset(each.splits) for each in readers}
        options = {each.name: frozenset(each.options) for each in readers}
        labels = {each.name: frozenset(each.labels) for each in readers}
        readable = claims.Readable(prompts or None, splits or None, options, labels)
        profiles = {each.id for each in scoring.profiles}
        return cls(profiles or None, adapters or None, readable)


def check(registry: Registry, seen: Seen) -> Iterator[Crossing]:
    """Problems of every project by itself, and of two that name the same things."""
    known = Known.of(registry.root)
    also = msgspec.json.encode(known, order="deterministic")
    printers = frozenset(p.id for p in registry.papers) | {p.slug for p in registry.projects}
    for project in registry.projects:
        look = partial(_told, project, known, printers)
        named = {claim.printed_by for claim in project.claims} - {None, OWN}
        # what is near an unknown printer depends on all the others
        told = seen.of(project, look, also) if named <= printers else look()
        yield from _crossings(project, told)
        yield from _authors_told(project, registry.results)
    yield from _shared(registry.projects)


def _authors_told(project: Project, results: Sequence[Result]) -> Iterator[Crossing]:
    """Authors who cannot have been told of what a run gave."""
    today = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)  # clocks differ
    for number, claim in enumerate(project.claims):
        first = waiting.first_run(f"{project.slug}/{claim.id}", results) if claim.told else None
        if (message := waiting.untrue(claim, first, today)) is not None:
            path = ("claims", number, "told")
            hint = "The day on which the letter of a run was sent (`reproduce letter`)."
            yield Crossing("C021", _place(project), project.slug, path, message, hint)


def crossings(project: Project, known: Known, printers: frozenset[str]) -> Iterator[Crossing]:
    """Problems of one project. `printers`: ids of works and projects, which may print numbers."""
    return _crossings(project, _told(project, known, printers))


def _told(project: Project, known: Known, printers: frozenset[str]) -> Iterator[Told]:
    yield from _own(project, known)
    yield from claims.check(project, known.readable, printers)


def _crossings(project: Project, told: Iterable[Told]) -> Iterator[Crossing]:
    for code, path, message, hint in told:
        yield Crossing(code, _place(project), project.slug, path, message, hint)


def deciding(project: Project, claim: Claim, known: Known) -> Iterator[Crossing]:
    """Of `crossings` those on which it rests whether a run answers one claim of the project."""
    printer = frozenset([claim.printed_by or ""])  # who printed it decides nothing
    for crossing in crossings(replace(project, claims=[claim]), known, printer):
        if crossing.code in DECIDING:
            yield crossing


def _own(project: Project, known: Known) -> Iterator[Told]:
    yield from texts.problems(project)
    yield from _commits(project)
    yield from _checkpoints(project)
    status = project.weights_status
    if status is not None and status not in WEIGHTS:
        yield "C005", ("weights_status",), f"unknown status {status!r}", _allowed(status, WEIGHTS)
    yield from _released(project)
    card = project.protocol_card
    for number, name in enumerate(card.conventions if card else []):
        if name not in _conventions():
            hint = near(name, set(_conventions())) or f"Add it to catalog/{CONVENTIONS} first."
            where = ("protocol_card", "conventions", number)
            yield "C006", where, f"unknown convention {name!r}", hint
    if project.adapter is not None and known.adapters and project.adapter not in known.adapters:
        hint = _allowed(project.adapter, known.adapters)
        yield "C008", ("adapter",), f"there is no adapter {project.adapter!r}", hint
    prompts = set(vocabularies()["prompts_infer"].terms) | {"class-label"}
    for number, name in enumerate(project.prompts_eval or []):
        if name not in prompts:
            yield "C011", ("prompts_eval", number), f"unknown prompt {name!r}", near(name, prompts)
    for field in ("modalities", "regions", "targets"):
        words = set(vocabularies()[field].terms)
        for number, name in enumerate(_made_for(project, field)):
            if name not in words:
                where = ("made_for", field, number)
                yield "C011", where, f"unknown word {name!r}", near(name, words)
    for number, claim in enumerate(project.claims):
        parts = _parts(claim, [checkpoint.id for checkpoint in project.checkpoints or []])
        for code, path, message, hint in [*_claim(claim, known), *parts]:
            yield code, ("claims", number, *path), f"claim {claim.id!r}: {message}", hint


def _made_for(project: Project, field: str) -> list[str]:
    made = project.made_for
    return (getattr(made, field) or []) if made else []


def _released(project: Project) -> Iterator[Told]:
    """Whoever releases weights says of which family, and which numbers are printed, or none."""
    families = set(vocabularies()["family"].terms)
    if project.family is not None and project.family not in families:
        hint = _allowed(project.family, families)
        yield "C018", ("family",), f"unknown family {project.family!r}", hint
    own = any(claim.own for claim in project.claims)
    if project.no_numbers and own:
        hint = "Take `no_numbers` out: a claim of its own is recorded."
        yield "C019", ("no_numbers",), "no numbers of its own, and claims of its own", hint
    if project.no_numbers and not project.no_numbers.looked:
        hint = "Name every file, page and table that was read."
        yield "C019", ("no_numbers", "looked"), "where was looked is not said", hint
    if project.weights_status != "public" or project.kind in OUTSIDE:
        return
    if project.family is None:
        hint = f"One of: {', '.join(sorted(families))}."
        yield "C018", ("family",), "weights are public, and their family is not said", hint
    if not project.claims and not project.no_numbers:
        hint = "Add a claim, or say in `no_numbers` where was looked."
        yield "C019", ("claims",), "weights are public, and no printed number is recorded", hint


def _commits(project: Project) -> Iterator[Told]:
    found: list[tuple[tuple[str | int, ...], str | None]] = []
    if project.repository:
        found.append((("repository", "commit"), project.repository.commit))
        if project.repository.commit and not project.repository.commit_date:
            hint = "Write commit_date: without it nobody is told when the repository moves on."
            yield (
                "C022",
                ("repository", "commit_date"),
                "the day of the commit is not recorded",
                hint,
            )
    if card := project.protocol_card:
        found.append((("protocol_card", "commit"), card.commit))
        for number, trap in enumerate(card.traps):
            found.append((("protocol_card", "traps", number, "commit"), trap.commit))
    for number, issue in enumerate(project.known_issues):
        found.append((("known_issues", number, "commit"), issue.commit))
    for path, commit in found:
        if commit is not None and not _hex(commit, 40):
            hint = "Write the full hash: git rev-parse <commit>"
            yield "C001", path, f"expected 40 hex digits, got {commit!r}", hint


def _checkpoints(project: Project) -> Iterator[Told]:
    seen: set[str] = set()
    for number, checkpoint in enumerate(project.checkpoints or []):
        for field, digits in (("sha256", 64), ("md5", 32)):
            digest = getattr(checkpoint, field)
            if digest is not None and not _hex(digest, digits):
                path = ("checkpoints", number, field)
                message = f"expected {digits} hex digits in lower case, got {digest!r}"
                yield "C002", path, message, f"{field}sum <file> prints it."
        if checkpoint.id in seen:
            message = f"checkpoint {checkpoint.id!r} stands twice"
            yield "C012", ("checkpoints", number, "id"), message, "Claims name checkpoints by id."
        seen.add(checkpoint.id)


def _parts(claim: Claim, known: list[str]) -> Iterator[Told]:
    """The files that are laid over each other: of the project, the claim's own among them."""
    named = (claim.run or RunOptions()).checkpoints
    for id in named or []:
        if id not in known:
            yield "R005", ("run", "checkpoints"), f"no checkpoint {id!r} in this project", ""
    if named and claim.checkpoint is not None and claim.checkpoint not in named:
        message = f"the claim is about checkpoint {claim.checkpoint!r}, which is not among them"
        yield "R005", ("run", "checkpoints"), message, "Name every file that is loaded."


def _claim(claim: Claim, known: Known) -> Iterator[Told]:
    metrics = FRACTIONS | LENGTHS | LOSSES
    if claim.metric not in metrics:
        yield (
            "C003",
            ("metric",),
            f"unknown metric {claim.metric!r}",
            _allowed(claim.metric, metrics),
        )
    elif claim.metric in FRACTIONS and not 0 <= claim.fraction <= 1:
        message = f"{claim.metric} lies in 0 to {claim.scale}, got {claim.value:g}"
        hint = "scale is 100 for a percentage, 1 for a fraction."
        yield "C004", ("value",), message, hint
    elif claim.metric in FRACTIONS and claim.scale == 100 and 0 < claim.value <= 1:
        message = f"{claim.metric} of {claim.value:g} %: a fraction, and its scale is 100"
        hint = "scale is 1 for a fraction. A share of at most 1 % is written as one as well."
        yield "C004", ("value",), message, hint
    elif claim.metric not in FRACTIONS and not (0 <= claim.value < math.inf and claim.scale == 1):
        message = f"{claim.metric} is 0 or more with scale 1, got {claim.value:g}"
        yield "C004", ("value",), f"{message} with scale {claim.scale}", ""
    digits = max(0, -int(Decimal(repr(claim.value)).normalize().as_tuple().exponent))
    if claim.decimals < digits:
        message = (
            f"expected at least the {digits} decimals of {claim.value!r}, got {claim.decimals}"
        )
        hint = "As many as are printed: half of the last one is what rounding may hide."
        yield "C004", ("decimals",), message, hint
    profile = claim.protocol.metric_profile.value
    profiles = set(known.profiles or ())
    if claim.state == "blocked":
        profiles |= set(words().metric_profile)
    if profile is not None and known.profiles and profile not in profiles:
        path = ("protocol", "metric_profile", "value")
        hint = near(str(profile), profiles) or "sam4mis reproduce profiles lists them."
        yield "C007", path, f"there is no metric profile {profile!r}", hint


def _shared(projects: list[Project]) -> Iterator[Crossing]:
    """Releases of one repository say by their branch that they differ; files keep one id."""
    releases: dict[tuple[str, str | None], str] = {}
    files: dict[str, tuple[str, str]] = {}
    for project in projects:
        if repository := project.repository:
            url = repository.url.casefold().rstrip("/").removesuffix(".git")
            first = releases.setdefault((url, repository.branch), project.slug)
            if first != project.slug:
                message = f"{repository.url} is also the repository of {first!r}"
                hint = "One project per release: name its branch where another one is meant."
                path: tuple[str | int, ...] = ("repository", "url")
                yield Crossing("C009", _place(project), project.slug, path, message, hint)
        for number, checkpoint in enumerate(project.checkpoints or []):
            if not checkpoint.sha256:
                continue
            slug, id = files.setdefault(checkpoint.sha256, (project.slug, checkpoint.id))
            if id != checkpoint.id:
                message = f"the same file is {id!r} in {slug!r}"
                hint = "One file has one id, or one of the two hashes is wrong."
                path = ("checkpoints", number, "sha256")
                yield Crossing("C010", _place(project), project.slug, path, message, hint)


def _place(project: Project) -> str:
    return f"{PROJECTS}/{project.slug}.yaml"


def _hex(text: str, digits: int) -> bool:
    return re.fullmatch(rf"[0-9a-f]{{{digits}}}", text) is not None


def _allowed(name: str, known: set[str] | frozenset[str]) -> str:
    return near(name, set(known)) or f"Known: {', '.join(sorted(known))}."


def _conventions() -> dict[str, Any]:
    return _conventions_of(own.path(CONVENTIONS))


@cache
def _conventions_of(file: Path) -> dict[str, Any]:
    place = f"catalog/{CONVENTIONS}"
    data = reading.parse(reading.read_text(file, place), place).data
    if not isinstance(data, dict) or not isinstance(data.get("conventions"), dict):
        message = "expected `conventions:` with a code and its meaning on each line"
        raise FindingsError([Finding(place, 1, "", "Y005", message, "Restore it from git.")])
    return dict(data["conventions"])


def _left(path: Path, shape: type[Shape]) -> Shape:
    """What a machine wrote; an empty one where it is not there or damaged, which its own reader
    tells."""
    try:
        return json_in.decoded(path.read_bytes(), shape)
    except (OSError, msgspec.DecodeError):
        return shape()
