"""Tables that people write: CSV as any spreadsheet saves it, and the cases that rows are about."""

from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import InputError
from reproduce.ground.reading import IMAGE_SUFFIXES

SEPARATORS = ",;\t"
SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".npz", ".npy", ".dcm", *IMAGE_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Written:
    """A table as it was written. columns: its heading; rows: (line of the file, column -> text);
    decimal_comma: whether `1,5` can be a number, as where `;` separates."""

    columns: list[str]
    rows: list[tuple[int, dict[str, str]]]
    decimal_comma: bool

    def column(self, *names: str) -> str | None:
        """The first of these that is a column, whatever its capitals."""
        own = {column.casefold(): column for column in reversed(self.columns)}
        return next((own[name] for name in names if name in own), None)


def read_table(path: Path) -> Written:
    """A table with a heading: UTF-8, or UTF-16 as spreadsheets mark it; between its cells stands
    what stands most often in the heading, a comma, a semicolon or a tab.

    Raises `InputError` for another encoding, for columns that stand twice, and
    for lines with more cells than the heading.
    """
    try:
        raw = path.read_bytes()
        marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = raw.decode("utf-16" if marked else "utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read as CSV in UTF-8 ({error}).") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: cannot be read as CSV in UTF-8 (byte {error.start + 1}). Save it as "
            f"'CSV UTF-8', or: iconv -f latin1 -t utf-8 '{path}' > new.csv"
        ) from error
    head = text.lstrip("\r\n").partition("\n")[0]
    separator = max(SEPARATORS, key=head.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        lines = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read as CSV ({error}).") from error
    columns = [cell.strip() for cell in lines[0][1]] if lines else []
    if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise InputError(f"{path}: columns stand twice: {', '.join(twice)}.")
    if long := [number for number, cells in lines if len(cells) > len(columns)]:
        raise InputError(
            f"{path}:{long[0]}: expected {len(columns)} cells as in the heading, got more. A "
            "decimal comma needs semicolons between the cells, a comma in a text quotes around it."
        )
    rows = [
        (number, dict(zip(columns, [c.strip() for c in cells], strict=False)))
        for number, cells in lines[1:]
    ]
    return Written(columns, rows, separator != ",")


def plain(name: str) -> str:
    """A name as tables and folders of every system are compared: one form of each letter, `/`
    between folders."""
    return unicodedata.normalize("NFC", name.strip()).replace("\\", "/")


def without_suffix(name: str) -> str:
    """A file's name without what says its format."""
    suffix = next((s for s in SUFFIXES if name.lower().endswith(s)), "")
    return name[: len(name) - len(suffix)] if len(name) > len(suffix) else name


def cases_named(names: Iterable[str], known: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """name in a table -> case; names that several of one case share without being it.

    known  what a case may be called, `plain` -> case

    A name that nothing is called is tried without its suffix, then without the folders before it:
    tables are written on other machines. Where that makes two names one case, neither is.
    """
    found, loose = dict[str, str](), dict[str, list[str]]()
    for name in dict.fromkeys(names):
        if (case := known.get(plain(name))) is not None:
            found[name] = case
            continue
        parts = plain(name).split("/")
        for start in range(len(parts)):
            rest = "/".join(parts[start:])
            case = known.get(rest) or known.get(without_suffix(rest))
            if case is not None:
                loose.setdefault(case, []).append(name)
                break
    taken = set(found.values())
    doubtful = []
    for case, of in loose.items():
        if len(of) == 1 and case not in taken:
            found[of[0]] = case
        else:
            doubtful += of
    return found, doubtful
