"""The front door: what `import sam4mis` gives."""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image

import sam4mis
from sam4mis import Sam4misError, score

CODE = {package: Path(__file__).parent.parent / package for package in ("catalog", "reproduce")}


def square(rows: slice, columns: slice, shape: tuple[int, int] = (8, 8)) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


TRUE = square(slice(2, 6), slice(2, 6))  # 16 pixels
FOUND = square(slice(2, 6), slice(3, 7))  # 12 of them, and 4 others: Dice 24 / 32


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, sam4mis; sam4mis.load\n"
        "heavy = {'numpy', 'torch', 'pyarrow', 'requests', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", [n for n in sam4mis.__all__ if n != "__version__"])
def test_what_it_offers_is_there_and_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(getattr(sam4mis, name))


def test_its_insides_never_look_at_it() -> None:
    for folder in CODE.values():
        for path in folder.rglob("*.py"):
            text = path.read_text("utf-8")
            if "sam4mis" not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not [n for n in names if n.split(".")[0] == "sam4mis"], path


def test_the_page_of_the_site_has_every_name_with_its_arguments_and_examples() -> None:
    from catalog.render.pages.library import entries

    folder = Path(sam4mis.__file__).parent
    found = list(entries(folder, ast.parse((folder / "__init__.py").read_text("utf-8"))))
    own = [name for name in sam4mis.__all__ if name not in ("__version__", "Sam4misError")]
    assert sorted(entry.anchor for entry in found) == own
    every = [*found, *(member for entry in found for member in entry.members)]
    assert {"Catalog.find", "Scores.under"} <= {entry.anchor for entry in every}
    assert all(entry.parts for entry in every)
    told = {entry.anchor: entry for entry in found}["score"]
    terms = [name for part in told.parts for name, _ in part.terms]
    named = {name for term in terms for name in term.split(", ")}
    assert named == set(inspect.signature(score).parameters)
    assert "    spacing_mm: float | Sequence[float] | None = None,\n" in told.signature
    (example,) = (part.text for part in told.parts if part.kind == "code")
    assert example is not None
    assert '>>> scores["dice"].value\n0.75' in example.unescape()


def test_the_number_of_the_version_is_one(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    cited = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    assert project["version"] == sam4mis.__version__ == cited["version"]


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        sam4mis.scores  # noqa: B018


# ------------------------------------------------------------------------------------ arrays


@pytest.mark.parametrize(
    ("found", "true"),
    [
        (FOUND, TRUE),
        (torch.from_numpy(FOUND), torch.from_numpy(TRUE)),
        (FOUND.astype(np.uint8) * 255, TRUE.astype(np.int64)),
        (torch.from_numpy(FOUND).float().requires_grad_(), TRUE.astype(np.float32)),
    ],
    ids=["bool", "tensors", "255 and 1", "whole floats"],
)
def test_a_pair_of_masks_is_counted_whatever_holds_it(found: Any, true: Any) -> None:
    scores = score(found, true)
    assert scores["dice"].value == 0.75
    assert float(scores["iou"]) == pytest.approx(12 / 20)
    (count,) = scores.counts
    assert (count.label, count.tp, count.fp, count.fn) == ("foreground", 12, 4, 4)


def test_several_cases_are_a_list_or_a_dictionary() -> None:
    empty = np.zeros_like(TRUE)
    listed = score([FOUND, TRUE], [TRUE, TRUE])
    assert listed["dice"].value == pytest.approx((0.75 + 1) / 2)
    assert listed["dice"].per_case == {"0": {"foreground": 0.75}, "1": {"foreground": 1.0}}
    named = score({"b": FOUND, "a": empty}, {"a": empty, "b": TRUE}, profile="nnunet/1")
    assert named["dice"].value == 0.75
    assert named["dice"].over == "1 of 2 cases; left out: 1 reference and prediction empty"
    assert named["dice"].per_case["a"] == {"foreground": None}


def test_class_numbers_are_classes_and_labels_name_them() -> None:
    true = TRUE.astype(np.uint8) + square(slice(6, 8), slice(0, 4)).astype(np.uint8) * 2
    found = FOUND.astype(np.uint8)  # class 2 was missed
    plain = score(found, true)
    assert plain["dice"].per_class == {"1": 0.75, "2": 0.0}
    named = score(found, true, labels={1: "liver", 2: "spleen"}, classes=["liver"])
    assert named["dice"].per_class == {"liver": 0.75}
    only_found = score(true, found)  # the other way round: what nobody drew counts against it
    assert only_found["dice"].per_class == {"1": 0.75, "2": 0.0}


def test_a_volume_has_its_planes_first_and_its_spacing_in_that_order() -> None:
    true = np.zeros((3, 9, 9), bool)
    true[1, 4, 4] = True
    found = np.roll(true, 1, axis=0)  # one plane further
    scores = score(found, true, spacing_mm=(5, 1, 1), metrics=["hd95"])
    assert scores["hd95"].value == 5.0
    pixels = score(found, true, spacing_mm=1, metrics=["hd95"])
    assert pixels["hd95"].value == 1.0


def test_distances_need_a_spacing_and_say_so() -> None:
    scores = score(FOUND, TRUE)
    assert "spacing_mm=0.5" in scores.not_measured["hd95"]
    with pytest.raises(KeyError, match="how large a pixel is"):
        scores["hd95"]
    with pytest.raises(Sam4misError, match="spacing_mm="):
        score(FOUND, TRUE, metrics=["hd95"])


def test_probabilities_are_cut_where_asked() -> None:
    sure = FOUND * 0.6
    assert score(sure, TRUE, kind="probability")["dice"].value == 0.75
    assert score(sure, TRUE, kind="probability", threshold=0.7)["dice"].value == 0.0
    with pytest.raises(Sam4misError, match=r'found 0\.6.*kind="probability"'):
        score(sure, TRUE)


def test_the_same_counts_under_another_profile_are_what_it_would_have_said() -> None:
    empty = np.zeros_like(TRUE)
    scores = score([FOUND, empty], [TRUE, empty], profile="nnunet/1")
    for profile in ("medpy-0.4/1", "medpy-0.5/1", "monai/1", "house/1", "samus/1"):
        direct = score([FOUND, empty], [TRUE, empty], profile=profile, metrics=["dice"])
        assert scores.under(profile, "dice").value == direct["dice"].value, profile
    with pytest.raises(Sam4misError, match="components"):
        scores.under("panoptica/1")


@pytest.mark.parametrize(
    ("found", "true", "told"),
    [
        (TRUE[:4], TRUE, "another grid"),
        (np.zeros((2, 2, 2, 2)), TRUE, r"\(planes, rows, columns\).*got \(2, 2, 2, 2\)"),
        (np.array([["a"]]), TRUE, "of numbers"),
        ([FOUND], [TRUE, TRUE], "1 predictions for 2 references"),
        ({"a": FOUND}, {"b": TRUE}, "a, b"),
        ([[0, 1], [1, 0]], TRUE, "expected arrays or files in the list"),
        ("nowhere.png", TRUE, "no such file"),
    ],
)
def test_what_does_not_fit_is_said(found: Any, true: Any, told: str) -> None:
    with pytest.raises(Sam4misError, match=told):
        score(found, true)


def test_a_profile_or_metric_that_there_is_not_is_said() -> None:
    with pytest.raises(Sam4misError, match=r"no metric profile 'nobody/1'.*reproduce profiles"):
        score(FOUND, TRUE, profile="nobody/1")
    with pytest.raises(Sam4misError, match="has no 'dicee'; it has dice"):
        score(FOUND, TRUE, metrics=["dicee"])
    with pytest.raises(Sam4misError, match="spacing_mm=-1"):
        score(FOUND, TRUE, spacing_mm=-1)


# --------------------------------------------------------------------------- files and folders


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two cases as pictures, one of them predicted exactly."""
    pairs = {"p1": (FOUND, TRUE), "p2": (TRUE, TRUE)}
    for side in ("found", "true"):
        (tmp_path / side).mkdir()
    for case, (found, true) in pairs.items():
        Image.fromarray(found.astype(np.uint8) * 255).save(tmp_path / "found" / f"{case}_pred.png")
        Image.fromarray(true.astype(np.uint8) * 255).save(tmp_path / "true" / f"{case}.png")
    return tmp_path / "found", tmp_path / "true"


def test_folders_give_what_the_command_gives(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    from catalog.cli import app

    found, true = folders
    scores = score(found, str(true), spacing_mm=0.5)
    words = ["reproduce", "score", str(found), "--reference", str(true), "--spacing", "0.5"]
    app([*words, "--json"], standalone_mode=False)
    said = json.loads(capsys.readouterr().out)
    assert {m["metric"]: m["value"] for m in said["measurements"]} == {
        name: one.value for name, one in scores.items()
    }
    assert scores["dice"].value == 0.875
    assert scores["dice"].per_case["p1"] == {"foreground": 0.75}


def test_single_files_are_paired_as_they_are_given(folders: tuple[Path, Path]) -> None:
    found, true = folders
    assert score(found / "p1_pred.png", true / "p1.png")["dice"].value == 0.75
    assert score(FOUND, true / "p1.png")["dice"].value == 0.75
    with pytest.raises(Sam4misError, match="give two folders"):
        score(found, true / "p1.png")


# -------------------------------------------------------------------------------- the registry


def test_works_are_found_as_the_commands_find_them(root: Path) -> None:
    catalog = sam4mis.load(root)
    asked = [
        "git",
        "log",
        "-1",
        "--format=%cs",
        "--",
        "papers.yaml",
        "projects",
        "reproduce/results",
    ]
    committed = subprocess.run(asked, cwd=root, capture_output=True, text=True).stdout.strip()
    assert catalog.date == (committed or None)
    ultrasound = catalog.find(modality="ultrasound", has_weights=True, year="2023-")
    assert ultrasound
    assert all("ultrasound" in work.values("modality") for work in ultrasound)
    both = catalog.find("medsam", modality=["ultrasound", "ct"])
    assert {work.paper.id for work in both} <= {work.paper.id for work in catalog.find("medsam")}
    assert len(catalog.find()) == sum(
        work.paper.inclusion.decision != "exclude" for work in catalog.works
    )


def test_models_are_filtered_by_what_runs_and_by_their_works(root: Path) -> None:
    catalog = sam4mis.load(root)
    every, run, rest = (catalog.models(runs=runs) for runs in (None, True, False))
    assert len(every) == len(run) + len(rest)
    assert all(line.runs and line.why is None for line in run)
    mri = catalog.models(modality="mri")
    assert 0 < len(mri) < len(every)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda c: c.work("medsamm"), "medsam"),
        (lambda c: c.project("medsamm"), "Did you mean medsam"),
        (lambda c: c.claim("lwnet/validation-dise"), "Did you mean validation-dice"),
        (lambda c: c.verdict("lwnet/nothing"), "lwnet has no claim 'nothing'"),
        (lambda c: c.claim("lwnet"), "expected one printed number"),
        (lambda c: c.find(modalty="ct"), "modality"),
        (lambda c: c.find(modality="ultrasoun"), "ultrasound"),
    ],
)
def test_a_slip_is_answered_with_what_may_be_meant(root: Path, ask: Any, told: str) -> None:
    with pytest.raises(Sam4misError, match=told):
        ask(sam4mis.load(root))


def test_a_number_without_a_run_cannot_be_explained(root: Path) -> None:
    with pytest.raises(Sam4misError, match="no run of"):
        sam4mis.explain("medsam/seganypet-figure-medsam-liver", root=root)


# -------------------------------------------------------------------- settings, and what is missing


def test_it_reads_the_file_of_settings_and_the_environment_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, mask = tmp_path / "config.toml", tmp_path / "a.png"
    Image.fromarray(TRUE).convert("L").save(mask)
    file.write_text("[limits]\nfile_gib = 1e-9\n")
    monkeypatch.setattr("os.environ", {**os.environ, "SAM4MIS_CONFIG": str(file)})
    with pytest.raises(Sam4misError, match="SAM4MIS_FILE_GIB"):
        score(mask, mask)
    monkeypatch.setattr(
        "os.environ", {**os.environ, "SAM4MIS_CONFIG": str(file), "SAM4MIS_FILE_GIB": "1"}
    )
    assert score(mask, mask)["dice"].value == 1.0
    file.write_text("[limits]\nfile_gb = 1\n")
    for call in (sam4mis.load, sam4mis.profiles, lambda: score(mask, mask)):
        with pytest.raises(Sam4misError, match=r"file_gb: .* Did you mean limits\.file_gib"):
            call()


def test_it_imports_no_command_line_of_the_harness() -> None:
    for path in Path(sam4mis.__file__).parent.glob("*.py"):
        named = [
            name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        ]
        assert not [name for name in named if name.startswith("reproduce.cli")], path


def test_predict_names_its_arguments_and_not_options_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.fromarray(TRUE).convert("L").save(tmp_path / "images" / "a.png")
    given = ("lwnet", tmp_path / "images", tmp_path / "out")
    with pytest.raises(Sam4misError, match=r"^boxes and points: give one of them"):
        sam4mis.predict(*given, boxes=tmp_path, points=tmp_path)
    with pytest.raises(Sam4misError, match=r"^points .*none\.csv: no such file"):
        sam4mis.predict(*given, points=tmp_path / "none.csv")
