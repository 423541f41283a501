"""Segment Anything (vit_b, vit_l, vit_h) with its official preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reproduce.contracts import Option, PromptKind

if TYPE_CHECKING:
    import torch

    from reproduce.contracts import Model


class SamAdapter:
    """Wraps any state dict in Segment Anything's layout; sizes are read off its shapes."""

    name = "sam"
    version = 1
    title = "Segment Anything (SAM)"
    papers: tuple[str, ...] = ()
    source = "facebookresearch/segment-anything @ 6fdee8f2727f4506cfbbe553e23b895e27956588"
    prompts: tuple[PromptKind, ...] = ("box", "point", "mask")
    dimensionality = "2d"
    layouts = ("flat",)
    options: Mapping[str, Option] = {
        "multimask": Option(
            "single",
            "masks per prompt: the decoder's one for unambiguous prompts, or its three candidates",
            ("single", "three"),
        ),
        "encoder": Option(
            "fused",
            "fused: attention without the full matrix, same weights; official: "
            "segment_anything's own forward (float32 only)",
            ("fused", "official"),
        ),
    }
    memory_mib: Mapping[str, int] = {}
    agreement = ""

    def build(
        self, state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
    ) -> Model:
        """Build and load strictly; `dtype` is the encoder's (the decoder stays in float32)."""
        from reproduce.models.sam import load_sam
        from reproduce.models.sam_model import SamModel

        sam = load_sam(state).to(device)
        chosen = {name: options.get(name, option.default) for name, option in self.options.items()}
        return SamModel(sam, dtype=dtype, **chosen)


PLUGIN = SamAdapter()
