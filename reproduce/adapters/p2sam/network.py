"""P2SAM's fine-tuned SAM: SAM with timm's names in the encoder, LoRA merged; no prompt needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from reproduce.contracts import Grid, Prediction, Prompt
from reproduce.models.lora import merge_loralib
from reproduce.models.promptable import Encoded
from reproduce.models.sam import load_sam
from reproduce.models.sam_model import SamModel
from reproduce.models.semantic import unprompted

# The encoder's MLP in timm, and in SAM.
NAMES = {".mlp.fc1.": ".mlp.lin1.", ".mlp.fc2.": ".mlp.lin2."}


class P2Sam(SamModel):
    """SAM that also answers without a prompt: then the one mask of the whole image."""

    def __init__(self, sam: Any, label: str, dtype: str) -> None:
        super().__init__(sam, dtype=dtype)
        self.name, self.label = "p2sam", label

    @torch.inference_mode()
    def predict(self, embedding: Encoded, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Scores of all prompts; without one, of the class `label`."""
        if prompts:
            return super().predict(embedding, prompts, grid)
        low_res = unprompted(self.sam, embedding.features)[:, self.candidates]
        scores = self.scores(low_res, embedding.frame, grid)
        return Prediction(scores=scores, kind=self.kind, labels=(self.label,), low_res=low_res)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> P2Sam:
    """P2SAM's vit_b or vit_l, fully tuned or with LoRA, from the `model` of its checkpoint."""
    plain = {}
    for key, value in merge_loralib(state).items():
        if key.startswith("image_encoder."):
            for timm, sam in NAMES.items():
                key = key.replace(timm, sam)
        plain[key] = value
    return P2Sam(load_sam(plain).to(device), options["label"], dtype)
