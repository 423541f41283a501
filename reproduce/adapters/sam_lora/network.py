"""SAM with LoRA on q and v of its encoder, merged; everything else is SAM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reproduce.models.lora import merge
from reproduce.models.sam import load_sam
from reproduce.models.sam_model import SamModel

if TYPE_CHECKING:
    import torch


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SamModel:
    """SAM from a base checkpoint with LoRA tensors laid over it."""
    return SamModel(load_sam(merge(state)).to(device), multimask=options["multimask"], dtype=dtype)
