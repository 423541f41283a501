"""VISTA3D: MONAI's `vista3d132`, asked for classes or with clicks in windows of a CT volume."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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

from catalog.errors import InputError, UsageError
from reproduce.adapters.vista3d.classes import CLASSES
from reproduce.contracts import Prompt, Sample
from reproduce.models.sam import load_strictly
from reproduce.models.sliding import SlidingModel
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
        maps = (model.back(model.clicked(prepared, p), prepared, "bilinear") for p in prompts)
        labels = tuple(prompt.label for prompt in prompts)
        return Whole(labels, model.kind, model.in_sample(maps))

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


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Vista3d:
    """VISTA3D from `model_monai1.3.pt`. Raises `InputError` naming what does not fit."""
    classes = asked(str(options["classes"]))
    with torch.device("meta"):
        net = network()
    load_strictly(net, {_PERCEPTRON.sub(r"\1linear\2.", k): v for k, v in state.items()})
    return Vista3d("vista3d", net, int(options["window"]), classes, options, device, dtype)
