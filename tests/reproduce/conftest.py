"""Fixtures of the harness's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made import MATERIAL, REAL, write_challenge_npz, write_nifti
from stress.serving import Behaviour, quiet_download, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[str, Behaviour]]:
    """A server on this machine, what it does, and an empty cache; downloads are silent."""
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SAM4MIS_DATA", raising=False)
    monkeypatch.setattr("reproduce.obtaining.files.download", quiet_download)
    with serving() as address_and_behaviour:
        yield address_and_behaviour


@pytest.fixture(scope="session", params=MATERIAL)
def challenge_npz(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of CT stacks as the MedSAM challenges give them."""
    if request.param == "real":
        return REAL / "medsam2_npz"
    return write_challenge_npz(tmp_path_factory.mktemp("npz"))


@pytest.fixture(scope="session", params=MATERIAL)
def nifti(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one volume in nnU-Net's layout, class 1, voxels of 1.5 mm."""
    if request.param == "real":
        return REAL / "brats"
    return write_nifti(tmp_path_factory.mktemp("nifti"))
