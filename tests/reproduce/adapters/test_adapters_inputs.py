"""What adapters do to images, boxes, masks and LoRA tensors, against hand-made cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made import MATERIAL, REAL, made_lora
from safetensors.torch import save_file
from seeded import layout, seeded, seeded_state
from small_networks import SAM
from test_adapters import RELEASES

from catalog.errors import InputError, UsageError
from reproduce.asking.embeddings import EmbeddingCache
from reproduce.checkpoints.loading import read_state
from reproduce.contracts import Plane, Prompt
from reproduce.ground.plugins import plugin
from reproduce.models.frames import Frame
from reproduce.models.lora import merge, merge_loralib, number_wrapped

STD = np.array([53.395, 57.12, 57.375])  # AdaptiveSAM's, misspelt in its release


def without_weights(name: str, **options: Any) -> Any:
    """A model of the official size on the meta device: it cannot predict, but prepares images."""
    release = next(r for r in RELEASES if r.adapter == name)
    return plugin("adapters", name).build(release.state(), options, "meta", "float32")


def sample(labels: dict[str, np.ndarray], image: np.ndarray) -> Plane:
    return Plane(image, labels)


# ------------------------------------------------------------------------------------- frames


@given(
    height=st.integers(1, 3000),
    width=st.integers(1, 3000),
    side=st.sampled_from([256, 512, 1024]),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    way=st.sampled_from(["squashed", "longest_side", "centred"]),
)
@settings(max_examples=60, deadline=None)
def test_coordinates_go_to_the_input_and_back(height, width, side, x, y, way):
    if way == "centred":
        height, width = min(height, side), min(width, side)
    frame = getattr(Frame, way)(height, width, side)
    if frame.input_height == 0 or frame.input_width == 0:
        return  # narrower than the rounding of the longest side leaves a pixel for
    point = np.array([x * width, y * height])
    inside = frame.to_input(point)
    assert (inside >= -1e-6).all()
    assert (inside <= side + 1e-6).all()
    np.testing.assert_allclose(frame.to_image(inside), point, atol=1e-6)


# ------------------------------------------------------------------------------------- MedSAM


@pytest.fixture(scope="module")
def medsam() -> Any:
    return plugin("adapters", "medsam").build(seeded_state(SAM), {}, "cpu", "float32")


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_medsam_gives_probabilities_on_both_grids_in_the_order_of_the_prompts(medsam):
    image = noise(40, 56)
    boxes = [(3, 4, 30, 31), (10, 2, 50, 39)]
    prompts = [Prompt.on_plane("c", str(i), None, box_xy=b) for i, b in enumerate(boxes)]
    (embedding,) = medsam.encode([Plane(image)])
    both = medsam.predict(embedding, prompts, "original")
    assert both.kind == "probability"
    assert both.scores.shape == (2, 1, 40, 56)
    assert 0 <= float(both.scores.min()) <= float(both.scores.max()) <= 1
    assert both.labels == ("0", "1")
    assert medsam.predict(embedding, prompts, "model_input").scores.shape == (2, 1, 64, 64)
    turned = medsam.predict(embedding, prompts[::-1], "original")
    torch.testing.assert_close(turned.scores.flip(0), both.scores, rtol=0, atol=1e-6)
    assert float((both.scores[0] - both.scores[1]).abs().max()) > 1e-4  # boxes matter


def test_images_encoded_together_are_the_same_as_alone(medsam):
    images = [noise(40, 56), noise(30, 30)]
    together = medsam.encode([Plane(image) for image in images])
    for embedding, image in zip(together, images, strict=True):
        alone = medsam.encode([Plane(image)])[0]
        assert embedding.frame == alone.frame
        torch.testing.assert_close(embedding.features, alone.features, rtol=0, atol=1e-5)


def test_embeddings_survive_the_cache(medsam, tmp_path):
    cache = EmbeddingCache(tmp_path, "0" * 64, medsam, "cpu")
    (made,) = cache.encode(medsam, [Plane(noise(40, 56))])
    (read,) = cache.encode(medsam, [Plane(noise(40, 56))])
    assert (cache.hits, cache.misses) == (1, 1)
    assert read.frame == made.frame
    torch.testing.assert_close(read.features, made.features, rtol=0, atol=0)


def test_prompts_of_different_length_are_not_padded_to_each_other(medsam):
    (embedding,) = medsam.encode([Plane(noise(40, 56))])
    one = Prompt.on_plane("c", "a", None, points_xy=[[5.0, 6.0]], point_labels=np.array([1]))
    points = [[5.0, 6.0], [20, 9]]
    two = Prompt.on_plane("c", "b", None, points_xy=points, point_labels=np.array([1, 0]))
    mixed = medsam.predict(embedding, [one, two], "original").scores
    alone = medsam.predict(embedding, [one], "original").scores
    torch.testing.assert_close(mixed[:1], alone, rtol=0, atol=1e-6)


def test_an_object_without_prompt_is_refused(medsam):
    (embedding,) = medsam.encode([Plane(noise(40, 56))])
    with pytest.raises(InputError, match="needs a box, points or a mask"):
        medsam.predict(embedding, [Prompt(case="c", label="a")], "original")


def test_medsam_brings_every_image_to_zero_to_one_and_a_flat_one_to_zero(medsam):
    pixels = medsam.pixels(noise(64, 64), medsam.frame(64, 64))
    assert (pixels.min(), pixels.max()) == (0, 1)
    flat = np.full((64, 64, 3), 77, dtype=np.uint8)
    assert not medsam.pixels(flat, medsam.frame(64, 64)).any()


def test_an_unknown_precision_is_a_usage_error():
    with pytest.raises(UsageError, match="float8"):
        plugin("adapters", "medsam").build(seeded_state(SAM), {}, "cpu", "float8")


# ------------------------------------------------------------------------- the others' inputs


def test_sam_med2d_reads_blue_first_and_pads_after_normalising():
    model = without_weights("sam-med2d")
    image = np.zeros((100, 50, 3), dtype=np.uint8)
    image[..., 0], image[..., 2] = 200, 10  # red 200, blue 10
    pixels = model.pixels(image, model.frame(100, 50))
    assert pixels.shape == (3, 256, 256)
    # (value - mean of red) / deviation of red, with the blue value in the first channel
    assert pixels[0, 128, 128] == pytest.approx((10 - 123.675) / 58.395)
    assert pixels[2, 128, 128] == pytest.approx((200 - 103.53) / 57.375)
    assert not pixels[:, 0, 0].any()
    assert pixels[:, 78, 103].any()  # (256 - 100) // 2, (256 - 50) // 2
    assert not pixels[:, 77, 103].any()
    right = without_weights("sam-med2d", channels="rgb")
    assert right.pixels(image, right.frame(100, 50))[0, 128, 128] == pytest.approx(
        (200 - 123.675) / 58.395
    )


def test_lite_medsam_scales_boxes_by_one_factor_and_cuts_the_fraction():
    model = without_weights("litemedsam")
    frame = model.frame(584, 565)
    assert (frame.input_height, frame.input_width) == (256, 248)
    corners = np.array([[[71.0, 80.0], [201.0, 302.0]]])
    # 256 / 584 = 0.43836: 31.12, 35.07, 88.11, 132.38
    assert model.box_to_input(corners, frame).tolist() == [[[31, 35], [88, 132]]]


def test_samed_reads_floats_as_they_are_and_whole_numbers_by_255():
    model = without_weights("samed")
    plane = noise(224, 224)[..., 0]
    frame = model.frame(224, 224)
    whole = model.pixels(np.repeat(plane[..., None], 3, axis=2), frame)
    floating = model.pixels((plane / 255).astype(np.float32), frame)
    assert whole.shape == (3, 512, 512)
    np.testing.assert_allclose(whole, floating, atol=1e-6)
    with pytest.raises(InputError, match="one channel"):
        model.pixels(noise(224, 224), frame)


def test_samed_goes_through_224_unless_told_otherwise():
    from scipy.ndimage import zoom

    plane = noise(512, 512)[..., 0].astype(np.float32) / 255
    blurred = without_weights("samed").pixels(plane, Frame.squashed(512, 512, 512))[0]
    by_hand = zoom(zoom(plane, 224 / 512, order=3), 512 / 224, order=3)
    np.testing.assert_allclose(blurred, by_hand, atol=1e-6)
    straight = without_weights("samed", input_size=None)
    np.testing.assert_array_equal(straight.pixels(plane, Frame.squashed(512, 512, 512))[0], plane)


def test_medical_sam_adapter_keeps_only_whole_foreground_pixels():
    model = without_weights("medical-sam-adapter")
    mask = np.zeros((512, 512), dtype=bool)
    mask[101:300, 101:300] = True  # begins in the middle of a pixel of the 256 grid
    reference = model.reference(sample({"lesion": mask}, noise(512, 512)), "model_input")
    rows = np.flatnonzero(reference.labels["lesion"].any(axis=1))
    assert reference.labels["lesion"].shape == (256, 256)
    assert rows[0] > 101 // 2
    assert (
        model.reference(sample({"lesion": mask}, noise(8, 8)), "original").labels["lesion"] is mask
    )


def test_sam_octa_pads_the_small_input_of_vit_b():
    model = without_weights("sam-octa", longest_side=224)
    pixels = model.pixels(noise(304, 304), model.frame(304, 304))
    assert pixels.shape == (3, 1024, 1024)
    assert pixels[:, 223, 223].any()
    assert not pixels[:, 224:].any()
    assert not pixels[:, :, 224:].any()


def test_polyp_sam_divides_by_255_and_leaves_no_padding():
    model = without_weights("polyp-sam")
    image = np.full((300, 200, 3), 255, dtype=np.uint8)
    assert (model.pixels(image, model.frame(300, 200)) == 1).all()


def test_medsegx_asks_every_task_by_itself_and_answers_in_order():
    state = seeded(layout("sam_small_128")) | seeded(layout("medsegx_scaled"))
    medsegx = plugin("adapters", "medsegx")
    model = medsegx.build(state, {"image_size": 64}, "cpu", "float32")
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    (embedding,) = model.encode([Plane(image)])
    prompts = [
        Prompt.on_plane("c", task, None, box_xy=[5 + n, 6, 40, 30 + n])
        for n, task in enumerate(("CT_Liver", "Dermoscopy_Skin", "CT_Liver"))
    ]
    together = model.predict(embedding, prompts, "original").scores
    for number, prompt in enumerate(prompts):
        alone = model.predict(embedding, [prompt], "original").scores[0]
        assert torch.allclose(together[number], alone, atol=1e-5)
    other = Prompt.on_plane("c", "MRI_Prostate2", None, box_xy=prompts[0].box_xy)
    assert not torch.allclose(
        model.predict(embedding, [other], "original").scores[0], together[0], atol=1e-3
    )
    for unknown in ("liver", "CT_StomachCancer"):
        with pytest.raises(UsageError, match=f"no task '{unknown}'"):
            medsegx.build(state, {"image_size": 64, "task": unknown}, "cpu", "float32")


def test_i_medsam_takes_boxes_from_what_is_touched_and_scores_what_is_whole():
    mask = np.zeros((8, 8), bool)
    mask[2:5, 2:5] = True
    bring = plugin("adapters", "i-medsam").prompt_grid({"label_size": 4})
    assert bring is not None
    assert bring(mask, (None, None, None)).mask.sum() == 4  # half pixels of the third row count
    model = without_weights("i-medsam", label_size=4)
    assert model.mask_pixels(mask, model.frame(8, 8)).sum() == 1


def test_adaptivesam_knows_the_words_of_its_labels_only():
    model = without_weights("adaptivesam")
    image = np.full((576, 768, 3), 200, np.uint8)
    pixels = model.pixels(image, model.frame(576, 768))
    assert model.frame(576, 768).input_height == 192
    np.testing.assert_allclose(pixels[:, 200, 0], np.array([-123.675, -116.28, -103.53]) / STD)
    with pytest.raises(InputError, match="no tokens for prostate"):
        model.sam.text("Prostate")


def test_preprocessing_ids_differ_wherever_an_embedding_would():
    ids = {
        without_weights("sam-med2d").preprocessing_id(),
        without_weights("sam-med2d", channels="rgb").preprocessing_id(),
        without_weights("sam-med2d", resize="bilinear").preprocessing_id(),
        without_weights("polyp-sam").preprocessing_id(),
    }
    assert len(ids) == 4


# --------------------------------------------------------------------------------------- LoRA


@pytest.fixture(params=MATERIAL)
def lora(request, tmp_path):
    """A LoRA file's tensors, as MathieuNlp/Sam_LoRA writes them."""
    path = REAL / "sam_lora" / "lora_rank4.safetensors"
    if request.param == "made":
        path = tmp_path / "lora.safetensors"
        save_file(made_lora(), path)
    state = read_state(path)
    assert len(state) == 48
    assert tuple(state["w_a_000"].shape) == (4, 768)
    return state


def test_a_lora_is_merged_into_q_and_v_only(lora):
    generator = torch.Generator().manual_seed(1)
    key = "image_encoder.blocks.{}.attn.qkv.weight"
    base = {key.format(i): torch.randn(2304, 768, generator=generator) for i in range(12)}
    merged = merge(base | lora)
    assert merged.keys() == base.keys()
    x = torch.randn(5, 768, generator=generator)
    for block in (0, 7, 11):
        before = x @ base[key.format(block)].T
        after = x @ merged[key.format(block)].T
        for part, rows in ((0, slice(0, 768)), (1, slice(1536, 2304))):
            a, b = lora[f"w_a_{2 * block + part:03d}"], lora[f"w_b_{2 * block + part:03d}"]
            # As the authors' layer computes it: through the low rank, added to the output.
            expected = before[:, rows] + x @ a.T @ b.T
            torch.testing.assert_close(after[:, rows], expected, rtol=0, atol=2e-4)
        torch.testing.assert_close(after[:, 768:1536], before[:, 768:1536], rtol=0, atol=0)


def test_lora_files_that_do_not_fit_are_told_with_every_tensor(lora):
    base = {
        f"image_encoder.blocks.{i}.attn.qkv.weight": torch.empty(2304, 768, device="meta")
        for i in range(12)
    }
    cut = {key: value for key, value in lora.items() if key not in {"w_a_003", "w_b_007"}}
    cut["w_a_000"] = torch.empty(4, 1024)
    with pytest.raises(InputError) as error:
        merge(base | cut)
    for told in ("w_b_003 has no w_a_003", "w_a_007 has no w_b_007", "(4, 1024)"):
        assert told in str(error.value)
    with pytest.raises(InputError, match=r"image_encoder\.blocks\.0\.attn\.qkv\.weight"):
        merge(lora)


def test_layers_saved_in_place_get_their_numbers():
    prefix = "image_encoder.blocks.2.attn.qkv"
    names = [f"{prefix}.qkv.bias", f"{prefix}.linear_a_q.weight", f"{prefix}.linear_b_v.weight"]
    renamed = number_wrapped({name: torch.ones(1) for name in names})
    assert list(renamed) == [f"{prefix}.bias", "w_a_004", "w_b_005"]


def test_pairs_beside_their_layer_change_the_parts_they_are_of():
    rng = torch.Generator().manual_seed(0)
    weight, a, b = (torch.randn(*s, generator=rng) for s in ((9, 3), (4, 3), (6, 2)))
    state = {"x.qkv.weight": weight, "x.qkv.lora_A": a, "x.qkv.lora_B": b}
    (merged,) = merge_loralib(state, "qv").values()
    assert torch.allclose(merged[:3], weight[:3] + b[:3] @ a[:2] / 2)
    assert torch.equal(merged[3:6], weight[3:6])
    assert torch.allclose(merged[6:], weight[6:] + b[3:] @ a[2:] / 2)
    with pytest.raises(InputError, match=r"x\.qkv: has no x\.qkv\.lora_B"):
        merge_loralib({k: v for k, v in state.items() if not k.endswith("B")}, "qv")
    for parts, changed in (("qkv", {}), ("qv", {"x.qkv.lora_A": a[:, :2]})):
        with pytest.raises(InputError, match=r"x\.qkv: A, B and weight do not fit"):
            merge_loralib(state | changed, parts)
