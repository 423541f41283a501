"""MedCLIP-SAMv2: the map in two parts, the box, the second stage alone; what it cannot take.

Whole predictions are compared with the authors' code in test_adapters_peers.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from made import made_picture
from seeded import layout, seeded

from catalog.errors import InputError, UsageError
from reproduce.adapters.medclip_samv2.network import (
    boxes_of,
    largest,
    pixels_of,
    saliency,
    split,
)
from reproduce.contracts import FILE, Plane, Prompt
from reproduce.ground.plugins import plugin
from reproduce.prompts.box_tight_exclusive import PLUGIN as EXCLUSIVE

SENTENCE = "a scan showing a round mass"


def state() -> dict[str, torch.Tensor]:
    return seeded(layout("biomedclip_scaled")) | seeded(layout("sam_small_128"))


def built(given: dict[str, torch.Tensor] | None = None, **options: Any) -> Any:
    made = {"layer": 1, **options}
    return plugin("adapters", "medclip-samv2").build(given or state(), made, "cpu", "float32")


def asked(text: str) -> Prompt:
    return Prompt("c", text, text=text)


def test_the_first_stage_gives_the_box_that_the_second_is_asked_with() -> None:
    (plane,) = [Plane(made_picture(90, 120))]
    both, first = built(), built(stage="coarse")
    (embedding,) = both.encode([plane])
    coarse = first.predict(embedding, [asked(SENTENCE)], "original").scores[0, 0].numpy()
    found = both.predict(embedding, [asked(SENTENCE)], "original")
    assert found.kind == "label"
    assert coarse.dtype == bool
    assert 0 < coarse.sum() < coarse.size
    (box,), contours = boxes_of(coarse, apart=False)
    assert contours == 1
    alone = both.predict(embedding, [Prompt.on_plane("c", "x", None, box_xy=box)], "original")
    torch.testing.assert_close(found.scores, alone.scores)
    torch.testing.assert_close(found.predicted_iou, alone.predicted_iou)
    assert box[2] == 119 or box[3] == 89  # it touches the border: one past the last is cut there
    # The profile that `predict --boxes coarse/masks --prompts box-tight-exclusive` makes boxes by.
    (made,) = EXCLUSIVE.prompts("c", "x", coarse, 0, None)
    assert made.box_xy is not None
    replayed = both.predict(embedding, [made], "original")
    torch.testing.assert_close(found.scores, replayed.scores)
    torch.testing.assert_close(found.predicted_iou, replayed.predicted_iou)


def test_an_answer_hangs_on_its_own_question_alone() -> None:
    """Noise is drawn anew for every image: neither order nor company changes a mask."""
    model = built()
    planes = [Plane(made_picture(64, 64)), Plane(made_picture(64, 64)[::-1].copy())]
    one, two = model.encode(planes)
    other = "a well defined lung"
    alone = model.predict(two, [asked(other)], "original").scores
    model.predict(one, [asked(SENTENCE)], "original")
    together = model.predict(two, [asked(SENTENCE), asked(other)], "original")
    assert together.labels == (SENTENCE, other)
    torch.testing.assert_close(together.scores[1:], alone)
    with torch.inference_mode():
        torch.testing.assert_close(model.predict(two, [asked(other)], "original").scores, alone)


def test_words_settings_and_noise_change_the_map() -> None:
    (embedding,) = built().encode([Plane(made_picture(64, 64))])

    def found(text: str = SENTENCE, **options: Any) -> Any:
        model = built(**options)
        told = model.clip.told(torch.tensor([model.words.encode(text).ids]))
        return saliency(model.clip, embedding.pixels, told, model.asked)

    usual = found()
    assert (usual.min(), usual.max()) == (0, 1)
    np.testing.assert_array_equal(usual, found(SENTENCE.upper()))
    for changed in (found("a lung"), found(layer=0), found(beta=0.1), found(seed=13)):
        assert np.abs(changed - usual).max() > 1e-4


def test_values_are_split_where_two_means_describe_them_best() -> None:
    """Against all 255 places where a line could be cut."""
    drawn = np.random.default_rng(4).beta(0.8, 2.5, (256, 256)).astype(np.float32)
    levels = np.rint(drawn * 255)
    spread = [
        (levels[levels <= cut].var() * (levels <= cut).sum())
        + (levels[levels > cut].var() * (levels > cut).sum())
        for cut in range(int(levels.min()), int(levels.max()))
    ]
    best = int(levels.min()) + int(np.argmin(spread))
    options = {"coarse": "kmeans", "regions": 1}
    found = split(drawn, (256, 256), options)
    np.testing.assert_array_equal(found, largest(levels > best, 1))
    assert not found[levels <= best].any()


def test_components_and_boxes_by_hand() -> None:
    mask = np.zeros((8, 10), np.uint8)
    mask[1:3, 1:4] = 1  # six pixels, and one at its corner
    mask[3, 4] = 1
    mask[5:8, 7:10] = 1  # nine pixels, at the image's corner
    mask[0, 9] = 1
    np.testing.assert_array_equal(np.argwhere(largest(mask, 1))[[0, -1]], [[5, 7], [7, 9]])
    two = largest(mask, 2)
    assert two.sum() == 16
    # one past the last pixel, but inside the image
    assert boxes_of(two, apart=False) == ([[1, 1, 9, 7]], 2)
    apart, number = boxes_of(two, apart=True)
    assert (sorted(apart), number) == ([[1, 1, 5, 4], [7, 5, 9, 7]], 2)
    twins = np.zeros((3, 9), np.uint8)
    twins[1, [1, 4, 7]] = 1
    assert largest(twins, 1).sum() == 3  # of equal size all stay


def test_the_middle_is_cut_out_or_all_is_squashed() -> None:
    image = np.zeros((40, 80), np.uint8)
    image[:, 20:60] = 255  # the middle
    cropped, squashed = (pixels_of(image, 32, crop) for crop in (True, False))
    assert cropped.shape == squashed.shape == (3, 32, 32)
    white = (1 - 0.48145466) / 0.26862954
    np.testing.assert_allclose(cropped[0, :, 2:-2], white, rtol=1e-5)
    assert squashed[0, :, :6].max() < 0


def test_what_does_not_fit_is_told() -> None:
    model = built()
    (embedding,) = model.encode([Plane(made_picture(64, 64))])
    with pytest.raises(InputError, match="tokens, at most 32"):
        model.predict(embedding, [asked("mass " * 40)], "original")
    with pytest.raises(UsageError, match="asked by text or boxes"):
        model.predict(embedding, [], "original")
    with pytest.raises(InputError, match="Leave out --set grid"):
        model.reference(Plane(made_picture(64, 64)), "model_input")
    box = Prompt.on_plane("c", "x", None, box_xy=[1, 1, 9, 9])
    with pytest.raises(InputError, match="a box needs no first stage"):
        built(stage="coarse").predict(embedding, [box], "original")
    with pytest.raises(UsageError, match="option layer: expected 0 to 2, got 3"):
        built(layer=3)
    without = {key: held for key, held in state().items() if key != f"{FILE}vocab.txt"}
    with pytest.raises(InputError, match=r"vocab\.txt of the release is missing"):
        built(without)
    for listed, told in ((b"a\nb\n", r"got 2 without \[UNK\]"), (b"\xff\xfe", "expected text")):
        text = torch.frombuffer(bytearray(listed), dtype=torch.uint8)
        with pytest.raises(InputError, match=told):
            built(state() | {f"{FILE}vocab.txt": text})
    with pytest.raises(InputError, match="is not BiomedCLIP's"):
        built({k: v for k, v in state().items() if not k.startswith("vision_model.")})
