"""lwnet (W-Net): the positive control of the harness, a small automatic vessel segmenter.

Follows agaldran/lwnet @ ce72ddab: `train_cyclical.py` and `utils/get_loaders.py` for the printed
validation numbers (grid `model_input`), `generate_results.py` for predictions at native resolution
(grid `original`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from reproduce.contracts import (
    Adapter,
    Conduct,
    Grid,
    Option,
    Plane,
    PlaneModel,
    Prediction,
    Prompt,
    PromptKind,
    Reference,
)

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from reproduce.adapters.lwnet.network import WNet

Box = tuple[int, int, int, int]  # row0, column0, row1, column1; the ends are exclusive


class LwnetModel(PlaneModel):
    """A loaded W-Net. An embedding is the network's probability map of the cropped image."""

    cacheable = False  # the whole forward pass costs less than reading an embedding back

    def __init__(self, net: WNet, options: Mapping[str, Any], device: str, dtype: str) -> None:
        import torch

        self.net = net
        self.flips = bool(options["flips"])
        self.stored = str(options["stored"])
        self.size = int(options["size"])
        self.device = torch.device(device)
        self.dtype = getattr(torch, dtype)

    def preprocessing_id(self) -> str:
        return hashlib.sha256(f"lwnet/1 {self.size} {self.flips}".encode()).hexdigest()

    def encode(self, planes: Sequence[Plane]) -> list[Any]:
        """Probability maps in one batch: ((size, size) float32 tensor, crop box, field of view)."""
        import numpy as np
        import torch
        from PIL import Image

        fields = [
            np.ones(plane.image.shape[:2], dtype=bool) if plane.valid is None else plane.valid
            for plane in planes
        ]
        boxes = [_bounding_box(field) for field in fields]
        inputs = []
        for plane, (row0, col0, row1, col1) in zip(planes, boxes, strict=True):
            crop = Image.fromarray(plane.image[row0:row1, col0:col1])
            resized = crop.resize((self.size, self.size), Image.Resampling.BILINEAR)
            inputs.append(torch.from_numpy(np.array(resized)).permute(2, 0, 1))
        batch = torch.stack(inputs).to(self.device, self.dtype) / 255
        probability = torch.sigmoid(self.net(batch).float())
        if self.flips:
            # generate_results.py, `from_preds`: probabilities of the four mirrorings are averaged
            mirrored = [
                torch.sigmoid(self.net(batch.flip(axes)).float()).flip(axes)
                for axes in ([-1], [-2], [-1, -2])
            ]
            probability = torch.stack([probability, *mirrored]).mean(dim=0)
        return [
            (probability[i, 0], box, field)
            for i, (box, field) in enumerate(zip(boxes, fields, strict=True))
        ]

    def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """One class, one candidate: (1, 1, size, size), or (1, 1, H, W) on the original grid."""
        probability, box, field = embedding
        if grid == "original":
            probability = self._to_original(probability, box, field)
        return Prediction(scores=probability[None, None], kind="probability", labels=("vessel",))

    def _to_original(
        self, probability: torch.Tensor, box: Box, field: NDArray[np.bool_]
    ) -> torch.Tensor:
        """Cubic resize into the crop box, zero outside the field of view, as `create_pred` does."""
        import numpy as np
        import torch
        from skimage.transform import resize

        row0, col0, row1, col1 = box
        full = np.zeros(field.shape, dtype=np.float64)
        small = probability.cpu().numpy().astype(np.float64)
        size = (row1 - row0, col1 - col0)
        full[row0:row1, col0:col1] = resize(small, size, order=3)  # type: ignore[no-untyped-call]  # skimage has no types
        full[~field] = 0
        if self.stored == "uint8":
            full = np.rint(full * 255) / 255
        return torch.from_numpy(full.astype(np.float32)).to(self.device)

    def reference(self, plane: Plane, grid: Grid) -> Reference:
        """Original grid: the label, counted inside the field of view. Model's grid: the label with
        everything outside the field of view set to background, cropped, resized by nearest
        neighbour, and every pixel counted (`TrainDataset` of the official code)."""
        import numpy as np
        from PIL import Image

        if grid == "original":
            return Reference(labels=plane.labels, valid=plane.valid)
        label = plane.labels["vessel"]
        valid = np.ones(label.shape, dtype=bool) if plane.valid is None else plane.valid
        row0, col0, row1, col1 = _bounding_box(valid)
        crop = (label & valid)[row0:row1, col0:col1].astype(np.uint8)
        small = Image.fromarray(crop).resize((self.size, self.size), Image.Resampling.NEAREST)
        return Reference(labels={"vessel": np.array(small) > 0})


def _bounding_box(mask: NDArray[np.bool_]) -> Box:
    """Smallest box around the true pixels of an (H, W) mask, ends exclusive."""
    import numpy as np

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


class Lwnet(Adapter):
    """Plugin `lwnet`."""

    name = "lwnet"
    version = 1
    title = "lwnet (W-Net), retinal vessels; positive control, not a SAM method"
    papers: tuple[str, ...] = ()
    source = "agaldran/lwnet @ ce72ddabcf5fc9af14197ac0d43bd29000b17df2"
    prompts: tuple[PromptKind, ...] = ("none",)
    dimensionality: Literal["2d", "3d"] = "2d"
    layouts = ("model_state_dict",)
    options: Mapping[str, Option] = {
        "size": Option(
            512,
            "side of the square the crop is resized to, in pixels",
            changes={"preprocessing": {}},
        ),
        "flips": Option(
            False,
            "average probabilities over four mirrorings (official `--tta from_preds`)",
            changes={"postprocessing": {True: "flips-averaged"}},
        ),
        "stored": Option(
            "uint8",
            "original grid only: official code stores probabilities as 8-bit PNG before it scores",
            ("uint8", "float"),
            changes={"postprocessing": {}},
        ),
    }
    does = Conduct("fov-crop-512", answers="probability")
    memory_mib: Mapping[str, int] = {"wnet": 155}
    agreement = (
        "the released checkpoint gives the released validation numbers to every printed digit: "
        "AUC 98.59, Dice 80.96"
    )

    def build(
        self, state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
    ) -> LwnetModel:
        """W-Net with 8, 16, 32 channels. Raises `InputError` listing key mismatches."""
        import torch

        from reproduce.adapters.lwnet.network import WNet
        from reproduce.models.sam import load_strictly
        from reproduce.models.unfilled import unfilled

        with unfilled():
            net = WNet()
        load_strictly(net, state)
        net.to(torch.device(device), getattr(torch, dtype)).eval().requires_grad_(False)
        return LwnetModel(net, options, device, dtype)


PLUGIN = Lwnet()
