"""Lines of records, found only when there is something to say about them."""

from __future__ import annotations

import re
from pathlib import Path

from catalog import reading
from catalog.blocks import Items
from catalog.errors import FindingsError
from catalog.registry import PAPERS


class Locator:
    """Lines of values in `papers.yaml` and other YAML files of a registry."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._starts: dict[str, tuple[int, int, int]] | None = None  # id -> start, end, line
        self._text = ""
        self._blocks: dict[str, reading.Document | None] = {}

    def line(self, place: str, record: str, path: tuple[str | int, ...]) -> int | None:
        """Line of a value, of the record if the value is not there, None if that is not either."""
        if place == PAPERS:
            return self._paper_line(record, path)
        if place.endswith(".yaml"):
            if place not in self._blocks:
                self._blocks[place] = self._parsed(place)
            document = self._blocks[place]
            if document is None:
                return None
            if place.startswith(("projects/", "reproduce/evidence/")):
                return document.line(path)
            match = re.search(rf"(?<![\w-]){re.escape(record)}(?![\w-])", self._read(place))
            return self._read(place).count("\n", 0, match.start()) + 1 if match else None
        return None

    def _read(self, place: str) -> str:
        try:
            return (self.root / place).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    def _parsed(self, place: str) -> reading.Document | None:
        try:
            return reading.parse(self._read(place), place)
        except FindingsError:
            return None

    def _paper_line(self, record: str, path: tuple[str | int, ...]) -> int | None:
        if self._starts is None:
            self._starts = self._scan()
        if record not in self._starts:
            return None
        start, end, line = self._starts[record]
        if record not in self._blocks:
            try:
                block = "papers:\n" + self._text[start:end]
                self._blocks[record] = reading.parse(block, PAPERS)
            except FindingsError:
                self._blocks[record] = None
        document = self._blocks[record]
        if document is None:
            return line
        inside = document.line(("papers", 0, *path)) or 2
        return line + inside - 2

    def _scan(self) -> dict[str, tuple[int, int, int]]:
        """Where each record stands, by its id, without parsing the whole file."""
        self._text = self._read(PAPERS)
        found: dict[str, tuple[int, int, int]] = {}
        line, at = 1, 0
        spans = Items(self._text)
        for number in range(len(spans)):
            item = spans[number]
            line += self._text.count("\n", at, item.start)
            at = item.start
            block = self._text[item.start : item.end]
            if match := re.search(r"(?m)^ *(?:- +)?id: *['\"]?([\w-]+)", block):
                found.setdefault(match[1], (item.start, item.end, line))
        return found
