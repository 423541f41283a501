"""The page of promises: what it says shows them is there, and its limits are those of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from stress.__main__ import NAMES


def test_whatever_is_named_is_there(root: Path) -> None:
    page = (root / "site" / "docs" / "promises.md").read_text("utf-8")
    shown = re.findall(r"`(tests/[\w/]+\.py)`", page)
    assert shown
    assert not [path for path in shown if not (root / path).is_file()]
    assert set(re.findall(r"tests\.stress (\w+)", page)) == set(NAMES)


# where requests are made; the other two look at addresses and make none
ASKING = {"catalog/watching.py", "catalog/sources/http.py", "reproduce/obtaining/transfer.py"}
SILENT = {"catalog/addresses.py", "catalog/installing.py"}
NETWORK = {"requests", "urllib3", "urllib.request", "http.client", "socket", "httpx", "aiohttp"}
SENDS = {"post", "put", "patch", "request", "send", "sendall", "sendto", "urlopen", "connect"}


def _names(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Modules that are imported, and names of what is called."""
    imported, called = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
        elif isinstance(node, ast.Call):
            called.add(node.func.attr if isinstance(node.func, ast.Attribute) else "")
            called.add(node.func.id if isinstance(node.func, ast.Name) else "")
    return imported, called


def test_what_asks_a_network_sends_nothing_of_yours(root: Path) -> None:
    """Requests are made in three places, by GET alone."""
    asking = {}
    for package in ("catalog", "reproduce"):
        for path in (root / package).rglob("*.py"):
            imported, called = _names(ast.parse(path.read_bytes()))
            if imported & NETWORK:
                asking[path.relative_to(root).as_posix()] = called
    assert asking.keys() == ASKING | SILENT
    assert "get" in asking["catalog/sources/http.py"] & asking["reproduce/obtaining/transfer.py"]
    sends = {place: called & SENDS for place, called in asking.items()}
    assert sends["catalog/watching.py"] <= {"connect"}  # of the connection that can be cut
    assert not any(found for place, found in sends.items() if place != "catalog/watching.py")


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
