"""Segment Anything: sizes, strict loading, and parity with the official `SamPredictor`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made import MATERIAL, REAL, made_picture
from PIL import Image
from seeded import seeded_state

from catalog.errors import InputError, UsageError
from reproduce.adapters.sam import PLUGIN
from reproduce.contracts import Plane, Prompt
from reproduce.models.sam import (
    VARIANTS,
    VIT_B,
    SamConfig,
    build_sam,
    config_of,
    load_sam,
)
from reproduce.models.sam_encoder import FusedEncoder, fused
from reproduce.models.sam_model import SamModel

SMALL = SamConfig(
    image_size=128,
    patch=8,
    embed_dim=48,
    depth=3,
    heads=3,
    window=7,  # does not divide the 16 patches: windows are padded
    global_attn_indexes=(1,),
    mlp_dim=96,
    prompt_embed_dim=32,
    decoder_mlp_dim=64,
    iou_head_hidden_dim=32,
)
# Rounding: the same numbers summed in another order. Stated relative to the logits' spread; a
# pixel may only differ where the official logit is closer to zero than this.
RELATIVE_ROUNDING = 2e-4


Images = list[np.ndarray[Any, Any]]


def load(path: Path) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.fixture(scope="module", params=MATERIAL)
def images(request: pytest.FixtureRequest) -> Images:
    """Six images: landscape (five to four first) and portrait, larger and smaller than 1024."""
    if request.param == "made":
        sizes = [(529, 662), (1072, 700), (300, 410), (256, 256), (90, 200), (720, 576)]
        return [made_picture(*size, seed) for seed, size in enumerate(sizes)]
    endotect = sorted((REAL / "endotect" / "images").iterdir())
    return [
        load(endotect[0]),
        load(endotect[3]),
        load(sorted((REAL / "biomedparse" / "demo").iterdir())[0]),
        load(REAL / "sam_med2d_demo" / "images" / "amos_0004_75.png"),
        load(REAL / "sam_med2d_demo" / "images" / "s0114_111.png"),
        np.ascontiguousarray(load(endotect[5]).transpose(1, 0, 2)),
    ]


def boxes(image: np.ndarray[Any, Any], n: int, seed: int = 0) -> np.ndarray[Any, Any]:
    height, width = image.shape[:2]
    corners = np.random.default_rng(seed).uniform(0, 1, (n, 2, 2)) * (width, height)
    return np.concatenate([corners.min(1), corners.max(1)], axis=1)


def assert_same(ours: torch.Tensor, official: np.ndarray[Any, Any]) -> tuple[float, int, int]:
    """Logits equal up to rounding; masks identical except where the logit itself is rounding.

    Returns the largest difference of logits, the pixels on another side, and all pixels.
    """
    mine = ours.cpu().numpy()
    assert mine.shape == official.shape
    tolerance = RELATIVE_ROUNDING * official.std()
    np.testing.assert_allclose(mine, official, rtol=0, atol=tolerance)
    flipped = (mine > 0) != (official > 0)
    assert np.abs(official[flipped]).max(initial=0) <= tolerance
    assert 0.001 < (official > 0).mean() < 0.999, "a mask of one value would prove nothing"
    return float(np.abs(mine - official).max()), int(flipped.sum()), flipped.size


def told(number: int, given: dict[str, Any]) -> Prompt:
    """What `SamPredictor.predict` is given, as a prompt."""
    return Prompt.on_plane(
        "a",
        str(number),
        None,
        box_xy=given.get("box"),
        points_xy=given.get("points"),
        point_labels=given.get("point_labels"),
        mask_input=given.get("mask_input"),
    )


def check_against_predictor(sam: Any, model: SamModel, image: np.ndarray[Any, Any]) -> None:
    """Boxes, points, both, a fed-back mask: ours in one call each, the predictor one by one.

    The figures are printed (`pytest -s`).
    """
    from segment_anything import SamPredictor

    predictor = SamPredictor(sam)
    predictor.set_image(image)
    [embedding] = model.encode([Plane(image)])
    features = predictor.get_image_embedding()[0]
    assert torch.allclose(embedding.features[0], features, atol=2e-4 * features.std().item())

    height, width = image.shape[:2]
    rng = np.random.default_rng(1)
    several = boxes(image, 3)
    points = rng.uniform(0, 1, (2, 4, 2)) * (width, height)
    labels = np.array([1, 0, 1, 1])
    low_res = rng.normal(size=(1, *model.sam.prompt_encoder.mask_input_size)).astype(np.float32)
    kinds: dict[str, list[dict[str, Any]]] = {
        "boxes": [{"box": b} for b in several],
        "points": [{"points": p, "point_labels": labels} for p in points],
        "mixed": [
            {"box": several[0], "points": points[0], "point_labels": labels},
            {"box": several[1]},
            {"points": points[1][:1], "point_labels": labels[:1]},
            {"box": several[2], "mask_input": low_res},
        ],
    }
    figures: list[tuple[float, int, int]] = []
    for three in (False, True):
        model.candidates = slice(1, None) if three else slice(0, 1)
        for kind in kinds.values():
            prompts = [told(i, given) for i, given in enumerate(kind)]
            prediction = model.predict(embedding, prompts, "original")
            assert prediction.labels == tuple(str(i) for i in range(len(kind)))
            assert prediction.predicted_iou is not None
            assert prediction.low_res is not None
            for i, given in enumerate(kind):
                masks, iou, low = predictor.predict(
                    point_coords=given.get("points"),
                    point_labels=given.get("point_labels"),
                    box=given.get("box"),
                    mask_input=given.get("mask_input"),
                    multimask_output=three,
                    return_logits=True,
                )
                figures.append(assert_same(prediction.scores[i], masks))
                np.testing.assert_allclose(prediction.predicted_iou[i].numpy(), iou, atol=1e-3)
                assert_same(prediction.low_res[i], low)
    difference = max(figure[0] for figure in figures)
    changed, pixels = (sum(figure[i] for figure in figures) for i in (1, 2))
    width_of = sam.image_encoder.pos_embed.shape[-1]
    print(
        f"\n{width_of} channels {height}x{width}, {len(figures)} prompts: "
        f"logits differ by at most {difference:.1e}, {changed} of {pixels:,} pixels change side"
    )


def test_sizes_are_read_off_the_shapes() -> None:
    for config in VARIANTS.values():
        with torch.device("meta"):
            state = build_sam(config).state_dict()
        assert config_of(state) == config
    assert config_of(seeded_state(SMALL)) == SMALL


@pytest.mark.parametrize("name", VARIANTS)
def test_layout_is_the_official_one(name: str) -> None:
    """Keys and shapes equal those of `segment_anything`'s own builders."""
    from segment_anything import sam_model_registry

    with torch.device("meta"):
        official = sam_model_registry[name]().state_dict()
        ours = build_sam(VARIANTS[name]).state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in official.items()}


def test_every_key_problem_is_listed_at_once() -> None:
    state = seeded_state(SMALL)
    del state["mask_decoder.iou_token.weight"]
    state["lora.extra"] = torch.zeros(1)
    state["image_encoder.neck.1.weight"] = torch.zeros(7)
    with pytest.raises(InputError) as caught:
        load_sam(state)
    message = str(caught.value)
    assert "1 missing: mask_decoder.iou_token.weight" in message
    assert "1 unexpected: lora.extra" in message
    assert "image_encoder.neck.1.weight (expected (32,), got (7,))" in message


def test_another_layout_is_told_apart() -> None:
    with pytest.raises(InputError, match=r"not in Segment Anything's layout.*conv1\.weight"):
        config_of({"conv1.weight": torch.zeros(1)})


def test_seeded_state_is_repeatable() -> None:
    first, second = seeded_state(SMALL, 3), seeded_state(SMALL, 3)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(
        first["image_encoder.neck.0.weight"],
        seeded_state(SMALL, 4)["image_encoder.neck.0.weight"],
    )


def test_parity_small(images: Images) -> None:
    """A small network over images of all shapes: breadth."""
    sam = load_sam(seeded_state(SMALL))
    model = PLUGIN.build(seeded_state(SMALL), {}, "cpu", "float32")
    assert isinstance(model, SamModel)
    for image in images:
        check_against_predictor(sam, model, image)


@pytest.fixture(scope="module")
def vit_b() -> tuple[Any, SamModel]:
    state = seeded_state(VIT_B)
    model = PLUGIN.build(state, {}, "cpu", "float32")
    assert isinstance(model, SamModel)
    return load_sam(state), model


@pytest.mark.parametrize("images", ["made"], indirect=True)
def test_parity_of_the_sizes_of_vit_b(images: Images) -> None:
    """A block with windows and one without, of the full size."""
    state = seeded_state(replace(VIT_B, depth=2, global_attn_indexes=(1,)))
    model = PLUGIN.build(state, {}, "cpu", "float32")
    assert isinstance(model, SamModel)
    check_against_predictor(load_sam(state), model, images[0])


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.parametrize("index", [0, 4])
@pytest.mark.parametrize("images", ["made", "real"], indirect=True)
def test_parity_vit_b(images: Images, vit_b: tuple[Any, SamModel], index: int) -> None:
    check_against_predictor(*vit_b, images[index])


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.parametrize("name", ["vit_l", "vit_h"])
def test_parity_large(images: Images, name: str) -> None:
    state = seeded_state(VARIANTS[name])
    model = PLUGIN.build(state, {}, "cpu", "float32")
    assert isinstance(model, SamModel)
    check_against_predictor(load_sam(state), model, images[0])


def test_the_official_encoder_is_an_option(images: Images) -> None:
    """Both forms of the encoder agree; only the fused one knows lower precision."""
    state, image = seeded_state(SMALL), images[0]
    official = PLUGIN.build(state, {"encoder": "official"}, "cpu", "float32")
    ours = PLUGIN.build(state, {}, "cpu", "float32")
    [one], [other] = official.encode([Plane(image)]), ours.encode([Plane(image)])
    assert torch.allclose(one.features, other.features, atol=1e-5)
    assert official.preprocessing_id() != ours.preprocessing_id()
    with pytest.raises(UsageError, match="float32 only, got bfloat16"):
        PLUGIN.build(state, {"encoder": "official"}, "cpu", "bfloat16")
    with pytest.raises(UsageError, match="expected one of float32, bfloat16, float16; got 'int3'"):
        PLUGIN.build(state, {}, "cpu", "int3")


@pytest.mark.parametrize(("dtype", "largest"), [("bfloat16", 0.02), ("float16", 0.003)])
def test_lower_precision_stays_close(images: Images, dtype: str, largest: float) -> None:
    """Masks of a lower precision against float32: 1 - Dice, on six images with six boxes each."""
    state = seeded_state(SMALL)
    exact = PLUGIN.build(state, {}, "cpu", "float32")
    lower = PLUGIN.build(state, {}, "cpu", dtype)
    assert exact.preprocessing_id() != lower.preprocessing_id()
    losses = []
    for image in images:
        prompts = [Prompt.on_plane("a", "x", None, box_xy=b) for b in boxes(image, 6)]
        masks = [
            m.predict(m.encode([Plane(image)])[0], prompts, "original").scores > 0
            for m in (exact, lower)
        ]
        both = (masks[0] & masks[1]).sum((1, 2, 3))
        total = masks[0].sum((1, 2, 3)) + masks[1].sum((1, 2, 3))
        losses += (1 - 2 * both / total.clamp(min=1)).tolist()
    assert 0 < max(losses) < largest


def test_encoders_with_foreign_blocks_are_left_alone() -> None:
    encoder = load_sam(seeded_state(SMALL)).image_encoder
    assert isinstance(fused(encoder), FusedEncoder)

    class Lora(torch.nn.Linear):
        """Stands for a layer whose mathematics the fused form does not know."""

    encoder.blocks[1].attn.qkv = Lora(48, 144)
    assert fused(encoder) is encoder


def test_batches_give_what_single_images_give(images: Images) -> None:
    model = PLUGIN.build(seeded_state(SMALL), {}, "cpu", "float32")
    assert isinstance(model, SamModel)
    some = images
    together = model.encode([Plane(image) for image in some])
    for one, image in zip(together, some, strict=True):
        [alone] = model.encode([Plane(image)])
        assert one.frame == alone.frame
        assert torch.allclose(one.features, alone.features, atol=1e-4)


def test_prompts_do_not_influence_each_other(images: Images) -> None:
    model = PLUGIN.build(seeded_state(SMALL), {}, "cpu", "float32")
    image = images[0]
    [embedding] = model.encode([Plane(image)])
    prompts = [Prompt.on_plane("a", "x", None, box_xy=b) for b in boxes(image, 70)]
    together = model.predict(embedding, prompts, "model_input").scores
    assert together.shape[-2:] == (102, 128)
    alone = model.predict(embedding, prompts[66:67], "model_input").scores
    assert torch.allclose(together[66], alone[0], atol=1e-4)


def test_reference_on_the_model_grid() -> None:
    model = PLUGIN.build(seeded_state(SMALL), {}, "cpu", "float32")
    mask = np.zeros((60, 240), dtype=bool)
    mask[:, :120] = True
    plane = Plane(np.zeros((60, 240, 3), np.uint8), {"x": mask}, mask)
    assert model.reference(plane, "original").labels["x"] is mask
    resized = model.reference(plane, "model_input")
    assert resized.labels["x"].shape == (32, 128)
    assert resized.labels["x"].sum() == 32 * 64
    assert resized.valid is not None
    assert resized.valid.dtype == np.bool_


def test_what_is_no_prompt_or_no_image_is_told() -> None:
    model = PLUGIN.build(seeded_state(SMALL), {}, "cpu", "float32")
    with pytest.raises(InputError, match=r"expected an RGB image.*\(4, 4\) float32"):
        model.encode([Plane(np.zeros((4, 4), np.float32))])
    [embedding] = model.encode([Plane(np.zeros((4, 4, 3), np.uint8))])
    with pytest.raises(UsageError, match="at least one prompt"):
        model.predict(embedding, [], "original")
    with pytest.raises(InputError, match="needs a box, points or a mask"):
        model.predict(embedding, [Prompt(case="a", label="x")], "original")


def test_preprocessing_id_follows_what_changes_an_embedding() -> None:
    first = PLUGIN.build(seeded_state(SMALL), {}, "cpu", "float32").preprocessing_id()
    again = PLUGIN.build(seeded_state(SMALL, 1), {}, "cpu", "float32").preprocessing_id()
    assert first == again, "weights are named by the checkpoint's hash, not here"
    other = SamConfig(**{f: getattr(SMALL, f) for f in SMALL.__slots__} | {"image_size": 64})
    assert PLUGIN.build(seeded_state(other), {}, "cpu", "float32").preprocessing_id() != first
