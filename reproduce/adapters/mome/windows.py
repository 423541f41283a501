"""MoME on a volume: nnU-Net v2's steps of its plans, as the release's copy of 2.2 takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from skimage.transform import resize
from torch.nn.functional import pad

from catalog.errors import InputError
from reproduce.adapters.mome.network import Mixture, Shape
from reproduce.contracts import Sample, ScoreKind
from reproduce.models.documents import json_of, weights_of
from reproduce.models.sam import load_strictly
from reproduce.models.volumes import VolumeModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPARSE = 3  # from this ratio of spacings on, the sparsest axis is resampled by its nearest plane
PEAK = 1000  # of the windows' Gaussian weights, which are counted in half precision
STEP = 0.5  # from one window to the next, in windows
MIRRORED = sorted(product((False, True), repeat=3), key=sum)
Numbers = Sequence[float]


class Mome(VolumeModel):
    """Logits of `lesion`, less those of the background."""

    kind: ClassVar[ScoreKind] = "logit"

    def __init__(
        self, net: Mixture, plans: Mapping[str, Any], options: Mapping[str, Any], device: str
    ) -> None:
        super().__init__("mome", net, 0, ("lesion",), options, device, "float32")
        configuration = plans["configurations"]["3d_fullres"]
        self.window: list[int] = configuration["patch_size"]
        self.spacing: list[float] = configuration["spacing"]
        self.axes: list[int] = plans["transpose_forward"]

    def maps(self, sample: Sample) -> torch.Tensor:
        if sample.spacing_mm is None:
            raise InputError(
                f"case {sample.case.id}: its spacing is not known, and MoME resamples to "
                f"{', '.join(f'{mm:g}' for mm in self.spacing)} mm."
            )
        values = sample.values.astype(np.float32).transpose(self.axes)
        spacing = [sample.spacing_mm[axis] for axis in self.axes]
        values = (values - values.mean()) / max(values.std(), 1e-8)
        size = tuple(
            round(given / wanted * count)
            for given, wanted, count in zip(spacing, self.spacing, values.shape, strict=True)
        )
        small = resampled(values, size, spacing, self.spacing, order=3)
        logits = self.slide(torch.from_numpy(small)).numpy()
        back = [resampled(one, values.shape, self.spacing, spacing, order=1) for one in logits]
        background, lesion = (torch.from_numpy(one.astype(np.float32)) for one in back)
        # Both may be beyond half precision: the first class is taken then.
        found = torch.nan_to_num(lesion - background, nan=-torch.inf)
        return found.permute([self.axes.index(axis) for axis in range(3)])[None]

    @torch.inference_mode()
    def slide(self, values: torch.Tensor) -> torch.Tensor:
        """(d, h, w) float32 -> (2, d, h, w) in half precision."""
        lacks = np.maximum(0, np.array(self.window) - values.shape).tolist()
        around = [(lack // 2, lack - lack // 2) for lack in lacks]
        padded = pad(values, [n for pair in reversed(around) for n in pair])
        weights = gaussian(self.window)
        total = torch.zeros((2, *padded.shape), dtype=torch.half)
        counted = torch.zeros(padded.shape, dtype=torch.half)
        for place in places(padded.shape, self.window):
            total[:, *place] += self.looked(padded[place]) * weights
            counted[place] += weights
        total /= counted
        inner = [
            slice(before, side - after)
            for (before, after), side in zip(around, padded.shape, strict=True)
        ]
        return total[:, *inner]

    def looked(self, window: torch.Tensor) -> torch.Tensor:
        """(d, h, w) -> (2, d, h, w): the window and its mirrorings, averaged."""
        given = window[None, None].to(self.device)
        ways = MIRRORED if self.options["mirror"] else MIRRORED[:1]
        total = torch.zeros(())
        for way in ways:
            axes = [2 + axis for axis, turned in enumerate(way) if turned]
            found: torch.Tensor = self.net(given.flip(axes)).flip(axes)
            total = total.to(found) + found
        return (total / len(ways))[0].cpu()


def places(shape: Sequence[int], window: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Windows, evenly spread along each axis, at most half a window apart."""
    begins = []
    for count, side in zip(shape, window, strict=True):
        steps = int(np.ceil((count - side) / (STEP * side)))
        width = (count - side) / steps if steps else 0
        begins.append([int(np.round(width * n)) for n in range(steps + 1)])
    for start in product(*begins):
        yield tuple(slice(at, at + side) for at, side in zip(start, window, strict=True))


def gaussian(window: Sequence[int]) -> torch.Tensor:
    """Weights of a window, in half precision and nowhere 0."""
    point = np.zeros(window)
    point[tuple(side // 2 for side in window)] = 1
    deviations = [side / 8 for side in window]
    spread = gaussian_filter(point, deviations, 0, mode="constant", cval=0)
    found = torch.from_numpy(spread).half()
    found = (found / found.max() * PEAK).half()
    found[found == 0] = found[found != 0].min()
    return found


def resampled(
    values: NDArray[Any], size: Sequence[int], spacing: Numbers, wanted: Numbers, order: int
) -> NDArray[Any]:
    """(d, h, w) brought from one spacing to another: nnU-Net's `resample_data_or_seg_to_shape`."""
    if values.shape == tuple(size):
        return values
    kept, kind = values.astype(np.float64), values.dtype
    axis = sparsest(spacing) if _sparse(spacing) else sparsest(wanted) if _sparse(wanted) else None
    if axis is None:
        return spline(kept, size, order).astype(kind)
    flat = [count for number, count in enumerate(size) if number != axis]
    planes = np.stack([spline(plane, flat, order) for plane in np.moveaxis(kept, axis, 0)])
    if len(planes) != size[axis]:
        at = len(planes) / size[axis] * (np.arange(size[axis]) + 0.5) - 0.5
        planes = planes[np.clip(np.floor(at + 0.5).astype(int), 0, len(planes) - 1)]
    return np.moveaxis(planes, 0, axis).astype(kind)


def spline(values: NDArray[Any], size: Sequence[int], order: int) -> NDArray[Any]:
    """Planes or volumes by splines of an order, edges repeated."""
    found: Any = resize(values, size, order, mode="edge", anti_aliasing=False)  # type: ignore[no-untyped-call]
    return np.asarray(found)


def _sparse(spacing: Numbers) -> bool:
    return max(spacing) / min(spacing) > SPARSE


def sparsest(spacing: Numbers) -> int | None:
    """The axis with the largest spacing; None where two share it."""
    found = [axis for axis, mm in enumerate(spacing) if mm == max(spacing)]
    return found[0] if len(found) == 1 else None


def triple(sizes: Sequence[Any]) -> tuple[int, int, int]:
    depth, height, width = (int(size) for size in sizes)
    return depth, height, width


def shape_of(plans: Mapping[str, Any]) -> Shape:
    """What the plans say of the networks. Raises `InputError` for others than nnU-Net's plain one,
    and for steps before it that are not taken here."""
    try:
        known = plans["configurations"]["3d_fullres"]
        kernels, strides = (
            tuple(triple(each) for each in known[key])
            for key in ("conv_kernel_sizes", "pool_op_kernel_sizes")
        )
        base, most = int(known["UNet_base_num_features"]), int(known["unet_max_num_features"])
        counts = known["n_conv_per_stage_encoder"], known["n_conv_per_stage_decoder"]
        said = (known["UNet_class_name"], *known["normalization_schemes"])
        triples = known["patch_size"], known["spacing"], plans["transpose_forward"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"plans.json: no configuration 3d_fullres of nnU-Net 2.2 ({type(error).__name__}: "
            f"{error})"
        ) from error
    if said != ("PlainConvUNet", "ZScoreNormalization"):
        raise InputError(
            f"plans.json: expected PlainConvUNet and ZScoreNormalization of one channel, got "
            f"{', '.join(map(str, said))}"
        )
    if any(len(each) != 3 for each in triples) or sorted(triples[2]) != [0, 1, 2]:
        raise InputError(f"plans.json: expected three axes, got {triples}")
    widths = tuple(min(base * 2**stage, most) for stage in range(len(kernels)))
    if {len(kernels), len(strides), len(counts[0]), len(counts[1]) + 1} != {len(widths)}:
        raise InputError("plans.json: its stages are not as many everywhere")
    return Shape(widths, kernels, strides, tuple(counts[0]), tuple(counts[1]))


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Mome:
    """From six files and the plans in them. Raises `InputError` naming what does not fit."""
    if dtype != "float32":
        raise InputError(f"MoME computes in float32 here, got {dtype}.")
    plans = json_of(state, "plans.json")
    with torch.device("meta"):
        net = Mixture(shape_of(plans))
    load_strictly(net, weights_of(state))
    return Mome(net, plans, options, device)
