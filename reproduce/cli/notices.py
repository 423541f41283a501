"""What libraries say about files, turned into our own words or left out where it is harmless.

Without this a warning of a library appears between results with a path of its source code, and
nobody knows whether the number beside it can be trusted.
"""

from __future__ import annotations

import logging
import warnings
from typing import TextIO

# message (a regular expression at its beginning) -> why it changes no pixel and no score
HARMLESS = {
    "Corrupt EXIF data": "EXIF holds notes of the camera; pixels are decoded without it",
    "Truncated File Read": "Pillow says it of tags of TIFF files; short pixels are an error",
    "Metadata Warning, tag": "a tag with more values than the standard allows; pixels are whole",
    "Palette images with Transparency": "a mask's transparency is not read, its numbers are",
}


def calm_libraries() -> None:
    """For this process: what is harmless is silent, anything else is one line that says `note`."""
    for message in HARMLESS:
        warnings.filterwarnings("ignore", message=message)
    warnings.showwarning = _note
    logging.basicConfig(format="note: %(name)s: %(message)s", level=logging.WARNING)


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """One line on standard error: which library, and what it says; no path of its source."""
    from catalog.cli.output import say

    library = filename.replace("\\", "/").rpartition("site-packages/")[2].partition("/")[0]
    say(f"note: {library.removesuffix('.py')}: {' '.join(str(message).split())}")
