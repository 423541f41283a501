"""Accumulate the statistics of a run, one batch of predictions at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import InputError, UsageError
from catalog.records import ReferenceArea
from reproduce.contracts import ScoreKind
from reproduce.statistics.arrays import (
    beside,
    brought,
    is_bool,
    is_tensor,
    on_card,
    on_host,
    thread_count,
)
from reproduce.statistics.components import Parts, component_overlaps, object_overlaps
from reproduce.statistics.counting import checked, confusion, decision, histogram
from reproduce.statistics.schema import COUNTS, arrow_schema
from reproduce.statistics.storage import merge_statistics
from reproduce.statistics.surface import SurfaceSpec, Task, default_specs, surface_histograms

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from reproduce.statistics.arrays import Array

Upsample = Literal["bilinear", "nearest"]
Row = dict[str, Any]
Shapes = tuple[Row, "Array", "Array"]  # a row, its predicted mask, its reference

# Maps are brought to full size a few objects at a time, so that at most this many floats are
# alive at once besides the model's own output.
CHUNK_FLOATS = 1 << 26


class StatisticsBuilder:
    """Collects rows of `statistics/1`.

    thresholds   probabilities; `score > threshold` is foreground
    score_bins   bins of the score histograms (for AUC, and Dice at any k / bins); 0: none
    surface      True: the usual surface definitions; or their names (each is taken of the masks
                 that it is for, images or volumes); False: none
    surface_at   threshold at which surfaces and components are taken (default: 0.5 where it is
                 counted, else the first)
    components   of component statistics: connectivity, or `told`: objects as reference and
                 prediction tell them apart (images only); None: none
    """

    def __init__(
        self,
        thresholds: Sequence[float] = (0.5,),
        score_bins: int = 0,
        surface: bool | Sequence[str] = False,
        surface_at: float | None = None,
        components: Parts | None = None,
    ) -> None:
        if not thresholds or not all(0 <= t <= 1 for t in thresholds):
            raise UsageError(f"thresholds are probabilities in 0-1, at least one; got {thresholds}")
        if score_bins < 0:
            raise UsageError(f"score_bins must be 0 (none) or more, got {score_bins}")
        self.thresholds = tuple(sorted(set(map(float, thresholds))))
        self.score_bins = score_bins
        self.surfaces = None if isinstance(surface, bool) else tuple(surface)
        self.surface = bool(surface)
        usual = 0.5 if 0.5 in self.thresholds else float(thresholds[0])
        self.surface_at = usual if surface_at is None else surface_at
        if self.surface_at not in self.thresholds:
            raise UsageError(f"surface_at {self.surface_at} is none of {self.thresholds}")
        self.components = components
        self._rows: list[Row] = []
        # (case, label) -> (plane, object) -> pixels inside the valid area, of the reference
        self._references: dict[tuple[str, str], dict[tuple[int | None, int], tuple[int, int]]] = (
            defaultdict(dict)
        )

    def add(
        self,
        *,
        case: str,
        labels: Sequence[str],
        scores: Array,
        kind: ScoreKind,
        reference: Array,
        patient: str | None = None,
        valid: Array | None = None,
        slice_index: int | None = None,
        round: int = 0,
        seed: int = 0,
        object_index: int | Sequence[int] = 0,
        predicted_iou: Array | None = None,
        spacing_mm: Sequence[float] | None = None,
        upsample: Upsample | None = None,
        shapes: bool = True,
        reference_objects: Array | None = None,
        predicted_objects: Array | None = None,
    ) -> list[Row]:
        """Count N predictions against N reference masks. Returns the rows that were added.

        Arrays are all of NumPy, or all tensors of one device.

        labels         N class names
        scores         (N, C, H, W), or (N, C, D, H, W) for a volume; C mask candidates
        kind           logit, probability or label (0 and 1)
        reference      (N, H, W) or (N, D, H, W) bool
        valid          (H, W) or (D, H, W) bool: where pixels count; None: everywhere
        slice_index    which plane of a stack this is; None: an image, or a whole volume
        object_index   one for all, or N
        predicted_iou  (N, C), or None
        spacing_mm     of the array's spatial axes in their order, or None
        upsample       bring scores of another size to the reference's (bilinear without aligned
                       corners, or nearest), a few objects at a time; None: sizes must agree
        shapes         False: no surfaces and components, whatever the builder was made for
        reference_objects, predicted_objects   of images, for components that are `told`: (N, H, W)
                       and (N, C, H, W) whole numbers, one an object, 0 outside the mask

        A whole volume gives a row per plane (counts) and a row for all of it (their sums, and
        surfaces). Raises `InputError` for shapes that disagree, NaN, and values off the range.
        """
        place = f"case {case!r}" + ("" if slice_index is None else f" slice {slice_index}")
        reference = self._checked_shapes(place, labels, scores, reference, valid, upsample)
        objects = [object_index] * len(labels) if isinstance(object_index, int) else object_index
        if len(objects) != len(labels):
            raise InputError(f"{place}: {len(labels)} labels but {len(objects)} object indices.")
        estimates = None
        if predicted_iou is not None:
            if tuple(predicted_iou.shape) != tuple(scores.shape[:2]):
                raise InputError(
                    f"{place}: predicted_iou must be (N, C) = {tuple(scores.shape[:2])}, "
                    f"got {tuple(predicted_iou.shape)}."
                )
            estimates = brought(predicted_iou)
        if valid is not None:
            valid = beside(valid, scores) != 0
        common = {
            "case": case,
            "patient": patient,
            "round": round,
            "seed": seed,
        }
        self._keep_references(case, labels, objects, reference, valid, slice_index)
        size = tuple(reference.shape[1:])
        per_map = max(1, _product(size) * scores.shape[1])
        step = max(1, CHUNK_FLOATS // per_map)
        added: list[Row] = []
        for start in range(0, len(labels), step):
            stop = min(start + step, len(labels))
            part = _resized(scores[start:stop], kind, size, upsample)
            part = on_host(checked(part, kind, place))
            chunk = Chunk(
                common,
                labels[start:stop],
                objects[start:stop],
                part,
                kind,
                reference[start:stop],
                valid,
                None if estimates is None else estimates[start:stop],
                None if reference_objects is None else reference_objects[start:stop],
                None if predicted_objects is None else predicted_objects[start:stop],
            )
            if scores.ndim == 4:
                scope = "image" if slice_index is None else "slice"
                rows = self._plane(chunk, scope, slice_index)
                if shapes:
                    self._shaped(rows, chunk, spacing_mm)
                added += rows
            else:
                for rows in self._volume(chunk, shapes, spacing_mm):
                    added += rows
        self._rows += added
        return added

    def add_absent(
        self,
        *,
        case: str,
        label: str,
        reference: Array,
        kind: ScoreKind,
        rounds: int,
        seeds: Sequence[int],
        patient: str | None = None,
        valid: Array | None = None,
        slice_index: int | None = None,
        spacing_mm: Sequence[float] | None = None,
        shapes: bool = True,
        reference_objects: Array | None = None,
    ) -> list[Row]:
        """A target that nothing was asked about, in every round of every seed: all background.

        reference, reference_objects (H, W); the rest as in `add`.
        """
        import numpy as np

        there = None if reference_objects is None else brought(reference_objects)[None]
        rows = self.add(
            case=case,
            labels=[label],
            scores=np.zeros((1, 1, *reference.shape), np.float32),
            kind="label" if kind == "label" else "probability",
            reference=brought(reference)[None],
            patient=patient,
            valid=None if valid is None else brought(valid),
            slice_index=slice_index,
            seed=seeds[0],
            spacing_mm=spacing_mm,
            shapes=shapes,
            reference_objects=there,
            predicted_objects=None if there is None else np.zeros_like(there)[:, None],
        )
        # The counts are the same in whatever round of whatever seed.
        others = list(product(seeds, range(rounds)))[1:]
        again = [{**row, "seed": seed, "round": turn} for seed, turn in others for row in rows]
        self._rows += again
        return rows + again

    def add_whole(
        self,
        planes: Sequence[Row],
        *,
        shape: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None,
        spacing_mm: Sequence[float] | None = None,
    ) -> None:
        """The row of a whole stack: the sums of its planes' rows of one target and candidate.

        planes  rows of one threshold each plane, as `add` returned them
        shape   reference and predicted mask (S, H, W), for surfaces and components; None: none

        Raises `InputError` where components are `told`.
        """
        row = _summed(planes)
        if shape is not None:
            truth, predicted = shape
            self._add_shapes([(row, predicted, truth)], spacing_mm)
        self._rows.append(row)

    @property
    def whole_shapes(self) -> bool:
        """Whether surfaces or components were asked for, which need whole masks."""
        return self.surface or self.components is not None

    def takes_shape(self, row: Row) -> bool:
        """Whether surfaces and components are taken at this row's threshold."""
        return row["threshold"] is None or row["threshold"] == self.surface_at

    def fail(
        self,
        *,
        case: str,
        labels: Sequence[str],
        reason: str,
        patient: str | None = None,
        scope: str = "image",
        seed: int = 0,
    ) -> None:
        """Record that a case gave no prediction: one row per label, with the reason."""
        for label in labels:
            self._rows.append(
                {
                    "case": case,
                    "patient": patient,
                    "label": label,
                    "scope": scope,
                    "object": 0,
                    "round": 0,
                    "seed": seed,
                    "candidate": 0,
                    "failure": reason,
                }
            )

    def table(self) -> pa.Table:
        """All rows so far, sorted. Raises `InputError` where one object was added twice."""
        import pyarrow as pa

        return merge_statistics([pa.Table.from_pylist(self._rows, schema=arrow_schema())])

    def references(self) -> list[ReferenceArea]:
        """What the reference masks of all rows so far hold, by case and label."""
        found = []
        for (case, label), targets in sorted(self._references.items()):
            pixels, areas = zip(*targets.values(), strict=True)
            found.append(
                ReferenceArea(
                    case=case,
                    label=label,
                    targets=len(targets),
                    pixels=sum(pixels),
                    area_px=sum(areas),
                )
            )
        return found

    # ------------------------------------------------------------------------------- internals

    def _keep_references(
        self,
        case: str,
        labels: Sequence[str],
        objects: Sequence[int],
        reference: Array,
        valid: Array | None,
        slice_index: int | None,
    ) -> None:
        """Areas of targets that are new here; of a volume, of each of its slices."""
        volume = reference.ndim == 4
        planes = range(reference.shape[1]) if volume else [slice_index]
        new = [
            n
            for n, (label, number) in enumerate(zip(labels, objects, strict=True))
            if (planes[0], number) not in self._references[case, label]
        ]
        if not new:
            return
        masks = reference[new] if volume else reference[new][:, None]
        if valid is None:
            pixels = [_product(masks.shape[2:])] * len(planes)
        else:
            within = valid if volume else valid[None]
            masks = masks & within
            (pixels,) = _areas(within[None])
        areas = _areas(masks)
        for n, sizes in zip(new, areas, strict=True):
            targets = self._references[case, labels[n]]
            for plane, size, inside in zip(planes, sizes, pixels, strict=True):
                targets[plane, int(objects[n])] = (inside, size)

    def _checked_shapes(
        self,
        place: str,
        labels: Sequence[str],
        scores: Array,
        reference: Array,
        valid: Array | None,
        upsample: Upsample | None,
    ) -> Array:
        for name, given in (("scores", scores), ("reference", reference)):
            if not hasattr(given, "shape"):
                raise InputError(f"{place}: {name} must be an array, got {type(given).__name__}.")
        if scores.ndim not in (4, 5):
            raise InputError(
                f"{place}: scores must be (N, C, H, W) or (N, C, D, H, W), "
                f"got {tuple(scores.shape)}."
            )
        if len(labels) != scores.shape[0] or reference.shape[0] != scores.shape[0]:
            raise InputError(
                f"{place}: {len(labels)} labels, {scores.shape[0]} predictions and "
                f"{reference.shape[0]} reference masks; expected one of each per object."
            )
        if not is_bool(reference):
            raise InputError(f"{place}: reference masks must be bool, got {reference.dtype}.")
        if reference.ndim != scores.ndim - 1 or (
            upsample is None and reference.shape[1:] != scores.shape[2:]
        ):
            raise InputError(
                f"{place}: prediction is {tuple(scores.shape[2:])}, "
                f"reference {tuple(reference.shape[1:])}. "
                "Predict on the reference's grid, or name `upsample`."
            )
        if valid is not None and valid.shape != reference.shape[1:]:
            raise InputError(
                f"{place}: valid area is {tuple(valid.shape)}, "
                f"reference {tuple(reference.shape[1:])}."
            )
        return beside(reference, scores)

    def _plane(self, chunk: Chunk, scope: str, index: int | None) -> list[Row]:
        """Rows of (N, C, H, W), one per object, candidate and threshold."""
        thresholds = (self.thresholds[0],) if chunk.kind == "label" else self.thresholds
        bins = None
        if self.score_bins and chunk.kind != "label":
            bins = histogram(
                chunk.scores, chunk.kind, self.score_bins, chunk.reference, chunk.valid
            )
        counts = confusion(chunk.scores, chunk.kind, thresholds, chunk.reference, chunk.valid)
        rows: list[Row] = []
        for n, c, t in _indices(*counts.shape[:3]):
            row: Row = {
                **chunk.common,
                "label": chunk.labels[n],
                "scope": scope,
                "slice": index,
                "object": int(chunk.objects[n]),
                "threshold": None if chunk.kind == "label" else thresholds[t],
                "candidate": c,
                "predicted_iou": None if chunk.estimates is None else float(chunk.estimates[n, c]),
                **_counts(counts[n, c, t]),
            }
            if bins is not None and t == 0:
                row["histogram"] = _sparse(bins[n, c], self.score_bins)
            rows.append(row)
        return rows

    def _volume(
        self, chunk: Chunk, with_shapes: bool, spacing_mm: Sequence[float] | None
    ) -> Iterator[list[Row]]:
        """Rows of (N, C, D, H, W): those of its planes, and of the whole."""
        planes = [self._plane(part, "slice", d) for d, part in enumerate(chunk.planes())]
        yield from planes
        whole = [_summed(rows) for rows in zip(*planes, strict=True)]
        if with_shapes:
            self._shaped(whole, chunk, spacing_mm)
        yield whole

    def _shaped(
        self, rows: Sequence[Row], chunk: Chunk, spacing_mm: Sequence[float] | None
    ) -> None:
        """Surfaces and components into the rows of a chunk, where they are asked for."""
        if not self.whole_shapes:
            return
        cut = decision(self.surface_at, chunk.kind)
        each = len(rows) // (chunk.scores.shape[0] * chunk.scores.shape[1])
        wanted: list[Shapes] = []
        for position, row in enumerate(rows):
            if self.takes_shape(row):
                n, c = divmod(position // each, chunk.scores.shape[1])
                predicted, truth = chunk.scores[n, c] > cut, chunk.reference[n]
                if chunk.valid is not None:
                    predicted, truth = predicted & chunk.valid, truth & chunk.valid
                wanted.append((row, predicted, truth))
                if self.components == "told":
                    row["components"] = _told(row, chunk, n, c, predicted, truth)
        self._add_shapes(wanted, spacing_mm)

    def _add_shapes(self, shapes: Sequence[Shapes], spacing_mm: Sequence[float] | None) -> None:
        """Surfaces and components of masks into their rows.

        Surfaces of masks on a GPU are taken there; components are always the CPU's work.
        """
        wanted: list[tuple[Row, Task]] = []
        for row, predicted, truth in shapes:
            pair: Any = (truth, predicted)
            if not on_card(predicted):
                pair = brought(truth), brought(predicted)
            if self.surface:
                names = (
                    default_specs(predicted.ndim, spacing_mm is not None)
                    if self.surfaces is None
                    else self.surfaces
                )
                row["surfaces"] = []
                specs = map(SurfaceSpec.parse, names)
                wanted += [
                    (row, (*pair, spec, spacing_mm))
                    for spec in specs
                    if spec.axes == predicted.ndim
                ]
            if self.components == "told":
                if row.get("components") is None:
                    raise InputError(
                        f"case {row['case']!r}: objects are told apart on images, and this is a "
                        "whole stack. Choose a metric profile that counts components."
                    )
            elif self.components is not None:
                there, here = brought(truth), brought(predicted)
                row["components"] = component_overlaps(there, here, self.components)
        found = surface_histograms([task for _, task in wanted], thread_count())
        for (row, _), histogram_ in zip(wanted, found, strict=True):
            row["surfaces"].append(histogram_)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A few objects of one `add`, on their device. Arrays as there; (N, C, H, W) or volumes."""

    common: Row
    labels: Sequence[str]
    objects: Sequence[int]
    scores: Array
    kind: ScoreKind
    reference: Array
    valid: Array | None
    estimates: NDArray[np.float32] | None
    there: Array | None = None  # numbers of objects (N, H, W) of the reference
    here: Array | None = None  # (N, C, H, W) of the prediction

    def planes(self) -> Iterator[Chunk]:
        """The planes of a volume."""
        for d in range(self.scores.shape[2]):
            yield replace(
                self,
                scores=self.scores[:, :, d],
                reference=self.reference[:, d],
                valid=None if self.valid is None else self.valid[d],
            )


def _told(row: Row, chunk: Chunk, n: int, c: int, predicted: Array, truth: Array) -> dict[str, Any]:
    """Sizes and overlaps of the objects of a mask, where both sides tell them apart.

    Raises `InputError` where one does not, or numbers others than the pixels of its mask."""
    place = f"case {row['case']!r}, {row['label']!r}"
    if chunk.there is None:
        raise InputError(
            f"{place}: the data do not say which pixels are one object, and the metric matches "
            "objects. Choose a data set that does, or a profile that counts components (panoptica)."
        )
    if chunk.here is None:
        raise InputError(
            f"{place}: the model gives one mask of all objects, and the metric matches objects one "
            "by one. Choose an option or a model that tells them apart, or a profile that counts "
            "components (panoptica)."
        )
    sides = []
    for what, given, mask in (
        ("reference", chunk.there[n], truth),
        ("prediction", chunk.here[n, c], predicted),
    ):
        inside = brought(mask)
        numbers = brought(given) * inside
        if ((numbers > 0) != inside).any():
            raise InputError(f"{place}: pixels of the {what} are of no object.")
        sides.append(numbers)
    return object_overlaps(*sides)


def _summed(planes: Sequence[Row]) -> Row:
    """The row of a stack from the rows of its planes. Histograms move from the planes to it.

    A predicted IoU that is the same on all planes is the whole's; else there is none.
    """
    row: Row = {**planes[0], "scope": "volume", "slice": None}
    for name in COUNTS:
        row[name] = sum(plane[name] for plane in planes)
    if len({plane["predicted_iou"] for plane in planes}) > 1:
        row["predicted_iou"] = None
    histograms = [plane.pop("histogram") for plane in planes if "histogram" in plane]
    if histograms:
        row["histogram"] = _merged(histograms)
    return row


def _merged(histograms: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sparse histograms of one number of bins added up."""
    totals: dict[int, tuple[int, int]] = {}
    for entry in histograms:
        for index, positive, negative in zip(
            entry["index"], entry["positive"], entry["negative"], strict=True
        ):
            before = totals.get(index, (0, 0))
            totals[index] = before[0] + positive, before[1] + negative
    index = sorted(totals)
    return {
        "bins": histograms[0]["bins"],
        "index": index,
        "positive": [totals[i][0] for i in index],
        "negative": [totals[i][1] for i in index],
    }


def _product(size: tuple[int, ...]) -> int:
    result = 1
    for n in size:
        result *= n
    return result


def _indices(*shape: int) -> Iterator[tuple[int, ...]]:
    return product(*map(range, shape))


def _counts(four: NDArray[np.int64]) -> dict[str, int]:
    tp, fp, fn, tn = (int(v) for v in four)
    return {"tp": tp, "fp": fp, "fn": fn, "tn": tn}


def _sparse(counts: NDArray[np.int64], bins: int) -> dict[str, Any]:
    import numpy as np

    index = np.flatnonzero(counts.sum(0))
    return {
        "bins": bins,
        "index": index.tolist(),
        "positive": counts[0, index].tolist(),
        "negative": counts[1, index].tolist(),
    }


def _resized(
    scores: Array, kind: ScoreKind, size: tuple[int, ...], upsample: Upsample | None
) -> Array:
    if upsample is None or tuple(scores.shape[2:]) == size:
        return scores
    import torch
    from torch.nn.functional import interpolate

    scores = torch.as_tensor(scores).detach()
    if kind == "label" or upsample == "nearest":
        return interpolate(scores.float(), size=size, mode="nearest")
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return interpolate(scores.float(), size=size, mode=mode, align_corners=False)


def _areas(masks: Array) -> list[list[int]]:
    """Pixels of every mask of (N, M, ...) bool. torch adds booleans at a tenth of NumPy's speed."""
    import numpy as np

    if is_tensor(masks):
        found: list[list[int]] = masks.reshape(*masks.shape[:2], -1).sum(2).tolist()
        return found
    return [[int(np.count_nonzero(mask)) for mask in of_one] for of_one in masks]
