"""A model on somebody's own images and masks: asked as a prompt profile says, counted as every run
is counted. No claim is meant, so nothing here becomes a verdict.

What is counted of a case is kept beside its record, so that the same command goes on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from catalog import json_in
from catalog.errors import InputError, Sam4misError
from catalog.files import lock, write_whole
from reproduce.asking.kept import KeptDataset
from reproduce.asking.loop import Evaluator
from reproduce.asking.replay import prompts_of
from reproduce.contracts import Bring, Case, Dataset, PromptProfile, Sample, Through
from reproduce.planning.references import with_filter
from reproduce.predicting.drawn import MaskFolder
from reproduce.predicting.job import CASES, Job
from reproduce.predictions.truths import ONLY
from reproduce.runs.spec import canonical
from reproduce.scoring.needs import Needs
from reproduce.statistics import (
    StatisticsBuilder,
    merge_statistics,
    read_statistics,
    write_statistics,
)

if TYPE_CHECKING:
    import pyarrow as pa


class TrialRecord(Struct, kw_only=True):
    """How a case went: `problem` None, or why it has no score."""

    case: str
    mark: str
    problem: str | None = None
    seconds: float = 0.0


class OneName(dict[str, str]):
    """Names of a model's classes where the reference has one class without a name: whatever the
    model calls its own one."""

    def get(self, name: str, default: Any = None) -> Any:
        self.setdefault(name, ONLY)
        if len(self) > 1:
            raise InputError(
                f"the model answers for {', '.join(self)}, and the masks have one class without a "
                'name. Name it in labels.json beside the masks, such as {"255": "liver"}.'
            )
        return ONLY


class WithMasks(Through):
    """Own images with the masks that were drawn for them."""

    def __init__(self, plugin: Dataset, masks: MaskFolder) -> None:
        super().__init__(plugin)
        self.masks = masks

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """As the plugin's `load`, with masks."""
        return self.masks.onto(self.plugin.load(case, options))


@dataclass(slots=True)
class Trial:
    """One model, asked and counted.

    job      the model and what reads the images; its source of prompts is not used
    profile  None: the model takes none
    needs    what the metric profile wants counted
    """

    job: Job
    masks: MaskFolder
    profile: PromptProfile | None
    bring: Bring | None
    needs: Needs
    patients: Mapping[str, str]
    failed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def work(self, cases: Sequence[Case], on_case: Callable[[str], None]) -> pa.Table:
        """The statistics of all cases; those that have none are missing in it, and `failed` says
        why. Raises `InputError` where another command writes into the same folder, and where no
        case could be counted."""
        job = self.job
        job.out.mkdir(parents=True, exist_ok=True)
        with lock(job.out / ".predict.lock", 0) as mine:
            if not mine:
                raise InputError(f"{job.out}: another command writes there. Let it finish.")
            tables = []
            for case in cases:
                found = self._case(replace(case, patient=self.patients.get(case.id)))
                if found is not None:
                    tables.append(found)
                on_case(case.id)
        if not tables:
            told = "; ".join(f"{name}: {why}" for name, why in list(self.failed.items())[:3])
            raise InputError(f"{job.spec.project}: no case could be scored. {told}")
        labels = sorted({name for table in tables for name in table["label"].to_pylist()})
        builder = self._builder()
        for name, why in self.failed.items():
            for seed in job.spec.seeds:
                builder.fail(
                    case=name,
                    patient=self.patients.get(name),
                    labels=labels,
                    reason=why.rpartition("/")[2],
                    seed=seed,
                )
        return merge_statistics([*tables, *([builder.table()] if self.failed else [])])

    def _builder(self) -> StatisticsBuilder:
        return StatisticsBuilder(
            thresholds=sorted({self.job.threshold, *self.needs.thresholds}),
            score_bins=self.needs.score_bins,
            surface=self.needs.surfaces or False,
            components=self.needs.components,
            surface_at=self.job.threshold,
        )

    def _case(self, case: Case) -> pa.Table | None:
        path = self.job.out / CASES / f"{case.id}.json"
        counts = path.with_name(f"{path.stem}.parquet")
        mark = ""
        try:
            mark = self._mark(case)
            if (before := _before(path, mark)) is not None and counts.is_file():
                self.seconds += before.seconds
                return read_statistics(counts)
            record = TrialRecord(case=case.id, mark=mark)
            begun = time.perf_counter()
            table = self._counted(case)
            record.seconds = round(time.perf_counter() - begun, 3)
            self.seconds += record.seconds
            counts.parent.mkdir(parents=True, exist_ok=True)
            write_statistics(counts, table)
            write_whole(path, msgspec.json.encode(record))
        except Sam4misError as error:
            self.failed[case.id] = str(error)
            return None
        return table

    def _mark(self, case: Case) -> str:
        """A hash of all that makes the counts of a case."""
        profile = self.profile and f"{self.profile.name}/{self.profile.version}"
        document = [
            self.job.mark(case),
            profile,
            self.job.spec.seeds,
            repr(self.needs),
            self.masks.mark(case.id),
            self.masks.names and self.masks.names.told(),
            case.patient,
        ]
        return hashlib.sha256(canonical(document)).hexdigest()

    def _counted(self, case: Case) -> pa.Table:
        """Asked by the loop of every run, in every round of the profile."""
        job = self.job
        filtered = with_filter(WithMasks(job.data, self.masks), job.spec.reference_filter)
        held = KeptDataset(filtered, limit=1 << 62)
        sample = held.load(case, job.spec.dataset_options)
        prompts = {}
        if self.profile is not None:
            made = prompts_of(sample, self.profile, job.spec.seeds, self.bring)
            prompts = {case.id: made}
        builder = self._builder()
        Evaluator(
            spec=job.spec,
            dataset=held,
            model=job.model,
            profile=self.profile,
            prompts=prompts,
            bring=self.bring,
        ).evaluate([case], builder)
        return builder.table()


def _before(path: Path, mark: str) -> TrialRecord | None:
    """The record of a case that was counted with the same mark."""
    if not path.is_file():
        return None
    try:
        record = json_in.decoded(path.read_bytes(), TrialRecord)
    except msgspec.DecodeError:
        return None
    return record if record.mark == mark else None
