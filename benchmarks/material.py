"""What benchmarks are fed with: real images, masks and boxes from the folder of real material, and
seeded weights as the tests make them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "reproduce"))
REAL = ROOT.parent / "shared" / "real"


def polyps(count: int) -> list[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """(H, W, 3) uint8 images of EndoTect with their (H, W) masks."""
    files = sorted((REAL / "endotect" / "images").iterdir())[:count]
    return [(read_image(file), read_mask(mask_of(file))) for file in files]


def mask_of(image: Path) -> Path:
    """The mask file of an EndoTect image."""
    return next((image.parent.parent / "masks").glob(f"{image.stem}.*"))


def read_image(file: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(file).convert("RGB"))


def read_mask(file: Path) -> NDArray[np.bool_]:
    return np.asarray(Image.open(file).convert("L")) > 127


def stack(slices: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A CT stack (D, H, W) uint8 and its lesion mask, the middle `slices` slices with lesion."""
    file = sorted((REAL / "medsam2_npz").glob("*.npz"))[0]
    with np.load(file) as content:
        images, truth = content["imgs"], content["gts"] > 0
    where = np.flatnonzero(truth.any((1, 2)))
    start = max(0, (len(where) - slices) // 2)
    chosen = where[start : start + slices]
    return images[chosen], truth[chosen]


def box_of(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(x0, y0, x1, y1) of a mask, inclusive."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1], rows[-1]], dtype=np.float64)


def boxes_around(mask: NDArray[np.bool_], count: int, seed: int = 0) -> NDArray[np.float64]:
    """`count` jittered boxes of a mask, (count, 4), inside the image."""
    height, width = mask.shape
    jitter = np.random.default_rng(seed).uniform(-20, 20, (count, 4))
    boxes: NDArray[Any] = np.clip(box_of(mask) + jitter, 0, [width, height, width, height])
    return boxes


def configuration(variant: str) -> Any:
    """The `SamConfig` of vit_b, vit_l, vit_h; "tiny" is for trying the benchmarks out."""
    from reproduce.models.sam import VARIANTS, SamConfig

    if variant == "tiny":
        return SamConfig(
            image_size=128,
            patch=8,
            embed_dim=48,
            depth=3,
            heads=3,
            mlp_dim=96,
            window=7,
            global_attn_indexes=(1,),
            prompt_embed_dim=32,
            decoder_mlp_dim=64,
        )
    return VARIANTS[variant]


def seeded_sam(variant: str) -> dict[str, Any]:
    """Weights of SAM in the official layout, the same every time. variant: `vit_b` ..."""
    from seeded import seeded_state

    return dict(seeded_state(configuration(variant)))


def seeded_layouts(name: str) -> dict[str, Any]:
    """Weights of a layout of `tests/reproduce/layouts`."""
    from seeded import layout, seeded

    return dict(seeded(layout(name)))
