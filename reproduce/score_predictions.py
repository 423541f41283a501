"""Score released predictions against a data set: evidence level *recomputed*, no weights needed.

Files are paired with cases by name and never by order; what does not pair, or lies on another
grid, is an error that names the file.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.records import CaseScore, Check, Result, StatisticsFile
from reproduce.contracts import Case, Dataset, Sample
from reproduce.plugins import plugin
from reproduce.readers import (
    ClassMap,
    Geometry,
    MaskFile,
    class_map,
    difference,
    read_mask,
    suffix_of,
)
from reproduce.readers.classes import declared_in

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

STATISTICS = "statistics.parquet"
Resample = Literal["nearest"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to score.

    labels         number in the prediction -> class name; {}: as labels.json or dataset.json beside
                   the predictions or the data set says; of one class, what is not background
    pattern        file name with `{case}`, where names have more in them than the case
    kind           label numbers, or a probability map of one class
    scale          what stands for certainty in probability maps; None: looked at in all of them
    resample       None: another grid is an error; nearest: bring predictions to the reference's
    allow_missing  a case without a file is scored 0 and left out (both are shown), not an error
    """

    predictions: Path
    dataset: str
    data: Path
    split: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    profile: str = "house/1"
    metrics: tuple[str, ...] = ("dice", "iou")
    labels: Mapping[int, str] = field(default_factory=dict)
    pattern: str | None = None
    key: str | None = None
    kind: Literal["label", "probability"] = "label"
    threshold: float = 0.5
    scale: float | None = None
    resample: Resample | None = None
    allow_missing: bool = False
    surfaces: tuple[str, ...] = ()
    project: str = "predictions"
    claim: str | None = None
    title: str | None = None
    command: str = ""


def score_predictions(
    request: Request, on_case: Callable[[str], None] = lambda _: None
) -> tuple[Result, pa.Table]:
    """Pair, read, check and count; the result record and its statistics (nothing is written).

    Raises `InputError` naming the file for anything that does not pair or fit, `UsageError` for
    names that mean nothing.
    """
    from reproduce.statistics import StatisticsBuilder

    dataset: Dataset = plugin("datasets", request.dataset)
    split, _ = split_used(request)
    cases = dataset.cases(request.data, split, request.options)
    if not cases:
        raise InputError(f"{request.data}: no case in split {split!r} of {dataset.title}.")
    if not request.predictions.is_dir():
        raise PrerequisiteError(
            f"{request.predictions}: no such folder here; expected predicted masks in it."
        )
    files, missing = pair(request, cases)
    builder = StatisticsBuilder(thresholds=[request.threshold], surface=request.surfaces or False)
    request = replace(request, scale=_scale(request, files))
    inside = 0  # cases of which only the pixels of a field of view count
    for case in cases:
        on_case(case.id)
        if case.id in files:
            sample = dataset.load(case, request.options)
            inside += sample.valid is not None
            _add(builder, request, sample, files[case.id])
    names = sorted({row["label"] for row in builder.table().select(["label"]).to_pylist()})
    for case in missing:
        builder.fail(
            case=case.id,
            patient=case.patient,
            labels=names or list(dataset.labels) or ["foreground"],
            reason="no prediction for this case",
        )
    table = builder.table()
    result = _result(request, split, cases, files, missing, table)
    result.protocol["counted_in"] = _counted_in(inside, len(files))
    return result, table


def _scale(request: Request, files: Mapping[str, Path]) -> float | None:
    """What stands for certainty in the predictions: as asked for, else looked at in all files."""
    from reproduce.readers.rules import scale_of

    if request.scale is not None or request.kind == "label":
        return request.scale
    maps = (read_mask(path, request.key) for path in files.values())
    return scale_of(maps, request.predictions)


def _counted_in(inside: int, cases: int) -> str:
    """Which pixels count, in words."""
    if not inside:
        return "the whole image"
    return "the field of view" if inside == cases else f"the field of view in {inside} of {cases}"


def split_used(request: Request) -> tuple[str, list[str]]:
    """The split that is scored, and the others there are."""
    splits = list(plugin("datasets", request.dataset).splits) or ["all"]
    used = request.split or splits[0]
    return used, [name for name in splits if name != used]


# ----------------------------------------------------------------------------------------- pairing


def pair(request: Request, cases: Sequence[Case]) -> tuple[dict[str, Path], list[Case]]:
    """Case id -> prediction file, and the cases without one.

    A file belongs to a case whose id is its name, or (without a pattern) the one case whose id is
    a whole part of its name, parts being what lies between characters that are neither letters
    nor digits. Raises `InputError` listing files that pair with no case or with several.
    """
    folder = request.predictions
    found = [p for p in sorted(folder.iterdir()) if p.is_file() and not p.name.startswith(".")]
    unreadable = [p.name for p in found if suffix_of(p) is None]
    files = [p for p in found if suffix_of(p) is not None]
    ids = [case.id for case in cases]
    paired: dict[str, Path] = {}
    problems: list[str] = []
    for path in files:
        owners = _owners(path, ids, request.pattern)
        if len(owners) != 1:
            many = f"fits {len(owners)} cases ({', '.join(owners[:3])})"
            problems.append(f"{path.name} {many if owners else 'belongs to no case'}")
        elif owners[0] in paired:
            problems.append(f"{path.name} and {paired[owners[0]].name} are both case {owners[0]}")
        else:
            paired[owners[0]] = path
    missing = [case for case in cases if case.id not in paired]
    if problems:
        raise InputError(
            f"{folder}: {len(problems)} of {len(files)} files do not pair with the cases of "
            f"{request.dataset}, {_split_told(request, files)}: "
            f"{'; '.join(problems[:5])}{' ...' if len(problems) > 5 else ''}. "
            f"Name files like the cases ({', '.join(ids[:3])} ...), or say how with "
            "--pattern '{case}_mask.png'. Files are never paired by order."
        )
    if not paired:
        other = f" ({', '.join(unreadable[:3])} cannot be read)" if unreadable else ""
        raise InputError(f"{folder}: no prediction in it{other}.")
    if missing and not request.allow_missing:
        raise InputError(
            f"{folder}: {len(missing)} of {len(cases)} cases have no file: "
            f"{', '.join(case.id for case in missing[:5])}{' ...' if len(missing) > 5 else ''}. "
            "Add them, or score without them by name: --allow-missing (they then count as 0, and "
            "the mean without them is shown beside)."
        )
    return paired, missing


def _split_told(request: Request, files: Sequence[Path]) -> str:
    """The split that was taken, and the one that the files fit where another does."""
    used, others = split_used(request)
    text = f"split {used!r}" + ("" if request.split else " (the first; none was named)")
    dataset: Dataset = plugin("datasets", request.dataset)
    for other in others:
        try:
            ids = [case.id for case in dataset.cases(request.data, other, request.options)]
        except (InputError, UsageError):
            continue  # its files are not here: nobody predicted them
        if all(len(_owners(path, ids, request.pattern)) == 1 for path in files):
            return f"{text}; they are those of --split {other}"
    return text + (f"; the others are {', '.join(others)}" if others else "")


def _owners(path: Path, ids: Sequence[str], pattern: str | None) -> list[str]:
    if pattern is not None:
        if "{case}" not in pattern:
            raise UsageError(f"pattern {pattern!r}: expected {{case}} where the case's name goes.")
        return [name for name in ids if path.name == pattern.replace("{case}", name)]
    suffix = suffix_of(path) or ""
    stem = path.name[: len(path.name) - len(suffix)]
    if stem in ids:
        return [stem]
    edge = r"(?:^|(?<=[^0-9A-Za-z])){}(?=$|[^0-9A-Za-z])"
    return [name for name in ids if re.search(edge.format(re.escape(name)), stem)]


# ---------------------------------------------------------------------------------------- counting


def _add(builder: Any, request: Request, sample: Sample, path: Path) -> None:
    import numpy as np
    import torch

    reference = reference_geometry(sample)
    found = read_mask(path, request.key, reference)
    found = _on_grid(found, reference, request.resample)
    masks = (
        _segments(found, sample, request) if found.segments else _numbers(found, sample, request)
    )
    labels = sorted(masks)
    scores = np.stack([masks[name] for name in labels])
    builder.add(
        case=sample.case.id,
        patient=sample.case.patient,
        labels=labels,
        scores=torch.from_numpy(scores)[:, None],
        kind=request.kind,
        reference=torch.from_numpy(np.stack([sample.labels[name] for name in labels])),
        valid=None if sample.valid is None else torch.from_numpy(sample.valid),
        spacing_mm=sample.spacing_mm,
    )


def reference_geometry(sample: Sample) -> Geometry:
    """The grid of a case: from the file of its label where that format says more than a shape."""
    shape = next(iter(sample.labels.values())).shape
    path = sample.case.files.get("label")
    if path is not None and suffix_of(path) in (".nii", ".nii.gz", ".npz", ".dcm", ".seg"):
        stored = read_mask(path).geometry
        if stored.shape == shape:
            return stored
    return Geometry(shape, sample.spacing_mm)


def _on_grid(found: MaskFile, reference: Geometry, resample: Resample | None) -> MaskFile:
    """The mask on the reference's grid. Raises `InputError` with the difference."""
    geometry = found.geometry
    # A 2D case as a volume of one slice, or the reverse, is the same grid.
    if geometry.shape != reference.shape and geometry.shape[-2:] == reference.shape[-2:]:
        lead = {geometry.shape[:-2], reference.shape[:-2]}
        if lead == {(), (1,)}:
            return found.moved(
                Geometry(reference.shape), lambda array: array.reshape(reference.shape)
            )
    off = difference(geometry, reference)
    if off is None:
        return found
    if resample is None:
        raise InputError(
            f"{found.path}: the prediction lies on another grid than the reference: {off}. Bring "
            "it to the reference's grid, or ask for it by name: --resample nearest (recorded)."
        )
    from reproduce.readers.resampling import resampled

    return resampled(found, reference)


def _segments(found: MaskFile, sample: Sample, request: Request) -> dict[str, NDArray[np.bool_]]:
    """Named segments by class; `labels` may map segment numbers, in order from 1, to classes."""
    import numpy as np

    named = {
        request.labels.get(number, name): mask
        for number, (name, mask) in enumerate(found.segments.items(), start=1)
    }
    if len(named) == 1 and len(sample.labels) == 1:
        named = {next(iter(sample.labels)): next(iter(named.values()))}
    unknown = sorted(set(named) - set(sample.labels))
    if unknown:
        raise InputError(
            f"{found.path}: segments {', '.join(unknown)} are no class of the data set "
            f"({', '.join(sample.labels)}). Say which is which with --label 1={unknown[0]} ..."
        )
    empty = np.zeros(next(iter(sample.labels.values())).shape, bool)
    return {name: named.get(name, empty) for name in sample.labels}


def _numbers(found: MaskFile, sample: Sample, request: Request) -> dict[str, NDArray[Any]]:
    """Class -> mask (or probability map) of a file of numbers, all classes of the case."""
    import numpy as np

    from reproduce.readers.rules import class_numbers, one_class, probabilities

    if request.kind == "probability":
        if len(sample.labels) != 1:
            raise InputError(f"{found.path}: one probability map for {len(sample.labels)} classes.")
        return {next(iter(sample.labels)): probabilities(found, request.scale or 1)}
    names = _names(request, sample)
    if names is None:
        (only,) = sample.labels
        return {only: one_class(found, label=only)}
    numbers = {int(n) for n in np.unique(class_numbers(found))} - {0, *names.ignore}
    outside = sorted(numbers - {key for own in names.classes.values() for key in own})
    wrong = sorted(set(names.classes) - set(sample.labels))
    if outside or wrong:
        raise InputError(
            f"{found.path}: "
            + (f"label numbers {outside} are not in the map {names.told()}. " if outside else "")
            + (f"classes {', '.join(wrong)} are not in the data set. " if wrong else "")
            + f"The data set has {', '.join(sample.labels)}."
        )
    return names.read(found).masks


def _names(request: Request, sample: Sample) -> ClassMap | None:
    """What label numbers mean: as asked for, else as a file beside the predictions or the data set
    says, else class 3 is number 3; None: the only class is whatever is not background.

    Raises `UsageError` where nothing says it.
    """
    if request.labels:
        return ClassMap.of(request.labels, "--label")
    found = declared_in(request.predictions) or class_map(
        request.options.get("labels"), request.data
    )
    if found is not None and set(found.classes) <= set(sample.labels):
        return found
    if len(sample.labels) == 1:
        return None
    if all(name.isdecimal() for name in sample.labels):
        return ClassMap.numbered(map(int, sample.labels))
    raise UsageError(
        f"{request.dataset} has the classes {', '.join(sample.labels)}: say which number is "
        "which, --label 1=liver --label 2=spleen."
    )


# ------------------------------------------------------------------------------------------ result


def _result(
    request: Request,
    split: str,
    cases: Sequence[Case],
    files: Mapping[str, Path],
    missing: Sequence[Case],
    table: pa.Table,
) -> Result:
    from reproduce.provenance import harness, package_versions
    from reproduce.reading import sha256_of
    from reproduce.running.planning import hash_cases
    from reproduce.running.spec import canonical
    from reproduce.scoring import score

    protocol = {
        "dataset": request.dataset,
        # JSON has only text as keys: {1: liver} becomes {"1": liver}
        "dataset_options": json.loads(json.dumps(dict(request.options))),
        "split": split,
        "kind": request.kind,
        "threshold": request.threshold,
        **({"scale": request.scale} if request.kind == "probability" else {}),
        "labels": {str(number): name for number, name in request.labels.items()},
        "resample": request.resample or "none",
        "grid": "original",
        "metric_profile": request.profile,
        "surfaces": list(request.surfaces),
    }
    inputs = {
        "predictions": {case: sha256_of(path) for case, path in sorted(files.items())},
        "cases": [
            {"id": case.id, "files": case.files, "patient": case.patient}
            for case in hash_cases(cases)
        ],
    }
    digest = hashlib.sha256(canonical({"protocol": protocol, "inputs": inputs})).hexdigest()
    threshold = request.threshold if request.kind == "probability" else None
    measurements = [
        score(table, request.profile, metric, threshold=threshold).measurement(claim=request.claim)
        for metric in request.metrics
    ]
    return Result(
        schema="result/1",
        run=f"{request.project}-{digest[:16]}",
        kind="recomputed",
        project=request.project,
        claims=[request.claim] if request.claim else [],
        status="partial" if missing else "complete",
        title=request.title or f"{request.predictions.name} on {request.dataset} {split}",
        protocol=protocol,
        inputs=inputs,
        environment={"harness": harness(), "packages": package_versions()},
        checks=[
            Check(
                name="all-cases",
                passed=not missing,
                detail=f"{len(files)} of {len(cases)} cases have a prediction",
                value=len(files) / len(cases),
            )
        ],
        measurements=measurements,
        cases=_case_scores(table),
        timing={},
        statistics=None,
        command=request.command,
        created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        reason=f"{len(missing)} cases have no prediction" if missing else None,
    )


def _case_scores(table: pa.Table) -> list[CaseScore]:
    found = []
    for row in table.to_pylist():
        if row["scope"] == "slice":
            continue
        tp, fp, fn = row["tp"] or 0, row["fp"] or 0, row["fn"] or 0
        union = tp + fp + fn
        found.append(
            CaseScore(
                case=row["case"],
                label=row["label"],
                dice=2 * tp / (union + tp) if union else None,
                iou=tp / union if union else None,
                tp=tp,
                fp=fp,
                fn=fn,
                patient=row["patient"],
                missing=row["failure"] is not None,
            )
        )
    return found


def write_result(folder: Path, result: Result, table: pa.Table) -> Path:
    """Write `<folder>/<run>/statistics.parquet` and then `result.json`; the run's folder.

    A run that is there already is left as it is: results are append-only.
    """
    import msgspec

    from catalog.files import write_whole
    from reproduce.reading import sha256_of
    from reproduce.statistics import write_statistics

    target = folder / result.run
    if (target / "result.json").is_file():
        return target
    path = target / STATISTICS
    write_statistics(path, table)
    result.statistics = StatisticsFile(
        file=STATISTICS,
        sha256=sha256_of(path),
        bytes=path.stat().st_size,
        rows=table.num_rows,
    )
    content = msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"
    write_whole(target / "result.json", content)
    return target
