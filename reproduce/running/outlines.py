"""Outlines of a few cases for the run's page, from masks that are looked at as the run counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.files import write_whole
from catalog.records import Contours
from reproduce.contracts import Case, Dataset, Prediction, Sample
from reproduce.ground.lean import put_off
from reproduce.statistics.counting import decision

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

CASES = 2
TOLERANCE_PX = 0.4  # polygons are thinned so that no point moves further than this
MAX_NUMBERS = 8_000  # coordinates of one case; finer structures are thinned more


class OutlineRecorder:
    """Keeps the masks of the first few cases that it is shown, and traces them at the end.

    Of a volume the slice with the largest reference of each label is kept; of several seeds, rounds
    and candidates the last round of the first seed, and the candidate with the best predicted IoU.
    `with_truth` False leaves the reference out (its licence may not let us show it).
    """

    def __init__(self, threshold: float, with_truth: bool) -> None:
        self.threshold = threshold
        self.with_truth = with_truth
        self._cases: set[str] = set()
        self._kept: dict[tuple[str, str], _Kept] = {}

    def look(
        self, case: str, seed: int, names: Sequence[str], said: Prediction, truth: Any
    ) -> None:
        """N masks of a plane: what the model said, scores (N, C, h, w), against truth (N, h, w)."""
        if case not in self._cases and len(self._cases) == CASES:
            return
        self._cases.add(case)
        for i, label in enumerate(names):
            size = int(truth[i].sum())
            held = self._kept.get((case, label))
            if held is not None and (seed > held.seed or size < held.size):
                continue
            best = 0 if said.predicted_iou is None else int(said.predicted_iou[i].argmax())
            mask = said.scores[i, best] > decision(self.threshold, said.kind)
            self._kept[case, label] = _Kept(seed, size, truth[i].cpu().numpy(), mask.cpu().numpy())

    def contours(self) -> list[Contours]:
        """What was kept, by case and label; empty pairs are left out."""
        found = [
            Contours(
                case=case,
                label=label,
                width_px=kept.truth.shape[1],
                height_px=kept.truth.shape[0],
                truth=outline(kept.truth) if self.with_truth else [],
                predicted=outline(kept.predicted),
            )
            for (case, label), kept in sorted(self._kept.items())
        ]
        return [c for c in found if c.truth or c.predicted]


@dataclass(frozen=True, slots=True)
class _Kept:
    """The masks (h, w) that are drawn of a case and label; `size` of the true one in pixels."""

    seed: int
    size: int
    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]


def outline(mask: NDArray[np.bool_]) -> list[list[float]]:
    """Polygons around the foreground of an (H, W) mask: flat [x0, y0, x1, y1, ...] in pixels, where
    pixel (row, column) covers column ... column + 1 and row ... row + 1. One decimal."""
    import numpy as np

    put_off("scipy.signal")  # for curves that are not asked for here: half a second of a start
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


def with_pictures(
    contours: Sequence[Contours],
    dataset: Dataset,
    options: Mapping[str, Any],
    cases: Sequence[Case],
    folder: Path,
) -> None:
    """Write the image of each case that has outlines beside them, and name it in them."""
    for case in cases:
        mine = [c for c in contours if c.case == case.id]
        if mine:
            name = f"{case.id}.png"
            write_whole(folder / name, _png(dataset.load(case, options)))
            for one in mine:
                one.image = name


def _png(sample: Sample) -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(sample.values[0]).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
