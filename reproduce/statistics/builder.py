"""Accumulate the statistics of a run, one batch of predictions at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import InputError, UsageError
from catalog.records import ReferenceArea
from reproduce.contracts import ScoreKind
from reproduce.statistics.components import Connectivity, component_overlaps
from reproduce.statistics.counting import checked, confusion, decision, histogram
from reproduce.statistics.schema import arrow_schema
from reproduce.statistics.storage import merge_statistics
from reproduce.statistics.surface import SurfaceSpec, Task, default_specs, surface_histograms

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import torch
    from numpy.typing import NDArray

Upsample = Literal["bilinear", "nearest"]
Shapes = tuple[dict[str, Any], "torch.Tensor", "torch.Tensor"]  # a row, its scores, its reference

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
    components   connectivity of component statistics; None: none
    """

    def __init__(
        self,
        thresholds: Sequence[float] = (0.5,),
        score_bins: int = 0,
        surface: bool | Sequence[str] = False,
        surface_at: float | None = None,
        components: Connectivity | None = None,
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
        self._rows: list[dict[str, Any]] = []
        # (case, label) -> (plane, object) -> pixels inside the valid area, of the reference
        self._references: dict[tuple[str, str], dict[tuple[int | None, int], tuple[int, int]]] = (
            defaultdict(dict)
        )

    def add(
        self,
        *,
        case: str,
        labels: Sequence[str],
        scores: torch.Tensor,
        kind: ScoreKind,
        reference: torch.Tensor,
        patient: str | None = None,
        valid: torch.Tensor | None = None,
        slice_index: int | None = None,
        round: int = 0,
        seed: int = 0,
        object_index: int | Sequence[int] = 0,
        predicted_iou: torch.Tensor | None = None,
        spacing_mm: Sequence[float] | None = None,
        upsample: Upsample | None = None,
        slices: bool = True,
        shapes: bool = True,
    ) -> None:
        """Count N predictions against N reference masks.

        labels         N class names
        scores         (N, C, H, W), or (N, C, D, H, W) for a volume; C mask candidates
        kind           logit, probability or label (0 and 1)
        reference      (N, H, W) or (N, D, H, W) bool
        valid          (H, W) or (D, H, W) bool: where pixels count; None: everywhere
        slice_index    which slice of a volume this is; None: a 2D image, or a whole volume
        object_index   one for all, or N
        predicted_iou  (N, C), or None
        spacing_mm     of the array's spatial axes in their order, or None
        upsample       bring scores of another size to the reference's (bilinear without aligned
                       corners, or nearest), a few objects at a time; None: sizes must agree
        slices         False: of a whole volume no rows for its slices
        shapes         False: no surfaces and components, whatever the builder was made for

        A whole volume is stored as one row per slice (counts) and one row for the volume (counts
        and surfaces). Raises `InputError` for shapes that disagree, NaN, and values off the range.
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
            estimates = predicted_iou.detach().float().cpu().numpy()
        if valid is not None:
            valid = valid.to(device=scores.device, dtype=_bool())
        common = {
            "case": case,
            "patient": patient,
            "round": round,
            "seed": seed,
        }
        self._keep_references(case, labels, objects, reference, valid, slice_index, slices)
        size = tuple(reference.shape[1:])
        per_map = max(1, _product(size) * scores.shape[1])
        step = max(1, CHUNK_FLOATS // per_map)
        for start in range(0, len(labels), step):
            stop = min(start + step, len(labels))
            part = _resized(scores[start:stop].detach(), kind, size, upsample)
            part = checked(part, kind, place)
            self._add_chunk(
                common,
                labels[start:stop],
                objects[start:stop],
                part,
                kind,
                reference[start:stop],
                valid,
                slice_index,
                None if estimates is None else estimates[start:stop],
                spacing_mm,
                slices,
                shapes,
            )

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
        reference: torch.Tensor,
        valid: torch.Tensor | None,
        slice_index: int | None,
        slices: bool,
    ) -> None:
        """Areas of targets that are new here; of a volume, of each of its slices."""
        volume = reference.ndim == 4
        if volume and not slices:  # the rows of its slices were counted one by one
            return
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
            pixels = [masks[0, 0].numel()] * len(planes)
        else:
            within = valid if volume else valid[None]
            masks = masks & within
            pixels = within.flatten(1).sum(1).tolist()
        areas = masks.flatten(2).sum(2).tolist()
        for n, sizes in zip(new, areas, strict=True):
            targets = self._references[case, labels[n]]
            for plane, size, inside in zip(planes, sizes, pixels, strict=True):
                targets[plane, int(objects[n])] = (inside, size)

    def _checked_shapes(
        self,
        place: str,
        labels: Sequence[str],
        scores: torch.Tensor,
        reference: torch.Tensor,
        valid: torch.Tensor | None,
        upsample: Upsample | None,
    ) -> torch.Tensor:
        import torch

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
        if reference.dtype != torch.bool:
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
        return reference.to(scores.device)

    def _add_chunk(
        self,
        common: dict[str, Any],
        labels: Sequence[str],
        objects: Sequence[int],
        scores: torch.Tensor,
        kind: ScoreKind,
        reference: torch.Tensor,
        valid: torch.Tensor | None,
        slice_index: int | None,
        estimates: NDArray[np.float32] | None,
        spacing_mm: Sequence[float] | None,
        with_slices: bool,
        with_shapes: bool,
    ) -> None:
        volume = scores.ndim == 5
        thresholds = (self.thresholds[0],) if kind == "label" else self.thresholds
        scope = "volume" if volume else ("image" if slice_index is None else "slice")
        bins = None
        if self.score_bins and kind != "label":
            bins = histogram(scores, kind, self.score_bins, reference, valid)
        counts = confusion(scores, kind, thresholds, reference, valid)
        shapes: list[Shapes] = []
        for n, c, t in _indices(*counts.shape[:3]):
            row: dict[str, Any] = {
                **common,
                "label": labels[n],
                "scope": scope,
                "slice": slice_index,
                "object": int(objects[n]),
                "threshold": None if kind == "label" else thresholds[t],
                "candidate": c,
                "predicted_iou": None if estimates is None else float(estimates[n, c]),
                **_counts(counts[n, c, t]),
            }
            if bins is not None and t == 0:
                row["histogram"] = _sparse(bins[n, c], self.score_bins)
            if kind == "label" or thresholds[t] == self.surface_at:
                shapes.append((row, scores[n, c], reference[n]))
            self._rows.append(row)
        if with_shapes:
            self._add_shapes(shapes, kind, valid, spacing_mm)
        if volume and with_slices:
            for d in range(scores.shape[2]):
                within = None if valid is None else valid[d]
                sliced = confusion(scores[:, :, d], kind, thresholds, reference[:, d], within)
                for n, c, t in _indices(*sliced.shape[:3]):
                    self._rows.append(
                        {
                            **common,
                            "label": labels[n],
                            "scope": "slice",
                            "slice": d,
                            "object": int(objects[n]),
                            "threshold": None if kind == "label" else thresholds[t],
                            "candidate": c,
                            "predicted_iou": None if estimates is None else float(estimates[n, c]),
                            **_counts(sliced[n, c, t]),
                        }
                    )

    def _add_shapes(
        self,
        shapes: Sequence[Shapes],
        kind: ScoreKind,
        valid: torch.Tensor | None,
        spacing_mm: Sequence[float] | None,
    ) -> None:
        """Surfaces and components of masks into their rows.

        Surfaces of masks on a GPU are taken there; components are always the CPU's work.
        """
        import torch

        if not self.surface and self.components is None:
            return
        wanted: list[tuple[dict[str, Any], Task]] = []
        for row, scores, reference in shapes:
            predicted = scores > decision(self.surface_at, kind)
            truth = reference
            if valid is not None:
                predicted, truth = predicted & valid, truth & valid
            pair: Any = (truth, predicted)
            if predicted.device.type != "cuda":
                pair = (truth.cpu().numpy(), predicted.cpu().numpy())
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
            if self.components is not None:
                there, here = truth.cpu().numpy(), predicted.cpu().numpy()
                row["components"] = component_overlaps(there, here, self.components)
        found = surface_histograms([task for _, task in wanted], torch.get_num_threads())
        for (row, _), histogram_ in zip(wanted, found, strict=True):
            row["surfaces"].append(histogram_)


def _bool() -> torch.dtype:
    import torch

    return torch.bool


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
    scores: torch.Tensor, kind: ScoreKind, size: tuple[int, ...], upsample: Upsample | None
) -> torch.Tensor:
    from torch.nn.functional import interpolate

    if upsample is None or tuple(scores.shape[2:]) == size:
        return scores
    if kind == "label" or upsample == "nearest":
        return interpolate(scores.float(), size=size, mode="nearest")
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return interpolate(scores.float(), size=size, mode=mode, align_corners=False)
