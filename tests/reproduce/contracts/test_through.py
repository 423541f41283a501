"""A data set that reads through another says all that the other says."""

from __future__ import annotations

from pathlib import Path

import pytest

from reproduce.asking.kept import kept
from reproduce.contracts import Dataset, Through
from reproduce.ground.plugins import plugins


@pytest.mark.parametrize("plugin", plugins("datasets").values(), ids=lambda plugin: plugin.name)
def test_every_member_is_handed_on(plugin: Dataset) -> None:
    through = Through(plugin)
    for name in Dataset.__annotations__:
        assert getattr(through, name) == getattr(plugin, name), name


def test_cases_are_read_once_through_two_of_them(tmp_path: Path) -> None:
    phantoms = plugins("datasets")["phantoms"]
    dataset = kept(Through(phantoms))
    split = next(iter(phantoms.splits))
    case = dataset.cases(tmp_path, split, {})[0]
    assert case == phantoms.cases(tmp_path, split, {})[0]
    assert dataset.load(case, {}) is dataset.load(case, {})
