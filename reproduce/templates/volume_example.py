"""A method that takes a volume whole and is asked round by round: a solid box, then clicks.

The network is a line, for yours to stand in its place (`sam4mis reproduce plugin check`):
intensity becomes a logit; a click says what its voxel is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import InputError
from reproduce.contracts import (
    Adapter,
    Answered,
    Conduct,
    Grid,
    Option,
    Prediction,
    Prompt,
    PromptKind,
    Reference,
    Sample,
    StackModel,
)

if TYPE_CHECKING:
    import torch


class Example(StackModel):
    """Loaded weights: (1,) `weight` and `bias`."""

    def __init__(self, state: Mapping[str, torch.Tensor], device: str) -> None:
        self.weight, self.bias = state["weight"].to(device), state["bias"].to(device)

    def open(self, sample: Sample) -> Session:
        """Here a volume is encoded, once for all questions about it."""
        import torch

        if sample.spacing_mm is None:
            raise InputError(
                f"case {sample.case.id}: volume-example looks at mm, and the spacing of the volume "
                "is not known. Use data whose header has it."
            )
        values = torch.from_numpy(sample.values.astype("float32")).to(self.weight.device)
        return Session(values * self.weight + self.bias)

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        """This network has no grid of its own."""
        return Reference(sample.labels, sample.valid)


@dataclass(frozen=True, slots=True)
class Session:
    """One volume; `logits` (S, H, W). A prompt holds all that was said about its object, so nothing
    is kept between two questions."""

    logits: torch.Tensor

    def ask(self, prompts: Sequence[Prompt]) -> Answer:
        """Raises `InputError` for what it cannot be asked, before anything is computed."""
        for prompt in prompts:
            if prompt.box is None:
                raise InputError(
                    f"volume-example needs a solid box; the prompt for {prompt.label!r} of case "
                    f"{prompt.case} has none. Choose a profile of solid boxes."
                )
        return Answer(self.logits, prompts)

    def forget(self) -> None:
        """There is nothing to forget."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Planes are made when they are looked at; a whole float volume for each object never is."""

    logits: torch.Tensor
    prompts: Sequence[Prompt]

    def planes(self, grid: Grid) -> Iterator[Answered]:
        """Every plane, with all objects on it."""
        import torch

        labels = tuple(prompt.label for prompt in self.prompts)
        for index, plane in enumerate(self.logits):
            scores = torch.stack([self._on(index, plane, prompt) for prompt in self.prompts])
            yield Answered(index, range(len(labels)), Prediction(scores, "logit", labels))

    def _on(self, index: int, plane: torch.Tensor, prompt: Prompt) -> torch.Tensor:
        """(1, H, W) logits of one object."""
        import torch

        assert prompt.box is not None
        (s0, y0, x0), (s1, y1, x1) = prompt.box.round().astype(int).tolist()
        found = torch.full_like(plane, -10.0)
        if s0 <= index <= s1:
            found[y0 : y1 + 1, x0 : x1 + 1] = plane[y0 : y1 + 1, x0 : x1 + 1]
        if prompt.points is not None and prompt.point_labels is not None:
            for (s, y, x), on in zip(prompt.points.astype(int), prompt.point_labels, strict=True):
                if int(s) == index:
                    found[y, x] = 10.0 if on else -10.0
        return found[None]


class VolumeExample(Adapter):
    """Plugin `volume-example`."""

    name = "volume-example"
    version = 1
    title = "An example that takes volumes"
    papers: tuple[str, ...] = ()
    source = "owner/repository @ 0000000 predict.py"
    prompts: tuple[PromptKind, ...] = ("solid-box", "point")
    dimensionality: Literal["2d", "3d"] = "3d"
    layouts = ("flat",)
    values: Literal["uint8", "stored"] = "stored"
    options: Mapping[str, Option] = {}
    does = Conduct("unchanged")
    memory_mib: Mapping[str, int] = {}
    agreement = "There is no authors' code."

    def build(
        self, state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
    ) -> Example:
        """Raises `InputError` for other weights."""
        if set(state) != {"weight", "bias"}:
            raise InputError(f"expected weight and bias, the file has {', '.join(sorted(state))}.")
        return Example(state, device)


PLUGIN = VolumeExample()
