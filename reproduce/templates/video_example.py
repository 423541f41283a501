"""A method that is asked on one plane of a video, or of a volume, and follows the object.

The network is a line, for yours to stand in its place (`sam4mis reproduce plugin check`):
brightness becomes a logit; from plane to plane the box is that of the mask before, one pixel wider.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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

    takes = "uint8"

    def __init__(self, state: Mapping[str, torch.Tensor], device: str) -> None:
        self.weight, self.bias = state["weight"].to(device), state["bias"].to(device)

    def open(self, sample: Sample) -> Session:
        """Planes are encoded when they are first looked at."""
        return Session(self, sample)

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        """This network has no grid of its own."""
        return Reference(sample.labels, sample.valid)


@dataclass(slots=True)
class Session:
    """One stack. Encoded planes are kept for other questions; where the object went is the
    question's own affair."""

    model: Example
    sample: Sample
    encoded: dict[int, torch.Tensor] = field(default_factory=dict)

    def ask(self, prompts: Sequence[Prompt]) -> Answer:
        """Raises `InputError` for what it cannot be asked, before anything is encoded."""
        for prompt in prompts:
            if prompt.box_xy is None or prompt.plane is None:
                raise InputError(
                    f"video-example needs a box on a plane; the prompt for {prompt.label!r} of "
                    f"case {prompt.case} has none. Choose a profile of key planes "
                    "(--prompts box-largest-plane)."
                )
        return Answer(self, prompts)

    def forget(self) -> None:
        """What was encoded stays; of a question nothing is kept."""

    def plane(self, index: int) -> torch.Tensor:
        """(H, W) logits of a plane."""
        import torch

        if index not in self.encoded:
            image = torch.from_numpy(self.sample.values[index].astype("float32"))
            grey = image if image.ndim == 2 else image.mean(dim=2)
            model = self.model
            self.encoded[index] = grey.to(model.weight.device) * model.weight + model.bias
        return self.encoded[index]


@dataclass(frozen=True, slots=True)
class Answer:
    """Objects followed forward from the plane that was asked about, when it is looked at."""

    session: Session
    prompts: Sequence[Prompt]

    def planes(self, grid: Grid) -> Iterator[Answered]:
        """Planes from the first that an object is asked about on, in order. Planes before it are
        not answered about: they count as background."""
        import torch

        boxes: dict[int, list[int]] = {}
        for index in range(self.session.sample.shape[0]):
            logits = self.session.plane(index)
            members, scores = [], []
            for number, prompt in enumerate(self.prompts):
                if prompt.plane == index and prompt.box_xy is not None:
                    boxes[number] = [round(float(v)) for v in prompt.box_xy]
                if number not in boxes:
                    continue
                x0, y0, x1, y1 = boxes[number]
                found = torch.full_like(logits, -10.0)
                found[y0 : y1 + 1, x0 : x1 + 1] = logits[y0 : y1 + 1, x0 : x1 + 1]
                members.append(number)
                scores.append(found[None])
                if (found > 0).any():
                    rows, columns = torch.nonzero(found > 0, as_tuple=True)
                    boxes[number] = [
                        max(int(columns.min()) - 1, 0),
                        max(int(rows.min()) - 1, 0),
                        int(columns.max()) + 1,
                        int(rows.max()) + 1,
                    ]
            if members:
                labels = tuple(self.prompts[number].label for number in members)
                yield Answered(index, members, Prediction(torch.stack(scores), "logit", labels))


class VideoExample(Adapter):
    """Plugin `video-example`."""

    name = "video-example"
    version = 1
    title = "An example that follows objects"
    papers: tuple[str, ...] = ()
    source = "owner/repository @ 0000000 predict.py"
    prompts: tuple[PromptKind, ...] = ("box",)
    dimensionality: Literal["2d", "3d"] = "3d"
    layouts = ("flat",)
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


PLUGIN = VideoExample()
