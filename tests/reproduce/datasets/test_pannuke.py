"""PanNuke's arrays as they are distributed, small: nuclei told apart by type."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalog.errors import InputError, UsageError
from reproduce.datasets import pannuke
from reproduce.ground.plugins import plugin


@pytest.fixture
def fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two patches of the first fold: one with touching nuclei of two types, one with none."""
    monkeypatch.setitem(pannuke.COUNTS, 1, 2)
    masks = np.zeros((2, 8, 8, 6))
    masks[0, :2, :4, 0], masks[0, 2:4, :4, 0] = 7, 30  # two neoplastic ones that touch
    masks[0, 3, :2, 4] = 7  # an epithelial one over the second
    masks[..., 5] = masks[..., :5].max(axis=-1) == 0
    images = np.arange(2 * 8 * 8 * 3, dtype=float).reshape(2, 8, 8, 3) % 256
    for part, arrays in (
        ("images", {"images": images, "types": np.array(["Breast", "Bile-duct"])}),
        ("masks", {"masks": masks}),
    ):
        folder = tmp_path / "fold_1" / "Fold 1" / part / "fold1"
        folder.mkdir(parents=True)
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
    return tmp_path


def test_patches_have_their_tissue_and_nuclei_are_told_apart(fold: Path) -> None:
    reader = plugin("datasets", "pannuke")
    cases = reader.cases(fold, "cellvit-fold-0", {})
    assert [case.id for case in cases] == ["Bile-duct/0_1", "Breast/0_0"]
    sample = reader.load(cases[1], {})
    assert sample.values.dtype == np.uint8
    assert sample.shape == (1, 8, 8)
    first = sample.objects["neoplastic"][0]
    assert first[0, 0] != first[2, 0]
    assert first[3, 0] == 0
    assert first[3, 3] == first[2, 0]
    assert sample.labels["epithelial"][0].sum() == 2
    assert not sample.labels["dead"].any()
    numbers = [set(np.unique(a[a > 0])) for a in sample.objects.values()]
    assert sum(map(len, numbers)) == len(set.union(*numbers)) == 3
    one = reader.load(cases[1], {"classes": "nuclei"})
    assert list(one.labels) == ["nuclei"]
    assert one.labels["nuclei"].sum() == 16
    assert len(np.unique(one.objects["nuclei"])) == 4
    empty = reader.load(cases[0], {"classes": "nuclei"})
    assert not empty.labels["nuclei"].any()
    assert not empty.objects["nuclei"].any()


def test_what_does_not_fit_is_refused_with_its_file(fold: Path) -> None:
    reader = plugin("datasets", "pannuke")
    with pytest.raises(InputError, match=r"no images\.npy of fold 3; expected it as fold_3"):
        reader.cases(fold, "cellvit-fold-2", {})
    case = reader.cases(fold, "cellvit-fold-0", {})[0]
    with pytest.raises(UsageError, match="expected types or nuclei"):
        reader.load(case, {"classes": "all"})
    masks = np.load(case.files["masks"])
    np.save(case.files["masks"], masks[..., :5])
    with pytest.raises(InputError, match=r"masks\.npy: patch 1: expected \(H, W, 6\)"):
        reader.load(case, {})
    np.save(case.files["masks"], masks + 0.5)
    with pytest.raises(InputError, match="expected whole numbers"):
        reader.load(case, {})
    types = case.files["types"]
    np.save(types, np.load(types)[:1])
    with pytest.raises(InputError, match="expected 2 patches of fold 1, got 1"):
        reader.cases(fold, "cellvit-fold-0", {})
