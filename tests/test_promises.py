"""The page of promises: what it says shows them is there, and its limits are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from stress.__main__ import NAMES


def test_whatever_is_named_is_there(root: Path) -> None:
    page = (root / "site" / "docs" / "promises.md").read_text("utf-8")
    shown = re.findall(r"`(tests/[\w/]+\.py)`", page)
    assert shown
    assert not [path for path in shown if not (root / path).is_file()]
    assert set(re.findall(r"tests\.stress (\w+)", page)) == set(NAMES)


def test_limits_and_places_are_those_of_the_code(root: Path) -> None:
    page = (root / "site" / "docs" / "promises.md").read_text("utf-8")
    code = "".join(
        path.read_text("utf-8")
        for package in ("catalog", "reproduce")
        for path in (root / package).rglob("*.py")
    )
    named = set(re.findall(r"SAM4MIS_[A-Z]+(?:_[A-Z]+)*", code))
    limits = {name for name in named if name.endswith("_GIB")}
    for name in limits | {"SAM4MIS_CACHE", "SAM4MIS_DATA", "SAM4MIS_ROOT"}:
        assert f"`{name}`" in page
    for gib, name in re.findall(r"\| (\d+) GiB \| `(SAM4MIS_\w+)`", page):
        assert re.search(
            rf'"{name}"\n\w*LARGEST_GIB = {gib}\.0|"{name}"\nLIMIT_GIB = {gib}\.0', code
        )
