"""Rows of an .xlsx sheet, by the standard library: values only, no formulas, no styles."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from catalog.errors import InputError

MAX_PART_BYTES = 64 << 20
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def sheet_rows(place: str, content: bytes, name: str | None) -> Iterator[dict[str, Any]]:
    """Rows below the first filled row of a sheet, which is the heading.

    Raises `InputError` for what is no .xlsx, declares entities, or has no such sheet.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            book = _part(place, archive, "xl/workbook.xml")
            links = _part(place, archive, "xl/_rels/workbook.xml.rels")
            targets = {link.get("Id"): link.get("Target", "") for link in links}
            sheets = {s.get("name"): targets.get(s.get(_LINK)) for s in book.iter(f"{_MAIN}sheet")}
            wanted = name or next(iter(sheets), None)
            target = sheets.get(wanted)
            if target is None:
                there = ", ".join(str(s) for s in sheets)
                raise InputError(f"{place}: there is no sheet {wanted!r}; there are: {there}.")
            texts = _texts(place, archive)
            sheet = _part(place, archive, f"xl/{target.removeprefix('/xl/')}")
    except (zipfile.BadZipFile, NotImplementedError, KeyError, ElementTree.ParseError) as error:
        raise InputError(f"{place}: cannot be read as .xlsx: {error}") from error
    heading: dict[str, str] = {}
    for row in sheet.iter(f"{_MAIN}row"):
        cells = {
            re.sub(r"\d", "", cell.get("r", "")): _value(cell, texts)
            for cell in row.iter(f"{_MAIN}c")
        }
        filled = {column: value for column, value in cells.items() if value not in (None, "")}
        if not filled:
            continue
        if not heading:
            heading = {column: str(value).strip() for column, value in filled.items()}
            continue
        yield {title: cells.get(column) for column, title in heading.items()}


def _part(place: str, archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    if archive.getinfo(name).file_size > MAX_PART_BYTES:
        raise InputError(f"{place}: {name} unpacks to more than {MAX_PART_BYTES:,} bytes.")
    content = archive.read(name)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputError(f"{place}: {name} declares entities, which no sheet needs.")
    return ElementTree.fromstring(content)  # noqa: S314 - entities were refused above


def _texts(place: str, archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    shared = _part(place, archive, "xl/sharedStrings.xml")
    return ["".join(t.text or "" for t in s.iter(f"{_MAIN}t")) for s in shared]


def _value(cell: ElementTree.Element, texts: list[str]) -> str | None:
    if cell.get("t") == "inlineStr":
        return "".join(t.text or "" for t in cell.iter(f"{_MAIN}t"))
    found = cell.find(f"{_MAIN}v")
    if found is None or found.text is None:
        return None
    return texts[int(found.text)] if cell.get("t") == "s" else found.text
