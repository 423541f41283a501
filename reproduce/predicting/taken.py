"""The masks that a model answers with, kept on the original grid; nothing is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

from catalog.errors import InputError
from reproduce.asking.objects import Counted
from reproduce.contracts import Reference, Sample
from reproduce.statistics.counting import decision

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


class Measured(Struct, kw_only=True):
    """One object: how large it is, and how good the model says its mask is.

    pixels     of an image, voxels of a volume
    area_mm2   of an image, volume_mm3 of a volume; None: its spacing is not known
    quality    predicted IoU, the mean over planes; None: the model gives none
    planes     first and last plane it is seen on, and the one where it is largest; [] where empty
    """

    label: str
    object: int
    pixels: int
    area_mm2: float | None = None
    volume_mm3: float | None = None
    quality: float | None = None
    planes: list[int] = []


@dataclass(frozen=True, slots=True)
class _Packed:
    """A mask that is not empty, eight pixels a byte of the box around it."""

    top: int
    left: int
    height: int
    width: int
    bits: NDArray[np.uint8]

    @classmethod
    def of(cls, mask: NDArray[np.bool_], top: int = 0, left: int = 0) -> _Packed:
        """mask (h, w), whose first pixel is at (top, left) of the plane."""
        import numpy as np

        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        inner = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        height, width = inner.shape
        packed = np.packbits(inner)
        return cls(top + int(rows[0]), left + int(columns[0]), height, width, packed)

    def on(self, plane: NDArray[np.bool_]) -> None:
        """Add its pixels to a plane."""
        import numpy as np

        flat = np.unpackbits(self.bits, count=self.height * self.width)
        rows = slice(self.top, self.top + self.height)
        columns = slice(self.left, self.left + self.width)
        plane[rows, columns] |= flat.reshape(self.height, self.width).view(np.bool_)


@dataclass(slots=True)
class _Object:
    planes: dict[int, _Packed] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    quality: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Painter:
    """Takes the answers about one case. Of several candidates the one is kept whose predicted IoU
    is largest; without such a figure, the first."""

    sample: Sample
    threshold: float
    absent: int = 0
    objects: dict[tuple[str, int], _Object] = field(default_factory=dict)
    told_apart: bool = False  # by the model itself: no object's number is another's

    def reference(self, index: int) -> Reference | None:
        """There is none."""
        return None

    def count(
        self, index: int, round_: int, seed: int, told: Counted, truth: torch.Tensor | None
    ) -> None:
        """Keep the masks of a plane that are not empty; each object that the model tells apart.

        Raises `InputError` for scores of another size than the image."""
        prediction = told.prediction
        size = (len(told.names), *self.sample.shape[1:])
        shape = tuple(prediction.scores.shape)
        if len(shape) != 4 or (shape[0], *shape[2:]) != size:
            raise InputError(
                f"case {self.sample.case.id}: the model answered scores {shape}, expected "
                f"{size[0]} masks of {size[1]}x{size[2]}, (N, C, H, W)."
            )
        cut = decision(self.threshold, prediction.kind)
        for k, (name, number) in enumerate(zip(told.names, told.objects, strict=True)):
            best = 0
            if prediction.objects is not None:
                self._keep_apart(index, name, prediction.objects[k, 0].cpu().numpy())
                continue
            own = self.objects.setdefault((name, number), _Object())
            if prediction.predicted_iou is not None:
                best = int(prediction.predicted_iou[k].argmax().item())
                own.quality.append(float(prediction.predicted_iou[k, best]))
            mask = (prediction.scores[k, best] > cut).cpu().numpy()
            if mask.any():
                if index in own.planes:  # asked again on this plane, as part of one object
                    mask = mask | self._plane(own, index)
                own.planes[index] = _Packed.of(mask)
                own.sizes[index] = int(mask.sum())

    def _keep_apart(self, index: int, name: str, numbers: NDArray[np.int32]) -> None:
        """The objects of a class on a plane; of none an empty one, so that the class is known."""
        self.told_apart, found = True, False
        for number, part in _apart(numbers):
            found = True
            own = self.objects.setdefault((name, number), _Object())
            own.planes[index] = part
            own.sizes[index] = _size(part)
        if not found:
            self.objects.setdefault((name, 0), _Object())

    def close(self) -> None:
        """Nothing is worked out before it is asked for."""

    def _plane(self, told: _Object, index: int) -> NDArray[np.bool_]:
        import numpy as np

        whole = np.zeros(self.sample.shape[1:], np.bool_)
        told.planes[index].on(whole)
        return whole

    @property
    def labels(self) -> list[str]:
        """Classes that were answered about, in that order."""
        return list(dict.fromkeys(name for name, _ in self.objects))

    def mask(self, label: str) -> NDArray[np.bool_]:
        """(S, H, W) of all objects of a class."""
        import numpy as np

        whole = np.zeros(self.sample.shape, np.bool_)
        for (name, _), told in self.objects.items():
            if name == label:
                for index, part in told.planes.items():
                    part.on(whole[index])
        return whole

    def on_plane(self, label: str, index: int) -> NDArray[np.bool_]:
        """(H, W) of all objects of a class on a plane."""
        import numpy as np

        found = np.zeros(self.sample.shape[1:], np.bool_)
        for (name, _), own in self.objects.items():
            if name == label and index in own.planes:
                own.planes[index].on(found)
        return found

    def numbered(self, numbers: dict[str, int]) -> tuple[NDArray[np.uint8], int]:
        """(S, H, W) class numbers, and how many pixels two classes claim: the smaller object has
        them."""
        import numpy as np

        whole = np.zeros(self.sample.shape, np.uint8 if len(numbers) < 256 else np.uint16)
        twice = 0
        order = sorted(self.objects, key=lambda key: (-sum(self.objects[key].sizes.values()), key))
        for name, number in order:
            told = self.objects[name, number]
            for index in told.planes:
                mask, there = self._plane(told, index), whole[index]
                twice += int(((there > 0) & (there != numbers[name]) & mask).sum())
                there[mask] = numbers[name]
        return whole, twice

    def apart(self) -> NDArray[np.uint16] | None:
        """(H, W) number of each pixel's object, 0 of none; None: not told apart, or no image."""
        import numpy as np

        if not (self.told_apart and self.sample.is_image):
            return None
        whole = np.zeros(self.sample.shape[1:], np.uint16)
        for (_, number), own in self.objects.items():
            if 0 in own.planes:
                whole[self._plane(own, 0)] = number
        return whole

    def measured(self) -> list[Measured]:
        """One entry an object, in the order of the answers."""
        sample = self.sample
        area = None if sample.in_plane_mm is None else sample.in_plane_mm[0] * sample.in_plane_mm[1]
        depth = None if sample.spacing_mm is None else sample.spacing_mm[0]
        found = []
        for (name, number), told in self.objects.items():
            pixels = sum(told.sizes.values())
            volume = area is not None and depth is not None
            found.append(
                Measured(
                    label=name,
                    object=number,
                    pixels=pixels,
                    area_mm2=round(pixels * area, 4) if sample.is_image and area else None,
                    volume_mm3=round(pixels * area * depth, 4) if volume else None,  # type: ignore[operator]  # both are there
                    quality=round(sum(told.quality) / len(told.quality), 6)
                    if told.quality
                    else None,
                    planes=self._seen(told),
                )
            )
        return found

    def _seen(self, told: _Object) -> list[int]:
        """First, last, largest plane."""
        if not told.sizes or self.sample.is_image:
            return []
        return [min(told.sizes), max(told.sizes), max(told.sizes, key=lambda i: told.sizes[i])]

    def shown_plane(self) -> int:
        """The plane with most of all masks; without any, the middle one."""
        total: dict[int, int] = {}
        for told in self.objects.values():
            for index, size in told.sizes.items():
                total[index] = total.get(index, 0) + size
        return max(total, key=lambda i: (total[i], -i)) if total else self.sample.shape[0] // 2


def _apart(numbers: NDArray[np.int32]) -> Iterator[tuple[int, _Packed]]:
    """(number, mask) of each object of a plane whose pixels bear its number."""
    from scipy.ndimage import find_objects

    for number, place in enumerate(find_objects(numbers), start=1):
        if place is not None:
            rows, columns = place
            yield number, _Packed.of(numbers[place] == number, rows.start, columns.start)


def _size(part: _Packed) -> int:
    import numpy as np

    return int(np.bitwise_count(part.bits).sum())
