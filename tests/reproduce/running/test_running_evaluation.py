"""The inner loop on a model whose answers are known by hand: it fills the boxes it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from numpy.typing import NDArray
from running_bundle import bundle

from catalog.errors import InputError
from reproduce.asking.loop import Evaluator
from reproduce.asking.replay import (
    by_case,
    encode_prompts,
    make_prompts,
    prompts_sha256,
    read_prompts,
)
from reproduce.asking.rounds import Rounds, Seen, View
from reproduce.contracts import (
    Answered,
    Case,
    Grid,
    Plane,
    PlaneModel,
    Prediction,
    Prompt,
    Reference,
    Sample,
)
from reproduce.ground.plugins import plugin
from reproduce.running.outlines import TOLERANCE_PX, outline
from reproduce.runs.spec import CaseInput, RunSpec
from reproduce.scoring import score
from reproduce.statistics import StatisticsBuilder, arrow_schema


class Memory:
    """A data set in memory."""

    name, version, labels, splits, may_show_images = "memory", 1, (), {"all": ""}, True

    def __init__(self, **samples: tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]) -> None:
        self.samples = samples
        first = next(iter(samples.values()))[1]
        self.dimensionality = "3d" if next(iter(first.values())).ndim == 3 else "2d"

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        return [Case(id=name, files={}) for name in sorted(self.samples)]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        image, labels = self.samples[case.id]
        if self.dimensionality == "3d":
            return Sample.of_volume(case, image, labels, spacing_mm=(2.0, 1.0, 1.0))
        return Sample.of_image(case, image, labels, spacing_mm=(1.0, 1.0))


class BoxFill(PlaneModel):
    """Foreground is what lies in the box, its last pixels included. Sees the image's size only."""

    def preprocessing_id(self) -> str:
        return "box-fill"

    def encode(self, planes: Sequence[Plane]) -> list[tuple[int, int]]:
        return [(plane.image.shape[0], plane.image.shape[1]) for plane in planes]

    def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        scores = torch.full((len(prompts), 1, *embedding), -1.0)
        for i, prompt in enumerate(prompts):
            assert prompt.box_xy is not None
            x0, y0, x1, y1 = (int(v) for v in prompt.box_xy)
            scores[i, 0, y0 : y1 + 1, x0 : x1 + 1] = 1.0
        return Prediction(scores=scores, kind="logit", labels=tuple(p.label for p in prompts))

    def reference(self, plane: Plane, grid: Grid) -> Reference:
        return Reference(labels=plane.labels, valid=plane.valid)


def spec(root: Path, dataset: Memory, **changes: object) -> RunSpec:
    import msgspec

    cases = [CaseInput(id=case.id, files={}) for case in dataset.cases(Path(), "all", {})]
    return msgspec.structs.replace(bundle(root, 1).spec, cases=cases, **changes)


def evaluate(
    root: Path, dataset: Memory, profile_name: str, **changes: object
) -> list[dict[str, Any]]:
    profile = plugin("prompts", profile_name)
    cases = dataset.cases(Path(), "all", {})
    prompts = make_prompts(dataset, {}, cases, profile, [0])  # type: ignore[arg-type]  # duck-typed
    evaluator = Evaluator(
        spec=spec(root, dataset, **changes),
        dataset=dataset,  # type: ignore[arg-type]  # duck-typed
        model=BoxFill(),
        profile=profile,
        prompts=by_case(prompts),
    )
    builder = StatisticsBuilder()
    evaluator.evaluate(cases, builder)
    rows: list[dict[str, Any]] = builder.table().to_pylist()
    return rows


def two_parts() -> dict[str, NDArray[np.bool_]]:
    """An L of 3 pixels (its box has 4) and, apart, a square of 4."""
    mask = np.zeros((8, 8), bool)
    mask[1, 1] = mask[2, 1] = mask[2, 2] = True
    mask[5:7, 5:7] = True
    return {"part": mask}


def blank(shape: tuple[int, ...] = (8, 8)) -> NDArray[np.uint8]:
    return np.zeros((*shape, 3) if len(shape) == 2 else shape, np.uint8)


def numbers(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["tp"], row["fp"], row["fn"]


def component_profile() -> str:
    from reproduce.ground.plugins import plugins

    return next(
        name
        for name, p in plugins("prompts").items()
        if getattr(p, "per", "") == "component"
        and p.kind == "box"
        and not p.random
        and getattr(p, "inclusive", False)
        and p.jitter.kind == "none"
        and p.min_pixels == 0
    )


def test_regions_of_a_label_together(root: Path) -> None:
    (row,) = evaluate(root, Memory(a=(blank(), two_parts())), component_profile())
    assert numbers(row) == (7, 1, 0), "both boxes against the whole mask"


def test_regions_of_a_label_one_by_one(root: Path) -> None:
    rows = evaluate(root, Memory(a=(blank(), two_parts())), component_profile(), objects="separate")
    assert [(r["object"], numbers(r)) for r in rows] == [(0, (3, 1, 0)), (1, (4, 0, 0))]


def test_one_box_around_everything(root: Path) -> None:
    (row,) = evaluate(root, Memory(a=(blank(), two_parts())), "box-tight")
    assert numbers(row) == (7, 36 - 7, 0)


def test_empty_label_is_seen_but_not_asked(root: Path) -> None:
    labels = {**two_parts(), "absent": np.zeros((8, 8), bool)}
    rows = evaluate(root, Memory(a=(blank(), labels)), "box-tight")
    assert {r["label"]: numbers(r) for r in rows}["absent"] == (0, 0, 0)


def test_every_plane_of_a_volume_has_a_row(root: Path) -> None:
    mask = np.zeros((4, 8, 8), bool)
    mask[1] = two_parts()["part"]
    mask[3, 0, 0] = True
    rows = evaluate(root, Memory(v=(blank((4, 8, 8)), {"part": mask})), "box-tight")
    assert [(r["scope"], r["slice"], numbers(r)) for r in rows] == [
        ("slice", 0, (0, 0, 0)),
        ("slice", 1, (7, 29, 0)),
        ("slice", 2, (0, 0, 0)),
        ("slice", 3, (1, 0, 0)),
    ]


def test_volume_that_is_not_uint8_names_the_option(root: Path) -> None:
    volume = np.zeros((2, 8, 8), np.int16)
    mask = np.ones((2, 8, 8), bool)
    with pytest.raises(InputError, match="takes planes of uint8, these are int16"):
        evaluate(root, Memory(v=(volume, {"part": mask})), "box-tight")  # type: ignore[arg-type]  # on purpose


def test_class_the_data_does_not_have_names_both_sides(root: Path) -> None:
    """An automatic model answers for `vessel`; the data has `other` until it is mapped."""

    class Automatic(BoxFill):
        def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
            return Prediction(torch.ones((1, 1, *embedding)), "probability", ("vessel",))

    dataset = Memory(a=(blank(), {"other": two_parts()["part"]}))
    facts = {"prompt_profile": None, "prompt_sha256": None}
    for labels, fails in (({}, True), ({"vessel": "other"}, False)):
        evaluator = Evaluator(
            spec=spec(root, dataset, labels=labels, **facts),
            dataset=dataset,  # type: ignore[arg-type]  # duck-typed
            model=Automatic(),
            profile=None,
            prompts={},
        )
        builder = StatisticsBuilder()
        if fails:
            with pytest.raises(InputError, match="answers for vessel, the data set has other"):
                evaluator.evaluate(dataset.cases(Path(), "all", {}), builder)
        else:
            evaluator.evaluate(dataset.cases(Path(), "all", {}), builder)
            (row,) = builder.table().to_pylist()
            assert numbers(row) == (7, 57, 0)


def test_surfaces_of_volumes_that_are_run_by_slice(root: Path) -> None:
    """HD95 of the whole volume against MedPy, whose 3D surface no slice alone would give; and the
    outline is of the slice with the largest reference."""
    from medpy.metric.binary import hd95

    from reproduce.running.outlines import OutlineRecorder
    from reproduce.scoring import metric_profile
    from reproduce.scoring.engine import score

    rng = np.random.default_rng(3)
    volumes, truth = {}, {}
    for name in ("a", "b"):
        truth[name] = np.zeros((5, 12, 12), bool)
        truth[name][1:4, 3:8, 2:9] = True
        truth[name][2, 3:9, 2:10] = True
        volumes[name] = np.where(rng.random((5, 12, 12)) < 0.1, ~truth[name], truth[name])

    class Bright(BoxFill):
        """Foreground is what is bright."""

        def encode(self, planes: Sequence[Plane]) -> list[Any]:
            return [torch.from_numpy(plane.image[..., 0] > 0) for plane in planes]

        def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
            return Prediction(embedding[None, None].float(), "label", ("part",))

    dataset = Memory(**{n: (v.astype(np.uint8), {"part": truth[n]}) for n, v in volumes.items()})
    profile = metric_profile("transunet/1")
    surface = profile.measures["hd95"].surface
    assert surface is not None
    evaluator = Evaluator(
        spec=spec(
            root,
            dataset,
            prompt_profile=None,
            prompt_sha256=None,
            surfaces=[surface],
            batch=3,  # the last of a volume's five slices are two
        ),
        dataset=dataset,  # type: ignore[arg-type]  # duck-typed
        model=Bright(),
        profile=None,
        prompts={},
    )
    cases = dataset.cases(Path(), "all", {})
    builder = StatisticsBuilder(surface=[surface])
    recorder = OutlineRecorder(0.5, with_truth=True)
    evaluator.on_masks = recorder.look
    evaluator.evaluate(cases, builder)
    found = score(builder.table(), profile, "hd95").value
    wanted = np.mean([hd95(volumes[n], truth[n]) for n in volumes])
    assert found == pytest.approx(wanted, abs=1e-9)
    for contours in recorder.contours():
        assert contours.truth == outline(truth[contours.case][2])
        assert contours.predicted == outline(volumes[contours.case][2])


# ----------------------------------------------------------------------------------- prompts


def random_profile() -> Any:
    from reproduce.ground.plugins import plugins

    return next(p for p in plugins("prompts").values() if p.random and p.kind == "box")


def test_replay_file_is_the_prompts(root: Path, tmp_path: Path) -> None:
    dataset = Memory(a=(blank(), two_parts()), b=(blank(), two_parts()))
    cases = dataset.cases(Path(), "all", {})
    for profile in (random_profile(), plugin("prompts", "point-center-edt")):
        made = make_prompts(dataset, {}, cases, profile, [0, 1])  # type: ignore[arg-type]  # as above
        content = encode_prompts(profile, [0, 1], made)
        (tmp_path / "prompts.json").write_bytes(content)
        read = read_prompts(tmp_path / "prompts.json")
        assert encode_prompts(profile, [0, 1], read) == content
        backwards = make_prompts(dataset, {}, cases[::-1], profile, [0, 1])  # type: ignore[arg-type]  # as above
        order = {case.id: i for i, case in enumerate(cases)}
        backwards.sort(key=lambda p: order[p.case])
        assert encode_prompts(profile, [0, 1], backwards) == content, "order changes nothing"
        assert len(prompts_sha256(content)) == 64


@pytest.mark.parametrize("change", [lambda b: b[: len(b) // 2], lambda b: b"{}\n", lambda b: b""])
def test_damaged_replay_file(root: Path, tmp_path: Path, change: Any) -> None:
    dataset = Memory(a=(blank(), two_parts()), b=(blank(), two_parts()))
    profile = plugin("prompts", "box-tight")
    made = make_prompts(dataset, {}, dataset.cases(Path(), "all", {}), profile, [0])  # type: ignore[arg-type]  # as above
    path = tmp_path / "prompts.json"
    path.write_bytes(change(encode_prompts(profile, [0], made)))
    with pytest.raises(InputError, match="not a prompt replay file"):
        read_prompts(path)


# --------------------------------------------------------- the real small SAM, other ways to ask


def test_five_seeds_are_five_values(root: Path, tmp_path: Path) -> None:
    profile = random_profile()
    made = bundle(
        root, 2, prompt_profile=f"{profile.name}/{profile.version}", seeds=(0, 1, 2, 3, 4)
    )
    assert made.spec.claims == []
    _, result = made.run(tmp_path)
    measured = next(m for m in result.measurements if m.metric == "dice")
    assert len(measured.per_seed) == 5
    assert len(set(measured.per_seed.values())) > 1


def test_clicks_are_corrected_round_by_round(root: Path, tmp_path: Path) -> None:
    from running_bundle import counts

    from reproduce.ground.plugins import plugins

    profile = next(p for p in plugins("prompts").values() if p.rounds > 1 and p.kind == "point")
    made = bundle(root, 2, prompt_profile=f"{profile.name}/{profile.version}", seeds=(0,))
    folder, result = made.run(tmp_path, gate=True)
    assert {row["round"] for row in counts(folder)} == set(range(profile.rounds))
    assert all(check.passed for check in result.checks)


def test_lower_precision_is_held_against_float32(root: Path, tmp_path: Path) -> None:
    made = bundle(root, 2, precision="bfloat16")
    assert made.spec.run_id() != bundle(root, 2).spec.run_id()
    _, result = made.run(tmp_path, gate=True)
    (gate,) = [check for check in result.checks if check.name == "fidelity"]
    assert gate.passed, gate.detail
    assert "bfloat16 on cpu against float32" in gate.detail
    assert result.environment["dtype"] == "bfloat16"


# ------------------------------------------------------------------------------------ outlines


def test_outline_of_a_rectangle() -> None:
    mask = np.zeros((10, 12), bool)
    mask[2:8, 3:10] = True
    (polygon,) = outline(mask)
    points = np.array(polygon).reshape(-1, 2)
    assert points.min(axis=0) == pytest.approx([3.0, 2.0], abs=TOLERANCE_PX)
    assert points.max(axis=0) == pytest.approx([10.0, 8.0], abs=TOLERANCE_PX)
    x, y = points.T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert area == pytest.approx(mask.sum(), rel=0.1)
    assert outline(np.zeros((5, 5), bool)) == []


def test_reading_ahead_changes_nothing(root: Path) -> None:
    """Threads that read the next cases: same rows, same order of cases, same failures."""

    class Damaged(Memory):
        def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
            if case.id == "c":
                raise InputError("c.png: truncated")
            return super().load(case, options)

    data = Damaged(**{name: (blank(), two_parts()) for name in "abcdef"})
    cases = data.cases(Path(), "all", {})
    profile = plugin("prompts", "box-tight")
    prompts = make_prompts(Memory(**data.samples), {}, cases, profile, [0])  # type: ignore[arg-type]  # duck-typed
    found = []
    for threads in (0, 3):
        evaluator = Evaluator(
            spec=spec(root, data, batch=2),
            dataset=data,  # type: ignore[arg-type]  # duck-typed
            model=BoxFill(),
            profile=profile,
            prompts=by_case(prompts),
            loading_threads=threads,
        )
        builder, order = StatisticsBuilder(), list[str]()
        done = evaluator.evaluate(cases, builder, order.append)
        found.append((builder.table().to_pylist(), order, done.failed, done.cases))
    assert found[0] == found[1]
    assert found[1][2:] == ({"c": "c.png: truncated"}, 5)


@pytest.mark.parametrize(
    ("name", "followed", "fed"), [("clicks-9", 0, False), ("clicks-5", 1, True)]
)
def test_a_profile_says_whose_error_is_clicked_into(
    root: Path, name: str, followed: int, fed: bool
) -> None:
    """Two candidates, the second with the better predicted IoU: each misses another half."""
    mask = np.ones((8, 8), bool)
    profile = plugin("prompts", name)
    dataset = Memory(a=(blank(), {"x": mask}))
    (first,) = make_prompts(dataset, {}, dataset.cases(Path(), "all", {}), profile, [0])  # type: ignore[arg-type]  # duck-typed
    scores = torch.full((1, 2, 8, 8), -1.0)
    scores[0, 0, :, :4] = 1.0  # misses the right
    scores[0, 1, :, 4:] = 1.0  # misses the left
    prediction = Prediction(
        scores=scores,
        kind="logit",
        labels=("x",),
        predicted_iou=torch.tensor([[0.1, 0.9]]),
        low_res=scores.clone(),
    )
    sample = dataset.load(Case("a", {}), {})
    seen = Seen(profile.follows)
    seen.look(Answered(0, [0], prediction))
    rounds = Rounds(spec(root, dataset), BoxFill(), profile, None, lambda _: None)
    following = rounds.next(View(sample, [0], [first], None), first, seen, 0)  # type: ignore[arg-type]  # nothing is counted
    assert following.points_xy is not None
    assert (following.points_xy[-1][0] >= 4) == (followed == 0)
    assert (following.mask_input is not None) == fed


class BoxFillWithHoles(BoxFill):
    """Fills the boxes it is given, but for their first column: wrong in every slice."""

    def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        found = BoxFill.predict(self, embedding, prompts, grid)
        for i, prompt in enumerate(prompts):
            assert prompt.box_xy is not None
            found.scores[i, 0, :, int(prompt.box_xy[0])] = -1.0
        return found


def ball() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """A ball, and what `BoxFillWithHoles` makes of the boxes of its slices."""
    z, y, x = np.mgrid[:9, :24, :24]
    truth = ((z - 4) * 2) ** 2 + (y - 12) ** 2 + (x - 11) ** 2 <= 49
    filled = np.zeros_like(truth)
    for index, plane in enumerate(truth):
        if plane.any():
            rows, columns = np.flatnonzero(plane.any(1)), np.flatnonzero(plane.any(0))
            filled[index, rows[0] : rows[-1] + 1, columns[0] + 1 : columns[-1] + 1] = True
    return truth, filled


@pytest.mark.filterwarnings(
    "ignore:Please import `correlate`:DeprecationWarning"
)  # surface-distance
@pytest.mark.parametrize("batch", [1, 4])
def test_surfaces_of_volumes_that_are_prompted_by_slice(root: Path, batch: int) -> None:
    """HD95 and NSD in mm of the assembled volume against surface-distance, spacing 2 x 1 x 1; the
    counts of the slices stay what they are without surfaces."""
    import warnings

    from reproduce.scoring import metric_profile
    from reproduce.scoring.engine import score

    truth, filled = ball()
    dataset = Memory(
        a=(np.zeros(truth.shape, np.uint8), {"ball": truth, "absent": np.zeros_like(truth)}),
        b=(np.zeros(truth.shape, np.uint8), {"ball": truth[:, ::-1], "absent": truth & False}),
        empty=(np.zeros(truth.shape, np.uint8), {"ball": truth & False, "absent": truth & False}),
    )
    profile = metric_profile("house/1")
    surfaces = sorted({m.surface for m in profile.measures.values() if m.surface})
    tables = {}
    for names in ([], surfaces):
        prompts = plugin("prompts", "box-tight")
        cases = dataset.cases(Path(), "all", {})
        evaluator = Evaluator(
            spec=spec(root, dataset, surfaces=names, batch=batch),
            dataset=dataset,  # type: ignore[arg-type]  # duck-typed
            model=BoxFillWithHoles(),
            profile=prompts,
            prompts=by_case(make_prompts(dataset, {}, cases, prompts, [0])),  # type: ignore[arg-type]  # duck-typed
        )
        builder = StatisticsBuilder(surface=names or False)
        evaluator.evaluate(cases, builder)
        tables[len(names)] = builder.table()
    counted = tables[len(surfaces)]
    slices = [row for row in counted.to_pylist() if row["scope"] == "slice"]
    assert slices == tables[0].to_pylist()
    volumes = [row for row in counted.to_pylist() if row["scope"] == "volume"]
    assert [(row["case"], row["label"]) for row in volumes] == [
        (case, label) for case in ("a", "b", "empty") for label in ("absent", "ball")
    ], "every target has a row, absent ones too"
    with warnings.catch_warnings():  # it imports from places that SciPy is going to remove
        warnings.simplefilter("ignore")
        import surface_distance

        distances = surface_distance.compute_surface_distances(truth, filled, (2.0, 1.0, 1.0))
    wanted = surface_distance.compute_surface_dice_at_tolerance(distances, 2.0)
    assert 0.1 < wanted < 1
    assert score(counted, profile, "nsd").value == pytest.approx(wanted, abs=1e-6)
    hd95 = surface_distance.compute_robust_hausdorff(distances, 95)
    assert score(counted, profile, "hd95").value == pytest.approx(hd95, abs=1e-6)


def test_several_masks_a_prompt_make_no_volume(root: Path) -> None:
    truth, _ = ball()
    dataset = Memory(a=(np.zeros(truth.shape, np.uint8), {"ball": truth}))

    class Three(BoxFill):
        def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
            found = BoxFill.predict(self, embedding, prompts, grid)
            return Prediction(found.scores.repeat(1, 3, 1, 1), found.kind, found.labels)

    prompts = plugin("prompts", "box-tight")
    cases = dataset.cases(Path(), "all", {})
    evaluator = Evaluator(
        spec=spec(root, dataset, surfaces=["surfel/header/3d"]),
        dataset=dataset,  # type: ignore[arg-type]  # duck-typed
        model=Three(),
        profile=prompts,
        prompts=by_case(make_prompts(dataset, {}, cases, prompts, [0])),  # type: ignore[arg-type]  # duck-typed
    )
    with pytest.raises(InputError, match=r"3 masks a prompt.*multimask=single"):
        evaluator.evaluate(cases, StatisticsBuilder(surface=["surfel/header/3d"]))


def test_the_same_truths_as_images_and_as_a_volume_give_the_same(root: Path) -> None:
    """An organ that is nowhere counts 0 in medpy 0.4, however the truth is stored."""
    square = np.zeros((8, 8), bool)
    square[2:5, 3:7] = True
    truth = np.stack([square, np.roll(square, 1, 0), np.roll(square, 1, 1)])
    gone = np.zeros_like(truth)
    images = {
        f"plane{n}": (blank(), {"organ": truth[n], "absent": gone[n]}) for n in range(len(truth))
    }
    volume = {"v": (blank(truth.shape), {"organ": truth, "absent": gone})}
    values = []
    for dataset in (Memory(**images), Memory(**volume)):
        rows = evaluate(root, dataset, "box-tight")
        assert len(rows) == 6, "every target of every plane has a row"
        table = pa.Table.from_pylist(rows, schema=arrow_schema())
        values.append(score(table, "medpy-0.4/1", "dice").value)
    assert values == [0.5, 0.5]
