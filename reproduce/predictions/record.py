"""The result record of scored predictions, and writing it."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from catalog.records import CaseScore, Check, Measurement, Result, StatisticsFile
from reproduce.predictions.groups import Groups
from reproduce.predictions.measures import Choice
from reproduce.predictions.pairing import Pairing
from reproduce.predictions.request import Request
from reproduce.predictions.truths import Truths
from reproduce.scoring import MetricProfile, Scores, score
from reproduce.scoring.recorded import case_scores
from reproduce.scoring.units import BACKGROUND

if TYPE_CHECKING:
    import pyarrow as pa

STATISTICS = "statistics.parquet"


@dataclass(frozen=True, slots=True)
class Scored:
    """What was counted: profile, measures, classes in their order, thresholds (what is shown of a
    case first), and which pixels count, in words."""

    profile: MetricProfile
    choice: Choice
    labels: list[str]
    thresholds: tuple[float, ...]
    counted_in: str


def result_of(
    request: Request,
    truths: Truths,
    pairing: Pairing,
    scored: Scored,
    table: pa.Table,
    groups: Groups,
) -> Result:
    """The record; its run id is the hash of protocol and inputs."""
    from reproduce.ground.provenance import harness, now, package_versions
    from reproduce.ground.reading import sha256_of
    from reproduce.runs.spec import canonical, hash_cases

    soft = request.kind == "probability"
    measurements = [
        scores.measurement(claim=request.claim) for scores in scores_of(request, scored, table)
    ]
    measurements += _of_groups(measurements, scored, table, groups)
    protocol: dict[str, Any] = {
        **truths.recorded,
        "kind": request.kind,
        "thresholds": sorted(set(scored.thresholds)) if soft else [],
        **({"scale": request.scale} if soft else {}),
        "labels": {str(number): str(name) for number, name in request.labels.items()},
        "classes": scored.labels,
        "spacing_mm": list(request.spacing_mm),
        "resample": request.resample or "none",
        "grid": "original",
        "metric_profile": scored.profile.id,
        "counted_in": scored.counted_in,
        "not_measured": scored.choice.left_out,
    }
    inputs: dict[str, Any] = {
        "predictions": {case: sha256_of(path) for case, path in sorted(pairing.files.items())},
        "pairing": pairing.told or "same names",
        "cases": [
            {"id": case.id, "files": case.files, "patient": case.patient}
            for case in hash_cases(truths.cases)
        ],
    }
    if groups.columns:
        inputs["groups"] = {case.id: groups.of(case.id) for case in truths.cases}
    digest = hashlib.sha256(canonical({"protocol": protocol, "inputs": inputs})).hexdigest()
    missing, files = len(pairing.missing), len(pairing.files)
    against = request.dataset or "references"
    split = f" {protocol['split']}" if "split" in protocol else ""
    return Result(
        schema="result/1",
        run=f"{request.project}-{digest[:16]}",
        kind="recomputed",
        project=request.project,
        claims=[request.claim] if request.claim else [],
        status="partial" if missing else "complete",
        title=request.title or f"{request.predictions.name} on {against}{split}",
        protocol=protocol,
        inputs=inputs,
        environment={"harness": harness(), "packages": package_versions()},
        checks=[
            Check(
                name="all-cases",
                passed=not missing,
                detail=f"{files} of {files + missing} cases have a prediction",
                value=files / (files + missing),
            )
        ],
        measurements=measurements,
        cases=cases_of(scored, table),
        timing={},
        statistics=None,
        command=request.command,
        created=now(),
        reason=f"{missing} cases have no prediction" if missing else None,
    )


def scores_of(request: Request, scored: Scored, table: pa.Table) -> list[Scores]:
    """Every measure of the choice. One that was not named and cannot be scored is left out there,
    with its reason."""
    threshold = None
    if request.kind == "probability" and not (
        scored.profile.thresholds and request.threshold is None
    ):
        threshold = scored.thresholds[0]
    found = []
    for name in list(scored.choice.scored):
        try:
            scores = score(
                table,
                scored.profile,
                name,
                threshold=threshold,
                label_order=scored.labels,
                interval=True,
            )
        except InputError as error:
            if request.metrics or len(scored.choice.scored) == 1:
                raise
            scored.choice.scored.remove(name)
            scored.choice.left_out[name] = str(error)
            continue
        found.append(scores)
    return found


def cases_of(scored: Scored, table: pa.Table) -> list[CaseScore]:
    """Counts of every case and class; the background is counted for some profiles, and shown by
    none."""
    import pyarrow.compute as pc

    classes = table.filter(pc.not_equal(table["label"], BACKGROUND))
    return case_scores(classes, scored.thresholds[0], rounds=1)


def _of_groups(
    overall: list[Measurement], scored: Scored, table: pa.Table, groups: Groups
) -> list[Measurement]:
    """Every measure again for the cases of each group; what cannot be scored there is absent."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = []
    for column, values in groups.columns.items():
        for value, cases in values.items():
            part = table.filter(pc.is_in(table["case"], pa.array(cases, pa.string())))
            for m in overall:
                with contextlib.suppress(InputError):
                    scores = score(
                        part,
                        scored.profile,
                        m.metric,
                        threshold=m.threshold,
                        label_order=scored.labels,
                        interval=True,
                    )
                    found.append(scores.measurement(subgroup={column: value}))
    return found


def write_result(folder: Path, result: Result, table: pa.Table) -> Path:
    """Write `<folder>/<run>/statistics.parquet` and then `result.json`; the run's folder.

    A run that is there already is left as it is: results are append-only.
    """
    import msgspec

    from catalog.files import write_whole
    from reproduce.ground.reading import sha256_of
    from reproduce.statistics import write_statistics
    from reproduce.statistics.storage import of_run

    target = folder / result.run
    if (target / "result.json").is_file():
        return target
    path = target / STATISTICS
    write_statistics(path, of_run(table, result.run))
    result.statistics = StatisticsFile(
        file=STATISTICS,
        sha256=sha256_of(path),
        bytes=path.stat().st_size,
        rows=table.num_rows,
    )
    content = msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"
    write_whole(target / "result.json", content)
    return target
