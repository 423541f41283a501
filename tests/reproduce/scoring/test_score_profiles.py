"""`score` with every metric profile and its defaults, and from two folders without images."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from catalog.errors import InputError, UsageError
from catalog.metrics import counted_over
from catalog.records import Measurement, Result
from reproduce.cli import app
from reproduce.ground.plugins import plugins
from reproduce.judging.examining import examine
from reproduce.predictions import Request, score_predictions, write_result

PROFILES = [profile.id for profile in plugins("metrics").values() if profile.parts == "full"]
#: Those that match objects which the data have to tell apart.
APART = [profile.id for profile in plugins("metrics").values() if profile.parts == "told"]
#: Those that measure surfaces in volumes and nothing else.
VOLUMES = [
    profile.id
    for profile in plugins("metrics").values()
    if all(
        (m.surface or "").endswith("/3d") and not m.surface_2d for m in profile.measures.values()
    )
]
Grid = NDArray[Any]


def disc(row: float, column: float, radius: float, shape: tuple[int, int] = (48, 40)) -> Grid:
    y, x = np.indices(shape)
    return np.asarray((y - row) ** 2 + (x - column) ** 2 <= radius**2)


# reference and prediction of four pictures: larger, shifted, two lesions of which one is found
# with a false one beside, and exact
PAIRS = [
    (disc(20, 20, 9), disc(20, 20, 11)),
    (disc(24, 18, 8), disc(26, 21, 8)),
    (disc(12, 12, 6) | disc(36, 28, 5), disc(12, 13, 6) | disc(38, 8, 4)),
    (disc(30, 20, 7), disc(30, 20, 7)),
]


def write(path: Path, values: Grid) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The pairs as PNG masks of 0 and 255, and soft maps of them."""
    for index, (reference, predicted) in enumerate(PAIRS):
        write(tmp_path / "truth" / f"case{index}.png", reference * 255)
        write(tmp_path / "pred" / f"case{index}.png", predicted * 255)
        write(tmp_path / "soft" / f"case{index}.png", predicted * 204 + 26)
    return tmp_path


def scored(folder: Path, **more: Any) -> Result:
    given: dict[str, Any] = {"predictions": folder / "pred", "references": folder / "truth"}
    return score_predictions(Request(**{**given, **more}))[0]


def values(result: Result) -> dict[str, float | None]:
    return {m.metric: m.value for m in result.measurements}


# ------------------------------------------------------------------------------------ all profiles


@pytest.mark.parametrize("profile", [name for name in PROFILES if name not in VOLUMES])
def test_every_profile_scores_with_its_defaults(pictures: Path, profile: str) -> None:
    result = scored(pictures, profile=profile)
    assert result.measurements
    for measurement in result.measurements:
        assert measurement.value is not None
        assert math.isfinite(measurement.value)
        assert measurement.counted is not None
    every = {m.metric for m in result.measurements} | set(result.protocol["not_measured"])
    assert every == set(plugins("metrics")[profile.partition("/")[0]].measures)


@pytest.mark.parametrize("profile", APART)
def test_profiles_of_objects_refuse_files_that_tell_none_apart(
    pictures: Path, profile: str
) -> None:
    with pytest.raises(InputError, match="the data do not say which pixels are one object"):
        scored(pictures, profile=profile)


@pytest.mark.parametrize("profile", VOLUMES)
def test_profiles_of_volumes_refuse_pictures_by_name(pictures: Path, profile: str) -> None:
    with pytest.raises(InputError, match=rf"^{profile} \w+: is not defined for masks of 2 axes"):
        scored(pictures, profile=profile)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_scores_volumes_with_its_defaults(tmp_path: Path, profile: str) -> None:
    for index, (reference, predicted) in enumerate(PAIRS[:2]):
        for folder, mask in (("truth", reference), ("pred", predicted)):
            volume = np.stack([mask & (abs(plane - 8) < 6) for plane in range(16)])
            (tmp_path / folder).mkdir(exist_ok=True)
            np.savez(tmp_path / folder / f"case{index}.npz", segs=volume.astype(np.uint8))
    result = scored(tmp_path, profile=profile, spacing_mm=(2.0, 1.0, 1.0))
    assert result.measurements
    for m in result.measurements:  # SAM2-UNet has no number for planes without an object
        assert m.counted is not None
        assert math.isfinite(m.value or 0.0)
        assert (m.value is None) == (profile == "sam2-unet/1" and bool(m.counted.left_out))


def dice(reference: Grid, predicted: Grid) -> float:
    return float(2 * (reference & predicted).sum() / (reference.sum() + predicted.sum()))


def mean(numbers: Any) -> float:
    return float(np.mean(list(numbers)))


def test_monai_is_the_oracle(pictures: Path) -> None:
    import torch
    from monai.metrics import (
        DiceMetric,
        HausdorffDistanceMetric,
        MeanIoU,
        SurfaceDiceMetric,
    )

    reference, predicted = (
        torch.from_numpy(np.stack([pair[k] for pair in PAIRS]))[:, None].float() for k in (0, 1)
    )
    found = values(scored(pictures, profile="monai/1"))
    metrics: list[tuple[str, Any]] = [
        ("dice", DiceMetric()),
        ("iou", MeanIoU()),
        ("nsd", SurfaceDiceMetric([1.0], include_background=True)),
        ("hd95", HausdorffDistanceMetric(include_background=True, percentile=95)),
    ]
    for name, metric in metrics:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of an argument that it passes itself
            metric(predicted, reference)
        assert found[name] == pytest.approx(float(metric.aggregate()), abs=1e-6), name


def test_medpy_is_the_oracle(pictures: Path) -> None:
    from medpy.metric import binary

    found = values(scored(pictures, profile="medpy-0.5/1", spacing_mm=(0.5,)))
    swapped = [(predicted, reference) for reference, predicted in PAIRS]
    assert found["dice"] == pytest.approx(mean(binary.dc(*pair) for pair in swapped), abs=1e-12)
    assert found["iou"] == pytest.approx(mean(binary.jc(*pair) for pair in swapped), abs=1e-12)
    for name, function in (("hd95", binary.hd95), ("assd", binary.assd)):
        theirs = mean(function(*pair, voxelspacing=(0.5, 0.5)) for pair in swapped)
        assert found[name] == pytest.approx(theirs, abs=1e-9), name


def test_torchmetrics_is_the_oracle(pictures: Path) -> None:
    import torch
    from torchmetrics.segmentation import DiceScore

    metric: Any = DiceScore(num_classes=2, include_background=False, average="macro")
    reference, predicted = (
        torch.from_numpy(np.stack([pair[k] for pair in PAIRS])).long() for k in (0, 1)
    )
    one_hot = torch.nn.functional.one_hot
    metric.update(one_hot(predicted, 2).movedim(-1, 1), one_hot(reference, 2).movedim(-1, 1))
    found = values(scored(pictures, profile="torchmetrics/1"))
    assert found["dice"] == pytest.approx(float(metric.compute()), abs=1e-6)


def test_panoptica_is_the_oracle(pictures: Path) -> None:
    from panoptica import (
        ConnectedComponentsInstanceApproximator,
        InputType,
        NaiveThresholdMatching,
        Panoptica_Evaluator,
    )

    evaluator: Any = Panoptica_Evaluator(
        expected_input=InputType.SEMANTIC,
        instance_approximator=ConnectedComponentsInstanceApproximator(),
        instance_matcher=NaiveThresholdMatching(),
    )
    theirs: dict[str, list[float]] = {"pq": [], "sq": [], "rq": []}
    for reference, predicted in PAIRS:
        found = evaluator.evaluate(
            predicted.astype(np.uint8), reference.astype(np.uint8), verbose=False
        )["ungrouped"]
        for name, numbers in theirs.items():
            numbers.append(float(getattr(found, name)))
    ours = values(scored(pictures, profile="panoptica/1"))
    for name, numbers in theirs.items():
        assert ours[name] == pytest.approx(mean(numbers), abs=1e-9), name


def test_auc_comes_out_of_probability_maps(tmp_path: Path) -> None:
    import torch
    from torchmetrics.functional.classification import binary_auroc

    def auc(truth: Grid, soft: Grid) -> float:
        score: Any = binary_auroc(torch.from_numpy(soft / 255), torch.from_numpy(truth).long())
        return float(score)

    rng = np.random.default_rng(3)
    all_truth, all_soft = [], []
    for index, (reference, predicted) in enumerate(PAIRS):
        soft = np.clip(predicted * 0.4 + rng.random(reference.shape) * 0.6, 0, 1)
        soft = np.rint(soft * 255).astype(np.uint8)
        write(tmp_path / "truth" / f"{index}.png", reference * 255)
        write(tmp_path / "pred" / f"{index}.png", soft)
        all_truth.append(reference.ravel())
        all_soft.append(soft.ravel())
    result = scored(tmp_path, profile="pooled/1", kind="probability", scale=255.0)
    theirs = auc(np.concatenate(all_truth), np.concatenate(all_soft))
    assert values(result)["auc"] == pytest.approx(theirs, abs=1e-6)
    per_case = scored(tmp_path, kind="probability", scale=255.0, metrics=("auc",))
    each = mean(auc(t, s) for t, s in zip(all_truth, all_soft, strict=True))
    assert values(per_case)["auc"] == pytest.approx(each, abs=1e-6)


def test_five_thresholds_of_medical_sam_adapter(tmp_path: Path) -> None:
    """The mean over thresholds, not the one threshold that everybody takes."""
    rng = np.random.default_rng(5)
    truth, soft = [], []
    for index, (reference, predicted) in enumerate(PAIRS):
        map_ = np.clip(predicted * 0.45 + rng.random(reference.shape) * 0.5, 0, 1)
        np.save(_made(tmp_path / "pred") / f"{index}.npy", map_.astype(np.float32))
        write(tmp_path / "truth" / f"{index}.png", reference * 255)
        truth.append(reference)
        soft.append(map_.astype(np.float32))

    def smoothed(threshold: float) -> float:
        found = []
        for reference, map_ in zip(truth, soft, strict=True):
            predicted = map_ > np.float32(threshold)
            both = (reference & predicted).sum()
            found.append((2 * both + 1e-4) / (reference.sum() + predicted.sum() + 1e-4))
        return mean(found)

    profile = "medical-sam-adapter/1"
    five = mean(smoothed(t) for t in (0.1, 0.3, 0.5, 0.7, 0.9))
    result = scored(tmp_path, profile=profile, kind="probability")
    assert values(result)["dice"] == pytest.approx(five, abs=1e-6)
    assert result.measurements[0].threshold is None
    assert result.protocol["thresholds"] == [0.1, 0.3, 0.5, 0.7, 0.9]
    one = scored(tmp_path, profile=profile, kind="probability", threshold=0.5)
    assert values(one)["dice"] == pytest.approx(smoothed(0.5), abs=1e-6)
    assert abs(smoothed(0.5) - five) > 0.05


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_sam2_unet_scores_its_grey_maps_at_256_thresholds(pictures: Path) -> None:
    result = scored(
        pictures, predictions=pictures / "soft", profile="sam2-unet/1", kind="probability"
    )
    per_case = []
    for reference, predicted in PAIRS:
        grey = predicted * 204 + 26
        per_case.append(mean(dice(reference, grey >= k) for k in range(256)))
    assert values(result)["dice"] == pytest.approx(mean(per_case), abs=1e-12)


def test_the_reference_filter_of_medsam(tmp_path: Path) -> None:
    """Components below 1000 voxels go, planes without an object are dropped in both."""
    large = np.zeros((10, 40, 40), np.uint8)
    large[2:6, 5:25, 5:25] = 1  # 1600 voxels
    small = large.copy()
    small[8, 30:35, 30:35] = 1  # 25 voxels: no part of the reference
    predicted = large.copy()
    predicted[8, 5:25, 5:25] = 1  # on a plane that is dropped
    for folder, volume in (("truth", small), ("pred", predicted)):
        np.savez(_made(tmp_path / folder) / "ct.npz", segs=volume)
    assert values(scored(tmp_path, profile="medsam/1"))["dice"] == 1.0
    assert values(scored(tmp_path))["dice"] == pytest.approx(3200 / (1625 + 2000))


def test_the_background_of_several_classes(tmp_path: Path) -> None:
    """mmsegmentation: pixels of the whole data set, the background is a class."""
    reference, predicted = np.zeros((10, 10), int), np.zeros((10, 10), int)
    reference[:4], reference[4:6] = 1, 2
    predicted[:3], predicted[3:6] = 1, 2
    write(tmp_path / "truth" / "a.png", reference)
    write(tmp_path / "pred" / "a.png", predicted)
    found = scored(tmp_path, profile="mmsegmentation/1")
    # class 1: 30 of 40 and 30; class 2: 20 of 20 and 30; background: 40, exact
    assert values(found)["dice"] == pytest.approx((60 / 70 + 40 / 50 + 1) / 3)
    assert {score.label for score in found.cases} == {"1", "2"}


def test_monai_averages_cases_that_have_a_class_each_not_the_classes(tmp_path: Path) -> None:
    """MedSegX's ten slices of six tasks: every slice counts once."""
    for index, (value, height) in enumerate(((1, 4), (2, 2), (2, 3))):
        reference, predicted = np.zeros((10, 10), int), np.zeros((10, 10), int)
        reference[:4], predicted[:height] = value, value
        write(tmp_path / "truth" / f"case{index}.png", reference)
        write(tmp_path / "pred" / f"case{index}.png", predicted)
    dice = values(scored(tmp_path, profile="monai/1", metrics=("dice",)))["dice"]
    assert dice == pytest.approx((1 + 4 / 6 + 6 / 7) / 3)


# -------------------------------------------------------------------------------- over how many


def test_hd95_says_over_how_many_it_is_a_mean(tmp_path: Path) -> None:
    for index in range(6):
        write(tmp_path / "truth" / f"case{index}.png", disc(20, 20, 6) * 255)
        write(tmp_path / "pred" / f"case{index}.png", disc(20, 20, 6) * 255 * (index % 2))
    (hd95,) = scored(tmp_path, metrics=("hd95",), spacing_mm=(1.0,)).measurements
    assert hd95.value == 0.0
    assert counted_over(hd95) == "3 of 6 cases; left out: 3 nothing predicted"


def test_medpy_that_stops_at_empty_masks_is_told(tmp_path: Path) -> None:
    for index in range(2):
        write(tmp_path / "truth" / f"case{index}.png", disc(20, 20, 6) * 255)
        write(tmp_path / "pred" / f"case{index}.png", disc(20, 20, 6) * 255 * index)
    result = scored(tmp_path, profile="medpy-0.5/1", spacing_mm=(1.0,))
    assert values(result) == {"dice": 0.5, "iou": 0.5}
    assert "1 masks are empty" in result.protocol["not_measured"]["hd95"]
    with pytest.raises(InputError, match="1 masks are empty"):
        scored(tmp_path, profile="medpy-0.5/1", spacing_mm=(1.0,), metrics=("hd95",))


# ------------------------------------------------------------------------------------- two folders


def test_nested_folders_and_longer_names_pair(tmp_path: Path) -> None:
    for patient in ("p1", "p2"):
        for slice_ in (1, 2):
            mask = disc(20, 20, 5 + slice_) * 255
            write(tmp_path / "truth" / patient / f"slice{slice_}.png", mask)
            write(tmp_path / "pred" / patient / f"slice{slice_}.png", mask)
            write(tmp_path / "flat" / f"{patient}_slice{slice_}_pred.png", mask)
    result = scored(tmp_path)
    assert [case.case for case in result.cases] == [
        "p1/slice1",
        "p1/slice2",
        "p2/slice1",
        "p2/slice2",
    ]
    assert values(result)["dice"] == 1.0
    flat = scored(tmp_path, predictions=tmp_path / "flat")
    assert values(flat)["dice"] == 1.0
    assert flat.inputs["pairing"] == (
        "by the case's name in the file's: p1_slice1_pred.png is p1/slice1"
    )


@pytest.mark.parametrize(
    ("reference", "predicted", "told"),
    [
        ("{}_seg", "{}_pred", "by the cases' names without _seg"),
        ("{}_0000", "{}", "by the cases' names without _0000"),
        ("mask_{}", "{}", "by the cases' names without mask_"),
        ("{}_gt_mask", "{}_out", "by the cases' names without _gt_mask"),
    ],
)
def test_decorated_names_pair_and_it_is_told(
    tmp_path: Path, reference: str, predicted: str, told: str
) -> None:
    for index in range(3):
        mask = disc(20, 20, 5 + index) * 255
        write(tmp_path / "truth" / f"{reference.format(f'case_{index}')}.png", mask)
        write(tmp_path / "pred" / f"{predicted.format(f'case_{index}')}.png", mask)
    result = scored(tmp_path)
    assert values(result)["dice"] == 1.0
    assert result.inputs["pairing"] == told


def test_names_of_other_cases_never_pair(tmp_path: Path) -> None:
    for index in range(3):
        write(tmp_path / "truth" / f"train_{index}.png", disc(20, 20, 5) * 255)
        write(tmp_path / "pred" / f"test_{index}.png", disc(20, 20, 5) * 255)
    with pytest.raises(InputError, match="3 of 3 files do not pair"):
        scored(tmp_path)


def test_classes_have_the_names_that_something_says(tmp_path: Path) -> None:
    labels = np.zeros((20, 20), int)
    labels[2:8, 2:8], labels[10:18, 10:18] = 1, 2
    write(tmp_path / "truth" / "a.png", labels)
    write(tmp_path / "pred" / "a.png", np.where(labels == 2, 0, labels))
    assert scored(tmp_path).measurements[0].per_label == {"1": 1.0, "2": 0.0}
    assert values(scored(tmp_path, classes=("1",)))["dice"] == 1.0
    (tmp_path / "truth" / "dataset.json").write_text(
        json.dumps({"labels": {"background": 0, "liver": 1, "spleen": 2}})
    )
    assert scored(tmp_path).measurements[0].per_label == {"liver": 1.0, "spleen": 0.0}
    assert values(scored(tmp_path, classes=("liver",)))["dice"] == 1.0
    with pytest.raises(UsageError, match="the reference has the classes liver, spleen"):
        scored(tmp_path, classes=("kidney",))


def test_other_numbers_are_background_only_where_classes_are_chosen(tmp_path: Path) -> None:
    labels = np.zeros((20, 20), int)
    labels[2:8, 2:8], labels[10:18, 10:18] = 1, 7
    write(tmp_path / "truth" / "a.png", labels == 1)
    write(tmp_path / "pred" / "a.png", labels)
    with pytest.raises(InputError, match=r"label numbers \[7\] .* --class foreground"):
        scored(tmp_path, labels={1: "foreground"})
    chosen = scored(tmp_path, labels={1: "foreground"}, classes=("foreground",))
    assert values(chosen)["dice"] == 1.0


def test_nifti_volumes_from_two_folders(tmp_path: Path) -> None:
    import nibabel

    untyped: Any = nibabel
    values_ = np.zeros((12, 10, 8), np.uint8)
    values_[3:9, 3:8, 2:6] = 1
    for folder in ("truth", "pred"):
        _made(tmp_path / folder)
    image = untyped.Nifti1Image(values_, np.diag([0.8, 0.8, 3.0, 1.0]))
    untyped.save(image, tmp_path / "truth" / "ct_0000.nii.gz")
    untyped.save(image, tmp_path / "pred" / "ct_0000.nii.gz")
    found = values(scored(tmp_path))
    assert found == {"dice": 1.0, "iou": 1.0, "nsd": 1.0, "hd95": 0.0}
    with pytest.raises(InputError, match=r"its file says 3 x 0\.8 x 0\.8 mm a pixel"):
        scored(tmp_path, spacing_mm=(1.0,))


# ------------------------------------------------------------------------------------- the command

runner = CliRunner()


def _command(*arguments: str) -> Any:
    return runner.invoke(app, ["score", *arguments])


def test_distances_of_pictures_come_from_the_command_that_is_told(pictures: Path) -> None:
    folders = [str(pictures / "pred"), "--reference", str(pictures / "truth")]
    plain = _command(*folders)
    assert plain.exit_code == 0
    assert "Not measured: nsd: distances are in mm" in plain.stderr
    refused = _command(*folders, "--metric", "nsd")
    assert isinstance(refused.exception, InputError)
    way_out = "--spacing 1"
    assert f"or {way_out} to count in pixels" in str(refused.exception)
    told = _command(*folders, "--metric", "nsd", *way_out.split())
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("nsd\thouse/1\t0.")


def test_json_says_over_how_many_and_what_was_left_out(pictures: Path) -> None:
    folders = [str(pictures / "pred"), "--reference", str(pictures / "truth")]
    found = json.loads(_command(*folders, "--json").stdout)
    assert found["measurements"][0]["counted"] == {"of": "case", "averaged": 4}
    assert set(found["protocol"]["not_measured"]) == {"nsd", "hd95", "auc"}


def test_what_is_asked_for_wrongly(pictures: Path) -> None:
    predictions = str(pictures / "pred")
    for arguments, message in (
        ((predictions,), "--reference FOLDER with masks, or --dataset NAME"),
        ((predictions, "--data", predictions), "say which data set it is"),
        ((predictions, "--reference", predictions, "--publish"), "keeps results about data sets"),
        ((predictions, "--reference", predictions, "--spacing", "x"), "expected mm above 0"),
        ((predictions, "--reference", predictions, "--metric", "fid"), "has no 'fid'; it has dice"),
    ):
        found = _command(*arguments)
        assert isinstance(found.exception, UsageError), arguments
        assert message in str(found.exception)


def test_the_words_are_the_same_for_records_of_before(pictures: Path) -> None:
    old = Measurement(metric="dice", metric_profile="house/1", value=0.5, n_cases=20)
    assert counted_over(old) == "20 cases"


# ---------------------------------------------------------------------------------- groups and CSV


def test_groups_and_patients_of_a_table(pictures: Path) -> None:
    table = pictures / "cases.csv"
    table.write_text(
        "case,patient,scanner\ncase0,p1,A\ncase1,p1,A\ncase2,p2,B\ncase3,p3,=B\n", "utf-8"
    )
    result = scored(pictures, groups=table, metrics=("dice",))
    each = [dice(*pair) for pair in PAIRS]
    whole, formula, a, b = result.measurements
    assert whole.value == pytest.approx(mean(each))
    assert (a.subgroup, a.value) == ({"scanner": "A"}, pytest.approx(mean(each[:2])))
    assert (b.subgroup, b.value) == ({"scanner": "B"}, pytest.approx(each[2]))
    assert (formula.subgroup, formula.value) == ({"scanner": "=B"}, 1.0)
    assert whole.interval is not None
    assert whole.interval.method.endswith("3 patients")
    written = pictures / "scores.csv"
    told = _command(
        *(str(pictures / "pred"), "--reference", str(pictures / "truth")),
        *("--groups", str(table), "--csv", str(written), "--metric", "dice"),
        *("--html", str(pictures / "scores.html")),
    )
    assert told.exit_code == 0, told.output
    page = (pictures / "scores.html").read_text("utf-8")
    assert "not for clinical use" in page
    assert f"{100 * mean(each):.2f}" in page
    assert "dice scanner=A\thouse/1\t" in told.stdout
    lines = written.read_text("utf-8").splitlines()
    assert lines[0] == "case,class,patient,scanner,missing,dice"
    assert lines[1] == f"case0,foreground,p1,A,no,{each[0]}"
    assert lines[4] == "case3,foreground,p3,'=B,no,1.0"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name\ncase0\n", "expected a column 'case', got name"),
        ("case\ncase0\ncase0\n", r"1 given twice \(case0\); 3 not in the table"),
        ("case\ncase0\ncase1\ncase2\ncase3\nx\n", r"1 no case of the reference \(x\)"),
    ],
)
def test_a_table_of_other_cases_is_refused(pictures: Path, content: str, message: str) -> None:
    (pictures / "cases.csv").write_text(content, "utf-8")
    with pytest.raises(InputError, match=message):
        scored(pictures, groups=pictures / "cases.csv")


def test_what_is_published_is_derived_again_with_groups_and_intervals(pictures: Path) -> None:
    """Every measurement of a kept result follows from its statistics; an edited one is refused."""
    table = pictures / "cases.csv"
    table.write_text("case,scanner\ncase0,A\ncase1,A\ncase2,B\ncase3,B\n", "utf-8")
    for index in range(4):
        image = pictures / "data" / "images" / f"case{index}.png"
        write(image, np.zeros((48, 40, 3)))
        write(pictures / "data" / "masks" / image.name, PAIRS[index][0] * 255)
    request = Request(pictures / "pred", "folder", pictures / "data", groups=table)
    kept = write_result(pictures / "results", *score_predictions(request))
    assert examine(kept) == []
    path = kept / "result.json"
    result = json.loads(path.read_bytes())
    for change in ({"interval": {"low": 0.1}}, {"subgroup": {"scanner": "C"}}):
        edited = json.loads(path.read_bytes())
        for name, part in change.items():
            edited["measurements"][2][name] = {**result["measurements"][2][name], **part}
        path.write_text(json.dumps(edited), "utf-8")
        found = examine(kept)
        assert any("measurements[2]" in str(finding) for finding in found), found
        path.write_text(json.dumps(result), "utf-8")
