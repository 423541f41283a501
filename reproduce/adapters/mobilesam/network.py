"""MobileSAM: SAM with a TinyViT as image encoder; everything else is SAM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reproduce.models.sam_model import SamModel
from reproduce.models.tinyvit import load_tiny_sam

if TYPE_CHECKING:
    import torch


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SamModel:
    """MobileSAM from a state dict in its layout."""
    sam: Any = load_tiny_sam(state).to(device)  # has the parts of a Sam that `SamModel` uses
    return SamModel(sam, multimask=options["multimask"], encoder="official", dtype=dtype)
