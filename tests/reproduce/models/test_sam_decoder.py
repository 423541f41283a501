"""The fused mask decoder against segment_anything's own, and which decoders it is not for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from seeded import seeded_state

from reproduce.models.sam import VIT_B, build_sam
from reproduce.models.sam_decoder import FusedDecoder, decoder_of, is_plain, shared

TOLERANCE = 2e-5  # of the logits' deviation


@pytest.fixture(scope="module")
def sam() -> Any:
    """SAM with the decoder of every ViT variant, seeded; the encoder is not used."""
    model = build_sam(VIT_B)
    state = {k: v for k, v in seeded_state(VIT_B).items() if not k.startswith("image_encoder")}
    model.load_state_dict(state, strict=False)
    return model.eval()


def asked(sam: Any, prompts: int, points: int, masks: bool) -> tuple[Any, Any, Any]:
    """Features of one image, and the prompt encoder's answer to random prompts of one kind."""
    generator = torch.Generator().manual_seed(prompts + 10 * points)
    features = torch.randn((256, 64, 64), generator=generator)
    corners = torch.rand((prompts, 2, 2), generator=generator).sort(dim=1).values * 1024
    given = None
    if points:
        xy = torch.rand((prompts, points, 2), generator=generator) * 1024
        given = xy, torch.randint(0, 2, (prompts, points), generator=generator)
    fed = torch.randn((prompts, 1, 256, 256), generator=generator) if masks else None
    sparse, dense = sam.prompt_encoder(points=given, boxes=corners.reshape(-1, 4), masks=fed)
    return features, sparse, shared(dense, fed)


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize(("prompts", "points"), [(1, 0), (3, 0), (2, 9)])
@pytest.mark.parametrize("wanted", [slice(0, 1), slice(1, None), slice(0, None)])
@torch.inference_mode()
def test_same_logits_as_the_official_decoder(
    sam: Any, prompts: int, points: int, masks: bool, wanted: slice
) -> None:
    features, sparse, dense = asked(sam, prompts, points, masks)
    image_pe = sam.prompt_encoder.get_dense_pe()
    official, quality = sam.mask_decoder.predict_masks(
        image_embeddings=features[None],
        image_pe=image_pe,
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense.expand(prompts, -1, -1, -1),
    )
    fused = decoder_of(sam.mask_decoder, image_pe)
    assert isinstance(fused, FusedDecoder)
    logits, iou = fused(features, sparse, dense, wanted)
    expected = official[:, wanted]
    assert logits.shape == expected.shape
    assert (logits - expected).abs().max() <= TOLERANCE * expected.std()
    assert torch.allclose(iou, quality[:, wanted], atol=1e-5)
    assert 0.001 < (expected > 0).float().mean() < 0.999, "masks of one value would prove nothing"


@torch.inference_mode()
def test_prompts_together_are_prompts_alone(sam: Any) -> None:
    features, sparse, dense = asked(sam, 5, 0, False)
    decode = decoder_of(sam.mask_decoder, sam.prompt_encoder.get_dense_pe())
    together, _ = decode(features, sparse, dense, slice(0, 1))
    for index in range(5):
        alone, _ = decode(features, sparse[index : index + 1], dense, slice(0, 1))
        assert (together[index] - alone[0]).abs().max() <= TOLERANCE * alone.std()


@torch.inference_mode()
def test_another_decoder_runs_as_it_is(sam: Any) -> None:
    """A layer with other mathematics is not computed by SAM's formula."""

    class Changed(type(sam.mask_decoder.transformer.layers[0])):  # type: ignore[misc]  # untyped
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            queries, keys = super().forward(*args, **kwargs)
            return 2 * queries, keys

    features, sparse, dense = asked(sam, 2, 0, False)
    layer = sam.mask_decoder.transformer.layers[1]
    own = type(layer)
    before, _ = decoder_of(sam.mask_decoder, sam.prompt_encoder.get_dense_pe())(
        features, sparse, dense, slice(0, 1)
    )
    layer.__class__ = Changed
    try:
        assert not is_plain(sam.mask_decoder)
        decode = decoder_of(sam.mask_decoder, sam.prompt_encoder.get_dense_pe())
        assert not isinstance(decode, FusedDecoder)
        changed, _ = decode(features, sparse, dense, slice(0, 1))
    finally:
        layer.__class__ = own
    assert (changed - before).abs().max() > 0.01 * before.std()


def test_lora_in_the_attention_is_not_plain(sam: Any) -> None:
    attention = sam.mask_decoder.transformer.final_attn_token_to_image
    plain = attention.q_proj
    attention.q_proj = torch.nn.Sequential(plain)
    try:
        assert not is_plain(sam.mask_decoder)
    finally:
        attention.q_proj = plain
    assert is_plain(sam.mask_decoder)


@pytest.mark.parametrize("how", ["hook", "hook before", "method"])
@torch.inference_mode()
def test_layer_that_only_looks_plain_runs_as_it_is(sam: Any, how: str) -> None:
    """Adapters attached with a hook or a method of the instance leave the class as it was."""
    features, sparse, dense = asked(sam, 2, 0, False)
    image_pe = sam.prompt_encoder.get_dense_pe()
    attention = sam.mask_decoder.transformer.layers[0].cross_attn_token_to_image
    before, _ = decoder_of(sam.mask_decoder, image_pe)(features, sparse, dense, slice(0, 1))
    own = attention.forward
    if how == "hook":
        handle = attention.register_forward_hook(lambda _, given, found: 3 * found)
    elif how == "hook before":
        handle = attention.q_proj.register_forward_pre_hook(lambda _, given: (3 * given[0],))
    else:
        attention.forward = lambda **given: 3 * own(**given)
    try:
        assert not is_plain(sam.mask_decoder)
        decode = decoder_of(sam.mask_decoder, image_pe)
        changed, _ = decode(features, sparse, dense, slice(0, 1))
    finally:
        if how == "method":
            del attention.forward
        else:
            handle.remove()
    assert is_plain(sam.mask_decoder)
    assert (changed - before).abs().max() > 0.01 * before.std()
