"""Lines that a reader draws on an object, told to a model as points or as a box: scribbles along
its middle or its contour, and the longest diameter that RECIST measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reproduce.contracts import Prompt, PromptKind
from reproduce.prompting.clicks import Clicking
from reproduce.prompting.places import depth, in_stack
from reproduce.prompting.regions import Per, regions
from reproduce.prompting.seeding import generator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Line = NDArray[np.int64]  # (N, 2) pixels (y, x), neighbours after each other

Drawn = Literal["skeleton", "contour", "diameter"]
Told = Literal["spaced", "ends-and-middle", "drawn", "square"]


@dataclass(frozen=True, slots=True)
class LineProfile(Clicking):
    """A line on each region of a mask of one plane, and how it is told.

    line    skeleton: the longest way through the region's skeleton, contour: once round it at half
            of its depth, diameter: between the two pixels farthest apart, in pixels
    told    spaced: `points` places evenly along it, its ends left out, ends-and-middle: three
            places, drawn: `points` different pixels of it, each equally likely, square: the box
            around the middle whose half side is half its length, cut to whole pixels
    """

    name: str
    version: int
    description: str
    source: str
    line: Drawn
    told: Told = "spaced"
    points: int = 5
    per: Per = "largest"
    min_pixels: int = 0

    @property
    def kind(self) -> PromptKind:  # type: ignore[override]  # follows from the other fields
        """A square is a box, all else is points."""
        return "box" if self.told == "square" else "point"

    @property
    def random(self) -> bool:  # type: ignore[override]  # follows from the other fields
        """Whether seeds make different prompts."""
        return self.draws or self.told == "drawn"

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """One prompt per region of a (H, W) mask; [] for an empty one."""
        found = []
        for index, region in enumerate(regions(mask, self.per, self.neighbours, self.min_pixels)):
            line = LINES[self.line](region)
            if self.told == "square":
                box = square_around(line, region.shape)
                found.append(
                    Prompt.on_plane(case, label, plane, box_xy=box, object_index=index, seed=seed)
                )
                continue
            rng = generator(self.name, self.version, case, label, plane, index, seed)
            found.append(self._pointed(case, label, plane, index, seed, self._places(line, rng)))
        return found

    def _places(self, line: Line, rng: np.random.Generator) -> NDArray[np.float64]:
        import numpy as np

        if self.told == "ends-and-middle":
            return np.stack([(line[0] + line[-1]) / 2, line[0], line[-1]])
        if self.told == "drawn":
            chosen = rng.choice(len(line), min(self.points, len(line)), replace=False)
            return line[chosen].astype(np.float64)
        return line[spaced(len(line), self.points)].astype(np.float64)

    def _pointed(
        self,
        case: str,
        label: str,
        plane: int | None,
        index: int,
        seed: int,
        places: NDArray[np.float64],
    ) -> Prompt:
        import numpy as np

        return Prompt(
            case,
            label,
            plane,
            object_index=index,
            seed=seed,
            points=in_stack(places, plane),
            point_labels=np.ones(len(places), np.int64),
        )


def spaced(length: int, number: int) -> NDArray[np.int64]:
    """Indices of at most so many places evenly along a line, its ends left out.

    Follows `get_linearly_spaced_coords` of MIC-DKFZ/radioactive@1796386.

    >>> spaced(9, 3).tolist(), spaced(2, 3).tolist()
    ([2, 4, 6], [0])
    """
    import numpy as np

    return np.unique(np.linspace(0, length - 1, number + 2, dtype=np.int64)[1:-1])


def skeleton(region: NDArray[np.bool_]) -> Line:
    """The longest way through the skeleton of a (H, W) region; of equal ones the first found.

    A skeleton with a ring has no longest way that is sure to be found: two sweeps from the first
    pixel give a long one.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra
    from scipy.spatial import cKDTree
    from skimage.morphology import skeletonize

    pixels = np.argwhere(skeletonize(region))  # type: ignore[no-untyped-call]  # skimage has no types
    if len(pixels) == 0:
        return np.argwhere(depth(region) == depth(region).max())[:1]
    near = cKDTree(pixels).query_pairs(1.5, output_type="ndarray")
    if len(near) == 0:
        return pixels[:1]
    lengths = np.linalg.norm(pixels[near[:, 0]] - pixels[near[:, 1]], axis=1)
    graph = coo_array((lengths, near.T), (len(pixels),) * 2).tocsr()

    def far(start: int) -> tuple[int, NDArray[np.int32]]:
        away, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
        return int(np.where(np.isfinite(away), away, -1).argmax()), before

    end, _ = far(0)
    start, before = far(end)
    way = [start]
    while way[-1] != end:
        way.append(int(before[way[-1]]))
    return pixels[way]


def contour(region: NDArray[np.bool_]) -> Line:
    """Once round a (H, W) region where it is half as deep as at its deepest, clockwise from the
    first pixel in scan order; of several such lines the longest."""
    import cv2
    import numpy as np

    deep = depth(region)
    inner = (deep > deep.max() / 2).astype(np.uint8)
    found, _ = cv2.findContours(inner, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(max(found, key=len)[:, 0, ::-1], np.int64)


def diameter(region: NDArray[np.bool_]) -> Line:
    """The pixels between the two pixels of a (H, W) region that are farthest apart; of equal pairs
    the first in scan order.

    In scan order, as MedSAM2 reads them from a mask: where a line runs flat, the first or last
    pixel is not quite its end.
    """
    import numpy as np
    from scipy.spatial.distance import cdist
    from skimage.draw import line

    # Only the first and the last pixel of a row can be an end.
    rows = np.flatnonzero(region.any(axis=1))
    first = region[rows].argmax(axis=1)
    last = region.shape[1] - 1 - region[rows][:, ::-1].argmax(axis=1)
    ends = np.unique(np.stack([np.r_[rows, rows], np.r_[first, last]], axis=1), axis=0)
    one, other = np.unravel_index(int(cdist(ends, ends).argmax()), (len(ends), len(ends)))
    pixels = line(*ends[one], *ends[other])  # type: ignore[no-untyped-call]  # as above
    return np.asarray(np.unique(np.stack(pixels, axis=1), axis=0), np.int64)


def square_around(line: Line, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """(x0, y0, x1, y1) around the middle of a line, its half side half of the line's length.

    Follows `get_diameter_bbox` of bowang-lab/MedSAM2@332f30d medsam2_infer_CT_lesion_npz_recist.py.

    >>> import numpy as np
    >>> square_around(np.array([[2, 2], [4, 5]]), (20, 20)).tolist()
    [2.0, 2.0, 4.0, 4.0]
    """
    import numpy as np

    middle = ((line[0] + line[-1]) / 2).astype(np.int64)
    half = int(np.linalg.norm(line[0] - line[-1]) / 2)
    low, high = middle - half, middle + half
    y0, x0 = np.maximum(low, 0)
    y1, x1 = np.minimum(high, np.array(shape) - 1)
    return np.array([x0, y0, x1, y1], np.float64)


LINES: dict[Drawn, Callable[[NDArray[np.bool_]], Line]] = {
    "skeleton": skeleton,
    "contour": contour,
    "diameter": diameter,
}
