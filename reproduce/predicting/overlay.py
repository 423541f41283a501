"""A picture of each case with what was asked and what was answered, for a person's eyes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.files import write_whole
from reproduce.contracts import Prompt
from reproduce.predicting import NOTICE
from reproduce.predicting.writing import colour

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reproduce.predicting.taken import Painter

LARGEST_PX = 1024  # of a side; larger pictures are made smaller
SMALLEST_PX = 256  # smaller ones are enlarged, so that the words below can be read
SHARE = 0.35  # of the colour in what is filled
STRIP_PX = 18


def write_overlay(
    path: Path, painter: Painter, numbers: Mapping[str, int], prompts: Sequence[Prompt]
) -> None:
    """The plane with most of the masks: filled, outlined, prompts drawn, the notice below.

    Raises `InputError` where the disk is full.
    """
    import numpy as np
    from PIL import Image, ImageDraw, PngImagePlugin

    index = painter.shown_plane()
    picture = grey(painter.sample.values[index])
    height, width = picture.shape[:2]
    for label in painter.labels:
        mask = painter.on_plane(label, index)
        tone = np.array(colour(numbers[label]), np.float32)
        picture[mask] = ((1 - SHARE) * picture[mask] + SHARE * tone).astype(np.uint8)
        picture[_edge(mask)] = tone.astype(np.uint8)
    scale = min(LARGEST_PX / max(height, width), max(1.0, SMALLEST_PX / max(height, width)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shown = Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR)
    whole = Image.new("RGB", (max(size[0], SMALLEST_PX), size[1] + STRIP_PX), (0, 0, 0))
    whole.paste(shown, (0, 0))
    draw = ImageDraw.Draw(whole)
    for prompt in prompts:
        _draw(draw, prompt, index, scale, colour(numbers.get(prompt.label, 1)))
    plane = "" if painter.sample.is_image else f" Plane {index} of {len(painter.sample.values)}."
    draw.text((4, size[1] + 3), NOTICE + plane, fill=(255, 255, 255))
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", NOTICE)
    buffer = io.BytesIO()
    whole.save(buffer, "PNG", pnginfo=about)
    write_whole(path, buffer.getvalue())


def grey(plane: NDArray[Any]) -> NDArray[np.uint8]:
    """(H, W), (H, W, 3) or (H, W, C) of any values as (H, W, 3) bytes, a copy: bytes as they are,
    others between their 0.5 and 99.5 percentiles, of several channels the first."""
    import numpy as np

    if plane.dtype == np.uint8 and plane.ndim == 3 and plane.shape[2] == 3:
        return plane.copy()
    one = plane[..., 0] if plane.ndim == 3 else plane
    if one.dtype != np.uint8:
        low, high = np.percentile(one, (0.5, 99.5))
        one = ((np.clip(one, low, high) - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    return np.repeat(one[..., None], 3, axis=2)


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a mask with a neighbour outside it."""
    import numpy as np

    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: NDArray[np.bool_] = mask & ~inside
    return edge


def _draw(draw: Any, prompt: Prompt, index: int, scale: float, tone: tuple[int, int, int]) -> None:
    """The box and the points of a prompt that lie on a plane."""
    if prompt.box is not None and prompt.box[0, 0] <= index <= prompt.box[1, 0]:
        (_, y0, x0), (_, y1, x1) = prompt.box * scale
        draw.rectangle([x0, y0, x1, y1], outline=tone, width=2)
    if prompt.points is not None and prompt.point_labels is not None:
        for (s, y, x), on in zip(prompt.points, prompt.point_labels, strict=True):
            if int(s) == index:
                x, y = (x + 0.5) * scale, (y + 0.5) * scale
                fill = tone if on else (255, 0, 0)
                draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=fill, outline=(255, 255, 255))
