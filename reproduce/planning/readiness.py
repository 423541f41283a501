"""What is missing on this machine to run a project: extra, adapter, checkpoint, data, memory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from msgspec import Struct, field

from catalog.errors import InputError
from catalog.records import Checkpoint, Claim, Project
from catalog.runnable import line
from reproduce.contracts import Dataset
from reproduce.ground.extras import install_command, lacks_own, missing_extra
from reproduce.ground.places import cache_folder, data_folder
from reproduce.ground.plugins import plugins
from reproduce.judging.comparability import checkpoint_ids, reader_of
from reproduce.obtaining.datasets import can_fetch, is_here


class Machine(Struct, kw_only=True):
    """This machine. MiB are 2**20 bytes."""

    missing_packages: list[str]
    install: str
    memory_mib: int
    gpu: str | None
    gpu_memory_mib: int | None
    disk_free_mib: int


class Readiness(Struct, kw_only=True):
    """One project. `missing` is empty where at least one claim can be run.

    lifts       what would bring an adapter, in words; None where there is one
    look_first  files that a person has to look at before a run, with what is known of them
    """

    project: str
    ready: bool
    family: str | None = None
    lifts: str | None = None
    look_first: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    claims_ready: list[str] = field(default_factory=list)


def machine() -> Machine:
    """Look at this machine. torch is imported only where it is installed."""
    missing = missing_extra()
    gpu = memory = None
    if not missing:
        import torch

        if torch.cuda.is_available():
            properties = torch.cuda.get_device_properties(0)
            gpu, memory = properties.name, int(properties.total_memory / 2**20)
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    return Machine(
        missing_packages=missing,
        install=install_command(),
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        gpu=gpu,
        gpu_memory_mib=memory,
        disk_free_mib=shutil.disk_usage(folder).free // 2**20,
    )


def examine(project: Project, here: Machine) -> Readiness:
    """Everything a project lacks here, all at once, each with the way out."""
    missing: list[str] = []
    if here.missing_packages:
        missing.append(f"extra: {here.install}")
    adapter = plugins("adapters").get(project.adapter or "")
    at = line(project)
    if project.adapter is None:
        missing.append(f"adapter: {project.adapter_reason or 'nobody has written one yet'}")
        missing.append(f"lifted by: {at.lifts}")
    elif adapter is None:
        missing.append(f"adapter: {project.adapter} is not in reproduce/adapters")
    elif lacks_own(adapter.extra):
        missing.append(f"extra: {install_command(adapter.extra)}")
    elif problem := _memory(adapter.memory_mib.values(), here):
        missing.append(problem)
    if not project.claims:
        looked = f" (looked in {'; '.join(none.looked)})" if (none := project.no_numbers) else ""
        missing.append(f"claim: no printed number is recorded{looked}")
    ready, problems = [], dict[str, None]()
    blocked: dict[str, list[str]] = {}
    for claim in project.claims:
        if claim.state == "blocked":  # nothing that is missing here would change that
            blocked.setdefault(claim.reason or "no reason recorded", []).append(claim.id)
            continue
        lacking = _claim(project, claim) if adapter else []
        if adapter and not lacking:
            ready.append(f"{project.slug}/{claim.id}")
        problems |= dict.fromkeys(lacking)
    if not ready:
        missing += problems
        missing += [
            f"{len(names)} of {len(project.claims)} claims blocked: {reason}: "
            + ", ".join(names[:2])
            + (" ..." if len(names) > 2 else "")
            for reason, names in blocked.items()
        ]
        missing += [f"look first: {text}" for text in at.remarks]
    return Readiness(
        project=project.slug,
        ready=not missing,
        family=project.family,
        lifts=at.lifts,
        look_first=list(at.remarks),
        missing=missing,
        claims_ready=ready,
    )


def _memory(needs: object, here: Machine) -> str | None:
    """Peaks are measured on a CPU (`benchmarks/memory.py`): what a GPU needs is not known."""
    least = min(needs, default=None)  # type: ignore[call-overload]  # values of a mapping of int
    if least is None or least <= here.memory_mib:
        return None
    return f"memory: needs {least} MiB on a CPU, {here.memory_mib} MiB are here"


def _claim(project: Project, claim: Claim) -> list[str]:
    """What one claim lacks: checkpoint and data."""
    lacking = []
    known = {checkpoint.id: checkpoint for checkpoint in project.checkpoints or []}
    names = checkpoint_ids(claim)
    if not names:
        lacking.append(f"{claim.id}: names no checkpoint")
    for name in names:
        if name not in known:
            lacking.append(f"checkpoint {name}: not in the project's record")
        elif problem := _checkpoint(project.slug, known[name]):
            lacking.append(problem)
    lacking += _data(claim)
    return lacking


def _checkpoint(project: str, record: Checkpoint) -> str | None:
    from reproduce.obtaining.weights import located, status_of

    if located(project, record):
        return None
    return f"checkpoint {record.id}: {status_of(project, record)}"


def _data(claim: Claim) -> list[str]:
    wanted = reader_of(claim)
    dataset = plugins("datasets").get(wanted)
    if dataset is None:
        return [f"data: no plugin for {claim.dataset or 'an unnamed data set'}"]
    if dataset.generated:
        return []
    folder: Path | None = data_folder(wanted, None)
    split = claim.split if claim.split in dataset.splits else None
    if folder is None:
        if can_fetch(dataset, split):
            return [f"data {wanted}: not here; sam4mis reproduce fetch-data {wanted} downloads it"]
        return [f"data {wanted}: not in the cache or $SAM4MIS_DATA; {dataset.access}"]
    if split is not None and can_fetch(dataset, split) and _lacks(dataset, folder, split):
        return [
            f"data {wanted}: split {split} is not here; "
            f"sam4mis reproduce fetch-data {wanted} --split {split} downloads it"
        ]
    return []


def _lacks(dataset: Dataset, folder: Path, split: str) -> bool:
    """Whether a split was not fetched, and does not lie there in another way either."""
    if is_here(dataset, folder, split):
        return False
    try:
        return not dataset.cases(folder, split, {})
    except InputError:
        return True
