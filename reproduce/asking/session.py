"""Models that see one plane at a time, opened on a stack (`reproduce.contracts.Session`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reproduce.contracts import Answered, Grid, PlaneModel, Prompt


@dataclass(frozen=True, slots=True)
class PlaneSession:
    """A plane model lifted over planes of a stack.

    planes     indices it is asked about
    embedding  index -> the model's embedding of that plane
    """

    model: PlaneModel
    planes: Sequence[int]
    embedding: Callable[[int], Any]

    def ask(self, prompts: Sequence[Prompt]) -> PlaneAnswer:
        """Each prompt is asked on its plane; without prompts the model answers for every plane."""
        return PlaneAnswer(self, prompts)

    def forget(self) -> None:
        """Nothing is kept between two questions."""


@dataclass(frozen=True, slots=True)
class PlaneAnswer:
    """What a plane model says, plane by plane, when it is looked at."""

    session: PlaneSession
    prompts: Sequence[Prompt]

    def planes(self, grid: Grid) -> Iterator[Answered]:
        """The planes with a prompt, or all of them where the model takes none."""
        model, embedding = self.session.model, self.session.embedding
        if not self.prompts:
            for index in self.session.planes:
                prediction = model.predict(embedding(index), [], grid)
                yield Answered(index, range(len(prediction.labels)), prediction)
            return
        members: dict[int, list[int]] = {}
        for position, prompt in enumerate(self.prompts):
            members.setdefault(prompt.plane or 0, []).append(position)
        for index, positions in sorted(members.items()):
            asked = [self.prompts[i] for i in positions]
            yield Answered(index, positions, model.predict(embedding(index), asked, grid))
