"""Segment Anything's network: its sizes, how it is built and how weights are loaded into it.

The modules are `segment_anything`'s own classes (version 1.0), so a state dict in the official
layout fits without renaming. What is ours is the configuration: `segment_anything` offers three
fixed sizes, while methods of this field change the image size, the depth or the width.

Every size can be read off the shapes of a state dict (`config_of`), except the number of heads of
the mask decoder, which no shape shows; it is 8 in every release known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from catalog.errors import InputError
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class SamConfig:
    """Every size of a SAM. `image_size`, `patch` in pixels; `window` in patches.

    `global_attn_indexes` are the encoder blocks that attend over the whole image; all others attend
    inside windows. The mask decoder's low-resolution logits have side `4 * image_size / patch`.
    """

    image_size: int = 1024
    patch: int = 16
    embed_dim: int = 768
    depth: int = 12
    heads: int = 12
    global_attn_indexes: tuple[int, ...] = (2, 5, 8, 11)
    window: int = 14
    mlp_dim: int = 3072
    prompt_embed_dim: int = 256
    mask_in_chans: int = 16
    decoder_depth: int = 2
    decoder_heads: int = 8
    decoder_mlp_dim: int = 2048
    multimask_outputs: int = 3
    iou_head_depth: int = 3
    iou_head_hidden_dim: int = 256
    pixel_mean: tuple[float, float, float] = PIXEL_MEAN
    pixel_std: tuple[float, float, float] = PIXEL_STD

    @property
    def grid(self) -> int:
        """Side of the image embedding, in patches."""
        return self.image_size // self.patch

    @property
    def low_res(self) -> int:
        """Side of the low-resolution logits, in pixels."""
        return 4 * self.grid


VIT_B = SamConfig()
VIT_L = SamConfig(
    embed_dim=1024, depth=24, heads=16, mlp_dim=4096, global_attn_indexes=(5, 11, 17, 23)
)
VIT_H = SamConfig(
    embed_dim=1280, depth=32, heads=16, mlp_dim=5120, global_attn_indexes=(7, 15, 23, 31)
)
VARIANTS: Mapping[str, SamConfig] = {"vit_b": VIT_B, "vit_l": VIT_L, "vit_h": VIT_H}


def build_sam(config: SamConfig = VIT_B) -> Sam:
    """A `segment_anything.modeling.Sam` of these sizes, in evaluation mode, weights as initialised.

    Follows `segment_anything/build_sam.py: _build_sam`, with the sizes as parameters.

    >>> build_sam(SamConfig(image_size=64, embed_dim=32, depth=1, heads=2, mlp_dim=64,
    ...                     global_attn_indexes=(0,), prompt_embed_dim=32)).image_encoder.img_size
    64
    """
    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    grid = (config.grid, config.grid)
    sam = Sam(
        image_encoder=ImageEncoderViT(
            depth=config.depth,
            embed_dim=config.embed_dim,
            img_size=config.image_size,
            mlp_ratio=config.mlp_dim / config.embed_dim,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            num_heads=config.heads,
            patch_size=config.patch,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=config.global_attn_indexes,
            window_size=config.window,
            out_chans=config.prompt_embed_dim,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=config.prompt_embed_dim,
            image_embedding_size=grid,
            input_image_size=(config.image_size, config.image_size),
            mask_in_chans=config.mask_in_chans,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=config.multimask_outputs,
            transformer=TwoWayTransformer(
                depth=config.decoder_depth,
                embedding_dim=config.prompt_embed_dim,
                mlp_dim=config.decoder_mlp_dim,
                num_heads=config.decoder_heads,
            ),
            transformer_dim=config.prompt_embed_dim,
            iou_head_depth=config.iou_head_depth,
            iou_head_hidden_dim=config.iou_head_hidden_dim,
        ),
        pixel_mean=list(config.pixel_mean),
        pixel_std=list(config.pixel_std),
    )
    sam.eval()
    return sam


def config_of(state: Mapping[str, torch.Tensor], decoder_heads: int = 8) -> SamConfig:
    """The configuration that a state dict in the official layout was saved from.

    Raises `InputError` where a tensor that shows a size is absent: the state is not SAM's layout.
    """
    needed = {
        "pos": "image_encoder.pos_embed",
        "patch": "image_encoder.patch_embed.proj.weight",
        "rel": "image_encoder.blocks.0.attn.rel_pos_h",
        "mlp": "image_encoder.blocks.0.mlp.lin1.weight",
        "neck": "image_encoder.neck.0.weight",
        "decoder_mlp": "mask_decoder.transformer.layers.0.mlp.lin1.weight",
        "mask_tokens": "mask_decoder.mask_tokens.weight",
        "iou": "mask_decoder.iou_prediction_head.layers.0.weight",
    }
    if absent := [key for key in needed.values() if key not in state]:
        raise InputError(
            "the checkpoint is not in Segment Anything's layout: expected, among others, "
            f"{', '.join(absent)}; got {len(state)} tensors, the first ones "
            f"{', '.join(sorted(state)[:5]) or 'none'}. Unwrap it with the layout that fits "
            "(`sam4mis reproduce list --json` names the layouts of every adapter)."
        )
    mask_in = state.get("prompt_encoder.mask_downscaling.3.weight")  # some have no prompt encoder
    shape = {name: tuple(state[key].shape) for name, key in needed.items()}
    embed_dim, patch = shape["pos"][3], shape["patch"][2]
    grid = shape["pos"][1]
    rows = [
        state[f"image_encoder.blocks.{i}.attn.rel_pos_h"].shape[0]
        for i in range(_count(state, "image_encoder.blocks."))
        if f"image_encoder.blocks.{i}.attn.rel_pos_h" in state
    ]
    # A window as large as the image is the same thing as global attention.
    everywhere = 2 * grid - 1
    windowed = {n for n in rows if n != everywhere}
    return SamConfig(
        image_size=grid * patch,
        patch=patch,
        embed_dim=embed_dim,
        depth=_count(state, "image_encoder.blocks."),
        heads=embed_dim // shape["rel"][1],
        global_attn_indexes=tuple(i for i, n in enumerate(rows) if n == everywhere),
        window=(min(windowed) + 1) // 2 if windowed else 14,
        mlp_dim=shape["mlp"][0],
        prompt_embed_dim=shape["neck"][0],
        mask_in_chans=16 if mask_in is None else mask_in.shape[0],
        decoder_depth=_count(state, "mask_decoder.transformer.layers."),
        decoder_heads=decoder_heads,
        decoder_mlp_dim=shape["decoder_mlp"][0],
        multimask_outputs=shape["mask_tokens"][0] - 1,
        iou_head_depth=_count(state, "mask_decoder.iou_prediction_head.layers."),
        iou_head_hidden_dim=shape["iou"][0],
    )


def resize_positions(
    state: Mapping[str, torch.Tensor], image_size: int, global_attention: tuple[int, ...]
) -> dict[str, torch.Tensor]:
    """A base checkpoint of 1024 px for another image size.

    `segment_anything/build_sam.py: load_from`: position embedding and the relative positions of
    blocks with global attention, bilinear; windows keep theirs.
    """
    state = dict(state)
    positions = state["image_encoder.pos_embed"]
    grid = image_size // state["image_encoder.patch_embed.proj.weight"].shape[-1]
    if positions.shape[1] == grid:
        return state
    state["image_encoder.pos_embed"] = functional.interpolate(
        positions.permute(0, 3, 1, 2).float(), (grid, grid), mode="bilinear", align_corners=False
    ).permute(0, 2, 3, 1)
    for block in global_attention:
        for axis in "hw":
            key = f"image_encoder.blocks.{block}.attn.rel_pos_{axis}"
            rows = state[key].float()[None, None]
            rows = functional.interpolate(
                rows, (2 * grid - 1, rows.shape[-1]), mode="bilinear", align_corners=False
            )
            state[key] = rows[0, 0]
    return state


def load_sam(state: Mapping[str, torch.Tensor], config: SamConfig | None = None) -> Sam:
    """Build a SAM and load `state` strictly, in float32 on the CPU.

    The modules are made without memory and take over the state's tensors, so loading needs neither
    a second copy nor the minutes of random initialisation of the large sizes.
    Raises `InputError` listing every missing, unexpected and misshapen tensor.
    """
    config = config or config_of(state)
    with unfilled():
        sam = build_sam(config)
    load_strictly(sam, state)
    for name, values in (("pixel_mean", config.pixel_mean), ("pixel_std", config.pixel_std)):
        # Not in the state dict (`persistent=False`), so still without memory.
        sam.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)
    return sam


def load_strictly(module: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Give `state` to a module whose tensors are on the meta device; every name and shape must fit.

    Floating tensors become float32. Raises `InputError` with all differences at once.
    """
    expected = module.state_dict()
    problems = [
        *_listed("missing", sorted(expected.keys() - state.keys())),
        *_listed("unexpected", sorted(state.keys() - expected.keys())),
        *_listed(
            "of another shape",
            [
                f"{key} (expected {tuple(expected[key].shape)}, got {tuple(state[key].shape)})"
                for key in sorted(expected.keys() & state.keys())
                if expected[key].shape != state[key].shape
            ],
        ),
    ]
    if problems:
        raise InputError(
            f"the checkpoint does not fit {type(module).__name__} "
            f"({len(expected)} tensors expected, {len(state)} given):\n  "
            + "\n  ".join(problems)
            + "\nCheck that the adapter and the checkpoint belong together."
        )
    module.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in state.items()},
        strict=True,
        assign=True,
    )
    module.requires_grad_(False)


def _listed(what: str, names: list[str]) -> list[str]:
    return [f"{len(names)} {what}: {', '.join(names)}"] if names else []


def _count(state: Mapping[str, Any], prefix: str) -> int:
    """How many numbered children stand under a prefix, counting from 0."""
    return len({key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)})
