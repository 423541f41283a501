"""Lists of boxes, points and words: CSV as spreadsheets save it, and COCO's JSON.

Places are those of the file as other programs show it: x is the column, y the row, z the plane,
each counted from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path

from catalog.errors import InputError, UsageError
from reproduce.contracts import PromptKind
from reproduce.ground.reading import read_object
from reproduce.ground.tables import read_table

OBJECT = "object"  # what is segmented where nobody named it
BOX = ("x0", "y0", "x1", "y1")
POINT = ("x", "y")
MORE = ("label", "object", "z", "z0", "z1", "positive")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: where it stands, what it is about, places (x, y, z), z None: not said.

    box   two corners, the last pixels inclusive;  point  one place, `on` the object or off it
    size  rows and columns that its image has to have; None: not said
    """

    place: str
    label: str
    number: int | None
    corners: tuple[tuple[float, float, float | None], ...]
    on: bool = True
    size: tuple[int, int] | None = None


def read_rows(path: Path, kind: PromptKind) -> list[tuple[str, Row]]:
    """(image as the list calls it, row). Raises `InputError` with all that is wrong in the list."""
    return (_coco if path.suffix.lower() == ".json" else _csv)(path, kind)


def _csv(path: Path, kind: PromptKind) -> list[tuple[str, Row]]:
    """(image, row) of a CSV with a heading. Raises `InputError` with every line that is wrong."""
    written = read_table(path)
    need = BOX if kind == "box" else POINT
    image = written.column("image", "case")
    if image is None or not all(map(written.column, need)):
        more = ""
        if kind == "box" and written.column("w", "width"):
            more = " x1 is x0 + width - 1: a box holds its last pixels."
        elif kind == "box" and written.column("xmin"):
            more = " Call xmin, ymin, xmax, ymax so; the last pixels belong to the box."
        raise InputError(
            f"{path}: expected the columns image, {', '.join(need)} (and label, object, z"
            f"{', z0, z1' if kind == 'box' else ', positive'} where they are needed), got "
            f"{', '.join(written.columns) or 'none'}.{more}"
        )
    own = {name: written.column(name) for name in (*need, *MORE)}
    found, wrong = [], []
    for line, cells in written.rows:
        place = f"{path.name}:{line}"
        told = {name: cells.get(column, "") for name, column in own.items() if column}
        try:
            row = _row(place, told, kind, written.decimal_comma)
        except ValueError as error:
            wrong.append(f"{place}: {error}")
        else:
            found.append((cells.get(image, ""), row))
    if wrong:
        raise InputError(f"{path}: " + "; ".join(wrong[:5]) + (" ..." if wrong[5:] else ""))
    return found


def read_words(path: Path) -> list[tuple[str, tuple[str, str]]]:
    """(image, (label, words)) of a JSON object from images to words, or of a CSV with the columns
    image and text (and label). Raises `InputError` for what is neither."""
    rows: list[tuple[str, str, object]] = []
    if path.suffix.lower() == ".json":
        rows = [(image, "", words) for image, words in read_object(path).items()]
    else:
        written = read_table(path)
        image, text = written.column("image", "case"), written.column("text")
        label = written.column("label") or ""
        if image is None or text is None:
            raise InputError(
                f"{path}: expected the columns image and text (and label where it is needed), got "
                f"{', '.join(written.columns) or 'none'}."
            )
        rows = [(row.get(image, ""), row.get(label, ""), row.get(text)) for _, row in written.rows]
    found = [(i, (label or OBJECT, w.strip())) for i, label, w in rows if isinstance(w, str) and w]
    if len(found) < len(rows):
        wrong = [image for image, _, words in rows if not (isinstance(words, str) and words)]
        few = ", ".join(wrong[:5]) + (" ..." if wrong[5:] else "")
        raise InputError(f"{path}: expected words for every image; none for {few}")
    return found


def _row(place: str, told: Mapping[str, str], kind: PromptKind, decimal_comma: bool) -> Row:
    """Raises `ValueError` for what is no finite number."""

    def optional(name: str) -> float | None:
        text = told.get(name, "")
        try:
            value = float(text.replace(",", ".") if decimal_comma else text) if text else None
        except ValueError:
            value = nan
        if value is not None and not isfinite(value):
            raise ValueError(f"{name} {text!r} is no number")
        return value

    def number(name: str) -> float:
        if (value := optional(name)) is None:
            raise ValueError(f"{name} '' is no number")
        return value

    label = told.get("label") or OBJECT
    own, z = optional("object"), optional("z")
    index = None if own is None else int(own)
    if kind == "point":
        positive = optional("positive")
        on = True if positive is None else positive > 0
        return Row(place, label, index, ((number("x"), number("y"), z),), on)
    z0, z1 = optional("z0"), optional("z1")
    first, last = (z, z) if z is not None else (z0, z0 if z1 is None else z1)
    x0, y0, x1, y1 = map(number, BOX)
    return Row(place, label, index, ((x0, y0, first), (x1, y1, last)))


def _coco(path: Path, kind: PromptKind) -> list[tuple[str, Row]]:
    """(image, row) of COCO's boxes: `bbox` is [x, y, width, height], whose last edge is x + width.

    Raises `InputError` for what is not laid out so.
    """
    if kind != "box":
        raise UsageError(f"--points {path}: COCO files have boxes; points are given as CSV.")
    content = read_object(path)
    expected = f"{path}: expected COCO's images, annotations and categories, "
    try:
        images = {item["id"]: item for item in content["images"]}
        names = {number: str(item["file_name"]) for number, item in images.items()}
        classes = {item["id"]: str(item["name"]) for item in content.get("categories", [])}
        annotations = [dict(item) for item in content["annotations"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{expected}got none ({type(error).__name__}: {error}).") from error
    found, wrong = [], []
    for number, item in enumerate(annotations):
        which = f"annotation {item.get('id', number)}"
        image = images.get(item.get("image_id"), {})
        sides = (image.get("height"), image.get("width"))
        try:
            x, y, width, height = map(float, item["bbox"])
            name = names[item["image_id"]]
            size = None if None in sides else (int(sides[0]), int(sides[1]))
        except (KeyError, TypeError, ValueError):
            wrong.append(which)
            continue
        label = classes.get(item.get("category_id"), OBJECT)
        corners = ((x, y, None), (x + width, y + height, None))
        found.append((name, Row(f"{path.name} {which}", label, None, corners, size=size)))
    if wrong:
        raise InputError(
            f"{expected}each annotation with the image_id of an image and a bbox [x, y, width, "
            f"height]; without: {', '.join(wrong[:5])}{' ...' if wrong[5:] else ''}. A folder of "
            "masks (--boxes FOLDER) is taken too."
        )
    return found
