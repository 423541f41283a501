"""Run a plan to the end: workers, resume, gates, result, publication."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from catalog import json_in
from catalog.errors import InputError
from catalog.files import disk_full_told, lock, write_whole
from catalog.records import Check, Contours, Result, RoundsFile
from reproduce.asking.replay import (
    FOUND,
    PROMPTS,
    ROUNDS,
    prompts_sha256,
    read_prompts,
    replay_file,
)
from reproduce.ground.ending import undisturbed
from reproduce.ground.progress import progress
from reproduce.planning.recipes import Prompts, Recipe
from reproduce.running import outlines
from reproduce.running.batch_script import Asked
from reproduce.running.gates import Gates, kept
from reproduce.running.results import (
    STATISTICS,
    assemble,
    check_begun,
    merged_table,
    read_records,
)
from reproduce.running.worker import ShardRecord, Worker, finished, rounds_path
from reproduce.runs.spec import Placement, Plan, RunSpec, shards_of

if TYPE_CHECKING:
    import pyarrow as pa

RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Execution:
    """How a run is worked off here. One device per worker; more devices, more workers.

    `slurm`: what each task of an array job is given, None: on this machine.
    """

    devices: tuple[str, ...] = ("cpu",)
    slurm: Asked | None = None
    quiet: bool = False


def run_folder(out: Path, spec: RunSpec) -> Path:
    """The folder of a run: named by its id, so that the same command finds it again."""
    return out / spec.run_id()


def existing(folder: Path) -> Result | None:
    """The result of a run that was finished before, or None."""
    path = folder / RESULT
    if not path.is_file():
        return None
    try:
        return json_in.decoded(path.read_bytes(), Result)
    except msgspec.DecodeError as error:
        raise InputError(
            f"{path}: not a result file of this version ({error}). "
            "Move the folder away to run again."
        ) from error


def signed_by(folder: Path, result: Result, by: str | None) -> Result:
    """A finished result that said nothing of who ran it, with the name that is given now."""
    if by is None or result.by is not None:
        return result
    result.by = by
    write_whole(folder / RESULT, encode_result(result))
    return result


def prepare(folder: Path, spec: RunSpec, placement: Placement, prompts: Prompts) -> Plan:
    """Write the plan (and the prompts) that workers read. What shards are there already is kept."""
    check_begun(folder, spec)
    plan = Plan(spec=spec, placement=placement)
    for name, content in ((PROMPTS, prompts.first), (ROUNDS, prompts.later)):
        if content:
            write_whole(folder / name, content)
    write_whole(folder / "plan.json", msgspec.json.format(msgspec.json.encode(plan), indent=1))
    for left in (folder / "shards").glob("*.part"):  # of a worker that was killed while writing
        left.unlink(missing_ok=True)
    return plan


def execute(
    folder: Path, plan: Plan, recipes: Sequence[Recipe], how: Execution, gate: bool = True
) -> Result:
    """Work off what is left, try the gates, write the result. Raises what a worker raised."""
    spec = plan.spec
    shards = shards_of(spec)
    done = sum(len(shard.cases) for shard in shards if finished(folder, shard))
    worker = Worker(folder, how.devices[0], recipes[0].dataset)
    if how.slurm is not None:
        _on_slurm(folder, plan, how, gate)
    elif len(how.devices) > 1:
        _several(folder, plan, how)
    else:
        with progress(spec.run_id(), len(spec.cases), done=done, quiet=how.quiet) as bar:
            worker.work(on_case=lambda _: bar.advance())
    left = [shard for shard in shards if not finished(folder, shard)]
    if left:
        raise InputError(
            f"{folder}: {len(left)} of {len(shards)} shards are not finished (another worker may "
            "hold them, or died). Give the same command again; it goes on from here."
        )
    records, table = merged(folder, spec)
    scored = scored_cases(spec, table)
    checks = _checks(worker, table, scored, gate, how.quiet)
    result = assemble(folder, plan, recipes, table, records, checks)
    result.rounds = _rounds(folder, spec)
    result.contours = _contours(worker, records, folder)
    write_whole(folder / RESULT, encode_result(result))
    return result


def merged(folder: Path, spec: RunSpec) -> tuple[list[ShardRecord], pa.Table]:
    """The records and statistics of a run whose shards are all finished, written as one file."""
    from reproduce.statistics import write_statistics
    from reproduce.statistics.storage import of_run

    records = read_records(folder, spec)
    table = merged_table(folder, spec, records)
    with disk_full_told(folder / STATISTICS):
        write_statistics(folder / STATISTICS, of_run(table, spec.run_id()))
    return records, table


def try_gates(worker: Worker, quiet: bool = False) -> bool:
    """Try the gates of a run whose shards are all finished, unless somebody else is at it; their
    answers are kept in its folder. Returns whether this was the place to do it."""
    spec, folder = worker.plan.spec, worker.folder
    if not all(finished(folder, shard) for shard in shards_of(spec)):
        return False
    with lock(folder / ".gates.lock", 0) as mine:
        if mine:
            _, table = merged(folder, spec)
            _checks(worker, table, scored_cases(spec, table), gate=True, quiet=quiet)
    return mine


def _rounds(folder: Path, spec: RunSpec) -> RoundsFile | None:
    """Put the prompts of later rounds together, in the order of the cases, unless they were given;
    None: one round."""
    if spec.replayed is not None:
        if spec.rounds == 1:
            return None
        number = len(read_prompts(folder / ROUNDS))
        return RoundsFile(file=ROUNDS, sha256=spec.replayed, prompts=number)
    parts = [path for s in shards_of(spec) if (path := rounds_path(folder, s)).is_file()]
    lines = [line for path in parts for line in path.read_bytes().splitlines()]
    if not lines:
        return None
    profile = spec.prompt_profile or FOUND
    content = replay_file(profile, spec.seeds, lines)
    write_whole(folder / ROUNDS, content)
    return RoundsFile(file=ROUNDS, sha256=prompts_sha256(content), prompts=len(lines))


def encode_result(result: Result) -> bytes:
    """`result.json` as it is committed: one field a line, each outline on a line of its own."""
    document = msgspec.to_builtins(result)
    contours = document.pop("contours", [])
    text = msgspec.json.format(msgspec.json.encode(document), indent=1)
    if not contours:
        return text + b"\n"
    lines = b",\n  ".join(msgspec.json.encode(contour) for contour in contours)
    return text.removesuffix(b"\n}") + b',\n "contours": [\n  ' + lines + b"\n ]\n}\n"


def scored_cases(spec: RunSpec, table: pa.Table) -> list[str]:
    """Ids of the cases with statistics, in the run's order."""
    reasons = zip(table["case"].to_pylist(), table["failure"].to_pylist(), strict=True)
    seen = {case for case, reason in reasons if reason is None}
    return [case.id for case in spec.cases if case.id in seen]


def _contours(worker: Worker, records: Sequence[ShardRecord], folder: Path) -> list[Contours]:
    """What the shards drew, with the image beside it where the data set lets us show it."""
    found = [contours for record in records for contours in record.contours]
    spec, dataset = worker.plan.spec, worker.dataset
    shown = dataset.may_show_images and dataset.dimensionality == "2d" and spec.grid == "original"
    if found and shown:
        cases = list(worker.cases.values())
        outlines.with_pictures(found, dataset, spec.dataset_options, cases, folder)
    return found


def _checks(
    worker: Worker, table: pa.Table, scored: Sequence[str], gate: bool, quiet: bool
) -> list[Check]:
    spec = worker.plan.spec
    failed = [case.id for case in spec.cases if case.id not in set(scored)]
    # Building the model loads strictly: it would have raised on any missing or unexpected key.
    checks = [
        Check(name="exact-keys", passed=True, detail="strict load: no missing, no unexpected key"),
        Check(
            name="all-cases",
            passed=len(scored) == len(spec.cases),
            value=len(scored) / len(spec.cases),
            detail=f"{len(scored)} of {len(spec.cases)} cases scored"
            + (f"; failed: {', '.join(failed[:5])}" if failed else ""),
        ),
    ]
    if not gate or not scored:
        return checks
    if (found := kept(worker.folder, spec)) is not None:
        return checks + found  # tried by a task on a node, or by an earlier command
    cases = [worker.cases[name] for name in scored]
    gates = Gates(worker.folder, worker.plan, worker.evaluator, cases, table)
    with progress("gates", gates.left, quiet=quiet) as bar:
        return checks + list(gates.tried(on_case=lambda _: bar.advance()))


def worker_command(folder: Path, device: str) -> list[str]:
    """The command that works off shards of a run folder, for other processes and machines."""
    return [sys.executable, "-m", "reproduce.cli", "worker", str(folder), "--device", device]


def _several(folder: Path, plan: Plan, how: Execution) -> None:
    """One process per device; a worker that fails stops the others, what is finished is kept."""
    spec = plan.spec
    shards = shards_of(spec)
    already = sum(len(s.cases) for s in shards if finished(folder, s))
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    environment = dict(os.environ)
    running = []
    try:
        for number, device in enumerate(how.devices):
            with undisturbed(), (logs / f"worker-{number}.log").open("wb") as log:
                running.append(
                    subprocess.Popen(  # noqa: S603 - our own command
                        worker_command(folder, device), stdout=log, stderr=log, env=environment
                    )
                )
        with progress(spec.run_id(), len(spec.cases), done=already, quiet=how.quiet) as bar:
            told = already
            while True:
                alive = [process for process in running if process.poll() is None]
                now = sum(len(s.cases) for s in shards if finished(folder, s))
                bar.advance(now - told)
                told = now
                if not alive or any(process.returncode for process in running):
                    break
                time.sleep(0.2)
    finally:
        for process in running:
            if process.poll() is None:
                process.terminate()
        for process in running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
    bad = [i for i, process in enumerate(running) if process.returncode > 0]
    if bad:
        log_path = logs / f"worker-{bad[0]}.log"
        lines = log_path.read_text("utf-8", "replace").strip().splitlines()
        raise InputError(
            f"worker {bad[0]} stopped: {lines[-1] if lines else 'no message'} (see {log_path}). "
            "Finished shards are kept; the same command goes on from them."
        )


def _on_slurm(folder: Path, plan: Plan, how: Execution, gate: bool) -> None:
    """Tasks on nodes do the shards, and the last of them tries the gates: this machine may have no
    GPU."""
    from reproduce.running.slurm import run_array

    assert how.slurm is not None
    spec = plan.spec
    shards = shards_of(spec)

    def left() -> int:
        return sum(len(s.cases) for s in shards if not finished(folder, s))

    def reached() -> bool:
        if left():
            return False
        return not gate or kept(folder, spec) is not None or not _any_scored(folder, spec)

    told = left()
    if reached():
        return
    command = [*worker_command(folder, how.devices[0]), *(["--gates"] if gate else [])]
    with progress(
        spec.run_id(), len(spec.cases), done=len(spec.cases) - told, quiet=how.quiet
    ) as bar:

        def look() -> None:
            nonlocal told
            now = left()
            bar.advance(told - now)
            told = now

        busy = [shard for shard in shards if not finished(folder, shard)]
        wanted = replace(how.slurm, tasks=max(1, min(how.slurm.tasks, len(busy))))
        run_array(folder, command, wanted, reached, look)


def _any_scored(folder: Path, spec: RunSpec) -> bool:
    """Whether a case of the finished shards has statistics; without any no gate can be tried."""
    return any(len(r.failed) < len(r.cases) for r in read_records(folder, spec))


def publish(folder: Path, results: Path) -> Path:
    """Copy result and statistics to `results/<run-id>/`. Append-only: a published run stays as it
    is, and one with other counts, which the same inputs cannot give, is refused (`InputError`); so
    is a run with plugins of somebody's own."""
    from reproduce.statistics import read_statistics
    from reproduce.statistics.parity import difference

    content = (folder / RESULT).read_bytes()
    result = json_in.decoded(content, Result)
    if own := result.environment.get("plugins"):
        raise InputError(
            f"{result.run}: computed beside {', '.join(own)}, code of somebody's own, so it is not "
            f"published. Run it again without, in another folder (--out) than {folder.parent}."
        )
    target = results / result.run
    if existing(target) is not None:
        moved = difference(
            read_statistics(target / STATISTICS), read_statistics(folder / STATISTICS)
        )
        if moved is not None and moved.same:
            return target
        raise InputError(
            f"{target}: this run is published with other statistics ({moved or 'other rows'}). "
            "Results are append-only; if the older one is wrong, say so in its project and give "
            "the adapter a new version."
        )
    write_whole(target / STATISTICS, (folder / STATISTICS).read_bytes())
    if result.inputs.get("prompt_sha256") is not None:
        write_whole(target / PROMPTS, (folder / PROMPTS).read_bytes())
    if result.rounds is not None:
        write_whole(target / ROUNDS, (folder / ROUNDS).read_bytes())
    for name in sorted({c.image for c in result.contours if c.image}):
        write_whole(target / name, (folder / name).read_bytes())
    write_whole(target / RESULT, content)
    return target
