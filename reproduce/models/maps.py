"""Networks that answer with one map for each class of an image, and are asked nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from reproduce.contracts import Grid, Plane, Prediction, Prompt, ScoreKind
from reproduce.models.frames import Frame
from reproduce.models.promptable import Encoded, ImageModel
from reproduce.models.sam_encoder import precision


class MapModel(ImageModel):
    """A network (B, 3, side, side) -> logits (B, classes, side, side); what is encoded are those.

    A subclass says how an image becomes the input (`frame`, `pixels`) and, where a release does
    more than bilinear resizing, what becomes of the logits (`scores`).
    """

    kind: ScoreKind = "logit"
    cacheable = False  # the maps are as large as the image

    def __init__(
        self,
        name: str,
        net: nn.Module,
        side: int,
        options: Mapping[str, Any],
        device: str,
        dtype: str,
        classes: Sequence[str] = ("foreground",),
    ) -> None:
        super().__init__(name, options, device, dtype)
        self.net = net.eval().to(device)
        self.side, self.classes = side, tuple(classes)

    @torch.inference_mode()
    def encode(self, planes: Sequence[Plane]) -> list[Encoded]:
        """The maps of each plane, (1, classes, side, side) float32, all in one pass."""
        pixels, frames = self.batch(planes)
        kind = precision(self.dtype)
        with torch.autocast(
            torch.device(self.device).type, kind, enabled=kind is not torch.float32
        ):
            maps = self.net(pixels).float()
        return [Encoded(one[None], frame) for one, frame in zip(maps, frames, strict=True)]

    def logits(self, embedding: Encoded) -> torch.Tensor:
        """(1, classes, side, side) logits, as the network gives them."""
        return embedding.features

    @torch.inference_mode()
    def predict(self, embedding: Encoded, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Scores (classes, 1, h, w); prompts are ignored."""
        scores = self.scores(self.logits(embedding), embedding.frame, grid)
        return Prediction(scores.transpose(0, 1), self.kind, self.classes)

    def scores(self, logits: torch.Tensor, frame: Frame, grid: Grid) -> torch.Tensor:
        """(1, classes, side, side) logits -> (1, classes, h, w) scores on the grid asked for."""
        return frame.inside(logits) if grid == "model_input" else frame.to_original(logits)
