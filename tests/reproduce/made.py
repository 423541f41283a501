"""Small material that the tests make: masks and pictures, volumes and weights in their layouts.

A test that needs only something of a kind runs on this in every clone, and on the real material
too where it is (`MATERIAL`). Masks and pictures are made of whole numbers: the same pixels on every
machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]

REAL = Path(__file__).resolve().parents[3] / "shared" / "real"
MATERIAL = ["made", *(["real"] if REAL.is_dir() else [])]  # parameters of what both can give


def ellipse(shape: tuple[int, int], centre: tuple[int, int], axes: tuple[int, int]) -> Mask:
    """The inside of an ellipse; `centre` and half `axes` in pixels, rows first."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    (y, x), (b, a) = centre, axes
    inside: Mask = ((rows - y) * a) ** 2 + ((columns - x) * b) ** 2 <= (a * b) ** 2
    return inside


def made_masks() -> dict[str, Mask]:
    """Smaller and larger than the networks' grids, flat and tall, touching edges, in parts."""
    plain = ellipse((256, 256), (120, 90), (41, 63))
    parts = ellipse((200, 140), (60, 50), (30, 25)) | ellipse((200, 140), (150, 110), (12, 20))
    ring = ellipse((300, 420), (150, 200), (90, 110)) & ~ellipse((300, 420), (140, 190), (50, 60))
    corner = ellipse((61, 83), (0, 82), (23, 37))
    flat = ellipse((90, 640), (44, 333), (17, 211))
    tall = ellipse((701, 120), (500, 60), (150, 33)) | ellipse((701, 120), (90, 20), (40, 20))
    alike = ellipse((128, 128), (30, 30), (11, 11)) | ellipse((128, 128), (90, 90), (11, 11))
    bar = np.zeros((333, 517), bool)
    bar[100:109, 40:500] = True
    bar[100:300, 250:253] = True
    return {
        "plain": plain,
        "parts": parts,
        "ring": ring,
        "corner": corner,
        "flat": flat,
        "tall": tall,
        "alike": alike,
        "bar": bar,
    }


def made_volumes() -> list[tuple[Mask, Mask]]:
    """(S, H, W) objects with a prediction each: leaning, in parts with planes between, hollow, on
    one plane, at the border; the predictions miss and add pixels that touch."""

    def stacked(
        planes: int, shape: tuple[int, int], *parts: tuple[int, int, int, int, int, int, int]
    ) -> Mask:
        """Ellipses (first plane, last plane, y, x, half axes b and a, columns moved per plane)."""
        stack = np.zeros((planes, *shape), bool)
        for first, last, y, x, b, a, lean in parts:
            for s in range(first, last + 1):
                stack[s] |= ellipse(shape, (y, x + lean * (s - first)), (b, a))
        return stack

    leaning = stacked(14, (60, 90), (2, 11, 30, 25, 13, 9, 4))
    parts = stacked(12, (50, 50), (1, 3, 15, 14, 7, 9, 0), (6, 10, 32, 30, 5, 11, 1))
    hollow = stacked(9, (64, 64), (1, 7, 31, 30, 21, 25, 0))
    hollow &= ~stacked(9, (64, 64), (3, 5, 31, 34, 12, 14, 0))
    flat = stacked(5, (40, 70), (2, 2, 20, 33, 8, 27, 0))
    border = stacked(8, (33, 47), (0, 7, 0, 46, 15, 19, -2))
    moved = [np.roll(leaning, (0, 3, 5), (0, 1, 2)), np.roll(parts, 2, 2) & parts]
    moved += [stacked(9, (64, 64), (2, 8, 31, 30, 24, 22, 0)), np.roll(flat, 1, 0)]
    moved += [border & stacked(8, (33, 47), (0, 5, 4, 40, 9, 30, 0))]
    return list(zip([leaning, parts, hollow, flat, border], moved, strict=True))


def made_picture(height: int, width: int, seed: int = 0) -> Picture:
    """(H, W, 3): a slope of colours, three bright ellipses and noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    slope = np.stack([rows * 120 // height, columns * 90 // width, (rows + columns) % 64], axis=-1)
    for _ in range(3):
        centre = (int(rng.integers(height)), int(rng.integers(width)))
        axes = (int(rng.integers(8, height // 3)), int(rng.integers(8, width // 3)))
        slope[ellipse((height, width), centre, axes)] += rng.integers(20, 90, 3)
    noise = rng.integers(0, 25, (height, width, 3))
    return (slope + noise).clip(0, 255).astype(np.uint8)


def made_stack() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images and class numbers (D, H, W); the first and the last plane hold no object."""
    images = np.stack([made_picture(40, 48, seed)[..., 0] for seed in range(12)])
    labels = np.zeros(images.shape, np.uint8)
    for plane in range(1, 11):
        labels[plane] = ellipse((40, 48), (16 + plane // 3, 22), (9 + plane // 4, 9))
    return images, labels


def write_challenge_npz(folder: Path) -> Path:
    """A stack in the MedSAM challenges' layout: planes are 5 mm apart, `spacing` is x, y, z."""
    images, labels = made_stack()
    folder.mkdir(parents=True, exist_ok=True)
    spacing = np.array([0.78, 0.78, 5.0])
    np.savez_compressed(folder / "CT_made.npz", imgs=images, gts=labels, spacing=spacing)
    return folder


def write_nifti(folder: Path) -> Path:
    """A volume in nnU-Net's layout, x to the right, y to the front, z up; voxels of 1.5 mm."""
    import nibabel

    for name, values in zip(("imagesTr", "labelsTr"), made_stack(), strict=True):
        (folder / name).mkdir(parents=True, exist_ok=True)
        image: Any = nibabel.Nifti1Image(values.transpose(2, 1, 0), np.diag([1.5, 1.5, 1.5, 1.0]))
        nibabel.save(image, folder / name / "made.nii.gz")
    return folder


def made_lora() -> dict[str, torch.Tensor]:
    """LoRA of rank 4 for q and v of ViT-B, named as in MathieuNlp/Sam_LoRA's file."""
    draw = torch.Generator().manual_seed(5)
    shapes = {"a": (4, 768), "b": (768, 4)}
    return {
        f"w_{side}_{number:03d}": 0.05 * torch.randn(shape, generator=draw)
        for side, shape in shapes.items()
        for number in range(24)
    }


def waves(planes: int = 5) -> np.ndarray:
    """A stack (planes, 96, 120) of grey waves in whole numbers, the same on every machine."""
    s, y, x = np.ogrid[:planes, :96, :120]
    return ((s * 37 + y * y // 31 + x * (y + 5 * s) // 17) % 256).astype(np.uint8)


def stack_of(given: dict[str, Any]) -> NDArray[Any]:
    """A stack (S, H, W), or (S, H, W, C), that the authors' code and our adapter both take.

    of    `waves`, `ct` (bytes of three dozen real slices) or `brats` (a real volume of 1.5 mm)
    cut   [first, end] of each axis
    hu    [low, high]: bytes become numbers of this range, float32
    channels  that many, each with its own scale and shifted by a pixel more, float32
    """
    if given["of"] == "waves":
        values: NDArray[Any] = waves()
    elif given["of"] == "ct":
        with np.load(REAL / "medsam2_npz" / "CT_Lesion_000001_02_01_008-023.npz") as content:
            values = content["imgs"]
    else:
        import nibabel

        image: Any = nibabel.load(REAL / "brats" / "imagesTr" / "BraTS2021_01646.nii.gz")
        values = np.asarray(image.dataobj).transpose(2, 1, 0)
    values = values[tuple(slice(*ends) for ends in given["cut"])].copy()
    if "hu" in given:
        low, high = given["hu"]
        values = (values / 255 * (high - low) + low).astype(np.float32)
    if "channels" in given:
        shifted = [np.roll(values, n, axis=2) * (1 + n / 2) for n in range(given["channels"])]
        values = np.stack(shifted, axis=-1).astype(np.float32)
    return values


def context_of(stacks: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Examples for a network that is asked by them: (N, x, y, z) volumes and what lies above two
    of their quantiles, as labels 1 and 2."""
    images = np.stack([stack_of(given).transpose(2, 1, 0) for given in stacks]).astype(np.float32)
    labels = (images > np.quantile(images, 0.6)).astype(np.int64) + (
        images > np.quantile(images, 0.85)
    )
    return {"context.images": torch.from_numpy(images), "context.labels": torch.from_numpy(labels)}


def supports_of(stacks: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Examples of MedLSAM: volumes (x, y, z) with their affine, and two flat ellipsoids, 1 and 2.

    mm  signed distance of voxels along x, y, z: below 0 the axis runs to the left, the back
    """
    found = {}
    for number, given in enumerate(stacks):
        image = stack_of(given).transpose(2, 1, 0).astype(np.float32)
        at = np.stack(np.meshgrid(*(np.linspace(0, 1, n) for n in image.shape), indexing="ij"))
        label = np.zeros(image.shape, np.int16)
        for value, (middle, reach) in enumerate([(0.4, 0.3), (0.65, 0.25)], start=1):
            flat = np.array([1, 1, 2]).reshape(3, 1, 1, 1)  # few planes: few parts of a class
            label[(((at - middle) * flat) ** 2).sum(axis=0) < reach**2] = value
        parts = {"image": image, "label": label, "affine": np.diag([*given["mm"], 1.0])}
        found |= {f"support.{number}.{k}": torch.from_numpy(v.copy()) for k, v in parts.items()}
    return found
