"""Pictures of images, outlines and prompts as SVG, drawn from records; words stand beside each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from markupsafe import Markup, escape

from catalog.registry import RESULTS
from catalog.render.output import Output
from catalog.render.pages.profiles import document
from catalog.render.views import Catalog

Polygons = Sequence[Sequence[float]]
#: Corners and points as the core has them: (plane, row, column) of pixel centres.
Places = Sequence[Sequence[float]]
ASSETS = "assets/pictures/"


class Given(msgspec.Struct):
    """What a model was given of one object on one plane: a line of a run's `prompts.json`."""

    case: str = ""
    label: str = ""
    plane: int | None = None
    box: list[list[float]] | None = None
    points: list[list[float]] | None = None
    point_labels: list[int] | None = None

    @property
    def drawable(self) -> bool:
        """Whether it lies on one plane, so that a picture of a plane can show it."""
        return self.plane is None and (self.box is not None or bool(self.points))


def given_words(given: Given) -> str:
    """What was given, in words for a title: `the box`, `2 clicks`."""
    count = len(given.points or [])
    said = ["the box that was given"] if given.box else []
    if count:
        said.append(f"{count} clicks that were given" if count > 1 else "the click that was given")
    return " and ".join(said)


def picture(
    name: str,
    said: str,
    size: tuple[int, int],
    image: str | None,
    *,
    truth: Polygons = (),
    predicted: Polygons = (),
    boxes: Sequence[Places] = (),
    points: Places = (),
    signs: Sequence[int] = (),
    line: bool = False,
) -> Markup:
    """Outlines over each other, what was given, and the image below them where it may be shown.

    size    width and height in pixels
    image   address of the image, or None
    signs   of the points, 1 on the object, 0 off it
    line    the points are told of a line, which is drawn through them
    """
    width, height = size
    back = (
        f'<image href="{escape(image)}" width="{width}" height="{height}"/>'
        if image
        else f'<rect width="{width}" height="{height}" class="back"/>'
    )
    dot = max(width, height) / 70
    return Markup(  # noqa: S704 - numbers, and text that is escaped here
        f'<svg class="pic" role="img" aria-labelledby="{name}" viewBox="0 0 {width} {height}">'
        f'<title id="{name}">{escape(said)}</title>{back}'
        + "".join(map(_box, boxes))
        + (f'<path class="truth" d="{_polygons(truth)}"/>' if truth else "")
        + (f'<path class="pred" d="{_polygons(predicted)}"/>' if predicted else "")
        + (_line(points) if line else "")
        + "".join(
            _point(place, sign, dot)
            for place, sign in zip(points, [*signs, *[1] * len(points)], strict=False)
        )
        + "</svg>"
    )


def _polygons(polygons: Polygons) -> str:
    """Outlines as SVG path data with one decimal."""
    parts = []
    for flat in polygons:
        points = [f"{x:g} {y:g}" for x, y in zip(flat[::2], flat[1::2], strict=False)]
        if points:
            parts.append("M" + "L".join(points) + "z")
    return "".join(parts)


def _box(corners: Places) -> str:
    # a prompt names pixels by their centres, an outline by their edges
    top, left, bottom, right = (at + 0.5 for corner in corners for at in corner[1:])
    return f'<path class="given" d="M{left:g} {top:g}H{right:g}V{bottom:g}H{left:g}z"/>'


def _line(points: Places) -> str:
    way = "L".join(f"{x + 0.5:g} {y + 0.5:g}" for _, y, x in points)
    return f'<path class="given" d="M{way}"/>'


def _point(place: Sequence[float], sign: int, dot: float) -> str:
    """A filled disc on the object, a cross beside it: told apart without colour."""
    x, y = place[2] + 0.5, place[1] + 0.5
    if sign:
        return f'<circle class="click" cx="{x:g}" cy="{y:g}" r="{dot:.1f}"/>'
    left, right, top, bottom = (f"{v:.1f}" for v in (x - dot, x + dot, y - dot, y + dot))
    way = f"M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}"
    return f'<path class="given cross" d="{way}"/>'


def kept(catalog: Catalog) -> list[dict[str, Any]]:
    """The pictures of `examples.json`: images that may be shown, outlines, what is given."""
    found = document(catalog.registry.root / RESULTS / "examples.json").get("pictures", [])
    return list(found)


def write(output: Output, catalog: Catalog) -> None:
    """Copy the kept images to where pages find them."""
    folder = catalog.registry.root / RESULTS / "examples"
    for one in kept(catalog):
        output.files[ASSETS + one["image"]] = (folder / one["image"]).read_bytes()


def panels(one: dict[str, Any], up: str) -> list[tuple[Markup, dict[str, Any]]]:
    """A kept picture once for each thing given; `up`: from the page to the root of the site."""
    return [
        (_kept(one, up, k, f"; given: {given['words']}", **_places(given)), given)
        for k, given in enumerate(one["given"])
    ]


def alone(one: dict[str, Any], up: str) -> Markup:
    """A kept picture with the outline of its reference."""
    return _kept(one, up, 0, "")


def _places(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in ("boxes", "points", "signs", "line")}


def _kept(one: dict[str, Any], up: str, number: int, said: str, **places: Any) -> Markup:
    return picture(
        f"{one['name']}-{number}",
        f"{one['case']}: outline of the reference{said}",
        (one["width_px"], one["height_px"]),
        up + ASSETS + one["image"],
        truth=one["truth"],
        **places,
    )
