"""Segment Anything (vit_b, vit_l, vit_h) with its official preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reproduce.contracts import Adapter, Conduct, Option, PromptKind

if TYPE_CHECKING:
    import torch

    from reproduce.contracts import Model


class SamAdapter(Adapter):
    """Wraps any state dict in Segment Anything's layout; sizes are read off its shapes."""

    name = "sam"
    version = 2
    title = "Segment Anything (SAM)"
    papers: tuple[str, ...] = ("2304.02643",)
    source = "segment-anything 1.0 (PyPI), facebookresearch/segment-anything: SamPredictor"
    prompts: tuple[PromptKind, ...] = ("box", "point", "mask")
    dimensionality = "2d"
    layouts = ("flat",)
    options: Mapping[str, Option] = {
        "multimask": Option(
            "single",
            "masks per prompt: the decoder's one for unambiguous prompts, or its three candidates",
            ("single", "three"),
            changes={"candidates": {"three": 3}},
        ),
        "encoder": Option(
            "fused",
            "fused: attention without the full matrix, same weights; official: "
            "segment_anything's own forward (float32 only)",
            ("fused", "official"),
        ),
    }
    does = Conduct("sam-official")
    memory_mib: Mapping[str, int] = {"vit_b": 673, "vit_l": 1516, "vit_h": 2811}
    agreement = (
        "Against SamPredictor with seeded weights, 18 prompts (boxes, points, both, a mask) on one "
        "real image, float32 on a CPU: logits of ViT-B, L and H differ by at most 3.7e-6, 3.8e-6 "
        "and 2.9e-6 (those of ViT-B deviate by 0.7), and 2, 1 and 5 of 14,929,920 pixels change "
        "side. One of eleven runs of ViT-B gave 3.6e-5 and 22 pixels, on a busy machine; why was "
        "not found. With a bfloat16 encoder (ViT-B) Dice is 0.9976 or more (two images)."
    )

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
