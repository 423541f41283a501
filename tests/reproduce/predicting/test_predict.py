"""`sam4mis reproduce predict` on files as users have them, with an adapter in a file of its own."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import made_dicom
import nibabel
import numpy as np
import pydicom
import pytest
import safetensors.torch
import torch
from PIL import Image

from catalog.cli import main
from catalog.errors import InputError, PrerequisiteError, UsageError
from reproduce.cli.predicting import predict_command
from reproduce.ground import plugins as found
from reproduce.ground.plugins import plugin
from reproduce.predicting import NOTICE
from reproduce.predicting.asking import profile_for
from reproduce.predicting.folder import Asked
from reproduce.predicting.images import look
from reproduce.readers import read_mask

EXAMPLES = Path(__file__).resolve().parents[3] / "reproduce" / "templates"


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The examples of CONTRIBUTING beside the adapters, as `--plugin` puts them there."""
    monkeypatch.setenv(found.VARIABLE, "")
    for name in ("plane", "volume", "video"):
        found.add(EXAMPLES / f"{name}_example.py")
    yield
    monkeypatch.undo()
    found.plugins.cache_clear()


def predict(tmp_path: Path, name: str = "plane", **changes: Any) -> dict[str, Any]:
    """What the command leaves; it may raise at the end, as users see it."""
    weights = tmp_path / "w.safetensors"
    tensors = {"weight": torch.tensor([0.1]), "bias": torch.tensor([-10.0])}
    safetensors.torch.save_file(tensors, weights)
    facts: dict[str, Any] = {
        "target": f"{name}-example",
        "images": tmp_path / "images",
        "out": tmp_path / "out",
        "checkpoints": (weights,),
        "device": "cpu",
    }
    predict_command(Asked(**(facts | changes)))
    return record(tmp_path)


def record(tmp_path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((tmp_path / "out/predict.json").read_text("utf-8"))
    return document


def cases(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {case["case"]: case for case in document["cases"]}


def picture(path: Path, shape: tuple[int, int] = (30, 40)) -> None:
    """Black, with a bright block in rows 5 to 14 and columns 10 to 29."""
    values = np.zeros(shape, np.uint8)
    values[5:15, 10:30] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def boxes(tmp_path: Path, *lines: str, head: str = "image,label,x0,y0,x1,y1") -> Path:
    path = tmp_path / "boxes.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def test_the_library_gives_what_the_command_writes(tmp_path: Path) -> None:
    import sam4mis

    picture(tmp_path / "images" / "a.png")
    (tmp_path / "images" / "b.png").write_bytes(b"no picture")
    told = predict_by_command(tmp_path, boxes=boxes(tmp_path, "a,organ,8,3,32,17"))
    heard: list[str] = []
    found = sam4mis.predict(
        "plane-example",
        tmp_path / "images",
        str(tmp_path / "again"),
        checkpoint=tmp_path / "w.safetensors",
        boxes=tmp_path / "boxes.csv",
        device="cpu",
        on_case=lambda record: heard.append(record.case),
    )
    assert not found.done
    assert {case.case: case.status for case in found.cases} == {"a": "done", "b.png": "failed"}
    assert heard == ["a"]
    mine, theirs = cases(told)["a"], next(case for case in found.cases if case.case == "a")
    assert mine["masks"] == theirs.masks
    assert theirs.masks is not None
    masks = [read_mask(tmp_path / folder / theirs.masks).first for folder in ("out", "again")]
    assert masks[0].any()
    assert (masks[0] == masks[1]).all()


def test_of_cases_that_failed_a_program_gets_one_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "images" / "b.png").write_bytes(b"no picture")
    predict_by_command(tmp_path, boxes=boxes(tmp_path, "a,organ,8,3,32,17"))
    words = ["predict", "plane-example", "--images", str(tmp_path / "images"), "--json"]
    words += ["--boxes", str(tmp_path / "boxes.csv"), "--out", str(tmp_path / "out")]
    words += ["--checkpoint", str(tmp_path / "w.safetensors"), "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["sam4mis", "reproduce", *words])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    told = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1
    assert {case["case"]: case["status"] for case in told["cases"]} == {
        "a": "done",
        "b.png": "failed",
    }


def predict_by_command(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    """What the command leaves where it says at the end that a case failed."""
    with pytest.raises(InputError):
        predict(tmp_path, **changes)
    return record(tmp_path)


# ------------------------------------------------------------------------------------ pictures


def test_boxes_of_a_table_become_masks_a_table_and_overlays(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    picture(tmp_path / "images/sub/b.jpg", (64, 50))
    table = boxes(tmp_path, "a.png,cell,8,3,19,20", "a.png,cell,20,3,35,20", "sub/b,cell,0,0,50,64")
    document = predict(tmp_path, boxes=table, spacing_mm="0.5")
    assert document["notice"] == NOTICE
    mask = read_mask(tmp_path / "out/masks/a.png")
    assert np.argwhere(mask.first).min(axis=0).tolist() == [5, 10]
    assert int((mask.first == 1).sum()) == 10 * 20
    assert json.loads((tmp_path / "out/masks/labels.json").read_text()) == {"1": "cell"}
    rows = list(csv.DictReader((tmp_path / "out/table.csv").read_text().splitlines()))
    of_a = [row for row in rows if row["case"] == "a"]
    assert [(row["object"], row["pixels"], row["area_mm2"]) for row in of_a] == [
        ("0", "100", "25.0"),
        ("1", "100", "25.0"),
    ]
    assert (tmp_path / "out/overlays/sub/b.png").is_file()
    page = (tmp_path / "out/index.html").read_text("utf-8")
    assert "overlays/sub/b.png" in page
    assert NOTICE in page
    assert str(tmp_path) not in page + json.dumps(document), "places of this machine stay out"


def test_precision_auto_is_what_is_quickest_here_and_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from reproduce.models import quickest

    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(quickest, "measured", lambda device: {"float32": 1.0, "bfloat16": 2.0})
    picture(tmp_path / "images/a.png")
    predict(tmp_path, boxes=boxes(tmp_path, "a.png,1,3,4,20,21"), precision="auto")
    found = record(tmp_path)
    assert found["protocol"]["precision"] == "float32"
    assert found["precision_chosen_by"]["seconds"] == {"float32": 1.0, "bfloat16": 2.0}
    assert "bfloat16 2.000 s" in capsys.readouterr().err


def test_coco_boxes_end_at_x_plus_width(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    coco = {
        "images": [{"id": 7, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "polyp"}],
        "annotations": [{"id": 3, "image_id": 7, "category_id": 1, "bbox": [0, 0, 40, 30]}],
    }
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(coco))
    (one,) = predict(tmp_path, boxes=path)["cases"]
    assert [(item["label"], item["pixels"]) for item in one["objects"]] == [("polyp", 200)]
    path.write_text(json.dumps({"images": []}))
    with pytest.raises(InputError, match="expected COCO's images, annotations"):
        predict(tmp_path, boxes=path)


def test_boxes_are_made_of_a_folder_of_masks(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    picture(tmp_path / "drawn/a_mask.png")
    (one,) = predict(tmp_path, boxes=tmp_path / "drawn")["cases"]
    assert one["objects"][0]["pixels"] == 200
    with pytest.raises(UsageError, match=r"Profiles that fit: .*box-tight"):
        predict(tmp_path, boxes=tmp_path / "drawn", prompts="point-middle")


# -------------------------------------------------------------------------------------- bad input


def test_what_cannot_be_done_is_told_by_case_and_the_rest_is_done(tmp_path: Path) -> None:
    for name in ("good", "outside", "unasked", "half"):
        picture(tmp_path / f"images/{name}.png")
    (tmp_path / "images/damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    (tmp_path / "images/page.png").write_bytes(b"<!doctype html><html>")
    Image.fromarray(np.full((9, 9), 70_000, np.int32)).save(tmp_path / "images/deep.tif")
    (tmp_path / "images/notes.txt").write_text("of no interest")
    table = boxes(
        tmp_path,
        *(f"{name}.png,x,0,0,40,30" for name in ("good", "half", "damaged", "nobody")),
        "deep.tif,x,0,0,9,9",
        "outside.png,x,0,0,41,30",
        "half.png,x,20,4,10,9",
    )
    with pytest.raises(InputError) as told:
        predict(tmp_path, boxes=table)
    document = cases(record(tmp_path))
    assert {name: case["status"] for name, case in document.items()} == {
        "good": "done",
        "half": "partial",
        "outside": "failed",
        "unasked": "failed",
        "damaged": "failed",
        "deep": "failed",
        "page.png": "failed",
    }
    message = str(told.value)
    assert "1 of its images are not there: nobody.png" in message
    assert "boxes.csv:7: the box (0, 0) to (41, 30) lies outside the image of 40 x 30" in message
    assert "boxes.csv:8: the box is empty" in message
    assert "unasked (failed): no prompt is given for it" in message
    assert "more than eight bits" in message
    assert "page.png (failed): this is an HTML page" in message
    assert (tmp_path / "out/masks/half.png").is_file()
    assert not (tmp_path / "out/masks/outside.png").exists()


def test_nothing_of_a_folder_is_passed_over_in_silence(tmp_path: Path) -> None:
    """Foreign formats and links to nowhere are told; names that a disk may not tell apart do not
    write over each other; a link to the folder itself is not followed."""
    folder = tmp_path / "images"
    for name in ("a.PNG", "A.bmp", "sub/a.png"):
        picture(folder / name)
    picture(folder / "w.png")
    (folder / "w.png").rename(folder / "w.webp")
    (folder / "w.webp").write_bytes(b"RIFF....WEBP")
    (folder / "scan.img").write_bytes(b"\0" * 400)
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "loop").symlink_to(".")
    found_ = look(folder)
    assert [case.id for case in found_.cases] == ["A-bmp", "a-PNG", "sub/a"]
    assert sorted(found_.unread) == ["gone.png", "scan.img", "w.webp"]
    assert found_.unread["gone.png"] == "a link that leads to no file"
    assert "no image that can be read (PNG, JPEG" in found_.unread["w.webp"]


def test_a_window_is_for_the_deep_images_of_a_mixed_folder(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    deep = np.zeros((30, 40), np.uint16)
    deep[5:15, 10:30] = 2000
    Image.fromarray(deep).save(tmp_path / "images/b.png")
    table = boxes(tmp_path, "a,x,0,0,40,30", "b,x,0,0,40,30")
    told = cases(predict_by_command(tmp_path, boxes=table))["b"]["problems"]
    assert "--window 0,2000 (predict)" in told[0]
    document = cases(predict(tmp_path, boxes=table, window="0,2000"))
    assert [document[name]["objects"][0]["pixels"] for name in "ab"] == [200, 200]


def test_boxes_of_another_image_are_told(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "empty"):
        picture(tmp_path / f"images/{name}.png")
    coco = {
        "images": [{"id": 1, "file_name": "x/a.png", "width": 80, "height": 60}],
        "annotations": [{"id": 3, "image_id": 1, "bbox": [0, 0, 40, 30]}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(coco))
    found_ = cases(predict_by_command(tmp_path, boxes=tmp_path / "boxes.json"))
    assert "about an image of 80 x 60 (columns x rows), and this one has 40 x 30" in str(
        found_["a"]
    )
    table = boxes(tmp_path, "a,x,0.1,0.1,0.6,0.9", "b,x,20,5,10,9")
    found_ = cases(predict_by_command(tmp_path, boxes=table))
    assert "pixels are expected, not fractions" in str(found_["a"]["problems"])
    assert "its last pixel, not its width" in str(found_["b"]["problems"])
    picture(tmp_path / "drawn/c.png")
    Image.new("L", (40, 30)).save(tmp_path / "drawn/empty.png")
    found_ = cases(predict_by_command(tmp_path, boxes=tmp_path / "drawn"))
    assert "is empty, so nothing is asked" in str(found_["empty"]["problems"])
    assert found_["c"]["status"] == "done"


def test_prompts_that_a_model_cannot_take_are_refused_before_anything_is_read(
    tmp_path: Path,
) -> None:
    picture(tmp_path / "images/a.png")
    drawn = tmp_path / "images"
    with pytest.raises(UsageError, match="plane-example has to be asked: give --boxes"):
        predict(tmp_path)
    with pytest.raises(UsageError, match=r"give --boxes or --points\.$"):  # masks are its own
        predict(tmp_path, target="sam")
    with pytest.raises(UsageError, match="trained for box prompts, not for text"):
        predict(tmp_path, text=("liver",))
    with pytest.raises(UsageError, match="its own answer of the round before"):
        predict(tmp_path, masks=drawn)
    with pytest.raises(UsageError, match="--boxes and --text: give one"):
        predict(tmp_path, text=("liver",), boxes=drawn)
    with pytest.raises(InputError, match=r"boxes.csv:2: x0 'left' is no number"):
        predict(tmp_path, boxes=boxes(tmp_path, "a,x,left,0,4,4"))
    with pytest.raises(InputError, match="expected the columns image, x0, y0, x1, y1"):
        predict(tmp_path, boxes=boxes(tmp_path, "a,1", head="image,width"))
    with pytest.raises(PrerequisiteError, match="no such folder"):
        predict(tmp_path, boxes=boxes(tmp_path), images=tmp_path / "nowhere")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_told_by_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog.files import DiskFullError
    from reproduce.predicting import writing

    for name in ("a", "b", "c"):
        picture(tmp_path / f"images/{name}.png")
    real = writing.write_whole

    def full(path: Path, content: bytes) -> None:
        if path.name == "b.png":
            raise DiskFullError(f"{path.name}: the disk is full.")
        real(path, content)

    monkeypatch.setattr(writing, "write_whole", full)
    table = boxes(tmp_path, *(f"{name},x,0,0,40,30" for name in "abc"))
    with pytest.raises(
        InputError, match=r"1 of 3 cases .*\n  b \(failed\): b.png: the disk is full"
    ):
        predict(tmp_path, boxes=table)
    assert [case["status"] for case in record(tmp_path)["cases"]] == ["done", "failed", "done"]
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(PrerequisiteError, match="are free there"):
        predict(tmp_path, boxes=table)


def test_the_same_command_goes_on_and_asks_again_what_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(tmp_path / "images/a.png")
    table = boxes(tmp_path, "a,x,0,0,40,30", "b,x,0,0,40,30")
    with pytest.raises(InputError, match="not there: b"):
        predict(tmp_path, boxes=table)
    before = (tmp_path / "out/cases/a.json").stat().st_mtime_ns
    picture(tmp_path / "images/b.png")
    predict(tmp_path, boxes=table)
    assert "1 case of 2 finished before" in capsys.readouterr().err
    assert (tmp_path / "out/cases/a.json").stat().st_mtime_ns == before
    (tmp_path / "out/masks/a.png").unlink()
    table = boxes(tmp_path, "a,x,0,0,40,30", "b,x,0,0,20,30")
    document = cases(predict(tmp_path, boxes=table))
    assert "finished before" not in capsys.readouterr().err
    assert document["b"]["objects"][0]["pixels"] == 110


def test_nothing_is_written_on_a_dry_run_and_what_does_not_fit_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(tmp_path / "images/a.png")
    table = boxes(tmp_path, "a,x,4,3", head="image,label,x,y")
    predict_command(
        Asked(
            target="sam-octa",
            images=tmp_path / "images",
            out=tmp_path / "out",
            points=table,
            modality="em",
        ),
        dry_run=True,
    )
    told = capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    for words in (
        NOTICE,
        "by hand",
        "licence\tcode",
        "MiB on a CPU",
        "prompts\tpoint",
    ):
        assert words in told
    assert "yours is Electron microscopy, which the model may never have seen" in told


# ---------------------------------------------------------------------------------------- volumes


def volume(path: Path, affine: np.ndarray) -> None:
    """A NIfTI of 12 x 10 x 6 voxels with a bright block in x 2-7, y 3-6, z 1-4."""
    values = np.zeros((12, 10, 6), np.uint8)
    values[2:8, 3:7, 1:5] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    image: Any = nibabel.Nifti1Image(values, affine)
    nibabel.save(image, path)


AFFINES = {
    "ras": np.diag([1.0, 2.0, 3.0, 1.0]),
    "lps": np.diag([-1.0, -2.0, 3.0, 1.0]),
    "feet first": np.diag([1.0, -2.0, -3.0, 1.0]),
}


@pytest.mark.parametrize("name", AFFINES)
def test_a_volume_comes_back_in_the_order_of_its_file(name: str, tmp_path: Path) -> None:
    """Boxes are in voxels of the file, whatever way it lies; so are the masks."""
    volume(tmp_path / "images/v.nii.gz", AFFINES[name])
    table = boxes(tmp_path, "v,x,2,3,5,6,2,9", head="image,label,x0,y0,x1,y1,z0,z1")
    with pytest.raises(InputError, match=r"lies outside the image of 12 x 10 .* planes 0 to 5"):
        predict(tmp_path, boxes=table)
    table = boxes(tmp_path, "v,x,2,3,5,6,2,3", head="image,label,x0,y0,x1,y1,z0,z1")
    (one,) = predict(tmp_path, boxes=table)["cases"]
    found: Any = nibabel.load(tmp_path / "out/masks/v.nii.gz")
    np.testing.assert_array_equal(found.affine, AFFINES[name])
    places = np.argwhere(np.asarray(found.dataobj))
    assert places.min(axis=0).tolist() == [2, 3, 2]
    assert places.max(axis=0).tolist() == [5, 6, 3]
    assert one["objects"][0]["volume_mm3"] == 4 * 4 * 2 * 6.0
    assert NOTICE.encode() in found.header["descrip"].tobytes()


def test_a_folder_of_every_kind_is_gone_through_with_one_command(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    picture(tmp_path / "images/wide.bmp", (20, 300))
    volume(tmp_path / "images/v.nii.gz", AFFINES["ras"])
    np.savez(tmp_path / "images/n.npz", imgs=np.full((3, 20, 24), 200, np.uint8))
    made_dicom.write_series(tmp_path / "images/ct", made_dicom.values())
    lines = [
        "a,x,0,0,40,30,",
        "wide,x,0,0,300,20,",
        "v,x,2,3,7,6,2",
        "n,x,0,0,5,5,1",
        "ct,x,2,3,6,9,5",
    ]
    document = predict(tmp_path, boxes=boxes(tmp_path, *lines, head="image,label,x0,y0,x1,y1,z"))
    found_ = {case["case"]: case["masks"] for case in document["cases"]}
    assert found_ == {
        "a": "masks/a.png",
        "wide": "masks/wide.png",
        "v": "masks/v.nii.gz",
        "n": "masks/n.npz",
        "ct": "masks/ct.seg.dcm",
    }
    with np.load(tmp_path / "out/masks/n.npz") as arrays:
        assert arrays["segs"].shape == (3, 20, 24)
        assert arrays["segs"].sum() == 36
        assert arrays["notice"] == NOTICE
    assert read_mask(tmp_path / "out/masks/n.npz").first.sum() == 36
    assert document["said"]["kinds"] == {"picture": 2, "volume": 1, "array": 1, "dicom": 1}
    assert any("plane by plane" in text for text in document["said"]["warnings"])


def test_masks_of_nnunet_ask_a_model_of_volumes(tmp_path: Path) -> None:
    volume(tmp_path / "images/v_0000.nii.gz", AFFINES["lps"])
    volume(tmp_path / "images/v_0001.nii.gz", AFFINES["lps"])
    volume(tmp_path / "labelsTr/v.nii.gz", AFFINES["lps"])
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "organ": 200}}')
    document = predict(tmp_path, "volume", boxes=tmp_path / "labelsTr", prompts="box-solid")
    (one,) = document["cases"]
    assert (one["case"], one["objects"][0]["label"]) == ("v", "organ")
    assert one["objects"][0]["pixels"] == 6 * 4 * 4


def test_a_video_is_followed_and_written_frame_by_frame(tmp_path: Path) -> None:
    for number in (9, 10, 11):
        picture(tmp_path / f"images/clip/frame{number}.png")
    table = boxes(tmp_path, "clip,x,8,3,35,20,1", head="image,label,x0,y0,x1,y1,z")
    (one,) = predict(tmp_path, "video", boxes=table, video=True)["cases"]
    assert one["objects"][0]["planes"] == [1, 2, 1]
    written = [
        read_mask(tmp_path / f"out/masks/clip/frame{n}.png").first.any() for n in (9, 10, 11)
    ]
    assert written == [False, True, True]
    picture(tmp_path / "drawn/clip/frame10.png")  # of one frame: it is asked there
    (twin,) = predict(tmp_path, "video", boxes=tmp_path / "drawn", video=True)["cases"]
    assert twin["objects"][0] | {"label": "x"} == one["objects"][0]


# ------------------------------------------------------------------------------------------ DICOM


def test_a_series_becomes_a_segmentation_without_the_patient(tmp_path: Path) -> None:
    values = made_dicom.values()
    series = made_dicom.write_series(
        tmp_path / "images/one", values, made_dicom.OBLIQUE, names=[5, 4, 3, 2, 1, 0]
    )
    table = boxes(tmp_path, "one,organ,2,3,6,9,2", head="image,label,x0,y0,x1,y1,z")
    (one,) = predict(tmp_path, boxes=table, window="-1000,1000")["cases"]
    assert one["modality"] == "CT"
    path = tmp_path / "out" / one["masks"]
    written = pydicom.dcmread(path)
    assert (written.PatientName, written.PatientID) == ("", "")
    assert b"made^" not in path.read_bytes()
    (referred,) = written.ReferencedSeriesSequence
    assert referred.SeriesInstanceUID == pydicom.dcmread(series[0]).SeriesInstanceUID
    found = read_mask(path)
    assert list(found.segments) == ["organ"]
    mask = found.segments["organ"]
    assert int(mask.sum()) == one["objects"][0]["pixels"] > 0
    predict(tmp_path, boxes=table, window="-1000,1000", keep_patient=True)
    assert str(pydicom.dcmread(path).PatientName) == "made^"
    predict(tmp_path, boxes=table, window="-1000,1000", nifti=True)
    twin: Any = nibabel.load(tmp_path / "out/masks/one.nii.gz")
    assert int(np.asarray(twin.dataobj).sum()) == int(mask.sum())


@pytest.mark.parametrize(
    ("model", "profile", "told"),
    [
        (
            "medsam",
            "box-solid",
            r"medsam takes one plane at a time, .* about whole stacks.*box-t",
        ),
        ("sam-med3d", "box-tight", "takes whole stacks, .* one plane at a time.*point-3d-uniform"),
    ],
)
def test_prompts_of_another_scope_name_profiles_that_the_model_was_trained_for(
    model: str, profile: str, told: str
) -> None:
    chosen: Any = SimpleNamespace(adapter=plugin("adapters", model))
    with pytest.raises(UsageError, match=told) as error:
        profile_for(chosen, profile)
    fitting = str(error.value).rpartition("fit: ")[2].strip(".").split(", ")
    kinds = {plugin("prompts", name).kind for name in fitting}
    assert kinds <= set(chosen.adapter.prompts)


def test_radiographs_are_pictures_and_slices_without_a_place_are_told(tmp_path: Path) -> None:
    """Pictures of DICOM, whichever end is bright; a CT that lost its places says how to go on."""
    plane = np.zeros((2, 30, 40), np.int16)
    plane[:, 5:15, 10:30] = 2000
    plane[1] = 2000 - plane[1]
    radiographs = made_dicom.write_series(tmp_path / "images/chest", plane)
    slices = made_dicom.write_series(tmp_path / "images/ct", made_dicom.values(), series="1.2.3")
    for number, path in enumerate([*radiographs, *slices]):
        file = pydicom.dcmread(path)
        del file.ImagePositionPatient
        file.Modality = "DX" if path in radiographs else "CT"
        file.PhotometricInterpretation = f"MONOCHROME{1 if number == 1 else 2}"
        file.save_as(path)
    found = cases(
        predict_by_command(
            tmp_path,
            boxes=boxes(
                tmp_path,
                *(f"{name},lung,8,3,35,20," for name in ("chest/000", "chest/001")),
                "ct,organ,2,3,6,9,2",
                head="image,label,x0,y0,x1,y1,z",
            ),
        )
    )
    masks = [read_mask(tmp_path / "out" / found[f"chest/00{n}"]["masks"]).first for n in (0, 1)]
    assert int(masks[0].astype(bool).sum()) == 10 * 20
    np.testing.assert_array_equal(*masks)
    (one,) = found["chest/000"]["objects"]
    assert one["area_mm2"] == pytest.approx(200 * 0.8 * 0.7)
    assert found["chest/001"]["modality"] == "DX"
    (told,) = found["ct"]["problems"]
    assert "has no ImagePositionPatient" in told
    assert "write it as one NIfTI" in told
