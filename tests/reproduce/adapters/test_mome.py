"""MoME: plans come out of the files; windows, resampling and axes by hand; what does not fit.

Whole answers are compared with the authors' code in test_adapters_stacks.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made import waves
from seeded import layout, seeded

from catalog.errors import InputError
from reproduce.adapters.mome import PARTS
from reproduce.adapters.mome.windows import gaussian, places, resampled
from reproduce.checkpoints.loading import read_parts
from reproduce.contracts import FILE, Case, Sample
from reproduce.ground.plugins import plugin

PLANS = f"{FILE}plans.json"


def built(state: dict[str, torch.Tensor] | None = None, **changed: Any) -> Any:
    """The small network; `changed`: of its configuration."""
    state = dict(state or seeded(layout("mome_scaled")))
    if changed:
        plans = json.loads(state[PLANS].numpy().tobytes())
        plans["transpose_forward"] = changed.pop("axes", [0, 1, 2])
        plans["configurations"]["3d_fullres"] |= changed
        state[PLANS] = packed(plans)
    return plugin("adapters", "mome").build(state, {"mirror": False}, "cpu", "float32")


def packed(document: Any) -> torch.Tensor:
    return torch.frombuffer(bytearray(json.dumps(document).encode()), dtype=torch.uint8)


def volume(values: np.ndarray, spacing: Any = (1.0, 1.0, 1.0)) -> Sample:
    return Sample.of_volume(Case("a", {}), values.astype(np.float32), {}, spacing_mm=spacing)


def test_plans_come_out_of_the_files_of_the_release(tmp_path: Path) -> None:
    state = seeded(layout("mome_scaled"))
    plans = json.loads(state[PLANS].numpy().tobytes())
    files = []
    for number, part in enumerate(PARTS):
        own = {k[len(part) + 1 :]: v for k, v in state.items() if k.startswith(f"{part}.")}
        path = tmp_path / f"checkpoint_best{number or ''}.pth"
        saved = {
            "network_weights": own,
            "init_args": {"plans": plans, "fold": "MoME", "device": torch.device("cpu")},
            "inference_allowed_mirroring_axes": (0, 1, 2),
        }
        torch.save(saved, path)
        files.append((path, f"nnunet/{part}"))
    read = read_parts(files)
    assert read.keys() == state.keys()
    values = volume(waves(4)[:, :24, :20])
    one, other = (built(given).open(values).ask([]).maps for given in (read, state))
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    torch.save({"network_weights": {}} | {"init_args": {"plans": {1, 2}}}, tmp_path / "odd.pth")
    torch.save({"network_weights": own}, tmp_path / "bare.pth")
    bare = read_parts([*files[1:5], (tmp_path / "bare.pth", "nnunet/expert5")])
    assert PLANS in bare
    assert PLANS not in read_parts([(tmp_path / "bare.pth", "nnunet/gate")])


def test_windows_are_evenly_spread_and_half_a_window_apart_at_most() -> None:
    """nnU-Net's own example: 110 voxels, windows of 64 -> 0, 23, 46."""
    found = [place[0].start for place in places((110, 4, 4), (64, 4, 4))]
    assert found == [0, 23, 46]
    assert [p[1].start for p in places((4, 4, 4), (4, 4, 4))] == [0]
    weights = gaussian((8, 6, 64))
    assert weights.dtype == torch.half
    assert (weights > 0).all()
    assert weights.max() == weights[4, 3, 32] == 1000
    assert float(weights[4, 3, 40]) == pytest.approx(1000 * np.exp(-0.5), rel=2e-3)


def test_the_sparsest_axis_is_resampled_by_its_nearest_plane() -> None:
    planes = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((1, 6, 6), np.float32)
    assert resampled(planes, (4, 6, 6), [1, 1, 1], [2, 2, 2], 3) is planes
    # planes of 4 mm, pixels of 1 mm, to 2 mm: each plane twice, pixels by splines
    found = resampled(planes, (8, 3, 3), [4, 1, 1], [2, 2, 2], 3)
    np.testing.assert_allclose(found[:, 1, 1], [0, 0, 1, 1, 2, 2, 3, 3], atol=1e-6)
    # of two sparse axes none is the sparsest: all are resampled together
    turned = resampled(planes.transpose(1, 2, 0), (3, 3, 8), [4, 4, 1], [8, 8, 0.5], 1)
    np.testing.assert_allclose(turned[1, 1, [0, 1, 2, 7]], [0, 0.25, 0.75, 3], atol=1e-6)


def test_axes_follow_the_plans() -> None:
    """A network that was planned on other axes gives the same for a volume that lies so."""
    values = waves(6)[:, :20, :24]
    cubes = {"patch_size": [16, 16, 16], "conv_kernel_sizes": [[3, 3, 3]] * 3}
    sizes = layout("mome_scaled")["tensors"]
    document = layout("mome_scaled") | {
        "tensors": {k: [*v[:2], 3, 3, 3] if v[2:] == [1, 3, 3] else v for k, v in sizes.items()}
    }
    state = seeded(document)
    plain = built(state, **cubes).open(volume(values)).ask([]).maps
    turned = built(state, axes=[1, 2, 0], **cubes)
    found = turned.open(volume(values.transpose(2, 0, 1))).ask([]).maps
    np.testing.assert_allclose(found[0].permute(1, 2, 0), plain[0], atol=1e-3)


def test_mirroring_looks_eight_ways() -> None:
    model = plugin("adapters", "mome").build(
        seeded(layout("mome_scaled")), {"mirror": True}, "cpu", "float32"
    )
    window = torch.from_numpy(waves(16)[:, :24, :16].astype(np.float32))
    with torch.inference_mode():
        found, turned = model.looked(window), model.looked(window.flip(0, 2))
    torch.testing.assert_close(turned.flip(1, 3), found, rtol=1e-4, atol=1e-4)


def test_what_does_not_fit_is_told() -> None:
    state = seeded(layout("mome_scaled"))
    with pytest.raises(InputError, match="its spacing is not known, and MoME resamples to 1, 1, 1"):
        built().open(volume(waves(3), None)).ask([])
    with pytest.raises(InputError, match=r"plans\.json of the release is missing"):
        built({key: held for key, held in state.items() if key != PLANS})
    with pytest.raises(InputError, match="expected PlainConvUNet and ZScoreNormalization"):
        built(normalization_schemes=["CTNormalization"])
    with pytest.raises(InputError, match="no configuration 3d_fullres"):
        built(state | {PLANS: packed({"configurations": {}})})
    with pytest.raises(InputError, match="not as many everywhere"):
        built(n_conv_per_stage_encoder=[2, 2])
    with pytest.raises(InputError, match="computes in float32"):
        plugin("adapters", "mome").build(state, {}, "cpu", "bfloat16")
