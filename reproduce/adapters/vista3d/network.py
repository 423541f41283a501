"""VISTA3D: MONAI's `vista3d132`, asked for classes or with clicks in windows of a CT volume."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.networks.nets.vista3d import vista3d132
from monai.transforms.compose import Compose
from monai.transforms.croppad.array import CropForeground
from monai.transforms.intensity.array import ScaleIntensityRange
from monai.transforms.spatial.array import Spacing
from monai.transforms.utils import convert_applied_interp_mode
from segment_anything.modeling.mask_decoder import MLP
from torch import nn
from torch.nn.functional import pad

from catalog.errors import InputError, UsageError
from reproduce.adapters.vista3d.classes import CLASSES, number_of
from reproduce.contracts import Prompt, Sample
from reproduce.models.sam import load_strictly
from reproduce.models.sliding import SlidingModel
from reproduce.models.unfilled import unfilled
from reproduce.models.volumes import Whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 48
NO_CLASS = 600  # a number above those of all classes
LOWEST_HU, HIGHEST_HU = -963.8247715525971, 1053.678477684517
_PERCEPTRON = re.compile(r"^(point_head\.transformer\.layers\.\d\.mlp\.)lin(\d)\.")


class Vista3d(SlidingModel):
    """Classes: `scripts/infer.py` up to the logits, masks as `val_multigpu_point_patch.py` makes
    them. Clicks: `val_multigpu_point_iterative.py`, each object as one of no class (zero-shot).
    """

    kind = "label"
    overlap = 0.625
    weights = "gaussian"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        # The way back knows the very steps of the way there.
        self.steps = steps(float(self.options["spacing_mm"]), bool(self.options["crop"]))
        self.called = renamed(str(self.options["called"]))

    def of_window(self, window: torch.Tensor) -> torch.Tensor:
        asked = torch.tensor([[CLASSES[name]] for name in self.classes], device=window.device)
        logits: torch.Tensor = self.net(input_images=window, class_vector=asked, transpose=True)
        return logits

    def maps(self, sample: Sample) -> torch.Tensor:
        prepared = self.prepared(sample)
        return self.masks(self.logits(prepared.as_tensor()[0]), prepared)

    def masks(self, logits: torch.Tensor, prepared: MetaTensor) -> torch.Tensor:
        """Logits (classes, r, a, s) on the network's grid -> masks (classes, S, H, W) bool."""
        there = (self.back((one > 0).float(), prepared, "nearest") for one in logits)
        return self.in_sample(there)

    def open(self, sample: Sample) -> Clickable:
        super().open(sample)  # what cannot be taken is told here
        return Clickable(self, sample)

    def clicked(self, prepared: MetaTensor, prompt: Prompt) -> torch.Tensor:
        """Logits (r, a, s) of an object, on the network's grid, from its clicks."""
        if prompt.points is None or prompt.point_labels is None:
            raise InputError(
                f"VISTA3D is asked for classes or with clicks; the prompt for {prompt.label!r} of "
                f"case {prompt.case} has none. Choose a profile of points, or none."
            )
        values = prepared.as_tensor()[0]
        pads = [max(self.side - size, 0) // 2 for size in values.shape]
        points = in_grid(prompt.points, prepared) + torch.tensor(pads)
        labels = torch.from_numpy(prompt.point_labels).clone()
        zero_shot = torch.tensor([[NO_CLASS]], device=self.device)

        def of_window(window: torch.Tensor, place: Any) -> torch.Tensor:
            logits: torch.Tensor = self.net(
                input_images=window,
                patch_coords=place,
                point_coords=points[None].float().to(window.device),
                point_labels=labels[None].to(window.device),
                prompt_class=zero_shot,
                transpose=True,
            )
            return logits

        return self.slide(values, of_window)[0]

    def clicked_within(self, sample: Sample, prepared: MetaTensor, prompt: Prompt) -> torch.Tensor:
        """Logits (r, a, s) of a class, clicked once in every window that has some of its mask: the
        voxel nearest to the mean of the largest eroded part (MONAI's `sample_points_patch_val`)."""
        number = number_of(self.called.get(prompt.label, prompt.label))
        if number is None:
            raise InputError(
                f"case {prompt.case}: VISTA3D knows no class {prompt.label!r}. Say which of its "
                f"classes it is: --set 'adapter.called={prompt.label}=CLASS'"
            )
        assert prompt.mask is not None
        there = self.mask_in_grid(sample, prompt.mask)[None].to(self.device)
        there = pad(there, padding(there.shape[2:], self.side))

        sampler: Any = self.net.sample_points_patch_val

        def in_window(labels: torch.Tensor, place: Any, label_set: Sequence[int]) -> Any:
            points, signs, _ = sampler(labels, tuple(place), label_set, mapped_label_set=[number])
            return points, signs, torch.tensor([[number]], device=points.device)

        def of_window(window: torch.Tensor, place: Any) -> torch.Tensor:
            logits: torch.Tensor = self.net(
                input_images=window,
                patch_coords=place,
                point_coords=torch.zeros(1, 1, 3, device=window.device),
                point_labels=torch.zeros(1, 1, device=window.device),
                labels=there,
                label_set=[1],
                val_point_sampler=in_window,
                transpose=True,
            )
            return logits

        return self.slide(prepared.as_tensor()[0], of_window)[0]

    def mask_in_grid(self, sample: Sample, mask: NDArray[np.bool_]) -> torch.Tensor:
        """A mask (S, H, W) of a sample -> (1, r, a, s) uint8 on the network's grid, as labels are
        brought there: cut as the values are, resampled by nearest neighbour."""
        there = right_anterior_superior(replace(sample, values=mask))
        if self.options["crop"]:
            cut: Any = self.steps.transforms[0]
            start, end = cut.compute_bounding_box(right_anterior_superior(sample))
            there = cut.crop_pad(there, start, end)
        spacing = (float(self.options["spacing_mm"]),) * 3
        moved: Any = Spacing(spacing, mode="nearest", align_corners=True)(there)
        found: torch.Tensor = moved.as_tensor().to(torch.uint8)
        return found

    def prepared(self, sample: Sample) -> MetaTensor:
        """The network's input, (1, r, a, s), which remembers how it was made."""
        made: Any = self.steps(right_anterior_superior(sample))
        assert isinstance(made, MetaTensor)
        return made

    def back(self, values: torch.Tensor, prepared: MetaTensor, mode: str) -> torch.Tensor:
        """Values (r, a, s) on the network's grid -> (R, A, S) on the volume's."""
        done = prepared.applied_operations
        if mode == "nearest":
            done = convert_applied_interp_mode(done, mode=mode, align_corners=None)
        traced = MetaTensor(values[None].cpu(), meta=prepared.meta, applied_operations=done)
        inverted: Any = self.steps.inverse(traced)  # type: ignore[no-untyped-call]  # MONAI's
        found: torch.Tensor = inverted.as_tensor()[0]
        return found

    def in_sample(self, maps: Iterable[torch.Tensor]) -> torch.Tensor:
        """Masks (N, S, H, W) bool where values (R, A, S) are above 0.

        Masks brought back by nearest neighbour are 0 or 1, clicked ones logits.
        """
        return torch.stack([one > 0 for one in maps]).permute(0, 3, 2, 1).to(self.device)


@dataclass(slots=True)
class Clickable:
    """One volume, asked for classes or about objects with clicks."""

    model: Vista3d
    sample: Sample
    prepared: MetaTensor | None = None

    def ask(self, prompts: Sequence[Prompt]) -> Whole:
        """All clicks on an object so far are seen at once; no earlier mask is fed back."""
        model = self.model
        if not prompts:
            return Whole(model.classes, model.kind, model.maps(self.sample))
        if self.prepared is None:
            self.prepared = model.prepared(self.sample)
        prepared = self.prepared
        found = torch.cat([self._mask(prompt, prepared) for prompt in prompts])
        return Whole(tuple(prompt.label for prompt in prompts), model.kind, found)

    def _mask(self, prompt: Prompt, prepared: MetaTensor) -> torch.Tensor:
        """(1, S, H, W) bool."""
        model = self.model
        if prompt.mask is not None and prompt.plane is None:
            logits = model.clicked_within(self.sample, prepared, prompt)
            return model.masks(logits[None], prepared)
        clicked = model.back(model.clicked(prepared, prompt), prepared, "bilinear")
        return model.in_sample([clicked])

    def forget(self) -> None:
        """Only the prepared volume is kept."""


def steps(spacing_mm: float, crop: bool) -> Compose:
    """From a volume in Hounsfield units, (1, R, A, S), to the network's input.

    `infer.yaml` cuts values off before it interpolates, the evaluation's files (`crop`) after it.
    """
    spacing = Spacing((spacing_mm,) * 3, mode="bilinear", align_corners=True)
    scale = ScaleIntensityRange(LOWEST_HU, HIGHEST_HU, 0.0, 1.0, clip=True)
    if crop:
        return Compose([CropForeground(margin=10, allow_smaller=True), spacing, scale])
    return Compose([scale, spacing])


def padding(size: Sequence[int], side: int) -> list[int]:
    """What MONAI's windows add to a volume (r, a, s) that is smaller than one, last axis first."""
    lacking = [max(side - length, 0) for length in reversed(size)]
    return [part for one in lacking for part in (one // 2, one - one // 2)]


def in_grid(points: NDArray[np.float64], prepared: MetaTensor) -> torch.Tensor:
    """Places (N, 3) of (s, y, x) in the sample -> (r, a, s) on the network's grid, float64."""
    original = torch.as_tensor(prepared.meta["original_affine"], dtype=torch.float64)
    there = torch.linalg.inv(prepared.affine.to(torch.float64)) @ original
    places = torch.from_numpy(points[:, ::-1].copy())
    moved: torch.Tensor = places @ there[:3, :3].T + there[:3, 3]
    return moved


def right_anterior_superior(sample: Sample) -> MetaTensor:
    """A sample's planes (superior, anterior, right) as MONAI's (1, R, A, S).

    Raises `InputError` where its spacing is not known.
    """
    if None in sample.spacing:
        raise InputError(
            f"VISTA3D resamples volumes, and the spacing of case {sample.case.id} is not known. "
            "Use data whose header has it."
        )
    values = np.ascontiguousarray(sample.values.transpose(2, 1, 0), np.float32)
    affine = torch.diag(torch.tensor([*sample.spacing[::-1], 1.0], dtype=torch.float64))
    meta = {"original_affine": affine}
    return MetaTensor(torch.from_numpy(values)[None], affine=affine, meta=meta)


def network() -> Any:
    """MONAI's network, with the modules that the released file has and that nothing uses."""
    net: Any = vista3d132()
    net.point_head.output_add_hypernetworks_mlps = nn.ModuleList(
        MLP(WIDTH, WIDTH, WIDTH, 3) for _ in range(2)
    )
    net.weight_mapper = nn.Sequential(
        nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Identity(), nn.Linear(4 * WIDTH, 1)
    )
    return net


def asked(classes: str) -> Sequence[str]:
    """The classes that an option names. Raises `UsageError` for those that do not exist."""
    if classes == "all":
        return tuple(CLASSES)
    names = tuple(name.strip() for name in classes.split(","))
    if unknown := [name for name in names if name not in CLASSES]:
        raise UsageError(
            f"option classes: VISTA3D has no class {', '.join(map(repr, unknown))}; it has "
            f"{', '.join(CLASSES)}"
        )
    return names


def renamed(called: str) -> dict[str, str]:
    """Class of a data set -> the class here. Raises `UsageError` for what is no such list."""
    pairs = [one.strip() for one in called.split(",") if one.strip()]
    if wrong := [one for one in pairs if one.count("=") != 1]:
        raise UsageError(f"option called: expected NAME=CLASS, got {wrong[0]!r}")
    found = {mine.strip(): here.strip() for mine, _, here in (one.partition("=") for one in pairs)}
    asked(",".join(found.values()) or "all")
    return found


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Vista3d:
    """VISTA3D from `model_monai1.3.pt`. Raises `InputError` naming what does not fit."""
    classes = asked(str(options["classes"]))
    with unfilled():
        net = network()
    load_strictly(net, {_PERCEPTRON.sub(r"\1linear\2.", k): v for k, v in state.items()})
    return Vista3d("vista3d", net, int(options["window"]), classes, options, device, dtype)
