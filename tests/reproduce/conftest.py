"""Fixtures of the harness's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from download_server import Behaviour, quiet_download, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[str, Behaviour]]:
    """A server on this machine, what it does, and an empty cache; downloads are silent."""
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SAM4MIS_DATA", raising=False)
    monkeypatch.setattr("reproduce.obtaining.files.download", quiet_download)
    with serving() as address_and_behaviour:
        yield address_and_behaviour
