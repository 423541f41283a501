"""What a process leaves out or puts off, and that it is there once it is asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from reproduce.ground.lean import left_out


def test_a_package_is_left_out_only_within(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with left_out("colorsys"), pytest.raises(ModuleNotFoundError, match="left out"):
        importlib.import_module("colorsys")
    assert importlib.import_module("colorsys")
    with left_out("colorsys"):  # it has been imported already
        assert importlib.import_module("colorsys")


def test_networks_import_no_torchvision_and_the_package_is_whole_once_asked() -> None:
    """In a fresh process: what is imported stays imported in this one."""
    code = (
        "import sys\n"
        "from reproduce.models.sam import build_sam\n"
        "from reproduce.models.unfilled import unfilled\n"
        "with unfilled(): assert all(p.is_meta for p in build_sam().parameters())\n"
        "from segment_anything.modeling import Sam\n"
        "heavy = {'torchvision', 'torch._dynamo'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from segment_anything import SamPredictor, modeling\n"
        "import segment_anything\n"
        "assert 'torchvision' in sys.modules and modeling.Sam is Sam\n"
        "assert segment_anything.SamPredictor is SamPredictor and segment_anything.__file__\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
