"""Every adapter predicts: from a user's files to masks, overlay and table, on a small network."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from made import made_lora, made_picture, waves
from PIL import Image
from seeded import layout, seeded
from small_networks import SCALED, network, options_of
from test_adapters import RELEASES

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.records import Project
from catalog.registry import Registry
from reproduce.adapters.lwnet.network import WNet
from reproduce.ground.extras import install_command, lacks_own
from reproduce.ground.plugins import plugin, plugins
from reproduce.models.declaring import resolve_options
from reproduce.predicting import NOTICE
from reproduce.predicting.asking import source_of
from reproduce.predicting.chosen import Chosen, choose, files_of, inputs_of
from reproduce.predicting.images import OwnImages, look
from reproduce.predicting.job import CaseRecord, Job
from reproduce.predicting.report import write_all
from reproduce.readers import read_mask
from reproduce.runs.spec import CheckpointInput, RunSpec

SPACING = (4.0, 1.0, 0.7)
SHAPE = (3, 32, 48)


def images_for(name: str, folder: Path, recipe: Any = None, whole: bool = False) -> Path:
    """What a user of this adapter has: a picture, or a volume (of four channels for GBT-SAM)."""
    folder.mkdir()
    if plugin("adapters", name).dimensionality == "2d":
        # WSI-SAM takes fields of its own size alone
        size = (2048, 2048) if whole and name == "wsi-sam" else (40, 56)
        picture = Image.fromarray(made_picture(*size))
        # they know CT or MR alone, and refuse colours
        if name in ("sam-lst", "samed", "h-sam") or recipe == "prostate":
            picture = picture.convert("L")
        picture.save(folder / "a.png")
        return folder
    values = waves()[: SHAPE[0], : SHAPE[1], : SHAPE[2]].astype(np.int16)
    files = [f"a_{n:04d}.nii.gz" for n in range(4)] if name == "gbt-sam" else ["a.nii.gz"]
    for file in files:
        image: Any = nibabel.Nifti1Image(values.transpose(2, 1, 0), np.diag([0.7, 1.0, 4.0, 1.0]))
        nibabel.save(image, folder / file)
    return folder


def given_for(name: str, folder: Path) -> Any:
    """Prompts of the first kind that the adapter was trained for, as a user writes them."""
    adapter = plugin("adapters", name)
    kind = adapter.prompts[0]
    if kind == "none":
        return None
    if kind == "text":
        return "text", ("tissue",)
    if kind == "solid-box":
        (folder / "prompts.csv").write_text(
            "image,label,x0,y0,x1,y1,z0,z1\na,tissue,10,8,40,30,0,2\n"
        )
        return "box", folder / "prompts.csv"
    z = "2" if adapter.dimensionality == "3d" else ""
    box = f"image,label,x0,y0,x1,y1,z\na,tissue,10,8,40,30,{z}\n"
    point = f"image,label,x,y,z,positive\na,tissue,16,14,{z},1\n"
    path = folder / "prompts.csv"
    path.write_text(box if kind == "box" else point)
    return kind, path


def job_of(
    name: str, folder: Path, options: dict[str, Any], whole: bool = False
) -> tuple[Job, Any]:
    """Everything but the network: `sam4mis reproduce predict` plans it so."""
    adapter = plugin("adapters", name)
    weights = folder / "w.safetensors"
    weights.write_bytes(b"the network is made by the test")
    chosen = Chosen(
        Project(slug=name, name=adapter.title, kind="method", adapter=name),
        adapter,
        (),
        (weights,),
        resolve_options(adapter, options),
        {},
        None,
        (),
    )
    found = look(images_for(name, folder / "images", options.get("recipe"), whole))
    source = source_of(chosen, found.cases, given_for(name, folder), None, ())
    data: dict[str, Any] = {"channels": "all"}
    if adapter.values == "stored":
        data["values"] = "stored"
    spec = RunSpec(
        kind="predict",
        project=name,
        title=name,
        claims=[],
        checkpoints=[CheckpointInput(id="w", file=weights.name, sha256="0" * 64, bytes=1)],
        cases=[],
        prompt_sha256=None,
        adapter=name,
        adapter_version=adapter.version,
        adapter_options=dict(chosen.options),
        dataset=OwnImages.name,
        dataset_version=1,
        dataset_options=data,
        split="all",
        prompt_profile=None,
        seeds=[0],
        rounds=1,
        grid="original",
        objects="separate",
    )
    job = Job(spec, [weights], OwnImages(), source, folder / "out", "cpu")
    return job, found.cases


def predicted(job: Job, cases: Any) -> CaseRecord:
    (record,) = job.work(cases, lambda *_: None)
    assert record.status == "done", record.problems
    return record


def checked(name: str, job: Job, record: CaseRecord) -> None:
    """Masks on the grid of the image, its measure, an overlay."""
    adapter = plugin("adapters", name)
    assert record.masks is not None
    found = read_mask(job.out / record.masks)
    volume = adapter.dimensionality == "3d"
    if volume:
        assert found.geometry.shape == SHAPE
    else:
        with Image.open(job.out.parent / "images/a.png") as given:
            assert found.geometry.shape == given.size[::-1]
    values = found.first
    if volume:
        np.testing.assert_allclose(found.geometry.spacing_mm, SPACING, atol=1e-5)
    assert record.objects, f"{name}: no object was answered about"
    total = sum(item.pixels for item in record.objects)
    assert int((values > 0).sum()) + record.overlapping_px >= total - record.overlapping_px
    for item in record.objects:
        assert item.area_mm2 is None
        expected = item.pixels * 4.0 * 1.0 * 0.7 if volume else None
        assert item.volume_mm3 == (None if expected is None else pytest.approx(expected, rel=1e-5))
    with Image.open(job.out / str(record.overlay)) as picture:
        assert picture.text["Comment"] == NOTICE  # type: ignore[attr-defined]  # of PNG files
    assert (job.out / "masks/labels.json").is_file()


@pytest.mark.parametrize("name", plugins("adapters"))
def test_every_adapter_predicts_on_a_users_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reproduce.predicting.job.load_model", lambda *_: network(name))
    job, cases = job_of(name, tmp_path, options_of(name))
    record = predicted(job, cases)
    checked(name, job, record)
    about = {
        "said": {"model": name, "trained": {}, "warnings": []},
        "weights": {},
        "prompts": "given",
        "created": "",
        "device": "cpu",
    }
    write_all(job.out, about, [record])
    rows = list(csv.DictReader((job.out / "table.csv").read_text("utf-8").splitlines()))
    assert [row["class"] for row in rows] == [item.label for item in record.objects]
    assert all(row["notice"] == NOTICE for row in rows)
    assert NOTICE in (job.out / "index.html").read_text("utf-8")
    again = Job(job.spec, job.files, job.data, job.source, job.out, "cpu")
    heard: list[bool] = []
    monkeypatch.setattr("reproduce.predicting.job.load_model", None)  # nothing is asked again
    again.work(cases, lambda _, before: heard.append(before))
    assert heard == [True]


def test_a_model_of_video_is_shown_a_mask_that_was_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reproduce.predicting.job.load_model", lambda *_: network("sam2"))
    job, cases = job_of("sam2", tmp_path, {})
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[1:, 8:20, 10:30] = 1
    image: Any = nibabel.Nifti1Image(drawn.transpose(2, 1, 0), np.diag([0.7, 1.0, 4.0, 1.0]))
    (tmp_path / "drawn").mkdir()
    nibabel.save(image, tmp_path / "drawn/a.nii.gz")
    adapter = plugin("adapters", "sam2")
    project = Project(slug="sam2", name="SAM 2", kind="method", adapter="sam2")
    options = resolve_options(adapter, {})
    chosen = Chosen(project, adapter, (), (), options, {}, None, ())
    job.source = source_of(chosen, cases, ("mask", tmp_path / "drawn"), None, ())
    record = predicted(job, cases)
    checked("sam2", job, record)
    profile = job.source.profile
    assert profile is not None
    assert profile.name == "mask-first-plane"


def test_a_mask_of_several_planes_is_made_better_where_that_is_asked(tmp_path: Path) -> None:
    """Drawn masks are a lasso on one plane unless a profile of whole masks is named; who takes none
    is not asked with one."""
    volume: Any = nibabel.Nifti1Image(np.ones((6, 8, 4), np.uint8), np.eye(4))
    for folder in ("images", "drawn"):
        (tmp_path / folder).mkdir()
        nibabel.save(volume, tmp_path / folder / "a.nii.gz")
    cases = look(tmp_path / "images").cases

    def asked(name: str, profile: str | None) -> str:
        adapter = plugin("adapters", name)
        project = Project(slug=name, name=name, kind="method", adapter=name)
        chosen = Chosen(project, adapter, (), (), resolve_options(adapter, {}), {}, None, ())
        made = source_of(chosen, cases, ("mask", tmp_path / "drawn"), profile, ()).profile
        assert made is not None
        return made.name

    assert asked("nninteractive", None) == "mask-first-plane"
    assert asked("nninteractive", "mask-solid") == "mask-solid"
    assert asked("sam2", "mask-first-plane") == "mask-first-plane"
    with pytest.raises(UsageError, match="this profile gives a solid-mask"):
        asked("sam2", "mask-solid")


def test_small_networks_are_those_of_a_third_of_the_adapters() -> None:
    real = {*SCALED, "sam", "medsam", "sam2"}
    assert 3 * len(real) >= len(plugins("adapters"))


def whole(*layouts: str) -> dict[str, torch.Tensor]:
    """Seeded weights of layouts, later ones laid over earlier ones."""
    state: dict[str, torch.Tensor] = {}
    for name in layouts:
        state |= seeded(layout(name))
    return state


def vessels() -> dict[str, torch.Tensor]:
    shapes = {name: list(held.shape) for name, held in WNet().state_dict().items()}
    return seeded({"tensors": shapes})


#: Adapters whose layouts have tests of their own: options, weights.
OTHERS: dict[str, tuple[dict[str, Any], Callable[[], dict[str, torch.Tensor]]]] = {
    "lwnet": ({}, vessels),
    "medsam2": ({}, partial(whole, "sam2_1_tiny")),
    "sam": ({}, partial(whole, "sam_vit_b")),
    "sam-lora": ({}, lambda: whole("sam_vit_b") | made_lora()),
    "sam2": ({}, partial(whole, "sam2_1_tiny")),
    "surgical-sam-2": ({}, partial(whole, "sam2_small")),
    "nninteractive": ({"zoom": False}, partial(whole, "nninteractive")),
    "voxtell": ({}, partial(whole, "voxtell")),
}


@pytest.mark.parity
@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", OTHERS)
def test_every_other_adapter_predicts_at_full_size(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the next test, for those that `RELEASES` has not."""
    adapter, (options, weights) = plugin("adapters", name), OTHERS[name]
    if lacks_own(adapter.extra):
        pytest.skip(f"the authors' package is not here: {install_command(adapter.extra)}")
    model = adapter.build(weights(), resolve_options(adapter, options), "cpu", "float32")
    monkeypatch.setattr("reproduce.predicting.job.load_model", lambda *_: model)
    job, cases = job_of(name, tmp_path, options)
    checked(name, job, predicted(job, cases))


def test_every_adapter_is_asked_at_full_size() -> None:
    assert {release.adapter for release in RELEASES} | set(OTHERS) == set(plugins("adapters"))


@pytest.mark.parity
@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("release", RELEASES, ids=str)
def test_every_release_predicts_at_full_size(
    release: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeded weights in the official layout, in files as the release has them."""
    import seeded as weights
    import test_adapters

    monkeypatch.setattr(test_adapters, "meta", weights.seeded)
    state = release.state()
    if release.adapter == "neuroverse3d":  # seeded labels are zeros
        state["context.labels"][:, 4:12, 4:12, 4:12] = 1
    elif release.adapter == "medlsam":
        state["support.0.label"][4:12, 4:12, 4:12] = 1
        state["support.0.affine"] = torch.diag(torch.tensor([0.7, 1.0, 4.0, 1.0]))
    adapter = plugin("adapters", release.adapter)
    # MedSegX knows its tasks by name, and no "tissue"
    options = release.options | ({"task": "CT_Liver"} if release.adapter == "medsegx" else {})
    model = adapter.build(state, options, "cpu", "float32")
    monkeypatch.setattr("reproduce.predicting.job.load_model", lambda *_: model)
    job, cases = job_of(release.adapter, tmp_path, options, whole=True)
    checked(release.adapter, job, predicted(job, cases))


def test_every_project_with_an_adapter_and_weights_can_be_chosen(root: Path) -> None:
    registry = Registry.load(root)
    chosen = [
        choose(registry, project.slug, None, (), {})
        for project in registry.projects
        if project.adapter and project.checkpoints
    ]
    assert len(chosen) > 20
    for one in chosen:
        assert one.checkpoints
        assert set(one.options) == set(one.adapter.options)


@pytest.mark.parametrize("name", ["sat", "neuroverse3d"])
def test_files_that_no_release_has_are_given_after_the_weights(
    name: str, root: Path, tmp_path: Path
) -> None:
    registry = Registry.load(root)
    given = [tmp_path / "weights.pth", tmp_path / "own.pth"]
    for path in given:
        path.write_bytes(path.name.encode())
    both = choose(registry, name, None, given, {})
    own = inputs_of(both, files_of(both))[1]
    assert (own.id, own.file, own.identity) == ("own", "own.pth", None)
    with pytest.raises(UsageError, match=r"2 weights file\(s\) belong together .* 1 time"):
        choose(registry, name, None, given[:1], {})
    with pytest.raises(PrerequisiteError, match="beside its weights it needs what no release has"):
        files_of(choose(registry, name, None, (), {}))


def test_examples_without_a_label_are_refused_before_the_network_is_made() -> None:
    adapter, empty = plugin("adapters", "neuroverse3d"), torch.zeros(2, 8, 8, 8)
    shown = {"context.images": empty, "context.labels": empty}
    with pytest.raises(InputError, match="no label above 0"):
        adapter.build(shown, resolve_options(adapter, {}), "cpu", "float32")
