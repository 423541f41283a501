"""Image files (PNG, JPEG, GIF, TIFF, BMP): looked at before they are taken for eight bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Geometry
from reproduce.ground.reading import read_with
from reproduce.readers.intensities import picture_bits
from reproduce.readers.masks import MaskFile, reader_of
from reproduce.readers.sizes import need_room

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

ORIENTATION = 0x0112  # tag of EXIF and TIFF
GREY_NOISE = 16  # how far the channels of a grey that went through JPEG may lie apart
COLOURS = ("RGB", "RGBA", "LA", "PA")
# bits a pixel -> what Pillow multiplies stored values with, so that the largest is 255
SPREAD = {"L;2": 85, "L;4": 17}


def read_rgb(
    path: Path, window: Sequence[float] | None = None, mixed: bool = False
) -> NDArray[np.uint8]:
    """An image file as (H, W, 3) uint8 RGB, as stored (the file's own axes).

    window  grey values that become 0 and 255, for files of more than eight bits; without it only
            sixteen bits that hold eight (multiples of 257) are read
    mixed   the window is meant for others of a folder too, and says nothing of eight bits

    Raises `InputError` for a file that cannot be decoded, several pages, an orientation tag,
    transparent pixels, and for more than eight bits without a window.
    """

    def reader(path: Path) -> NDArray[np.uint8]:
        import numpy as np

        with _opened(path) as (image, _):
            if image.mode[0] in "IF":
                grey = picture_bits(np.asarray(image), window, path)
                return np.repeat(grey[..., None], 3, axis=2)
            if window is not None and not mixed:
                raise InputError(
                    f"{path}: a window {list(window)} for an image of eight bits. Leave it out."
                )
            if image.mode not in ("1", "L", "P", *COLOURS):
                raise InputError(
                    f"{path}: expected grey values or RGB, got {image.mode}. Save it as RGB."
                )
            _need_opaque(path, image)
            return np.asarray(image.convert("RGB"))

    reader_of(path, "image", "picture")
    return read_with(path, "image", reader)


def read(path: Path, key: str | None = None, like: Geometry | None = None) -> MaskFile:
    """A mask (H, W) of stored values: palette index, grey value, 16 bit integer, float.

    Raises `InputError` for colours, transparent pixels, several pages and damaged files.
    """
    return read_with(path, "mask", _mask)


def _mask(path: Path) -> MaskFile:
    import numpy as np

    with _opened(path) as (image, raw):
        lossy = image.format in ("JPEG", "MPO")
        if image.mode == "P":
            return _indexed(path, image)
        if image.mode in COLOURS:
            _need_opaque(path, image)
            red, green, blue = (np.asarray(c) for c in image.convert("RGB").split())
            same = bool((red == green).all() and (green == blue).all())
            if not same and not (lossy and _apart(red, green, blue) <= GREY_NOISE):
                raise InputError(
                    f"{path}: a mask needs one value a pixel; this file has colours "
                    f"({image.mode}). Convert the colours to class numbers first."
                )
            values = green
        elif image.mode in ("1", "L") or image.mode[0] in "IF":
            values = np.asarray(image)
        else:
            raise InputError(f"{path}: expected one value a pixel, got {image.mode}.")
    shown = None
    if raw in SPREAD:
        shown, values = values, values // SPREAD[raw]
    return MaskFile(path, Geometry(values.shape), values, shown=shown, lossy=lossy)


def _indexed(path: Path, image: Image.Image) -> MaskFile:
    """A file with a palette: indices are the values, greys what is shown. Writers of GIF sort
    palettes as they like, so that there the greys are the values.

    Raises `InputError` where colours have been sorted (black is not the first): then indices say
    nothing about classes.
    """
    import numpy as np

    index = np.asarray(image)
    colours = np.zeros((256, 3), np.int16)
    palette = np.asarray(image.convert("RGB")).astype(np.int16)
    colours[index] = palette
    used = np.unique(index)
    shown = None
    if _apart(*colours[used].T) <= GREY_NOISE:
        shown = palette[..., 1].astype(np.uint8)
        if image.format == "GIF":
            return MaskFile(path, Geometry(index.shape), shown)
    elif any(int(i) and not colours[i].any() for i in used):
        raise InputError(
            f"{path}: the colours of its palette are sorted (black is not the first), so that its "
            "numbers say nothing about classes. Save class numbers without a palette."
        )
    return MaskFile(path, Geometry(index.shape), index, shown=shown)


def _apart(*channels: NDArray[Any]) -> int:
    """How far the channels of one pixel lie apart at most."""
    import numpy as np

    return int((np.max(channels, axis=0).astype(np.int16) - np.min(channels, axis=0)).max())


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Image.Image, str]]:
    """A picture whose header was looked at, and how it is stored (`L;2`, `RGB;16B` ...)."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # `need_room` decides, with a limit that can be raised
    with Image.open(path) as image:
        need_room(path, (image.height, image.width), 4, "the picture")
        # A JPEG may carry a preview or a second exposure beside its picture (MPO): not a page.
        pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if pages > 1:
            raise InputError(
                f"{path}: {pages} pages in one file, and nothing says which one counts. Save that "
                "page as a file of its own."
            )
        raw = _raw_mode(image)
        if image.mode in COLOURS and "16" in raw:
            raise InputError(
                f"{path}: {image.mode} with 16 bits a channel. Save it with eight bits, or as one "
                "grey channel, and say how."
            )
        turned = image.getexif().get(ORIENTATION, 1)
        if turned != 1:
            raise InputError(
                f"{path}: its orientation tag ({turned}) asks to turn the picture, which some "
                "programs do and some do not. Save it as it is meant, without the tag (for "
                "example with PIL.ImageOps.exif_transpose)."
            )
        yield image, raw


def _raw_mode(image: Image.Image) -> str:
    """How Pillow will decode a file that it has not decoded yet; "" where it does not say."""
    tiles = getattr(image, "tile", None)  # of files, not of every image
    arguments = tiles[0][3] if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _need_opaque(path: Path, image: Image.Image) -> None:
    """Raise `InputError` where some pixels of a picture are transparent."""
    import numpy as np

    if not image.has_transparency_data:
        return
    picture = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    alpha = np.asarray(picture.getchannel("A"))
    if (alpha < 255).any():
        raise InputError(
            f"{path}: {int((alpha < 255).sum())} of {alpha.size} pixels are transparent, and "
            "nothing says what lies behind them. Save it without transparency."
        )
