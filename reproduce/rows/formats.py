"""Files to rows by what their reader declares: CSV, JSON, text, Markdown, sheets, masks."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from catalog.errors import InputError
from catalog.evidence import Melt, Reader
from reproduce.rows.masks import mask_rows
from reproduce.rows.sheets import sheet_rows
from reproduce.rows.tables import FILE, ROW, Table, text

MAX_MEMBER_BYTES = 256 << 20
Row = dict[str, Any]


class EmptyError(InputError):
    """A reader found no row in the files that are here."""


def read_table(name: str, reader: Reader, contents: Mapping[str, bytes]) -> Table:
    """All rows that a reader finds. `contents`: path -> bytes of the files that are here.

    Raises `InputError` naming the file that is not what the reader says, `EmptyError` for no row.
    """
    if reader.format == "masks":
        rows = mask_rows(reader, contents)
    else:
        rows = []
        for path, content in contents.items():
            if not any(path == p or fnmatchcase(path, p) for p in reader.files):
                continue
            for place, inner in _members(path, content, reader):
                rows += _rows_of(place, inner, reader)
    if not rows:
        raise EmptyError(f"{name}: no row in {', '.join(reader.files)}.")
    return Table.of(name, rows, reader.key)


def _members(path: str, content: bytes, reader: Reader) -> Iterator[tuple[str, bytes]]:
    """The file itself, or the members of an archive that the reader wants."""
    if reader.member is None:
        yield path, content
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                if info.is_dir() or not fnmatchcase(info.filename, reader.member):
                    continue
                if info.file_size > MAX_MEMBER_BYTES:
                    raise InputError(f"{path}: {info.filename} unpacks to {info.file_size} bytes.")
                yield f"{path}:{info.filename}", archive.read(info)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError(f"{path}: expected a zip archive: {error}") from error


def _rows_of(place: str, content: bytes, reader: Reader) -> list[Row]:
    rows = list(KINDS[reader.format](place, content, reader))
    for number, row in enumerate(rows, start=1):
        row[ROW] = str(number)
    if reader.numbers:
        rows = [each for row in rows for each in _spread(row, reader, place)]
    if reader.path is not None:
        match = re.search(reader.path, place)
        if match is None:
            raise InputError(f"{place}: its path does not fit {reader.path!r}.")
        rows = [match.groupdict() | row for row in rows]
    if reader.melt is not None:
        rows = [each for row in rows for each in _melted(row, reader.melt)]
    for row in rows:
        row[FILE] = place
        for name, derived in reader.derive.items():
            found_in = re.search(derived.pattern, text(row.get(derived.source)))
            row[name] = found_in[1] if found_in else None
    return rows


def _decoded(place: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: expected text in UTF-8: {error.reason}.") from error


def _csv(place: str, content: bytes, reader: Reader) -> Iterator[Row]:
    lines = csv.DictReader(io.StringIO(_decoded(place, content), newline=""))
    names = [name for name in lines.fieldnames or [] if name is not None]
    if not names:
        raise InputError(f"{place}: the table has no heading.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{place}: columns stand twice: {', '.join(twice)}.")
    for row in lines:
        if None in row or None in row.values():
            raise InputError(
                f"{place}:{lines.line_num}: expected {len(names)} cells as in the heading."
            )
        yield {name.strip(): value.strip().strip(reader.strip) for name, value in row.items()}


def _json(place: str, content: bytes, reader: Reader) -> Iterator[Row]:
    try:
        document = json.loads(_decoded(place, content))
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON: {error}") from error
    steps = [step for step in (reader.at or "").split("/") if step]
    yield from _walk(place, document, steps, {}, reader)


def _walk(
    place: str, here: Any, steps: Sequence[str], so_far: Row, reader: Reader
) -> Iterator[Row]:
    """Down the declared steps: a name is a key, `{name}` runs over all and becomes a column."""
    if not steps:
        if isinstance(here, dict):
            bare = {k: v for k, v in here.items() if not isinstance(v, dict | list)}
            yield so_far | bare
        elif reader.value is not None and not isinstance(here, list):
            yield so_far | {reader.value: here}
        else:
            raise InputError(f"{place}: {reader.at}: expected rows, got {type(here).__name__}.")
        return
    step, rest = steps[0], steps[1:]
    if step.startswith("{"):
        inside: list[tuple[str, Any]]
        if isinstance(here, dict):
            inside = [(str(k), v) for k, v in here.items()]
        elif isinstance(here, list):
            inside = [(str(i), v) for i, v in enumerate(here)]
        else:
            raise InputError(f"{place}: {step}: expected keys or a list below.")
        for name, below in inside:
            yield from _walk(place, below, rest, so_far | {step[1:-1]: name}, reader)
    elif isinstance(here, dict) and step in here:
        yield from _walk(place, here[step], rest, so_far, reader)
    else:
        raise InputError(f"{place}: there is no {step!r} where {reader.at!r} says.")


def _lines(place: str, content: bytes, reader: Reader) -> Iterator[Row]:
    if reader.rows is None:
        raise InputError(f"{place}: a reader of lines needs `rows`, a regular expression.")
    written = _decoded(place, content).replace("\r\n", "\n")
    found = [
        (match.start(), order, match)
        for order, pattern in enumerate([*reader.carry, reader.rows])
        for match in re.finditer(pattern, written, re.MULTILINE)
    ]
    kept: Row = {}
    for _, order, match in sorted(found, key=lambda f: f[:2]):
        groups = {
            name: None if value is None else value.strip().strip(reader.strip)
            for name, value in match.groupdict().items()
        }
        if order < len(reader.carry):
            kept |= groups
        else:
            yield kept | groups


def _markdown(place: str, content: bytes, reader: Reader) -> Iterator[Row]:
    """Rows of the tables that have the wanted heading."""
    heading: list[str] = []
    lines = _decoded(place, content).splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if "|" not in line:
            heading = []
            continue
        cells = [cell.strip().strip(reader.strip).strip() for cell in _cells(line)]
        if re.fullmatch(r"[\s|:-]+", below) and "-" in below:
            heading = cells
        elif heading and not re.fullmatch(r"[\s|:-]+", line) and reader.at in heading:
            if len(cells) != len(heading):
                raise InputError(f"{place}: expected {len(heading)} cells in: {line.strip()}")
            yield dict(zip(heading, cells, strict=True))


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))


def _sheet(place: str, content: bytes, reader: Reader) -> Iterator[Row]:
    yield from sheet_rows(place, content, reader.at)


KINDS = {
    "csv": _csv,
    "json": _json,
    "lines": _lines,
    "markdown": _markdown,
    "sheet": _sheet,
}


def _spread(row: Row, reader: Reader, place: str) -> list[Row]:
    """A row with a list of numbers in a cell -> one row a number."""
    (column, index), *more = reader.numbers.items()
    if more:
        raise InputError(f"{place}: only one column of a reader can hold lists of numbers.")
    numbers = re.split(r"[\s,]+", text(row[column]).strip("[] \n"))
    return [row | {column: number, index: str(i)} for i, number in enumerate(numbers, start=1)]


def _melted(row: Row, melt: Melt) -> Iterator[Row]:
    names = [n for n in row if any(n == p or fnmatchcase(n, p) for p in melt.columns)]
    if not names:
        raise InputError(f"no column fits {', '.join(melt.columns)}; there are: {', '.join(row)}.")
    rest = {name: value for name, value in row.items() if name not in names}
    for name in names:
        yield rest | {melt.part: name, melt.value: row[name]}
