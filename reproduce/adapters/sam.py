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
        ),
        "encoder": Option(
            "fused",
            "fused: attention without the full matrix, same weights; official: "
            "segment_anything's own forward (float32 only)",
            ("fused", "official"),
        ),
    }
    memory_mib: Mapping[str, int] = {"vit_b": 584, "vit_l": 1493, "vit_h": 2797}
    agreement = (
        "Against SamPredictor with seeded ViT-B weights, eight boxes on each of three real images, "
        "float32 on a CPU: logits differ by at most 2.8e-6 (their deviation is 0.38), 3 of "
        "12,079,840 pixels change side, each with an official logit below 5e-7; Dice between the "
        "masks is above 0.99999. ViT-L and ViT-H, 18 prompts on one of the images: at most 4.1e-6 "
        "and 3.0e-6; 0 and 5 of 14,929,920 pixels change side. With a bfloat16 encoder (ViT-B) "
        "Dice is 0.9976 or more (two images)."
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
