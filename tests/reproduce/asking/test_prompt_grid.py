"""Prompts on the network's grid against the authors' code.

`prompt_probes.json` holds what the authors' own code gave (`peers/record_prompts.py`) for masks
that are made here (`made.py`) and for real ones (cut at half of white): `TestingDataset` of
OpenGVLab/SAM-Med2D @ bfd2b93 with albumentations 1.3.1, `ImageToImage2D` of xianlin7/SAMUS @
030ed07 and `ISIC2016` with `random_click` of SuperMedIntel/Medical-SAM-Adapter @ 0add836. `digest`
is of the pixels that a random click is drawn from, bit-packed in scan order.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made import MATERIAL, REAL, made_masks
from PIL import Image
from running_bundle import bundle
from seeded import layout, seeded

from catalog.errors import InputError, PrerequisiteError
from catalog.registry import Registry
from reproduce.asking.prompt_grid import bring_of, check_side, declared_grid, first_prompts
from reproduce.asking.replay import encode_prompts, read_prompts
from reproduce.ground.plugins import plugin
from reproduce.models.frames import Frame
from reproduce.planning.planned import comparison_of
from reproduce.planning.recipes import Request, find_claims, recipe

NOWHERE = (None, None, None)  # images whose spacing nobody knows
PROBES = json.loads((Path(__file__).resolve().parents[1] / "prompt_probes.json").read_text("utf-8"))
GRIDS = ("sam-med2d", "samus", "medical-sam-adapter")


def kind(probe: dict[str, Any]) -> str:
    """The adapter, with the side of its grid where a probe names one."""
    return f"{probe['adapter']}{probe.get('options', {}).get('image_size', '')}"


@pytest.fixture(params=MATERIAL)
def masks(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    """Masks that the probes were taken on, by name."""
    if request.param == "made":
        return {f"made/{name}": mask for name, mask in made_masks().items()}
    names = {probe["mask"] for probe in PROBES if not probe["mask"].startswith("made/")}
    return {name: np.asarray(Image.open(REAL / name).convert("L")) > 127 for name in names}


def plane(probe: dict[str, Any]) -> Any:
    options = {**probe.get("options", {})}
    return bring_of(plugin("adapters", probe["adapter"]), options, "model_input")


def asked(probe: dict[str, Any], name: str, mask: np.ndarray, tmp_path: Path) -> Any:
    """The only prompt of a profile, written to a replay file and read again, as in a run."""
    profile = plugin("prompts", name)
    made = first_prompts(profile, plane(probe), "case", "label", mask, 0, None)
    path = tmp_path / "prompts.json"
    path.write_bytes(encode_prompts(profile, [0], made))
    (prompt,) = read_prompts(path)
    return prompt


@pytest.mark.parametrize("adapter", sorted({kind(probe) for probe in PROBES}))
def test_prompts_are_those_of_the_authors_code(adapter, masks, tmp_path):
    probes = [probe for probe in PROBES if kind(probe) == adapter and probe["mask"] in masks]
    assert len(probes) >= 8
    for probe in probes:
        mask = masks[probe["mask"]]
        seen = plane(probe)(mask, NOWHERE)
        pixels = np.argwhere(seen.mask)[:, ::-1]
        assert len(pixels) == probe["foreground"], probe
        digest = hashlib.sha256(np.packbits(seen.mask).tobytes()).hexdigest()[:16]
        assert digest == probe["digest"], probe
        exact: dict[str, Any] = {"rtol": 0, "atol": 1e-9, "err_msg": probe["mask"]}
        if "box" in probe:
            name = "box-largest-exclusive" if probe["adapter"] == "sam-med2d" else "box-tight"
            box = asked(probe, name, mask, tmp_path).box_xy
            on_input = seen.frame.to_input(box.reshape(2, 2)).reshape(4)
            np.testing.assert_allclose(on_input, probe["box"], **exact)
        if "point" in probe:
            point = asked(probe, "point-middle", mask, tmp_path).points_xy
            np.testing.assert_allclose(seen.frame.to_input(point)[0], probe["point"], **exact)
        if "first" in probe:
            assert pixels[0].tolist() == probe["first"], probe
            assert pixels[-1].tolist() == probe["last"], probe
            drawn = seen.frame.to_input(asked(probe, "point-uniform", mask, tmp_path).points_xy)[0]
            x, y = np.rint(drawn).astype(int)
            np.testing.assert_allclose(drawn, (x, y), **exact)  # the middle of a pixel of the grid
            assert seen.mask[y, x], probe


def test_the_grid_matters_here(masks):
    """On the masks as loaded some of these prompts are others: the probes can tell."""
    different = 0
    for probe in PROBES:
        if "point" in probe and probe["mask"] in masks:
            mask = masks[probe["mask"]]
            profile = plugin("prompts", "point-middle")
            (prompt,) = first_prompts(profile, None, "case", "label", mask, 0, None)
            frame = plane(probe)(mask, NOWHERE).frame
            at = frame.to_input(prompt.points_xy)[0]
            different += not np.allclose(at, probe["point"], atol=0.5)
    assert different > len(masks) / 4


@pytest.mark.parametrize("name", ["sam", "medsam", "lwnet", "samed"])
def test_other_adapters_take_prompts_from_masks_as_loaded(name):
    adapter = plugin("adapters", name)
    assert declared_grid(adapter, {}) == "original"
    assert bring_of(adapter, {}, "model_input") is None


@pytest.mark.parametrize("name", GRIDS)
def test_a_release_with_its_own_grid_is_recorded_with_it(name):
    assert declared_grid(plugin("adapters", name), {}) == "model_input"


def test_a_checkpoint_of_another_size_is_refused():
    adapter = plugin("adapters", "medical-sam-adapter")
    bring = bring_of(adapter, {"image_size": 1024}, "model_input")
    assert bring is not None
    check_side(bring, 1024)
    with pytest.raises(InputError, match=r"--set adapter.image_size=256"):
        check_side(bring, 256)


def test_the_grid_cannot_be_asked_of_an_adapter_without_one(root):
    ((project, claim),) = find_claims(Registry.load(root), "selftest/phantom-dice")
    with pytest.raises(PrerequisiteError, match="prompt_grid"):
        recipe(project, claim, Request(prompt_grid="model_input"))


def test_sam_med2d_claims_are_planned_on_its_grid(root):
    targets = find_claims(Registry.load(root), "sam-med2d")
    project, claim = next(
        (p, c) for p, c in targets if c.run and c.protocol.prompt_profile.value == "point-uniform/1"
    )
    item = recipe(project, claim, Request())
    assert item.protocol.prompt_grid == "model_input"
    assert comparison_of(item).differences == []
    other = recipe(project, claim, Request(prompt_grid="original"))
    assert comparison_of(other).differences
    assert other.key() != item.key()


def test_clicks_follow_errors_on_the_whole_input():
    """Rounds of SAM-Med2D: errors are looked for on the padded 256 px square, as `test.py` does."""
    from reproduce.asking.rounds import Rounds, Seen, View
    from reproduce.contracts import Answered, Case, PlaneModel, Prediction, Sample

    mask = np.zeros((100, 120), bool)
    mask[40:60, 50:70] = True
    bring = bring_of(plugin("adapters", "sam-med2d"), {}, "model_input")
    assert bring is not None
    seen = bring(mask, NOWHERE)
    assert seen.frame == Frame.centred(100, 120, 256)
    low_res = torch.full((1, 1, 64, 64), -5.0)
    low_res[..., :8, :8] = 5.0  # a false answer in the padding, where no pixel of the image lies
    low_res[..., 29:35, 27:33] = 5.0
    sample = Sample.of_image(Case("c", {}), np.zeros((100, 120, 3), np.uint8), {"x": mask})

    profile = plugin("prompts", "clicks-3-uniform-error")
    root = Path(__file__).resolve().parents[3]
    rounds = Rounds(bundle(root, 1).spec, PlaneModel(), profile, bring, lambda _: None)
    (first,) = first_prompts(profile, bring, "c", "x", mask, 0, None)
    prediction = Prediction(
        scores=torch.zeros(1, 1, 100, 120), kind="logit", labels=("x",), low_res=low_res
    )
    view = View(sample, [0], [first], None)  # type: ignore[arg-type]  # nothing is counted
    square = rounds.on_prompt_grid(view, Answered(0, [0], prediction))
    wrong = (square.prediction.scores[0, 0] > 0).numpy() != seen.mask
    answers = Seen(profile.follows)
    answers.look(square)
    inside = 0
    for seed in range(40):
        following = rounds.next(view, replace(first, seed=seed), answers, 0)
        x, y = np.rint(seen.frame.to_input(following.points_xy[-1])).astype(int)
        assert wrong[y, x]
        inside += y < seen.frame.top
        assert following.point_labels[-1] == int(seen.mask[y, x])
    assert inside  # some of the clicks fall into the padding


@pytest.mark.slow
def test_a_click_reaches_the_network_where_the_authors_put_it(real):
    """SAMUS with seeded weights: a prompt of the engine against the authors' point, told directly
    in pixels of the input; the scores are the same numbers."""
    from reproduce.contracts import Plane, Prompt

    probe = next(p for p in PROBES if p["adapter"] == "samus" and p["mask"].startswith("endotect"))
    mask = np.asarray(Image.open(real / probe["mask"]).convert("L")) > 127
    place = Path(probe["mask"].replace("masks", "images")).with_suffix(".jpg")
    image = np.asarray(Image.open(real / place))
    model = plugin("adapters", "samus").build(seeded(layout("samus")), {}, "cpu", "float32")
    (embedding,) = model.encode([Plane(image)])
    profile = plugin("prompts", "point-middle")
    made = first_prompts(profile, plane(probe), "case", "label", mask, 0, None)
    exact = embedding.frame.to_image(np.array([probe["point"]], float))
    told = [Prompt.on_plane("case", "label", None, points_xy=exact, point_labels=np.array([1]))]
    ours, theirs = (model.predict(embedding, p, "model_input").scores for p in (made, told))
    assert torch.equal(ours, theirs)
