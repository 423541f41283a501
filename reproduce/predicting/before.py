"""What is said before a model is run on somebody's images: weights, licences, needs, and what the
model was made for. What does not fit is a warning; the person decides."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from catalog.errors import PrerequisiteError, UsageError
from catalog.ladder import commercial_class, ladder
from catalog.records import Result
from catalog.registry import Registry
from catalog.vocabulary import canonical, label, vocabularies, widened
from reproduce.contracts import Case
from reproduce.ground import wording
from reproduce.ground.extras import install_command, lacks_own
from reproduce.ground.plugins import plugins
from reproduce.ground.reading import sha256_of
from reproduce.obtaining.weights import status_of
from reproduce.planning.rates import adapter_time
from reproduce.planning.readiness import machine
from reproduce.predicting import NOTICE
from reproduce.predicting.chosen import Chosen
from reproduce.predicting.images import Found, kind_of

DICOM_WORDS = {
    "CT": "ct",
    "MR": "mri",
    "US": "ultrasound",
    "PT": "pet",
    "NM": "spect",
    "CR": "xray",
    "DX": "xray",
    "MG": "mammography",
    "XA": "angiography",
    "RF": "fluoroscopy",
    "OP": "fundus",
    "OPT": "oct",
    "ES": "endoscopy",
    "SM": "histopathology",
    "XC": "photo",
}
ROOM_BYTES = 64 << 20  # of the output folder's disk that stay free
PICTURE_BYTES = 2 << 20


class Said(Struct, kw_only=True):
    """What a user is told before anything is computed, also as JSON.

    weights    checkpoint -> where it comes from
    licences   whose statement -> what it says
    kinds      kind of image -> cases
    trained    what is recorded of the training: prompts, modalities, data; [] where nothing is
    warnings   what does not fit
    """

    model: str
    adapter: str
    options: dict[str, object]
    options_of: str | None
    weights: dict[str, str]
    other_weights: list[str]
    licences: list[tuple[str, str]]
    use: str
    memory: str
    time: str
    trained: dict[str, list[str]]
    kinds: dict[str, int]
    modalities: list[str]
    out_needs_bytes: int
    warnings: list[str]
    notice: str = NOTICE


def said(
    chosen: Chosen,
    registry: Registry,
    results: Sequence[Result],
    found: Found,
    modality: str | None,
) -> Said:
    """Look at all of it."""
    here = machine()
    project, adapter = chosen.project, chosen.adapter
    steps = [] if not project.checkpoints else ladder(project)
    data = [step.of.partition(": ")[2] for step in steps if "training data" in step.of]
    theirs = _modalities(chosen, registry, data)
    own = _own_modalities(found, modality)
    licences = [(step.of, step.says or "not known") for step in steps]
    memory = dict(adapter.memory_mib)
    kinds = Counter(kind_of(case) for case in found.cases)
    time = adapter_time(adapter, [c.id for c in chosen.checkpoints], results, kinds["picture"])
    return Said(
        model=f"{project.name} ({project.slug})",
        adapter=f"{adapter.name}/{adapter.version}",
        options=dict(chosen.options),
        options_of=chosen.after,
        weights=_weights(chosen),
        other_weights=list(chosen.others),
        licences=licences,
        use=commercial_class(project.licences) if project.checkpoints else "unknown",
        memory=(
            f"{wording.value(memory)} MiB on a CPU, this machine has {here.memory_mib} MiB"
            if memory
            else "not measured"
        ),
        time=time,
        trained={
            "prompts": list(adapter.prompts),
            "modalities": sorted(theirs),
            "data": data,
        },
        kinds={str(kind): n for kind, n in kinds.items()},
        modalities=sorted(own),
        out_needs_bytes=space_of(found.cases),
        warnings=_warnings(chosen, found, theirs, own, here.memory_mib),
    )


def _weights(chosen: Chosen) -> dict[str, str]:
    if not chosen.checkpoints:
        return {path.name: "given with --checkpoint" for path in chosen.given}
    slug = chosen.project.slug
    return {c.id: status_of(slug, c, chosen.given) for c in chosen.checkpoints}


def _modalities(chosen: Chosen, registry: Registry, data: Sequence[str]) -> set[str]:
    """Of the works behind the project, as far as the catalog knows, and of the data that it was
    trained on, where all of them are known here."""
    known = {n.casefold(): p for p in plugins("datasets").values() for n in (p.name, p.title)}
    sets = [known.get(name.casefold()) for name in data]
    found: set[str] = {word for one in sets if one and all(sets) for word in one.modalities}
    for paper in registry.papers:
        if paper.id not in chosen.project.papers or paper.modalities is None:
            continue
        if isinstance(paper.modalities.values, list):
            found |= set(paper.modalities.values)
    return found


def _own_modalities(found: Found, named: str | None) -> set[str]:
    """Of the images: as named, else as DICOM headers say. Raises `UsageError` for a word that the
    catalog does not have."""
    if named is not None:
        word = canonical("modalities", named)
        if word not in vocabularies()["modalities"].terms:
            known = ", ".join(vocabularies()["modalities"].terms)
            raise UsageError(f"--modality {named}: expected one of {known}.")
        return {word}
    tags = (case.meta.get("modality") for case in found.cases)
    return {DICOM_WORDS[tag] for tag in tags if tag in DICOM_WORDS}


def _warnings(
    chosen: Chosen, found: Found, theirs: set[str], own: set[str], memory_mib: int
) -> list[str]:
    adapter, told = chosen.adapter, []
    unseen = [m for m in sorted(own) if not widened("modalities", [m]) & theirs]
    if unseen and theirs and "multi" not in theirs:
        told.append(
            f"what is recorded of its training names {_labels(theirs)}; yours is "
            f"{_labels(unseen)}, which the model may never have seen"
        )
    elif own and "multi" in theirs:
        told.append("what is recorded of its training names several modalities, and not which")
    elif not own:
        told.append("which modality your images are is not known; say it with --modality")
    elif not theirs:
        told.append("which modalities the model was trained on is not recorded")
    kinds = {kind_of(case) for case in found.cases}
    if adapter.dimensionality == "3d" and kinds & {"picture"}:
        told.append("it takes volumes or videos, and some of your images are single pictures")
    if adapter.dimensionality == "2d" and kinds - {"picture"}:
        told.append(
            "it sees one plane at a time: volumes and videos are gone through plane by plane"
        )
    least = min(adapter.memory_mib.values(), default=None)
    if least is not None and least > memory_mib:
        told.append(f"it needs {least} MiB on a CPU, this machine has {memory_mib} MiB")
    if lacks_own(adapter.extra):
        told.append(
            "it runs through its authors' own package, which is not here: "
            f"{install_command(adapter.extra)}"
        )
    told += [
        f"no release has a file that it needs, name yours with --checkpoint: {file}"
        for file in ([] if chosen.given else adapter.brought)
    ]
    told += [
        f"{path.name} is not the released {record.id}: its hash is another"
        for record, path in zip(chosen.checkpoints, chosen.given, strict=False)
        if record.sha256 and path.is_file() and sha256_of(path) != record.sha256
    ]
    look = [(c.id, c.look_first) for c in chosen.checkpoints if c.look_first is not None]
    return [*told, *(f"{name}: {first.text}" for name, first in look)]


def _labels(words: Iterable[str]) -> str:
    return ", ".join(label("modalities", word) for word in sorted(words))


def space_of(cases: Sequence[Case]) -> int:
    """Bytes that masks, overlays and tables may take: a picture of a case, and masks of volumes,
    which take a small part of what their images do."""
    size = sum(p.stat().st_size for c in cases for p in c.files.values() if p.is_file())
    return len(cases) * PICTURE_BYTES + size // 10


def need_space(out: Path, needs: int) -> None:
    """Raise `PrerequisiteError` where the disk of the output has less room than it would take."""
    folder = out
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needs + ROOM_BYTES:
        raise PrerequisiteError(
            f"{out}: the masks of these images may take {wording.size(needs)}, "
            f"{wording.size(ROOM_BYTES)} stay free for others, and {wording.size(free)} are free "
            "there. Name another place with --out, or free some."
        )
