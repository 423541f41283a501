"""Files, folders and options of data sets, with one clear message when they are not as expected."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from catalog.errors import InputError, Sam4misError, UsageError

T = TypeVar("T")

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif")


def read_with(path: Path, what: str, reader: Callable[[Path], T]) -> T:
    """Call `reader`; whatever it raises becomes one `InputError` with the place and the way out."""
    if not path.is_file():
        raise InputError(f"{path}: {what} is missing. Expected a file there; see the access steps.")
    try:
        return reader(path)
    except Sam4misError:
        raise
    except Exception as error:  # readers raise many types for one fact: the file is damaged
        size = path.stat().st_size
        raise InputError(
            f"{path}: {what} cannot be read ({type(error).__name__}: {error}); the file has "
            f"{size:,} bytes and is probably cut short or of another format. "
            "Get this one file again and repeat the command; nothing was changed."
        ) from error


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object. Raises `InputError` for another encoding than UTF-8, and for anything else."""

    def reader(path: Path) -> Any:
        try:
            return json.loads(path.read_text("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}: not UTF-8 (byte {error.start + 1}). Save it again in that encoding, for "
                f"example: iconv -f latin1 -t utf-8 '{path}' > new.json"
            ) from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not JSON ({error}).") from None

    found = read_with(path, "JSON file", reader)
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected an object {{...}}, got a {type(found).__name__}.")
    return found


def same_size(image: tuple[int, ...], mask: tuple[int, ...], image_path: Path, path: Path) -> None:
    """Raise `InputError` unless a mask has the spatial shape of its image (array order)."""
    if image != mask:
        raise InputError(
            f"{path}: the mask is {'x'.join(map(str, mask))}, its image {image_path.name} is "
            f"{'x'.join(map(str, image))} (rows x columns). Masks are never resized silently: "
            "use the mask that belongs to this image, or resample it yourself and say so."
        )


def check_options(title: str, known: Collection[str], given: Iterable[str]) -> None:
    """Raise `UsageError` for an option that a data set does not have, with the nearest it has."""
    from difflib import get_close_matches

    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise UsageError(
                f"{title} has no option {name!r}; it has {', '.join(known) or 'none'}."
                + (f" Did you mean {near[0]}?" if near else "")
            )


def whole_option(options: Mapping[str, Any], name: str, default: int, allowed: range) -> int:
    """A data set's option that is a whole number. Raises `UsageError` for anything else."""
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        raise UsageError(
            f"data set option {name}: expected a whole number from {allowed[0]} to "
            f"{allowed[-1]}, got {value!r}."
        )
    return value


def seconds_option(options: Mapping[str, Any], name: str) -> float | None:
    """A data set's option that is a time, None: not given. Raises `UsageError` for anything but
    seconds above 0."""
    value = options.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise UsageError(f"data set option {name}: expected seconds above 0, got {value!r}.")
    return float(value)


def need_folder(root: Path, name: str, access: str) -> None:
    """Raise `InputError` unless `root` is a folder."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder, expected the data set {name}. {access}")


def need_readable(path: Path) -> None:
    """Raise `InputError` for a file whose name is no text: it becomes the name of a case."""
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{path.parent}: the file name {path.name!r} is not UTF-8. Rename it (for a whole "
            f"folder: convmv -f latin1 -t utf8 --notest '{path.parent}'/*)."
        ) from None


def matched(
    place: Path,
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    count: int | None,
    remedy: str,
    known: str = "",
) -> list[str]:
    """Names that have an image and a mask, sorted; anything else than that is told all at once.

    count  how many there must be; None: any number
    known  a regular expression that every name fits; "": any name

    Raises `InputError` with numbers and names of what lacks a mask, lacks an image or is called
    otherwise, and how many images are there instead of `count`.
    """
    problems = []
    if odd := [name for name in images if known and not re.fullmatch(known, name)]:
        problems.append(_named(len(odd), "names that the data set does not have", odd))
    if alone := sorted(set(images) - set(masks)):
        problems.append(_named(len(alone), "images without a mask", alone))
    if alone := sorted(set(masks) - set(images)):
        problems.append(_named(len(alone), "masks without an image", alone))
    if count is not None and len(images) != count:
        problems.append(f"expected {count} images, got {len(images)}")
    if problems:
        raise InputError(f"{place}: {'; '.join(problems)}. {remedy}")
    return sorted(images)


def _named(number: int, what: str, names: Sequence[str]) -> str:
    more = ", ..." if number > 5 else ""
    if number == 1:
        noun, _, rest = what.partition(" ")
        what = f"{noun.removesuffix('s')} {rest}"
    return f"{number} {what} ({', '.join(names[:5])}{more})"


def sha256_of(path: Path) -> str:
    """sha256 of a file, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def files_of(folder: Path, suffixes: Iterable[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """Files of a folder by their name without suffix, sorted; two with one stem are an error."""
    wanted = tuple(suffixes)
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((s for s in wanted if path.name.lower().endswith(s)), None)
        if suffix is None or path.name.startswith("."):
            continue
        need_readable(path)
        stem = path.name[: -len(suffix)]
        if stem in found:
            raise InputError(f"{path}: {found[stem].name} has the same name; which one counts?")
        found[stem] = path
    return found


def in_time(name: str) -> list[tuple[int, int, str]]:
    """How frames are put in order: numbers as numbers, what stands between them as text."""
    parts = re.split(r"(\d+)", name)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
