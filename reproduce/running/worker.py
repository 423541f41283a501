"""Work off the shards of a run folder: the same code in one process, on many GPUs, under Slurm.

A worker takes any shard that is neither finished nor locked. Locks are held by the operating
system (flock), so a killed worker holds none. A shard is finished when `shards/<name>.json` is
there; it is written after its Parquet file, both atomically.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from catalog.errors import InputError, UsageError
from catalog.files import lock, write_whole
from catalog.records import Contours, ReferenceArea
from reproduce.asking.loop import Evaluator
from reproduce.asking.prompt_grid import bring_of, check_side
from reproduce.asking.replay import (
    PROMPTS,
    ROUNDS,
    Replay,
    by_case,
    encoded_lines,
    identity,
    prompts_sha256,
    read_prompts,
)
from reproduce.contracts import Case
from reproduce.ground.plugins import plugin
from reproduce.ground.reading import sha256_of
from reproduce.planning.references import with_filter
from reproduce.running.outlines import OutlineRecorder
from reproduce.running.unchanged import need_files, need_hash, planned
from reproduce.runs.spec import Plan, RunSpec, Shard, kind_of, shards_of
from reproduce.scoring.recorded import shown_threshold

if TYPE_CHECKING:
    from reproduce.contracts import Dataset, Model, Prompt
    from reproduce.statistics import StatisticsBuilder


class ShardRecord(Struct, kw_only=True):
    """`shards/<name>.json`: how a finished shard went.

    failed  case -> reason
    sha256  of its statistics; None: of a shard finished before that was recorded
    """

    name: str
    cases: list[str]
    failed: dict[str, str]
    seconds: dict[str, float]
    wall_s: float
    unprompted: int
    memory_mib: dict[str, float]
    environment: dict[str, Any] = field(default_factory=dict)
    embeddings: dict[str, int] = field(default_factory=dict)
    references: list[ReferenceArea] = field(default_factory=list)
    contours: list[Contours] = field(default_factory=list)  # of the first shard
    sha256: str | None = None


def builder_for(spec: RunSpec) -> StatisticsBuilder:
    """An empty statistics builder with the counts that a run stores."""
    from reproduce.statistics import StatisticsBuilder

    return StatisticsBuilder(
        thresholds=spec.thresholds,
        score_bins=spec.score_bins,
        surface=spec.surfaces or False,
        components=spec.components,
    )


def load_model(spec: RunSpec, files: Sequence[str], device: str, precision: str) -> Model:
    """Read the weights and build the model; every key must match. Raises `InputError`, also for
    files that are not those of the run any more."""
    from reproduce.checkpoints.loading import read_parts

    adapter = plugin("adapters", spec.adapter)
    parts = [
        (Path(file), checkpoint.layout)
        for file, checkpoint in zip(files, spec.checkpoints, strict=True)
    ]
    model: Model = adapter.build(read_parts(parts), spec.adapter_options, device, precision)
    need_files((path for path, _ in parts), (checkpoint.sha256 for checkpoint in spec.checkpoints))
    return model


def cases_of(spec: RunSpec, data: Path, dataset: Dataset) -> dict[str, Case]:
    """The cases of a run on this machine by id. Raises `InputError` where one is gone."""
    here = {case.id: case for case in dataset.cases(data, spec.split, spec.dataset_options)}
    gone = [case.id for case in spec.cases if case.id not in here]
    if gone:
        raise InputError(
            f"{data}: {len(gone)} cases of the run are not there any more: {', '.join(gone[:5])}."
        )
    return here


def make_evaluator(plan: Plan, folder: Path, device: str, dataset: Dataset) -> Evaluator:
    """Model, prompts and embedding cache of a run on its data set, ready to evaluate."""
    from reproduce.asking.embeddings import EmbeddingCache, limit_bytes, maker_key

    spec = plan.spec
    model = load_model(spec, plan.placement.checkpoints, device, spec.precision)
    profile = None
    prompts = {}
    if spec.prompt_profile is not None:
        profile = plugin("prompts", spec.prompt_profile.partition("/")[0])
    if spec.prompt_sha256 is not None:
        path = folder / PROMPTS
        prompts = by_case(read_prompts(path))
        need_hash(path, str(spec.prompt_sha256), prompts_sha256(path.read_bytes()))
    recorded = None
    if spec.replayed is not None:
        if spec.rounds > 1:
            path = folder / ROUNDS
            need_hash(path, spec.replayed, prompts_sha256(path.read_bytes()))
        later = Replay.read(folder).of_cases({case.id for case in spec.cases}, spec.rounds).later
        recorded = {identity(prompt): prompt for prompt in later}
    bring = bring_of(plugin("adapters", spec.adapter), spec.adapter_options, spec.prompt_grid)
    if bring is not None:
        check_side(bring, model.side)
    cache = None
    if plan.placement.embeddings and model.cacheable and limit_bytes():
        folder_of_all = Path(plan.placement.embeddings)
        cache = EmbeddingCache(folder_of_all, maker_key(spec, device), model, device)
    return Evaluator(
        spec=spec,
        dataset=with_filter(planned(dataset, spec), spec.reference_filter),
        model=model,
        profile=profile,
        prompts=prompts,
        cache=cache,
        bring=bring,
        recorded=recorded,
        # A CPU that predicts has nothing to spare; a GPU would wait for files.
        loading_threads=4 if device.startswith("cuda") else 0,
    )


def shard_paths(folder: Path, shard: Shard) -> tuple[Path, Path]:
    """The Parquet file and the record of a shard."""
    return folder / "shards" / f"{shard.name}.parquet", folder / "shards" / f"{shard.name}.json"


def rounds_path(folder: Path, shard: Shard) -> Path:
    """Where the prompts of a shard's later rounds are kept, one a line."""
    return folder / "shards" / f"{shard.name}.rounds.jsonl"


def finished(folder: Path, shard: Shard) -> bool:
    """Whether a shard was completed. The record is written last, so it stands for both files."""
    table, record = shard_paths(folder, shard)
    return record.is_file() and table.is_file()


class Worker:
    """One process (or one GPU) that works off shards of the run in `folder`.

    `device` overrides the plan's, `dataset` the plugin of that name (by one that keeps what was
    read). The model is loaded when there is work for it. Raises
    `UsageError` for a device of another kind than the run's.
    """

    def __init__(
        self, folder: Path, device: str | None = None, dataset: Dataset | None = None
    ) -> None:
        from reproduce.ground.provenance import settle

        self.folder = folder
        self.plan = Plan.read(folder)
        self.dataset = dataset or plugin("datasets", self.plan.spec.dataset)
        self.device = device or self.plan.placement.device
        if kind_of(self.device) != self.plan.spec.device:
            raise UsageError(
                f"--device {self.device}: {folder.name} is a run on {self.plan.spec.device}. "
                "On another kind of device it is another run; `sam4mis reproduce run` plans it."
            )
        self._evaluator: Evaluator | None = None
        self._cases: dict[str, Case] | None = None
        settle(self.device, self.plan.placement.threads)

    @property
    def evaluator(self) -> Evaluator:
        """Model, prompts and data set; made on first use."""
        if self._evaluator is None:
            self._evaluator = make_evaluator(self.plan, self.folder, self.device, self.dataset)
        return self._evaluator

    @property
    def cases(self) -> dict[str, Case]:
        """The run's cases by id; looked up on first use."""
        if self._cases is None:
            place = Path(self.plan.placement.data)
            self._cases = cases_of(self.plan.spec, place, self.dataset)
        return self._cases

    def work(self, on_case: Callable[[str], None] = lambda _: None, only: int | None = None) -> int:
        """Do shards until none is left that nobody else is doing; returns how many were done here.

        `only` limits the work to the shard of that index.
        """
        (self.folder / "shards").mkdir(parents=True, exist_ok=True)
        done = 0
        for shard in shards_of(self.plan.spec):
            if (only is not None and shard.index != only) or finished(self.folder, shard):
                continue
            with lock(self.folder / "shards" / f".{shard.name}.lock", 0) as mine:
                if mine and not finished(self.folder, shard):
                    self._do(shard, on_case)
                    done += 1
        return done

    def _do(self, shard: Shard, on_case: Callable[[str], None]) -> None:
        from reproduce.ground.provenance import environment, peak_memory_mib
        from reproduce.statistics import write_statistics

        spec = self.plan.spec
        table_path, record_path = shard_paths(self.folder, shard)
        evaluator = self.evaluator
        begun = time.perf_counter()
        builder = builder_for(spec)
        later: list[Prompt] = []
        evaluator.on_prompts = later.extend
        drawn = OutlineRecorder(shown_threshold(spec.thresholds), evaluator.dataset.may_show_images)
        evaluator.on_masks = drawn.look if shard.index == 0 else None
        outcome = evaluator.evaluate([self.cases[c] for c in shard.cases], builder, on_case)
        write_statistics(table_path, builder.table())
        if later:
            write_whole(rounds_path(self.folder, shard), b"\n".join(encoded_lines(later)) + b"\n")
        cache = evaluator.cache
        record = ShardRecord(
            name=shard.name,
            cases=shard.cases,
            failed=outcome.failed,
            seconds={phase: round(seconds, 4) for phase, seconds in outcome.seconds.items()},
            wall_s=round(time.perf_counter() - begun, 4),
            unprompted=outcome.unprompted,
            memory_mib=peak_memory_mib(self.device),
            environment=environment(self.device, spec.precision),
            embeddings={} if cache is None else {"hits": cache.hits, "misses": cache.misses},
            references=builder.references(),
            contours=drawn.contours(),
            sha256=sha256_of(table_path),
        )
        write_whole(record_path, msgspec.json.encode(record))
