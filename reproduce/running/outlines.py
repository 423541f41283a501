"""Outlines of a few cases for the run's page, traced while they are evaluated once more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from catalog.files import write_whole
from catalog.records import Contours
from reproduce.asking.loop import Evaluator
from reproduce.contracts import Case, ScoreKind

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch
    from numpy.typing import NDArray

CASES = 2
TOLERANCE_PX = 0.4  # polygons are thinned so that no point moves further than this
MAX_NUMBERS = 8_000  # coordinates of one case; finer structures are thinned more


class OutlineRecorder:
    """Takes the place of a `StatisticsBuilder` and keeps outlines instead of counts.

    Of a volume the slice with the largest reference of each label is kept; of several seeds, rounds
    and candidates the last round of the first seed, and the candidate with the best predicted IoU.
    `with_truth` False leaves the reference out (its licence may not let us show it). Cases that are
    not in `only` are passed over.
    """

    def __init__(self, threshold: float, with_truth: bool, only: Collection[str]) -> None:
        self.only = only
        self.threshold = threshold
        self.with_truth = with_truth
        self._kept: dict[tuple[str, str], tuple[int, int, Contours]] = {}

    def add(
        self,
        *,
        case: str,
        labels: Sequence[str],
        scores: torch.Tensor,
        kind: ScoreKind,
        reference: torch.Tensor,
        round: int = 0,
        seed: int = 0,
        predicted_iou: torch.Tensor | None = None,
        **_: Any,
    ) -> list[Any]:
        """See `StatisticsBuilder.add`; there are no rows."""
        import math

        if case not in self.only:
            return []
        cut = self.threshold
        if kind == "logit":
            cut = math.log(cut / (1 - cut)) if 0 < cut < 1 else math.copysign(math.inf, cut - 0.5)
        for i, label in enumerate(labels):
            mask, shown = reference[i], scores[i]
            size = int(mask.sum())
            held = self._kept.get((case, label))
            if held is not None and (seed > held[0] or size < held[1]):
                continue
            best = 0 if predicted_iou is None else int(predicted_iou[i].argmax())
            truth = mask.cpu().numpy()
            contours = Contours(
                case=case,
                label=label,
                width_px=truth.shape[1],
                height_px=truth.shape[0],
                truth=outline(truth) if self.with_truth else [],
                predicted=outline((shown[best] > cut).cpu().numpy()),
            )
            self._kept[case, label] = (seed, size, contours)
        return []

    def add_absent(
        self, *, label: str, reference: torch.Tensor, seeds: Sequence[int], **more: Any
    ) -> list[Any]:
        """See `StatisticsBuilder.add_absent`: nothing is drawn on nothing."""
        for name in ("kind", "rounds", "valid"):
            more.pop(name)
        nothing = reference.new_zeros((1, 1, *reference.shape))
        return self.add(
            labels=[label],
            scores=nothing,
            kind="label",
            reference=reference[None],
            seed=min(seeds),
            **more,
        )

    def add_whole(self, *_: Any, **__: Any) -> None:
        """See `StatisticsBuilder.add_whole`: the planes say it all."""

    whole_shapes = False

    def contours(self) -> list[Contours]:
        """What was kept, by case and label; empty pairs are left out."""
        found = [entry[2] for _, entry in sorted(self._kept.items())]
        return [c for c in found if c.truth or c.predicted]


def outline(mask: NDArray[np.bool_]) -> list[list[float]]:
    """Polygons around the foreground of an (H, W) mask: flat [x0, y0, x1, y1, ...] in pixels, where
    pixel (row, column) covers column ... column + 1 and row ... row + 1. One decimal."""
    import numpy as np
    from skimage.measure import approximate_polygon, find_contours

    padded = np.pad(mask.astype(np.float32), 1)
    traced = find_contours(padded, 0.5)  # type: ignore[no-untyped-call]  # skimage has no types
    tolerance = TOLERANCE_PX
    while True:
        polygons = []
        for points in traced:
            thin = approximate_polygon(points, tolerance)  # type: ignore[no-untyped-call]  # as above
            if len(thin) > 3:
                # Minus the padding, plus half a pixel: from pixel centres to pixel corners.
                polygons.append(np.round(thin[:-1, ::-1] - 0.5, 1).ravel().tolist())
        if sum(map(len, polygons)) <= MAX_NUMBERS or tolerance > 8:
            return polygons
        tolerance *= 2


def record_outlines(
    evaluator: Evaluator,
    cases: Sequence[Case],
    only: Collection[str],
    folder: Path,
    threshold: float,
) -> list[Contours]:
    """Outlines of those of `cases` (whole batches) that `only` names; with the image beside them
    where the data set lets us show it."""
    shown = evaluator.dataset.may_show_images
    recorder = OutlineRecorder(threshold, with_truth=shown, only=only)
    evaluator.evaluate(cases, recorder)  # type: ignore[arg-type]  # takes a builder's place
    found = recorder.contours()
    if not shown or evaluator.dataset.dimensionality != "2d" or evaluator.spec.grid != "original":
        return found
    for case in cases:
        mine = [c for c in found if c.case == case.id]
        if mine:
            name = f"{case.id}.png"
            write_whole(folder / name, _png(evaluator, case))
            for contours in mine:
                contours.image = name
    return found


def _png(evaluator: Evaluator, case: Case) -> bytes:
    import io

    from PIL import Image

    sample = evaluator.dataset.load(case, evaluator.spec.dataset_options)
    buffer = io.BytesIO()
    Image.fromarray(sample.values[0]).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
