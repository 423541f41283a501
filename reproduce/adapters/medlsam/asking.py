"""MedLSAM asked: where the classes of the examples lie on a volume, then SAM slice by slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import conv3d, interpolate, normalize

from catalog.errors import InputError, UsageError
from reproduce.adapters.medlsam.examples import (
    MARGIN,
    MM,
    Turned,
    examples_of,
    numbers_of,
    points_of,
    prepared,
)
from reproduce.adapters.medlsam.network import SIDE, MedLam, load
from reproduce.contracts import Grid, Plane, Prompt, Sample, ScoreKind
from reproduce.models.frames import Frame
from reproduce.models.sam import load_sam
from reproduce.models.sam_model import SamModel
from reproduce.models.volumes import VolumeModel
from reproduce.readers.grids import oriented

PLACES, SEED, AROUND = 10, 2023, 10  # cubes of a volume, their seed, voxels around its middle
REACH = np.array([[1500, 600, 600]])  # mm
KERNEL = 8  # voxels around a point whose looks are compared
DARK, DRAWS = 0.001, 10_000
BORDER = 10  # px around a box on SAM's input
HU = (-500, 1000)
LABELLED = 10  # pixels
Like = tuple[NDArray[np.float64], list[list[torch.Tensor]]]


class Localiser:
    """`MedLAM/`: what is kept of each class of the examples, and boxes on other volumes."""

    def __init__(self, net: MedLam, device: str, *, half: bool) -> None:
        self.device, self.half = device, half
        self.net: MedLam = net.eval().to(device, torch.float16 if half else torch.float32)

    def cube(self, image: NDArray[np.float32], at: NDArray[Any]) -> list[torch.Tensor]:
        """The network's levels for the cube around a voxel."""
        cut = image[tuple(slice(int(n) - MARGIN, int(n) + MARGIN) for n in at)]
        cube = torch.from_numpy(np.ascontiguousarray(cut, np.float32))[None, None].to(self.device)
        return self.net.descend(cube.half() if self.half else cube)

    def place(self, levels: list[torch.Tensor]) -> NDArray[Any]:
        """(3,) on the network's own scale."""
        found: NDArray[Any] = self.net.place(levels[-1])[0].cpu().numpy()
        return found

    def shown(
        self, given: Sequence[Mapping[str, torch.Tensor]], numbers: Sequence[int], *, parts: bool
    ) -> list[Like]:
        """Of each class: the mean place of each point, and its looks, added up over examples."""
        examples = [prepared(one) for one in given]
        found = []
        for number in numbers:
            masks = [example.label == number for example in examples]
            places: Any = 0
            looks: list[list[torch.Tensor]] = []
            for example, points in zip(examples, points_of(masks, parts=parts), strict=True):
                levels = [self.cube(example.image, point) for point in points]
                places = places + np.stack([self.place(one) for one in levels])
                each = [[middle(f) for f in self.net.features(one)] for one in levels]
                looks = (
                    [
                        [a + b for a, b in zip(old, new, strict=True)]
                        for old, new in zip(looks or each, each, strict=True)
                    ]
                    if looks
                    else each
                )
            found.append((places / len(examples), looks))
        return found

    def boxes(
        self, values: NDArray[Any], affine: NDArray[np.float64], shown: Sequence[Like]
    ) -> list[NDArray[np.float64]]:
        """For each class its boxes (n, 2, 3): corners (z, y, x) in voxels of an array (x, y, z)."""
        turned = Turned.of(values.shape, affine)
        image = turned.image(values)
        shape = np.array(image.shape)
        starts = drawn(image)
        here = np.stack([self.place(self.cube(image, start)) for start in starts]).mean(axis=0)
        middle_mm = np.mean(np.int16(np.array(starts) * MM), axis=0)
        found = []
        for places, looks in shown:
            moved = REACH * np.tanh(places - here) + middle_mm
            expected = np.round(moved / MM).astype(np.int16)
            points = np.minimum(np.maximum(expected, MARGIN), shape - MARGIN - 1)
            for point, kernels in zip(points, looks, strict=True):
                point += self.likest(image, point, kernels) - MARGIN + 1
            points -= MARGIN
            pairs = [corners(p, turned) for p in points.reshape(-1, 6, 3)]
            found.append(np.stack(pairs))
        return found

    def likest(
        self, image: NDArray[np.float32], at: NDArray[Any], kernels: Sequence[torch.Tensor]
    ) -> NDArray[np.int64]:
        """Where in the cube around a voxel the looks are most like those of the examples."""
        total: Any = np.ones((SIDE,) * 3, np.float16)
        features = self.net.features(self.cube(image, at))
        for seen, kernel in zip(features, kernels, strict=True):
            size = kernel.shape[-1]
            like = conv3d(normalize(seen, dim=1), kernel, padding=size // 2) / size**3
            total = total + interpolate(like, (SIDE,) * 3, mode="trilinear")[0, 0].cpu().numpy()
        return np.array(np.unravel_index(int(np.argmax(total)), total.shape))


def middle(features: torch.Tensor) -> torch.Tensor:
    """(1, channels, d, d, d) of a cube -> the same around its middle, of length 1 each."""
    side = features.shape[-1]
    reach = KERNEL // 2 * side // SIDE
    inner = slice(side // 2 - reach, side // 2 + reach)
    return normalize(features[:, :, inner, inner, inner], dim=1)


def drawn(image: NDArray[np.float32]) -> list[NDArray[np.int64]]:
    """Voxels around the middle of a volume (with its margin) that are not dark.

    In a volume of less than 60 mm, on which the release stops, no cube leaves the margin.
    """
    random, found = np.random.RandomState(SEED), []
    ends = [
        (max(n // 2 - AROUND, MARGIN), max(min(n // 2 + AROUND, n - MARGIN), MARGIN + 1))
        for n in image.shape
    ]
    for _ in range(DRAWS):
        at = np.array([random.randint(*pair) for pair in ends])
        if image[tuple(at)] >= DARK:
            found.append(at)
        if len(found) == PLACES:
            return found
    raise InputError("around the middle of the volume there is nothing but air (-1000 HU)")


def corners(points: NDArray[Any], turned: Turned) -> NDArray[np.float64]:
    """Six outermost points at 3 mm -> least and largest corner (z, y, x) in voxels of the file."""
    there = turned.back(np.around(points * (1 / turned.zoom))).copy()
    ends = np.stack([there[[0, 1, 2], [0, 1, 2]], there[[3, 4, 5], [0, 1, 2]]])
    return np.sort(ends, axis=0)


class Segmenter(SamModel):
    """`finetune_model_predict`: probabilities, not logits, are enlarged."""

    kind: ScoreKind = "probability"

    def scores(self, low_res: torch.Tensor, frame: Frame, grid: Grid) -> torch.Tensor:
        size = (self.side, self.side)
        return interpolate(low_res.sigmoid(), size, mode="bilinear", align_corners=False)


class MedLsam(VolumeModel):
    """`MedLSAM_SPL_Inference.py`, `MedLSAM_WPL_Inference.py`."""

    kind = "label"
    given: Sequence[Mapping[str, torch.Tensor]]
    numbers: Sequence[int]
    localiser: Localiser
    segmenter: Segmenter
    shown: list[Like] | None = None  # what is kept of the examples, once it was needed

    def maps(self, sample: Sample) -> torch.Tensor:
        """(classes, S, H, W)."""
        values, affine = as_stored(sample, sample.values)
        found = np.zeros((len(self.classes), *values.shape), bool)
        picture = pictured(values)
        places = [
            np.floor(np.arange(n) * (self.segmenter.side / n)).astype(int) for n in values.shape[1:]
        ]
        for z, asked in self.asked(sample, values, affine).items():
            probabilities = self.probabilities(picture[z], list(asked.values()))
            for number, one in zip(asked, probabilities, strict=True):
                found[number, z] = one[np.ix_(*places)] > 0.5
        back = [as_shown(sample, one, affine) for one in found]
        return torch.from_numpy(np.stack(back).astype(np.float32))

    def on_grid(self, sample: Sample) -> torch.Tensor:
        """SAM's probabilities on its input for the first class that is asked on each slice."""
        values, affine = as_stored(sample, sample.values)
        picture, found = pictured(values), []
        for z, asked in sorted(self.asked(sample, values, affine).items()):
            found.append(self.probabilities(picture[z], [next(iter(asked.values()))])[0])
        return torch.from_numpy(np.stack(found))

    def asked(
        self, sample: Sample, values: NDArray[Any], affine: NDArray[np.float64]
    ) -> dict[int, dict[int, NDArray[np.float64]]]:
        """Slice -> class -> its box (x0, y0, x1, y1) on SAM's input."""
        if self.shown is None:
            parts = self.options["boxes"] == "parts"
            self.shown = self.localiser.shown(self.given, self.numbers, parts=parts)
        try:
            order = affine[:, [2, 1, 0, 3]]
            boxes = self.localiser.boxes(values.transpose(2, 1, 0), order, self.shown)
        except InputError as error:
            raise InputError(f"case {sample.case.id}: {error}") from error
        first = max(0, int(min(one[0, 0, 0] for one in boxes)))
        end = min(len(values), int(max(one[-1, 1, 0] for one in boxes)))
        slices = range(first, end)
        if self.options["slices"] == "labelled" and sample.labels:  # own images have no reference
            labelled = np.any(list(sample.labels.values()), axis=0)
            labelled = as_stored(sample, labelled)[0]
            slices = [z for z in slices if labelled[z].sum() > LABELLED]  # type: ignore[assignment]
        scale = self.segmenter.side / np.array(values.shape)
        found: dict[int, dict[int, NDArray[np.float64]]] = {}
        for number, pairs in enumerate(boxes):
            for low, high in pairs:
                (y0, x0), (y1, x1) = (np.around(end[1:] * scale[1:]) for end in (low, high))
                box = np.array([x0 - BORDER, y0 - BORDER, x1 + BORDER, y1 + BORDER])
                for z in slices:
                    if low[0] <= z <= high[0]:
                        found.setdefault(z, {})[number] = box
        return found

    def probabilities(
        self, picture: NDArray[Any], boxes: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.float32]:
        """One slice and its boxes -> (N, side, side)."""
        from skimage.transform import resize

        side = self.segmenter.side
        large: NDArray[Any] = resize(  # type: ignore[no-untyped-call]  # no types published
            picture,
            (side, side),
            order=2,
            preserve_range=True,
            mode="constant",
            anti_aliasing=True,
        )
        plane = Plane(np.repeat(large.astype(np.uint8)[:, :, None], 3, axis=2))
        prompts = [Prompt.on_plane("", "", None, box_xy=box) for box in boxes]
        (embedding,) = self.segmenter.encode([plane])
        found = self.segmenter.predict(embedding, prompts, "model_input").scores[:, 0]
        return found.cpu().numpy()


def pictured(values: NDArray[Any]) -> NDArray[np.int32]:
    """`preprocess_ct`: CT numbers of a volume to 0-255."""
    cut = np.clip(values, *HU)
    low, high = cut.min(), cut.max()
    grey = (cut - low) / max(high - low, 1e-8) * 255.0
    grey[values == 0] = 0
    whole: NDArray[np.int32] = grey.astype(np.int32)
    return whole


def as_stored(sample: Sample, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """A volume (D, H, W) in the order of its file, and the affine of that.

    Without a place in the patient axes are taken for superior, anterior, right. Raises `InputError`
    where the distance of voxels is not known.
    """
    grid = sample.geometry
    if grid is not None and grid.affine is not None:
        if grid.stored is None:
            return values, grid.affine
        return oriented(values, grid.affine, grid.stored)[0], grid.stored
    if sample.spacing_mm is None:
        raise InputError(
            f"case {sample.case.id}: MedLSAM needs the distance of voxels in mm, and the file "
            "does not say it."
        )
    affine = np.zeros((4, 4))
    affine[[2, 1, 0, 3], [0, 1, 2, 3]] = [*sample.spacing_mm, 1]
    return values, affine


def as_shown(
    sample: Sample, mask: NDArray[np.bool_], affine: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """A mask in the order of the file -> as the sample has its axes."""
    grid = sample.geometry
    if grid is None or grid.stored is None or grid.affine is None:
        return mask
    return oriented(mask, affine, grid.affine)[0]


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> MedLsam:
    """From both networks and the examples. Raises `InputError` naming what does not fit."""
    tensors = dict(state)
    given = examples_of(tensors)
    of_sam = ("image_encoder.", "prompt_encoder.", "mask_decoder.")
    sam = {key: tensors.pop(key) for key in state if key.startswith(of_sam)}
    net = load(tensors)
    segmenter = Segmenter(load_sam(sam).to(device), dtype=dtype)
    known = given[0]["label"].device.type != "meta"
    numbers = numbers_of(given) if known else []
    text = str(options["classes"])
    names = [name.strip() for name in text.split(",")] if text else []
    names = names or [f"label {number}" for number in numbers]
    if known and len(names) != len(numbers):
        raise UsageError(
            f"the examples share labels {', '.join(map(str, numbers))}, option classes names "
            f"{len(names)}"
        )
    half = bool(options["half"]) and device.startswith("cuda")
    model = MedLsam("medlsam", net, segmenter.side, names, options, device, dtype)
    model.given, model.numbers, model.segmenter = given, numbers, segmenter
    model.localiser = Localiser(net, device, half=half)
    return model
