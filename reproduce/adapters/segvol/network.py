"""SegVol asked: the whole volume at the network's size, then windows around what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from torch.nn.functional import interpolate, pad

from catalog.errors import InputError
from reproduce.adapters.segvol.parts import SegVolNet, load
from reproduce.adapters.segvol.words import tokens_of
from reproduce.contracts import Answered, Grid, Prediction, Prompt, Sample
from reproduce.models.promptable import fingerprint
from reproduce.models.volumes import OwnGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERCENTILES = (99.95, 0.05)
NOWHERE = -1.0  # a box of windows in which nothing was found
NO = -100.0  # logit outside of what is shown to the network
OVERLAP = 0.5
Slices = tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A volume as the network is shown it.

    values   (d, h, w) 0-1, filled up to the window and cut to what is above 0
    first    place of its first voxel in the volume as loaded; negative where it was filled up
    """

    values: torch.Tensor
    first: NDArray[np.int64]

    def back(self, logits: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        """(d, h, w) -> (S, H, W) as loaded."""
        found = torch.full(shape, NO)
        last = self.first + np.array(logits.shape)
        low, high = np.maximum(self.first, 0), np.minimum(last, shape)
        there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        own = zip(low - self.first, high - self.first, strict=True)
        found[there] = logits[tuple(slice(a, b) for a, b in own)]
        return found


class SegVol(OwnGrid):
    """`inference_demo.py: zoom_in_zoom_out`."""

    title = "SegVol"

    def __init__(self, net: SegVolNet, options: Mapping[str, Any], device: str, dtype: str) -> None:
        if dtype != "float32":
            raise InputError(f"segvol runs in float32, got {dtype}. Leave out --precision.")
        self.net, self.options, self.device = net.eval().to(device), dict(options), device

    def preprocessing_id(self) -> str:
        return fingerprint(name="segvol", options=self.options)

    def open(self, sample: Sample) -> Asking:
        self.grey(sample)
        return Asking(self, sample, self.shown(sample))

    def shown(self, sample: Sample) -> Shown:
        """`demo_data_process.py: process_ct_gt`. Raises `InputError` for a volume of one value."""
        values = np.asarray(sample.values, np.float64)
        bright = values[values > values.mean()]
        if not len(bright):
            raise InputError(f"case {sample.case.id}: all its values are {values.flat[0]:g}.")
        high, low = (np.percentile(bright, p) for p in PERCENTILES)
        values = (np.clip(values, low, high) - bright.mean()) / max(bright.std(), 1e-8)
        values = values - values.min()
        values = values / max(values.max(), 1e-8)
        lacks = [max(0, w - n) for w, n in zip(self.net.window, values.shape, strict=True)]
        values = np.pad(values, [(n // 2, n - n // 2) for n in lacks])
        above = np.argwhere(values > 0)
        low, high = above.min(axis=0), above.max(axis=0) + 1
        cut = values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        first = low - np.array([n // 2 for n in lacks])
        return Shown(torch.from_numpy(cut).float(), first)


@dataclass(frozen=True, slots=True)
class Asking:
    """One volume."""

    model: SegVol
    sample: Sample
    shown: Shown

    def ask(self, prompts: Sequence[Prompt]) -> Found:
        """Raises `InputError` for clicks and masks."""
        with torch.inference_mode():
            logits = [self._of(prompt) for prompt in prompts]
        return Found([prompt.label for prompt in prompts], logits)

    def forget(self) -> None:
        """Nothing is kept between two questions."""

    def _of(self, prompt: Prompt) -> torch.Tensor:
        """(S, H, W) logits of one object."""
        if prompt.points is not None or prompt.mask is not None:
            raise InputError(
                f"SegVol is asked here by a box over all planes of the object, or by text; the "
                f"prompt for {prompt.label!r} of case {prompt.case} has others. "
                "(--prompts box-solid)"
            )
        net, values = self.model.net, self.shown.values
        text = None
        if prompt.box is None or self.model.options["text"]:
            text = net.text_encoder(tokens_of(prompt.text or prompt.label))
        small = interpolate(values[None, None], net.window, mode="nearest-exact")
        box = None if prompt.box is None else self._box(prompt.box)
        there = None if box is None else box.to(self.model.device)
        whole = net(small.to(self.model.device), there, text).cpu()
        logits: torch.Tensor = interpolate(whole, values.shape, mode="nearest")[0, 0]
        if self.model.options["zoom"]:
            self._closer(logits, box, text)
        return self.shown.back(logits, self.sample.shape)

    def _box(self, box: NDArray[np.float64]) -> torch.Tensor:
        """A box as loaded -> first and last voxel (6,) at the network's size."""
        # `nearest-exact` takes, for voxel i, what lies at (i + 0.5) * ratio.
        window = np.array(self.model.net.window)
        ratio = np.array(self.shown.values.shape) / window
        low, high = (end - self.shown.first for end in box.round())
        ends = [np.ceil(low / ratio - 0.5), np.ceil((high + 1) / ratio - 0.5) - 1]
        return torch.from_numpy(np.concatenate(ends).clip(0, np.tile(window - 1, 2))).float()

    def _closer(
        self, logits: torch.Tensor, box: torch.Tensor | None, text: torch.Tensor | None
    ) -> None:
        """Windows around what was found take its place in `logits`."""
        net, device = self.model.net, self.model.device
        around = self._around(logits)
        if around is None:
            return
        values, found = self.shown.values[around], logits[around].sigmoid() > 0.5
        padding = [
            part
            for side, n in zip(reversed(net.window), reversed(values.shape), strict=True)
            for part in (max(side - n, 0) // 2, max(side - n, 0) - max(side - n, 0) // 2)
        ]
        padded = pad(found, padding)
        single = padded.shape == net.window
        cube = None if box is None else self._cube(box)[around]

        def of_window(window: torch.Tensor, places: Sequence[Any]) -> Any:
            asked = None
            if cube is not None:
                # The only window is asked with the box itself, which is not moved by the padding.
                there: Slices = tuple(places[0][2:])
                asked = box_of(cube[there] if single else padded[there]).to(device)
            return net(window, asked, text)

        closer: Any = sliding_window_inference(
            values[None, None].to(device),
            roi_size=net.window,
            sw_batch_size=1,
            predictor=of_window,
            overlap=OVERLAP,
            mode="constant",
            with_coord=True,
        )
        logits[around] = closer[0, 0].cpu()

    def _around(self, logits: torch.Tensor) -> Slices | None:
        """`logits2roi_coor`: what was found, grown to a window where it is smaller."""
        places = torch.nonzero(logits.sigmoid() > 0.5)
        if not len(places):
            return None
        around = []
        for axis, side in enumerate(self.model.net.window):
            low, high = int(places[:, axis].min()), int(places[:, axis].max())
            more = max(0, side - (high - low + 1)) // 2
            around.append(slice(max(0, low - more), min(logits.shape[axis], high + more) + 1))
        return tuple(around)

    def _cube(self, box: torch.Tensor) -> torch.Tensor:
        """(d, h, w) bool: the box at the network's size, brought back by nearest neighbour."""
        cube = torch.zeros(self.model.net.window)
        ends = box.int().tolist()
        cube[tuple(slice(a, b + 1) for a, b in zip(ends[:3], ends[3:], strict=True))] = 1
        return interpolate(cube[None, None], self.shown.values.shape)[0, 0] > 0


def box_of(mask: torch.Tensor) -> torch.Tensor:
    """(6,) first and last voxel of a mask; all -1 for an empty one."""
    places = torch.nonzero(mask)
    if not len(places):
        return torch.full((6,), NOWHERE)
    return torch.cat([places.amin(dim=0), places.amax(dim=0)]).float()


@dataclass(frozen=True, slots=True)
class Found:
    """Logits (S, H, W) of each object."""

    labels: Sequence[str]
    logits: Sequence[torch.Tensor]

    def planes(self, grid: Grid) -> Iterator[Answered]:
        for index in range(len(self.logits[0]) if self.logits else 0):
            scores = torch.stack([one[index] for one in self.logits])[:, None]
            prediction = Prediction(scores, "logit", tuple(self.labels))
            yield Answered(index, range(len(self.labels)), prediction)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SegVol:
    """From a state dict. Raises `InputError` naming what does not fit."""
    return SegVol(load(state), options, device, dtype)
