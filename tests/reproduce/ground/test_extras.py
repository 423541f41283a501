"""What a command leaves out of its process, and that it is there again afterwards."""

from __future__ import annotations

import importlib
import sys

import pytest

from reproduce.ground.extras import left_out


def test_a_package_is_left_out_only_within(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with left_out("colorsys"), pytest.raises(ModuleNotFoundError, match="left out"):
        importlib.import_module("colorsys")
    assert importlib.import_module("colorsys")
    with left_out("colorsys"):  # it has been imported already
        assert importlib.import_module("colorsys")
