"""From finished shards to `result.json` and `statistics.parquet`."""

from __future__ import annotations

import statistics as stdlib_statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from catalog import json_in
from catalog.errors import InputError, UsageError
from catalog.records import Check, Measurement, Result, StatisticsFile
from reproduce.ground.plugins import plugin
from reproduce.ground.provenance import now
from reproduce.ground.reading import sha256_of
from reproduce.planning.recipes import Recipe
from reproduce.running.worker import ShardRecord, finished, shard_paths
from reproduce.runs.recorded import inputs_of, protocol_of
from reproduce.runs.spec import Plan, RunSpec, Shard, shards_of
from reproduce.scoring.recorded import case_scores, shown_threshold

if TYPE_CHECKING:
    import pyarrow as pa

COMPARISON_PROFILE = "house/1"  # every run is also scored under our own profile
STATISTICS = "statistics.parquet"


def read_records(folder: Path, spec: RunSpec) -> list[ShardRecord]:
    """Records of the finished shards, in order. Raises `InputError` for one of another version, and
    for files that are not those of the shard they are called after."""
    return [_record(shard, *shard_paths(folder, shard)) for shard in _finished(folder, spec)]


def _finished(folder: Path, spec: RunSpec) -> list[Shard]:
    return [shard for shard in shards_of(spec) if finished(folder, shard)]


def _record(shard: Shard, table: Path, path: Path) -> ShardRecord:
    try:
        record = json_in.decoded(path.read_bytes(), ShardRecord)
    except msgspec.DecodeError as error:
        raise InputError(
            f"{path}: expected the record of a finished shard of this version, got: {error}. "
            f"Delete {path.name} to compute that shard again, or finish with the version that "
            "began the run."
        ) from error
    # Else counts of another run, of other weights say, would be taken for this one's.
    other = (record.name, record.cases) != (shard.name, shard.cases)
    if other or record.sha256 not in (None, sha256_of(table)):
        raise InputError(
            f"{path if other else table}: not what the shard {shard.name} left when it was "
            f"finished. Delete {path.name} to compute that shard again."
        )
    return record


def check_begun(folder: Path, spec: RunSpec) -> None:
    """Raise `InputError` where a shard that an earlier command finished cannot be used: it was
    written by another version, or edited. Told before anything else is computed."""
    from reproduce.statistics import read_statistics

    read_records(folder, spec)
    for shard in shards_of(spec):
        if finished(folder, shard):
            read_statistics(shard_paths(folder, shard)[0])


def merged_table(folder: Path, spec: RunSpec, records: Sequence[ShardRecord]) -> pa.Table:
    """Statistics of all shards, with a failure row for every case and label that gave none."""
    from reproduce.running.worker import builder_for
    from reproduce.statistics import merge_statistics, read_statistics

    tables = [
        read_statistics(shard_paths(folder, shard)[0])
        for shard in shards_of(spec)
        if finished(folder, shard)
    ]
    failed = {case: reason for record in records for case, reason in record.failed.items()}
    if failed:
        seen = {label for table in tables for label in table["label"].to_pylist()}
        labels = sorted(seen or set(plugin("datasets", spec.dataset).labels) or {"unknown"})
        builder = builder_for(spec)
        patients = {case.id: case.patient for case in spec.cases}
        for case, reason in sorted(failed.items()):
            for seed in spec.seeds:
                builder.fail(
                    case=case,
                    labels=labels,
                    reason=_without_paths(reason),
                    patient=patients.get(case),
                    scope="image"
                    if plugin("datasets", spec.dataset).dimensionality == "2d"
                    else "volume",
                    seed=seed,
                )
        tables.append(builder.table())
    return merge_statistics(tables)


def _without_paths(text: str) -> str:
    """File names instead of full paths: results are published, machines are not."""
    return " ".join(
        Path(word.rstrip(":,.")).name + word[len(word.rstrip(":,.")) :] if "/" in word else word
        for word in text.split(" ")
    )


def measurements(table: pa.Table, recipes: Sequence[Recipe], spec: RunSpec) -> list[Measurement]:
    """Every claim under its own profile (marked as the claim's only where the run serves it),
    every profile at each stored threshold, and Dice and IoU under our own profile."""
    found: list[Measurement] = []
    asked: list[tuple[str, str, str | None, float | None, str | None, str | None]] = []
    for item in recipes:
        profile = item.claim.protocol.metric_profile.value
        if not isinstance(profile, str):
            continue
        value = item.claim.protocol.threshold.value
        threshold = float(value) if isinstance(value, (int, float)) else None
        selection = item.claim.protocol.mask_selection.value
        claim = item.claim_id if item.claim_id in spec.claims else None
        asked.append(
            (
                profile,
                item.claim.metric,
                item.claim.label,
                threshold,
                selection if isinstance(selection, str) else None,
                claim,
            )
        )
        if len(spec.thresholds) > 1:
            asked += [
                (
                    profile,
                    item.claim.metric,
                    item.claim.label,
                    other,
                    selection if isinstance(selection, str) else None,
                    None,
                )
                for other in spec.thresholds
                if other != threshold and item.claim.metric != "auc"
            ]
    asked += [(COMPARISON_PROFILE, metric, None, None, None, None) for metric in ("dice", "iou")]
    for profile, metric, label, threshold, selection, claim in dict.fromkeys(asked):
        measured = _measure(table, profile, metric, label, threshold, selection, claim, spec)
        if measured is not None:
            found.append(measured)
    return found


def _measure(
    table: pa.Table,
    profile: str,
    metric: str,
    label: str | None,
    threshold: float | None,
    selection: str | None,
    claim: str | None,
    spec: RunSpec,
) -> Measurement | None:
    from reproduce.scoring import score

    try:
        scores = score(
            table,
            profile,
            metric,
            label=label,
            threshold=threshold,
            mask_selection=selection,
            grid=spec.grid,
        )
    except (InputError, UsageError):
        if claim is not None:
            raise
        return None  # our own profile may need what this run does not store
    return scores.measurement(claim=claim, label=label)


def assemble(
    folder: Path,
    plan: Plan,
    recipes: Sequence[Recipe],
    table: pa.Table,
    records: Sequence[ShardRecord],
    checks: Sequence[Check],
) -> Result:
    """The result record of a finished run; `statistics.parquet` must be in `folder`."""
    spec = plan.spec
    assert spec.kind != "predict"  # answers that nobody scores are no result
    failed = {case: reason for record in records for case, reason in record.failed.items()}
    path = folder / STATISTICS
    status: Literal["complete", "partial", "failed"] = "complete"
    reason = None
    if failed:
        status = "partial" if len(failed) < len(spec.cases) else "failed"
        reason = f"{len(failed)} of {len(spec.cases)} cases could not be scored: " + "; ".join(
            _without_paths(text) for text in list(failed.values())[:3]
        )
    elif spec.limit is not None:
        status = "partial"
        reason = f"only the first {spec.limit} cases were asked for (--limit)"
    peaks = [record.memory_mib for record in records]
    return Result(
        schema="result/1",
        run=spec.run_id(),
        kind=spec.kind,
        project=spec.project,
        claims=[] if spec.limit is not None else spec.claims,
        status=status,
        title=spec.title,
        protocol=protocol_of(spec),
        inputs=inputs_of(spec),
        environment=environment_of(records),
        checks=list(checks),
        measurements=measurements(table, recipes, spec),
        cases=case_scores(table, shown_threshold(spec.thresholds), spec.rounds),
        timing=timing_of(records),
        statistics=StatisticsFile(
            file=STATISTICS,
            sha256=sha256_of(path),
            bytes=path.stat().st_size,
            rows=table.num_rows,
        ),
        command=plan.placement.command,
        created=now(),
        by=plan.placement.by,
        reason=reason,
        references=[area for record in records for area in record.references],
        peak_memory_mib=max(
            (peak.get("gpu_mib", peak["resident_mib"]) for peak in peaks), default=None
        ),
    )


def environment_of(records: Sequence[ShardRecord]) -> dict[str, Any]:
    """Where the last shard was computed. Of the code that made the numbers, what any of them says:
    plugins of somebody's own, changes that are not committed, and all commits where they differ."""
    each = [record.environment for record in records if record.environment]
    if not each:
        return {}
    harnesses = [dict(one["harness"]) for one in each]
    harness = harnesses[-1]
    harness["changed"] = sorted({str(file) for one in harnesses for file in one["changed"]})
    if any(one["dirty"] for one in harnesses):
        harness["dirty"] = True
    commits = sorted({str(one["commit"]) for one in harnesses})
    if len(commits) > 1:
        harness["commits"] = commits
    plugins = sorted({str(name) for one in each for name in one.get("plugins", ())})
    return {**each[-1], "harness": harness, "plugins": plugins}


def timing_of(records: Sequence[ShardRecord]) -> dict[str, Any]:
    """Seconds by phase, summed over workers, and cases per second of one worker."""
    phases: dict[str, float] = {}
    for record in records:
        for name, seconds in record.seconds.items():
            phases[f"{name}_s"] = round(phases.get(f"{name}_s", 0.0) + seconds, 3)
    wall = sum(record.wall_s for record in records)
    cases = sum(len(record.cases) for record in records)
    each = [record.wall_s / max(len(record.cases), 1) for record in records]
    return {
        **phases,
        "wall_s": round(wall, 3),
        "cases": cases,
        "cases_per_s": round(cases / wall, 3) if wall else None,
        "median_case_s": round(stdlib_statistics.median(each), 4) if each else None,
        "unprompted_objects": sum(record.unprompted for record in records),
    }
