"""SAM 2's network: its sizes, the names of the official state dict, and how weights are loaded.

The modules are those of `transformers` (`Sam2VideoModel`, version 5): official state dicts fit them
by name, all tensors as they are. `RULES` is the table of names.

What no shape shows (heads, blocks that attend globally, windows) is taken from the official
configurations, which embedding width and blocks of the trunk tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.errors import InputError
from reproduce.models.sam import load_strictly

if TYPE_CHECKING:
    import torch
    from transformers import Sam2HieraDetConfig, Sam2VideoConfig

    from reproduce.models.sam2_network import Sam2Network

POINTS = "sam_prompt_encoder.point_embeddings"
POSITIONS = "shared_image_embedding.positional_embedding"

#: Official name -> name in `Sam2VideoModel`: each rule that fits is applied, in order.
RULES: tuple[tuple[str, str], ...] = (
    (r"^maskmem_tpos_enc$", "memory_temporal_positional_encoding"),
    (r"^no_mem_embed$", "no_memory_embedding"),
    (r"^no_mem_pos_enc$", "no_memory_positional_encoding"),
    (r"^no_obj_ptr$", "no_object_pointer"),
    (r"^no_obj_embed_spatial$", "occlusion_spatial_embedding_parameter"),
    (r"^obj_ptr_tpos_proj\.", "temporal_positional_encoding_projection_layer."),
    (r"^obj_ptr_proj\.", "object_pointer_proj."),
    # the trunk and its neck
    (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
    (r"^image_encoder\.neck\.convs\.(\d+)\.conv\.", r"vision_encoder.neck.convs.\1."),
    (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
    # prompts
    (r"^sam_prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$", POSITIONS),
    (r"^sam_prompt_encoder\.", "prompt_encoder."),
    (r"\.mask_downscaling\.0\.", ".mask_embed.conv1."),
    (r"\.mask_downscaling\.1\.", ".mask_embed.layer_norm1."),
    (r"\.mask_downscaling\.3\.", ".mask_embed.conv2."),
    (r"\.mask_downscaling\.4\.", ".mask_embed.layer_norm2."),
    (r"\.mask_downscaling\.6\.", ".mask_embed.conv3."),
    # the mask decoder
    (r"^sam_mask_decoder\.", "mask_decoder."),
    (r"\.output_upscaling\.0\.", ".upscale_conv1."),
    (r"\.output_upscaling\.1\.", ".upscale_layer_norm."),
    (r"\.output_upscaling\.3\.", ".upscale_conv2."),
    (r"\.norm_final_attn\.", ".layer_norm_final_attn."),
    # the memory
    (r"^memory_attention\.norm\.", "memory_attention.layer_norm."),
    (r"^memory_encoder\.pix_feat_proj\.", "memory_encoder.feature_projection."),
    (r"^memory_encoder\.out_proj\.", "memory_encoder.projection."),
    (
        r"^memory_encoder\.fuser\.layers\.(\d+)\.gamma$",
        r"memory_encoder.memory_fuser.layers.\1.scale",
    ),
    (r"^memory_encoder\.fuser\.", "memory_encoder.memory_fuser."),
    (r"\.memory_fuser\.layers\.(\d+)\.dwconv\.", r".memory_fuser.layers.\1.depthwise_conv."),
    (r"\.memory_fuser\.layers\.(\d+)\.norm\.", r".memory_fuser.layers.\1.layer_norm."),
    (r"\.pwconv(\d)\.", r".pointwise_conv\1."),
    (r"\.mask_downsampler\.encoder\.12\.", ".mask_downsampler.final_conv."),
    (r"\.mask_downsampler\.encoder\.0\.", ".mask_downsampler.layers.0.conv."),
    (r"\.mask_downsampler\.encoder\.1\.", ".mask_downsampler.layers.0.layer_norm."),
    (r"\.mask_downsampler\.encoder\.3\.", ".mask_downsampler.layers.1.conv."),
    (r"\.mask_downsampler\.encoder\.4\.", ".mask_downsampler.layers.1.layer_norm."),
    (r"\.mask_downsampler\.encoder\.6\.", ".mask_downsampler.layers.2.conv."),
    (r"\.mask_downsampler\.encoder\.7\.", ".mask_downsampler.layers.2.layer_norm."),
    (r"\.mask_downsampler\.encoder\.9\.", ".mask_downsampler.layers.3.conv."),
    (r"\.mask_downsampler\.encoder\.10\.", ".mask_downsampler.layers.3.layer_norm."),
    # what several have: norms, projections, perceptrons of two and of three layers
    (r"\.norm(\d)\.", r".layer_norm\1."),
    (r"\.out_proj\.", ".o_proj."),
    (r"\.mlp\.layers\.0\.", ".mlp.proj_in."),
    (r"\.mlp\.layers\.1\.", ".mlp.proj_out."),
    (r"(_proj|_head|_mlps\.\d+)\.layers\.0\.", r"\1.proj_in."),
    (r"(_proj|_head|_mlps\.\d+)\.layers\.1\.", r"\1.layers.0."),
    (r"(_proj|_head|_mlps\.\d+)\.layers\.2\.", r"\1.proj_out."),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of a SAM 2.

    embed_dim, heads   of the trunk's first stage; both double with every stage
    stages             blocks of each of the four stages
    global_blocks      blocks that attend over the whole image
    windows            side of the windows of each stage, in its tokens
    background         side of the position embedding that is resized to the image
    hidden             channels of features
    """

    embed_dim: int
    heads: int
    stages: tuple[int, int, int, int]
    global_blocks: tuple[int, ...]
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    background: int = 7
    hidden: int = 256


#: facebookresearch/sam2 @ 2b90b9f5, sam2/configs: the same for 2.0 and 2.1.
VARIANTS: Mapping[str, Sizes] = {
    "tiny": Sizes(96, 1, (1, 2, 7, 2), (5, 7, 9)),
    "small": Sizes(96, 1, (1, 2, 11, 2), (7, 10, 13)),
    "base-plus": Sizes(112, 2, (2, 3, 16, 3), (12, 16, 20), background=14),
    "large": Sizes(144, 2, (2, 6, 36, 4), (23, 33, 43), (8, 4, 16, 8)),
}


def renamed(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """An official state dict under the names of `Sam2VideoModel`.

    Embeddings of the four kinds of points become one tensor, and the matrix of positions is there
    twice; everything else is one to one. Names that are not official stay as they are.
    """
    import torch

    found: dict[str, torch.Tensor] = {}
    points: dict[str, torch.Tensor] = {}
    for official, tensor in state.items():
        if re.fullmatch(rf"{re.escape(POINTS)}\.\d\.weight", official):
            points[official] = tensor
            continue
        found[_renamed(official)] = tensor
    if points:
        rows = [points[official] for official in sorted(points)]
        found["prompt_encoder.point_embed.weight"] = torch.cat(rows)
    if POSITIONS in found:
        found["prompt_encoder.shared_embedding.positional_embedding"] = found[POSITIONS]
    return found


def _renamed(official: str) -> str:
    name = official
    for pattern, replacement in RULES:
        name = re.sub(pattern, replacement, name)
    return name


def trunk_renamed(name: str, prefix: str) -> str:
    """The name of a tensor in a release that hangs SAM 2's trunk under a prefix of its own -> that
    with transformers' names below the prefix; other names stay.

    >>> trunk_renamed("encoder.blocks.3.block.norm1.weight", "encoder.")
    'encoder.blocks.3.block.layer_norm1.weight'
    """
    if not name.startswith(prefix):
        return name
    renamed = _renamed("image_encoder.trunk." + name.removeprefix(prefix))
    return prefix + renamed.removeprefix("vision_encoder.backbone.")


def variant_of(state: Mapping[str, torch.Tensor]) -> str:
    """Which official size a state dict has. Raises `InputError` where it is none of them."""
    trunk = "image_encoder.trunk."
    first = state.get(f"{trunk}pos_embed")
    blocks = {key[len(trunk) :].split(".")[1] for key in state if key.startswith(f"{trunk}blocks.")}
    width = None if first is None else first.shape[1]
    for name, sizes in VARIANTS.items():
        if (width, len(blocks)) == (sizes.embed_dim, sum(sizes.stages)):
            return name
    known = ", ".join(f"{n} {s.embed_dim} x {sum(s.stages)}" for n, s in VARIANTS.items())
    raise InputError(
        f"not the weights of a SAM 2: a trunk {width} wide with {len(blocks)} blocks; expected one "
        f"of {known}, under the official names (image_encoder.trunk.blocks.0 ...)."
    )


def is_2_1(state: Mapping[str, torch.Tensor]) -> bool:
    """Whether a state dict is of SAM 2.1: its memory knows when an object is occluded."""
    return "no_obj_embed_spatial" in state


def load(
    state: Mapping[str, torch.Tensor],
    side: int,
    hole_px: int,
    sizes: Sizes | None = None,
    pruned: int = 0,
) -> Sam2Network:
    """The network for square inputs of `side` pixels, with an official state dict loaded strictly.

    hole_px, pruned  see `Sam2Network`
    sizes    None: those of the official variant that the state dict has

    Raises `InputError` listing all keys and shapes that do not fit.
    """
    chosen = VARIANTS[variant_of(state)] if sizes is None else sizes
    net = network(chosen, side, hole_px, is_2_1(state), pruned)
    load_strictly(net, renamed(state))
    net.train(False)
    return net


def network(sizes: Sizes, side: int, hole_px: int, is_2_1: bool, pruned: int = 0) -> Sam2Network:
    """The network with weights as initialised."""
    from reproduce.models.sam2_network import Sam2Network

    return Sam2Network(_config(sizes, side, is_2_1), hole_px, pruned)


def trunk_config(sizes: Sizes, side: int) -> Sam2HieraDetConfig:
    """The trunk (Hiera) alone, for square inputs of `side` pixels."""
    from transformers import Sam2HieraDetConfig

    return Sam2HieraDetConfig(
        hidden_size=sizes.embed_dim,
        num_attention_heads=sizes.heads,
        image_size=[side, side],
        window_positional_embedding_background_size=[sizes.background, sizes.background],
        blocks_per_stage=list(sizes.stages),
        embed_dim_per_stage=_widths(sizes),
        num_attention_heads_per_stage=[sizes.heads * 2**stage for stage in range(4)],
        window_size_per_stage=list(sizes.windows),
        global_attention_blocks=list(sizes.global_blocks),
    )


def _widths(sizes: Sizes) -> list[int]:
    return [sizes.embed_dim * 2**stage for stage in range(4)]


def _config(sizes: Sizes, side: int, is_2_1: bool) -> Sam2VideoConfig:
    from transformers import Sam2VideoConfig, Sam2VisionConfig
    from transformers.models.sam2_video.configuration_sam2_video import (
        Sam2VideoMaskDecoderConfig,
        Sam2VideoPromptEncoderConfig,
    )

    trunk = trunk_config(sizes, side)
    hidden, grid = sizes.hidden, side // 16
    return Sam2VideoConfig(
        vision_config=Sam2VisionConfig(
            backbone_config=trunk,
            backbone_channel_list=_widths(sizes)[::-1],
            backbone_feature_sizes=[[grid * 4] * 2, [grid * 2] * 2, [grid] * 2],
            fpn_hidden_size=hidden,
        ),
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(hidden_size=hidden, image_size=side),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(hidden_size=hidden),
        image_size=side,
        enable_occlusion_spatial_embedding=is_2_1,
        enable_temporal_pos_encoding_for_object_pointers=is_2_1,
        memory_attention_hidden_size=hidden,
        memory_attention_rope_feat_sizes=[grid, grid],
        memory_encoder_hidden_size=hidden,
        mask_downsampler_embed_dim=hidden,
        memory_fuser_embed_dim=hidden,
        memory_fuser_intermediate_dim=4 * hidden,
    )
