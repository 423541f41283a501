"""The picture that a link to the site is shown with elsewhere, drawn from the data at build."""

from __future__ import annotations

import io
from collections import Counter

from PIL import Image, ImageDraw, ImageFont

from catalog.render.labels import DECIDED
from catalog.render.views import Catalog

SIZE = (1200, 630)
_INK, _DIM, _ACCENT, _PALE, _PAPER = "#1f2328", "#57606a", "#0b6e75", "#9cc9cc", "#ffffff"
_LEFT, _RIGHT = 72, SIZE[0] - 72


def numbers(catalog: Catalog) -> list[tuple[str, str]]:
    """What the card counts: (number, what it is a number of)."""
    papers, claims = catalog.papers, catalog.claims
    found = [
        (f"{len(papers):,}", "works"),
        (f"{sum(v.work.code is True for v in papers):,}", "with code"),
        (f"{sum(v.work.weights is True for v in papers):,}", "with weights"),
        (f"{len(claims):,}", "claims"),
    ]
    steps = (
        (sum(c.recomputed == "agrees" for c in catalog.numbers), "numbers follow from rows"),
        (sum(c.state in DECIDED for c in claims), "claims run"),
    )
    return found + [(f"{number:,}", what) for number, what in steps if number]


def draw(catalog: Catalog) -> bytes:
    """The card as PNG: the same data give the same bytes under one version of Pillow."""
    image = Image.new("RGB", SIZE, _PAPER)
    pen = ImageDraw.Draw(image)

    def text(x: float, y: float, words: str, size: int, colour: str, anchor: str = "la") -> float:
        font = ImageFont.load_default(size)
        pen.text((x, y), words, fill=colour, font=font, anchor=anchor)
        return pen.textlength(words, font=font)

    pen.rectangle((0, 0, SIZE[0], 12), fill=_ACCENT)
    text(_LEFT, 54, "sam4mis", 40, _ACCENT)
    text(_LEFT, 112, "Does the checkpoint give the number?", 60, _INK)
    text(
        _LEFT,
        192,
        "The living catalog of Segment Anything in medical image segmentation",
        31,
        _DIM,
    )
    x = float(_LEFT)
    for number, what in numbers(catalog):
        wide = max(text(x, 268, number, 54, _ACCENT), text(x, 332, what, 25, _DIM))
        x += wide + 40
    _years(pen, catalog)
    text(_RIGHT, 400, "works per year; dark: with code", 22, _DIM, "ra")
    text(_RIGHT, 54, f"data of {catalog.newest}", 25, _DIM, "ra")
    written = io.BytesIO()
    image.save(written, "PNG", optimize=True)
    return written.getvalue()


def _years(pen: ImageDraw.ImageDraw, catalog: Catalog) -> None:
    """Works per year as bars, those with code in the stronger colour."""
    dated = [view for view in catalog.papers if view.year != "unknown"]
    every = Counter(view.year for view in dated)
    coded = Counter(view.year for view in dated if view.work.code is True)
    if not every:
        return
    years = [str(y) for y in range(int(min(every)), int(max(every)) + 1)]
    step = (_RIGHT - _LEFT) / len(years)
    bottom, tall, wide = 576, 140, min(step * 0.7, 150)
    label = ImageFont.load_default(22)
    for place, year in enumerate(years):
        left = _LEFT + place * step
        for count, colour in ((every[year], _PALE), (coded[year], _ACCENT)):
            if count:
                height = tall * count / max(every.values())
                pen.rectangle((left, bottom - height, left + wide, bottom), fill=colour)
        said = f"{year}: {every[year]}"
        pen.text((left, bottom + 8), said, fill=_DIM, font=label)
