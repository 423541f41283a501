"""Counting, histograms, surfaces and the Parquet file, against plain NumPy and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import InputError, UsageError
from reproduce.contracts import ScoreKind
from reproduce.statistics import (
    SCHEMA_VERSION,
    StatisticsBuilder,
    arrow_schema,
    merge_statistics,
    read_statistics,
    write_statistics,
)
from reproduce.statistics.counting import WORTH_THREADS, confusion, decision, histogram
from reproduce.statistics.surface import SurfaceSpec, surface_histogram


def _random(seed: int, n: int = 3, c: int = 2, size: tuple[int, ...] = (13, 17)) -> Any:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn((n, c, *size), generator=generator)
    reference = torch.rand((n, *size), generator=generator) < 0.4
    valid = torch.rand(size, generator=generator) < 0.8
    return scores, reference, valid


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    height=st.integers(1, 19),
    width=st.integers(1, 9),
    masked=st.booleans(),
)
def test_counts_equal_numpy(seed: int, height: int, width: int, masked: bool) -> None:
    scores, reference, valid = _random(seed, size=(height, width))
    thresholds = (0.1, 0.5, 0.9)
    found = confusion(scores, "logit", thresholds, reference, valid if masked else None)
    inside = valid.numpy() if masked else np.ones((height, width), bool)
    for n in range(3):
        for c in range(2):
            for t, threshold in enumerate(thresholds):
                p = scores[n, c].numpy() > np.log(threshold / (1 - threshold))
                g = reference[n].numpy()
                expected = [
                    (p & g & inside).sum(),
                    (p & ~g & inside).sum(),
                    (~p & g & inside).sum(),
                    (~p & ~g & inside).sum(),
                ]
                assert found[n, c, t].tolist() == expected


@pytest.mark.gpu
def test_gpu_counts_equal_cpu_counts() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    scores, reference, valid = _random(1, size=(257, 129))
    kinds: tuple[ScoreKind, ...] = ("logit", "probability")
    for kind in kinds:
        values = scores if kind == "logit" else scores.sigmoid()
        on_cpu = (values, reference, valid)
        on_gpu = tuple(t.cuda() for t in on_cpu)
        for one, other in ((on_cpu, on_gpu),):
            a = confusion(one[0], kind, (0.3, 0.5), one[1], one[2])
            b = confusion(other[0], kind, (0.3, 0.5), other[1], other[2])
            assert (a == b).all()
            a = histogram(one[0], kind, 1000, one[1], one[2])
            b = histogram(other[0], kind, 1000, other[1], other[2])
            assert (a == b).all()


def test_device_path_equals_cpu_path() -> None:
    # The path of a GPU, on the CPU's memory: the same integers as the other one.
    from reproduce.statistics import counting
    from reproduce.statistics.arrays import on_host

    scores, reference, valid = _random(4, size=(31, 33))
    flat, truth = scores.flatten(2), reference.flatten(1)
    for inside in (None, valid.flatten()):
        arrays = map(on_host, (flat, (-0.5, 0.0, 1.2), truth, inside))
        ours = counting._count_on_cpu(*arrays)
        plain = counting._count_on_device(flat, (-0.5, 0.0, 1.2), truth, inside)
        assert (ours[0] == plain[0]).all()
        assert (ours[1] == plain[1]).all()
        assert ours[2] == plain[2]


@pytest.mark.parametrize("kind", ["logit", "probability"])
def test_histogram_gives_the_counts_at_each_of_its_edges(kind: Any) -> None:
    scores, reference, valid = _random(2, size=(40, 40))
    values = scores if kind == "logit" else scores.sigmoid()
    bins = histogram(values, kind, 50, reference, valid)
    for k in (0, 1, 7, 25, 49):
        expected = confusion(values, kind, (k / 50,), reference, valid)[:, :, 0]
        assert (bins[:, :, 0, k + 1 :].sum(-1) == expected[..., 0]).all()
        assert (bins[:, :, 1, k + 1 :].sum(-1) == expected[..., 1]).all()


def test_decision_of_one_half_is_logit_zero() -> None:
    assert decision(0.5, "logit") == 0.0
    assert decision(0.0, "logit") == -np.inf
    assert decision(1.0, "logit") == np.inf


def test_a_score_on_the_threshold_is_background() -> None:
    scores = torch.tensor([[[[0.5, 0.50001]]]])
    reference = torch.tensor([[[True, True]]])
    assert confusion(scores, "probability", (0.5,), reference)[0, 0, 0].tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("kind", ["logit", "probability", "label"])
def test_arrays_are_counted_as_tensors_are(kind: ScoreKind) -> None:
    scores, reference, valid = _random(7, n=2, c=2, size=(3, 6, 5))
    values = {"logit": scores, "probability": scores.sigmoid(), "label": (scores > 0).int()}[kind]
    tables = []
    for pair in ((values, reference, valid), (values.numpy(), reference.numpy(), valid.numpy())):
        builder = StatisticsBuilder(score_bins=10, surface=["edge/unit/3d"], components="full")
        places = dict(zip(("scores", "reference", "valid"), pair, strict=True))
        builder.add(case="v", labels=["a", "b"], kind=kind, **places)
        builder.add_absent(
            case="w", label="a", reference=pair[1][0], kind=kind, rounds=2, seeds=[0, 1]
        )
        tables.append(builder.table())
    assert tables[0].equals(tables[1])


def test_a_volume_has_one_row_a_slice_and_one_for_all() -> None:
    scores, reference, _ = _random(5, n=1, c=1, size=(4, 6, 5))
    builder = StatisticsBuilder(surface=["surfel/header/3d"])
    builder.add(
        case="v",
        labels=["a"],
        scores=scores,
        kind="logit",
        reference=reference,
        spacing_mm=(3, 1, 1),
    )
    rows = builder.table().to_pylist()
    slices = [row for row in rows if row["scope"] == "slice"]
    (whole,) = [row for row in rows if row["scope"] == "volume"]
    assert [row["slice"] for row in slices] == [0, 1, 2, 3]
    for name in ("tp", "fp", "fn", "tn"):
        assert sum(row[name] for row in slices) == whole[name]
    assert whole["surfaces"][0]["spacing_mm"] == [3.0, 1.0, 1.0]
    assert all(row["surfaces"] is None for row in slices)


def test_upsampling_in_pieces_equals_upsampling_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, _, _ = _random(6, n=5, c=2, size=(8, 8))
    reference = torch.rand(5, 32, 32) < 0.5
    tables = []
    for floats in (1 << 26, 1):
        monkeypatch.setattr("reproduce.statistics.builder.CHUNK_FLOATS", floats)
        builder = StatisticsBuilder()
        builder.add(
            case="a",
            labels=["x"] * 5,
            object_index=list(range(5)),
            scores=scores,
            kind="logit",
            reference=reference,
            upsample="bilinear",
        )
        tables.append(builder.table())
    assert tables[0].equals(tables[1])
    full = torch.nn.functional.interpolate(scores, (32, 32), mode="bilinear") > 0
    assert tables[0]["tp"][0].as_py() == int((full[0, 0] & reference[0]).sum())


# ---------------------------------------------------------------------------------------- surfaces


def test_one_voxel_is_an_octahedron_of_eight_triangles() -> None:
    one = np.zeros((5, 5, 5), bool)
    one[2, 2, 2] = True
    entry = surface_histogram(one, one, SurfaceSpec.parse("surfel/unit/3d"), None)
    # Each of the eight corners carries one triangle between three edge midpoints: side sqrt(1/2).
    assert entry["reference_area"] == pytest.approx([8 * np.sqrt(3) / 4 / 2])
    assert entry["reference_distance"] == [0.0]


def test_anisotropic_spacing_moves_distances_not_counts() -> None:
    a, b = np.zeros((6, 8, 8), bool), np.zeros((6, 8, 8), bool)
    a[1, 2:6, 2:6] = True
    b[3, 2:6, 2:6] = True
    thick = surface_histogram(a, b, SurfaceSpec.parse("edge/header/3d"), (5.0, 1.0, 1.0))
    assert thick["reference_distance"] == [10.0]
    assert thick["reference_area"] == [16.0]
    reversed_ = surface_histogram(a, b, SurfaceSpec.parse("edge/reversed/3d"), (5.0, 1.0, 1.0))
    assert reversed_["reference_distance"] == [2.0]


def test_distances_to_nothing_are_infinite_not_to_a_corner() -> None:
    a, none = np.zeros((6, 6), bool), np.zeros((6, 6), bool)
    a[0, 0] = True
    entry = surface_histogram(a, none, SurfaceSpec.parse("edge/unit/2d"), None)
    assert entry["reference_distance"] == [np.inf]
    assert entry["predicted_distance"] == []


def test_a_2d_mask_as_one_slice_has_two_flat_faces() -> None:
    disc = np.hypot(*(np.indices((40, 40)) - 20)) <= 12
    moved = np.roll(disc, 3, axis=0)
    flat = surface_histogram(disc, moved, SurfaceSpec.parse("surfel/unit/2d"), None)
    slab = surface_histogram(disc, moved, SurfaceSpec.parse("surfel/unit/expand"), None)

    def near(entry: dict[str, Any]) -> float:
        distance = np.array(entry["reference_distance"])
        area = np.array(entry["reference_area"])
        return float(area[distance <= 2].sum() / area.sum())

    assert near(slab) > near(flat) + 0.3


@pytest.mark.parametrize("text", ["surfel", "surfel/header", "x/unit/2d", "edge/fixed:-1/2d"])
def test_unknown_surface_definitions_are_usage_errors(text: str) -> None:
    with pytest.raises(UsageError, match="expected element/spacing/dims"):
        SurfaceSpec.parse(text)


# ----------------------------------------------------------------------------------------- storage


def _table(case: str = "a") -> pa.Table:
    builder = StatisticsBuilder(score_bins=10, surface=True, components="full")
    scores, reference, valid = _random(9)
    builder.add(
        case=case,
        patient="p",
        labels=["x", "y", "z"],
        scores=scores,
        kind="logit",
        reference=reference,
        valid=valid,
        predicted_iou=torch.rand(3, 2),
        spacing_mm=(1.0, 2.0),
    )
    return builder.table()


def test_round_trip(tmp_path: Path) -> None:
    table = _table()
    path = tmp_path / "deep" / "statistics.parquet"
    write_statistics(path, table)
    assert read_statistics(path).equals(table)
    assert [p.name for p in path.parent.iterdir()] == ["statistics.parquet"]


def test_the_same_statistics_are_the_same_bytes(tmp_path: Path) -> None:
    one, other = _table("a"), _table("b")
    write_statistics(tmp_path / "1", merge_statistics([one, other]))
    write_statistics(tmp_path / "2", merge_statistics([other, one]))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_one_case_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"case 'a', label 'x' was counted twice"):
        merge_statistics([_table("a"), _table("a")])


def test_another_schema_is_refused(tmp_path: Path) -> None:
    newer = _table().replace_schema_metadata({"schema": "statistics/2"})
    pq.write_table(newer, tmp_path / "new.parquet")
    with pytest.raises(InputError, match=rf"expected schema {SCHEMA_VERSION}, got statistics/2"):
        read_statistics(tmp_path / "new.parquet")
    pq.write_table(_table().drop_columns(["fp"]), tmp_path / "less.parquet")
    with pytest.raises(InputError, match=r"missing \['fp'\]"):
        read_statistics(tmp_path / "less.parquet")


def test_damaged_and_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such statistics file"):
        read_statistics(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(InputError, match="expected a Parquet file"):
        read_statistics(tmp_path / "bad.parquet")


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "statistics.parquet"
    write_statistics(path, _table("a"))
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(InputError, match="disk is full"):
        write_statistics(path, _table("b"))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["statistics.parquet"]


def test_the_documented_columns_are_the_schema() -> None:
    from reproduce.statistics import schema

    assert schema.__doc__ is not None
    for name in arrow_schema().names:
        assert name in schema.__doc__


# --------------------------------------------------------------------------------------- bad input


def _add(**changes: Any) -> None:
    scores, reference, _ = _random(1, n=1, c=1)
    given: dict[str, Any] = {
        "case": "a",
        "labels": ["x"],
        "scores": scores,
        "kind": "logit",
        "reference": reference,
    }
    StatisticsBuilder(surface=changes.pop("surface", False)).add(**{**given, **changes})


def test_bad_input_is_one_clear_error_each() -> None:
    nan = torch.full((1, 1, 13, 17), float("nan"))
    bad: list[tuple[str, dict[str, Any]]] = [
        ("scores are NaN", {"scores": nan}),
        ("prediction is .13, 16.", {"scores": torch.zeros(1, 1, 13, 16)}),
        ("must lie in 0-1, got", {"kind": "probability"}),
        ("labels must be 0 or 1", {"kind": "label"}),
        ("reference masks must be bool", {"reference": torch.zeros(1, 13, 17)}),
        ("2 labels, 1 predictions", {"labels": ["x", "y"]}),
        ("valid area is .13, 16.", {"valid": torch.ones(13, 16, dtype=torch.bool)}),
        ("predicted_iou must be", {"predicted_iou": torch.zeros(1, 3)}),
        ("object indices", {"object_index": [1, 2]}),
        ("do not say how large a pixel is", {"surface": ["surfel/header/2d"]}),
        ("positive and finite", {"surface": ["surfel/header/2d"], "spacing_mm": (0.0, 1.0)}),
        ("expected 2 spacings", {"surface": ["edge/header/2d"], "spacing_mm": (1.0, 1.0, 1.0)}),
    ]
    for message, changes in bad:
        with pytest.raises(InputError, match=message):
            _add(**changes)
    wrong: list[dict[str, Any]] = [{"thresholds": []}, {"thresholds": [2]}, {"score_bins": -1}]
    for options in wrong:
        with pytest.raises(UsageError):
            StatisticsBuilder(**options)


def test_infinite_logits_are_fine() -> None:
    scores = torch.tensor([[[[float("inf"), float("-inf")]]]])
    reference = torch.tensor([[[True, True]]])
    builder = StatisticsBuilder(score_bins=10)
    builder.add(case="a", labels=["x"], scores=scores, kind="logit", reference=reference)
    assert builder.table()["tp"].to_pylist() == [1]


def test_threads_do_not_change_counts() -> None:
    """Masks large enough for threads: the counts are those of one thread."""
    generator = torch.Generator().manual_seed(7)
    scores = torch.rand((5, 1, 1000, 1000), generator=generator)
    reference = torch.rand((5, 1000, 1000), generator=generator) > 0.6
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = confusion(scores, "probability", [0.3, 0.5], reference)
        torch.set_num_threads(2)
        together = confusion(scores, "probability", [0.3, 0.5], reference)
    finally:
        torch.set_num_threads(before)
    assert scores.nbytes >= WORTH_THREADS
    assert np.array_equal(alone, together)
    assert alone.sum(-1).tolist() == [[[1_000_000] * 2]] * 5


def test_surfaces_in_threads_are_the_same() -> None:
    """Eight masks above the size that starts threads: same entries, same order, as one by one."""
    from reproduce.statistics.surface import (
        WORTH_THREADS,
        SurfaceSpec,
        surface_histogram,
        surface_histograms,
    )

    rng = np.random.default_rng(5)
    side = int((WORTH_THREADS / 8) ** 0.5) + 1
    tasks = []
    for spec in ("surfel/header/2d", "edge/unit/2d"):
        for _ in range(4):
            y, x = np.ogrid[:side, :side]
            (a, b), r = rng.uniform(0.3, 0.7, 2) * side, side / 5
            one, other = ((y - a) ** 2 + (x - b + move) ** 2 < r**2 for move in (0, 7))
            tasks.append((one, other, SurfaceSpec.parse(spec), (0.5, 0.7)))
    assert surface_histograms(tasks, threads=4) == [surface_histogram(*task) for task in tasks]
