"""A method that sees one plane at a time and takes boxes: images, and volumes plane by plane.

The network is a line, for yours to stand in its place (`sam4mis reproduce plugin check`):
brightness becomes a logit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import InputError
from reproduce.contracts import (
    Adapter,
    Conduct,
    Grid,
    Option,
    Plane,
    PlaneModel,
    Prediction,
    Prompt,
    PromptKind,
    Reference,
)

if TYPE_CHECKING:
    import torch


class Example(PlaneModel):
    """Loaded weights: (1,) `weight` and `bias`."""

    def __init__(self, state: Mapping[str, torch.Tensor], device: str) -> None:
        self.weight, self.bias = state["weight"].to(device), state["bias"].to(device)

    def preprocessing_id(self) -> str:
        return "example, values as loaded"

    def encode(self, planes: Sequence[Plane]) -> list[Any]:
        """(H, W) logits of each plane: what is worth keeping between prompts."""
        import torch

        grey = [torch.from_numpy(plane.image.astype("float32").mean(axis=2)) for plane in planes]
        return [image.to(self.weight.device) * self.weight + self.bias for image in grey]

    def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """One mask a prompt, nothing outside its box."""
        import torch

        scores = torch.full((len(prompts), 1, *embedding.shape), -10.0, device=embedding.device)
        for number, prompt in enumerate(prompts):
            if prompt.box_xy is None:
                raise InputError(
                    f"plane-example needs a box; the prompt for {prompt.label!r} of case "
                    f"{prompt.case} has none. Choose a profile of boxes."
                )
            x0, y0, x1, y1 = (round(float(v)) for v in prompt.box_xy)
            part = (slice(y0, y1 + 1), slice(x0, x1 + 1))
            scores[number, 0][part] = embedding[part]
        return Prediction(scores, "logit", tuple(prompt.label for prompt in prompts))

    def reference(self, plane: Plane, grid: Grid) -> Reference:
        """This network has no grid of its own."""
        return Reference(plane.labels, plane.valid)


class PlaneExample(Adapter):
    """Plugin `plane-example`."""

    name = "plane-example"
    version = 1
    title = "An example that sees planes"
    papers: tuple[str, ...] = ()
    source = "owner/repository @ 0000000 predict.py"
    prompts: tuple[PromptKind, ...] = ("box",)
    dimensionality: Literal["2d", "3d"] = "2d"
    layouts = ("flat",)
    options: Mapping[str, Option] = {}
    does = Conduct("unchanged")
    memory_mib: Mapping[str, int] = {}
    agreement = "There is no authors' code."

    def build(
        self, state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
    ) -> Example:
        """Raises `InputError` for other weights; a real network is given its own with
        `reproduce.models.sam.load_strictly`."""
        if set(state) != {"weight", "bias"}:
            raise InputError(f"expected weight and bias, the file has {', '.join(sorted(state))}.")
        return Example(state, device)


PLUGIN = PlaneExample()
