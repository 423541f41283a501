"""What could be verified, and what it would take: runs that the registry allows, best first.

A campaign is made from the registry alone, without torch, weights or data. A run answers all claims
that share its inputs. Runs come in the order of value for effort:

value   for each claim, by the best class its run can reach: A 4, B 3, C 2, D 0 (no verdict)
effort  hours of computing, of downloading (at 50 MB/s), half an hour for each step that a person
        has to take, and a tenth for the run itself

Both are shown; they order a list and decide nothing else. Runs of unknown length come after those
of known length, and runs that can give no verdict after all others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import field

from catalog.errors import Sam4misError
from catalog.ladder import ladder
from catalog.records import Checkpoint, Claim, Project, Record, Sha256
from catalog.registry import Registry
from catalog.render.labels import LIFTED
from reproduce.contracts import Dataset
from reproduce.ground.places import data_folder
from reproduce.ground.provenance import harness, now
from reproduce.judging.comparability import Class
from reproduce.judging.verdict import without_margin
from reproduce.obtaining.datasets import archives_of, can_fetch, downloadable, dropped, is_here
from reproduce.obtaining.sources import source_of
from reproduce.obtaining.weights import located
from reproduce.planning.planned import comparison_of
from reproduce.planning.rates import Time, expected_time
from reproduce.planning.recipes import Recipe, Request, group, recipe
from reproduce.runs.spec import canonical

WORTH: dict[Class, int] = {"A": 4, "B": 3, "C": 2, "D": 0}
LINE_BYTES_PER_S = 50e6
STEP_H, RUN_H = 0.5, 0.1
# Of a claim's record, what changes no run: a plan still fits where these moved.
REMARKS = ("disputes", "told", "note", "state_note", "source", "dispersion", "evidence_level")


class Licence(Record, kw_only=True):
    """What is stated for one thing that a run uses. `says` None: nobody has looked."""

    of: str
    says: str | None


class Planned(Record, kw_only=True):
    """One run of a campaign.

    claims        project/claim -> hash of what its records say (`record_hash`)
    classes       project/claim -> the best class that the run can reach
    why           what keeps the best of them from class A
    download_bytes, disk_bytes  of weights and data that are not here, as far as sizes are known.
                  Data need room packed and unpacked at once, taken as twice their archive
    sizes_unknown which of them have a size that nobody recorded
    memory_mib    peak of one process, measured on a CPU; on a card it has not been measured
    by_hand       what a person has to do before the run
    open          a program can fetch everything, and nobody has to be asked
    """

    claims: dict[str, Sha256]
    classes: dict[str, Class]
    adapter: str
    dataset: str
    split: str
    checkpoints: list[str]
    time: Time
    download_bytes: int
    disk_bytes: int
    sizes_unknown: list[str]
    memory_mib: int | None
    licences: list[Licence]
    by_hand: list[str]
    open: bool
    value: int
    effort_h: float | None
    why: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What lists call it: its first claim, and how many more."""
        more = len(self.claims) - 1
        return next(iter(self.claims)) + (f" and {more} more" if more else "")

    @property
    def best(self) -> Class:
        """The best class of any of its claims."""
        return min(self.classes.values())


class Limits(Record, kw_only=True):
    """What a campaign may take. None: no limit. Memory is of one run, the others of all."""

    hours: float | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    open_only: bool = False


class Campaign(Record, kw_only=True):
    """A plan file: which runs, for which claims, as which records said."""

    schema: Literal["campaign/1"]
    created: str
    harness: dict[str, Any]
    limits: Limits
    runs: list[Planned]


class Left(Record, kw_only=True):
    """A claim that is in no run of a campaign, and why.

    note   what its record says of that
    lifts  what would bring it in, where its record says that it is blocked
    """

    claim: str
    reason: str
    note: str | None = None
    lifts: str | None = None


def campaign(
    registry: Registry, chosen: Iterable[tuple[Project, Claim]], limits: Limits
) -> tuple[Campaign, list[Left]]:
    """The runs for the chosen claims within limits, best first; and the claims left out."""
    recipes: list[Recipe] = []
    left: list[Left] = []
    for project, claim in chosen:
        name = f"{project.slug}/{claim.id}"
        reason = without_margin(claim)
        if reason is None and claim.state == "blocked":
            reason = f"blocked ({claim.reason})"
        if reason is None:
            try:
                recipes.append(recipe(project, claim, Request()))
            except Sam4misError as error:
                reason = str(error).removeprefix(f"{name}: ").splitlines()[0]
        if reason is not None:
            lifts = LIFTED.get(claim.reason or "") if claim.state == "blocked" else None
            left.append(Left(claim=name, reason=reason, note=claim.state_note, lifts=lifts))
    runs = sorted((planned(members, registry) for members in group(recipes)), key=_order)
    kept, beside = within(runs, limits)
    left += [Left(claim=claim, reason=reason) for run, reason in beside for claim in run.claims]
    made = Campaign(
        schema="campaign/1",
        created=now(),
        harness=harness(),
        limits=limits,
        runs=kept,
    )
    return made, left


def planned(members: Sequence[Recipe], registry: Registry) -> Planned:
    """What the one run of these recipes would answer and take."""
    item = members[0]
    compared = {member.claim_id: comparison_of(member) for member in members}
    classes = {name: comparison.group for name, comparison in compared.items()}
    best = min(compared.values(), key=lambda comparison: comparison.group)
    weights, packed = _weights_lacking(item), _data_lacking(item)
    weight_bytes, packed_bytes = (
        sum(size or 0 for size in of.values()) for of in (weights, packed)
    )
    by_hand = [*_weights_by_hand(item), *_data_by_hand(item)]
    time = expected_time(members, registry.results)
    value = sum(WORTH[reached] for reached in classes.values())
    effort = None
    if time.hours is not None:
        fetching = (weight_bytes + packed_bytes) / LINE_BYTES_PER_S / 3600
        effort = round(time.hours + fetching + STEP_H * len(by_hand) + RUN_H, 3)
    return Planned(
        claims={member.claim_id: record_hash(member) for member in members},
        classes=classes,
        adapter=f"{item.adapter.name}/{item.adapter.version}",
        dataset=item.dataset.name,
        split=item.protocol.split,
        checkpoints=[record.id for record in item.checkpoints],
        time=time,
        download_bytes=weight_bytes + packed_bytes,
        disk_bytes=weight_bytes + 2 * packed_bytes,
        sizes_unknown=[name for name, size in {**weights, **packed}.items() if size is None],
        memory_mib=memory_of(item),
        licences=_licences(item),
        by_hand=by_hand,
        open=not by_hand,
        value=value,
        effort_h=effort,
        why=best.reasons,
    )


def record_hash(item: Recipe) -> str:
    """The sha256 of what the registry says of a claim, its weights and the plugins for it."""
    claim = msgspec.to_builtins(item.claim)
    document = {
        "claim": {name: value for name, value in claim.items() if name not in REMARKS},
        "checkpoints": [_as_used(record) for record in item.checkpoints],
        "adapter": [item.adapter.name, item.adapter.version, item.protocol.adapter_options],
        "dataset": [item.dataset.name, item.dataset.version, item.protocol.dataset_options],
    }
    return hashlib.sha256(canonical(document)).hexdigest()


def _as_used(record: Checkpoint) -> list[Any]:
    return [record.id, record.sha256, record.layout, record.urls]


def _order(run: Planned) -> tuple[bool, bool, float, str]:
    ratio = run.value / run.effort_h if run.effort_h else float(run.value)
    return run.value == 0, run.effort_h is None, -ratio, run.name


def within(
    runs: Iterable[Planned], limits: Limits
) -> tuple[list[Planned], list[tuple[Planned, str]]]:
    """The runs that limits allow, taken in order; the others, each with the reason.

    A run of unknown length or memory fits no limit of it; of its files, the known sizes count.
    """
    kept, beside = [], []
    hours, disk = 0.0, 0
    for run in runs:
        reason = _beyond(run, limits, hours, disk)
        if reason is not None:
            beside.append((run, reason))
            continue
        kept.append(run)
        hours += run.time.hours or 0.0
        disk += run.disk_bytes
    return kept, beside


def _beyond(run: Planned, limits: Limits, hours: float, disk: int) -> str | None:
    if limits.open_only and not run.open:
        return f"not open: {run.by_hand[0]}"
    memory = None if run.memory_mib is None else run.memory_mib << 20
    for what, option, needs, limit in (
        ("memory", "--memory", memory, limits.memory_bytes),
        ("its length", "--budget", run.time.hours, _rest(limits.hours, hours)),
        ("disk", "--disk", run.disk_bytes, _rest(limits.disk_bytes, disk)),
    ):
        if limit is None:
            continue
        if needs is None:
            return f"{what} is unknown, so nobody can promise {option}"
        if needs > limit:
            return f"more than {option} leaves"
    return None


def _rest(limit: float | None, used: float) -> float | None:
    return None if limit is None else limit - used


# ---------------------------------------------------------------------------- what it takes


def _weights_lacking(item: Recipe) -> dict[str, int | None]:
    """Checkpoints that are not on this machine -> bytes."""
    return {r.id: r.bytes for r in item.checkpoints if not located(item.project.slug, r)}


def _data_lacking(item: Recipe) -> dict[str, int | None]:
    """Archives that are not on this machine -> bytes; the data set where it has none."""
    if _data_here(item):
        return {}
    archives = archives_of(item.dataset, _split(item))
    if not archives:
        return {item.dataset.title: None}
    return {archive.file: archive.bytes for archive in archives if dropped(archive) is None}


def _data_here(item: Recipe) -> bool:
    if item.dataset.generated:
        return True
    folder = data_folder(item.dataset.name, None)
    return folder is not None and is_here(item.dataset, folder, _split(item))


def _split(item: Recipe) -> str | None:
    """The split whose archives are needed; None: the plugin knows it by no such name."""
    return item.protocol.split if item.protocol.split in item.dataset.splits else None


def _weights_by_hand(item: Recipe) -> list[str]:
    steps = []
    for record in item.checkpoints:
        if located(item.project.slug, record):
            continue
        direct = [url for url in record.urls if source_of(url).kind != "manual"]
        if record.gated:
            steps.append(f"ask for access to the checkpoint {record.id}: {_first(record.urls)}")
        elif not direct:
            steps.append(f"download the checkpoint {record.id}: {_first(record.urls)}")
    return steps


def _first(urls: Sequence[str]) -> str:
    return urls[0] if urls else "no address is known"


def _data_by_hand(item: Recipe) -> list[str]:
    dataset: Dataset = item.dataset
    split = _split(item)
    if _data_here(item) or can_fetch(dataset, split):
        return []
    lacking = [a for a in archives_of(dataset, split) if not downloadable(a) and not dropped(a)]
    names = f" ({', '.join(archive.file for archive in lacking)})" if lacking else ""
    return [f"get {dataset.title}{names}: {dataset.access}"]


def memory_of(item: Recipe) -> int | None:
    """Peak of one process on a CPU, in MiB, as measured for the variant that the weights' ids
    name; None where that cannot be told."""
    known = {name.replace("_", "-"): mib for name, mib in item.adapter.memory_mib.items()}
    ids = " ".join(record.id for record in item.checkpoints)
    named = [mib for name, mib in known.items() if re.search(rf"\b{re.escape(name)}\b", ids)]
    if named:
        return max(named)
    other = re.search(r"\bvit-[a-z]+\b", ids)
    return next(iter(known.values())) if len(known) == 1 and not other else None


def _licences(item: Recipe) -> list[Licence]:
    """Stated for weights, code and data; nothing follows from one to another."""
    found = [Licence(of=step.of, says=step.says) for step in ladder(item.project)]
    found = [one for one in found if not one.of.startswith("training data")]
    return [*found, Licence(of=f"data: {item.dataset.title}", says=item.dataset.licence)]
