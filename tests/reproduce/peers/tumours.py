"""What the evaluations of 3DSAM-adapter, ProMISe and ZAP-2.5DSAM read: NIfTI and split.pkl."""

import pickle
import sys
from typing import Any
from unittest.mock import MagicMock

import monai.transforms
import nibabel
import numpy as np
import torch
from authors import OUT
from made import ellipse, stack_of
from torch.nn import functional

# Of an older MONAI; imported and never used.
monai.transforms.AddChanneld = None
sys.modules["surface_distance"] = MagicMock()

CT = {"of": "ct", "cut": [[0, 16], [100, 400], [120, 420]], "hu": [-150, 250]}
CT_NAME = "slices 0 to 15 of CT_Lesion_000001_02_01_008-023.npz cut to 300x300, at 5 x 0.8 x 0.8 mm"
CT_MM = [5.0, 0.8, 0.8]
WAVES = {"of": "waves", "cut": [[0, 5], [0, 40], [0, 48]], "hu": [-150, 250]}
WAVES_MM = [4.0, 1.0, 0.7]


def write(stack: dict[str, Any], spacing: list[float]) -> tuple[str, np.ndarray]:
    """One case of `colon` stored towards right, anterior, superior; its folder and the label."""
    values = stack_of(stack)
    label = np.zeros(values.shape, np.float32)
    inside = ellipse(values.shape[1:], (values.shape[1] // 2, values.shape[2] // 3), (9, 11))
    label[1:4, inside] = 1
    folder = OUT / f"colon{len(values)}"
    folder.mkdir(exist_ok=True)
    affine = np.diag([*spacing[::-1], 1.0])
    for name, array in (("image", values), ("label", label)):
        image = nibabel.Nifti1Image(array.transpose(2, 1, 0), affine)
        nibabel.save(image, folder / f"{name}.nii.gz")
    with (folder / "split.pkl").open("wb") as file:
        pickle.dump([{"test": {"0": ("image.nii.gz", "label.nii.gz")}}], file)
    return str(folder), label


def click(label: np.ndarray, spacing: list[float]) -> tuple[int, list[list[float]]]:
    """A number of a voxel of the label at 1 mm, and that voxel's place on the label as given."""
    size = tuple(int(n * mm) for n, mm in zip(label.shape, spacing, strict=True))
    small = functional.interpolate(torch.from_numpy(label)[None, None], size, mode="nearest")[0, 0]
    voxels = torch.nonzero(small).numpy()
    number = len(voxels) // 3
    place = voxels[number] * np.array(label.shape) / np.array(size)
    return number, [place.tolist()]


class Watched:
    """`torch.nn.functional`, keeping what was interpolated last."""

    last: torch.Tensor

    def __getattr__(self, name: str) -> Any:
        return getattr(functional, name)

    def interpolate(self, *given: Any, **named: Any) -> torch.Tensor:
        self.last = functional.interpolate(*given, **named)
        return self.last


def state_of(weights: dict[str, torch.Tensor]) -> dict[str, Any]:
    """A file as their training writes it; three of its prompt encoders are never asked."""

    def part(name: str) -> dict[str, torch.Tensor]:
        return {k.removeprefix(name): v for k, v in weights.items() if k.startswith(name)}

    return {
        "encoder_dict": part("image_encoder."),
        "feature_dict": [part("prompt_encoder.")] * 4,
        "decoder_dict": part("mask_decoder."),
    }


def smaller(source: str) -> str:
    """Their code with the sizes of the cube of 128 voxels taken from the cube it is given."""
    return (
        source.replace("scale_factor=512 / patch_size", "scale_factor=4")
        .replace("scale_factor=64/patch_size", "scale_factor=0.5")
        .replace("patch_size//64", "2")
    )


def small_encoder(kind: Any, **sizes: Any) -> Any:
    """An encoder of four tokens an axis; its neck and its masks are made for the full one."""
    encoder = kind(**sizes)
    for neck in encoder.neck_3d:
        neck[0] = torch.nn.Conv3d(32, 16, 1, bias=False)
    for block in encoder.blocks:
        if block.attn_mask is not None:
            block.attn_mask = torch.empty(8, 8, 8)
    return encoder


SMALL_ENCODER = {"embed_dim": 32, "num_heads": 2, "patch_depth": 4} | {
    "window_size": 3,
    "cubic_window_size": 2,
    "out_chans": 16,
}
