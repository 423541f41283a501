"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository, whose real registry the tests read."""
    return ROOT


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real images, masks and weights; tests that need it skip where it is absent."""
    folder = SHARED / "real"
    if not folder.is_dir():
        pytest.skip("the real material of ../shared/real is not on this machine")
    return folder
