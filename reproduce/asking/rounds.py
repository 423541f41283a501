"""Rounds: ask, count, look for the error, ask again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reproduce.asking.objects import separately, split_regions, stacked, united
from reproduce.asking.prompt_grid import next_prompt, on_network_grid
from reproduce.asking.replay import Identity, identity, replace_round
from reproduce.asking.taking import Taker
from reproduce.contracts import (
    Answered,
    Bring,
    Model,
    Plane,
    PlaneModel,
    Prompt,
    PromptProfile,
    Reference,
    Sample,
    Session,
    StackModel,
)
from reproduce.prompting.regions import SEPARATE
from reproduce.runs.spec import RunSpec

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class View:
    """What is asked about together: planes of a case, with the one who takes the answers.

    planes   one of them for a model that sees one plane at a time, else the whole stack
    prompts  of the first round, that lie on them
    """

    sample: Sample
    planes: Sequence[int]
    prompts: Sequence[Prompt]
    taker: Taker


@dataclass(slots=True)
class Seen:
    """What the model answered to each prompt, as the next prompt is made from it.

    masks    position of the prompt -> plane -> (H, W) bool
    low_res  position -> logits that may be fed back, of the candidate that is followed
    """

    follows: str
    masks: dict[int, dict[int, NDArray[np.bool_]]] = field(default_factory=dict)
    low_res: dict[int, torch.Tensor] = field(default_factory=dict)

    def look(self, answered: Answered) -> None:
        """Keep one plane of an answer, on the grid of the prompts."""
        prediction = answered.prediction
        cut = 0.0 if prediction.kind == "logit" else 0.5
        for k, position in enumerate(answered.members):
            best = 0
            if prediction.predicted_iou is not None and self.follows == "best":
                best = int(prediction.predicted_iou[k].argmax().item())
            mask = (prediction.scores[k, best] > cut).cpu().numpy()
            self.masks.setdefault(position, {})[answered.index] = mask
            if prediction.low_res is not None:
                self.low_res[position] = prediction.low_res[k, best][None].float()

    def predicted(self, position: int, planes: int | None) -> NDArray[np.bool_]:
        """The mask of a prompt: of its one plane, or of a stack of so many `planes`, those that
        were not answered about empty; 0: of as many as were answered about."""
        import numpy as np

        seen = self.masks[position]
        first = next(iter(seen.values()))
        if planes is None:
            return first
        whole = np.zeros((planes or len(seen), *first.shape), np.bool_)
        for index, mask in seen.items():
            whole[index] = mask
        return whole


@dataclass(frozen=True, slots=True)
class Rounds:
    """How a run asks about the targets of one view.

    told      hears the prompts of every later round
    recorded  those of another run, to be asked instead; None: they follow from the answers
    regions   label -> its regions on the grid that is scored, where each is a target of its own;
              found once for all planes, rounds and seeds
    """

    spec: RunSpec
    model: Model
    profile: PromptProfile
    bring: Bring | None
    told: Callable[[Sequence[Prompt]], None]
    recorded: Mapping[Identity, Prompt] | None = None
    regions: dict[str, Mapping[str, NDArray[np.bool_]]] = field(default_factory=dict)

    def ask(self, view: View, session: Session, prompts: Sequence[Prompt]) -> None:
        """Ask about some targets in every round, each from the error of the one before."""
        asked = list(prompts)
        # Clicks are placed on the grid of the prompts, whatever grid is scored.
        same_grid = self.bring is None and self.spec.grid == "original"
        on_plane = self.bring is not None and isinstance(self.model, PlaneModel)
        session.forget()
        for turn in range(self.spec.rounds):
            answer = session.ask(asked)
            last = turn + 1 == self.spec.rounds
            seen = Seen(self.profile.follows)
            for answered in answer.planes(self.spec.grid):
                self._count(view, turn, asked, answered)
                if not last and same_grid:
                    seen.look(answered)
                elif not last and on_plane:
                    seen.look(self.on_prompt_grid(view, answered))
            if last:
                return
            if not same_grid and not on_plane:
                for answered in answer.planes("original" if self.bring is None else "model_input"):
                    seen.look(answered)
            asked = [self.next(view, prompt, seen, i) for i, prompt in enumerate(asked)]
            # Who keeps these must not keep the logits that are fed back, and the device full
            self.told([replace(prompt, mask_input=None) for prompt in asked])

    def on_prompt_grid(self, view: View, answered: Answered) -> Answered:
        """A plane of an answer on the network's whole input."""
        assert self.bring is not None
        some = next(iter(view.sample.labels.values()))[answered.index]
        square = on_network_grid(self.bring, some, answered.prediction, self.spec.adapter)
        return replace(answered, prediction=square)

    def next(self, view: View, prompt: Prompt, seen: Seen, position: int) -> Prompt:
        """The next round's prompt: a click into the error of the candidate that is followed, which
        is fed back as low-resolution logits where the model gives them, unless the profile says
        otherwise."""
        if self.recorded is not None:
            following = self.recorded[replace_round(identity(prompt), prompt.round + 1)]
            return self._fed(following, seen, position)
        whole = self.profile.scope == "stack"
        truth = view.sample.labels[prompt.label]
        if not whole:
            truth = truth[prompt.plane or 0]
        planes = 0 if self.bring is not None else len(truth)
        predicted = seen.predicted(position, planes if whole else None)
        spacing = view.sample.spacing
        following = next_prompt(self.profile, self.bring, prompt, truth, predicted, spacing)
        return self._fed(replace(following, round=prompt.round + 1), seen, position)

    def _fed(self, prompt: Prompt, seen: Seen, position: int) -> Prompt:
        """A prompt with the logits of the answer before, where the profile feeds them back."""
        if not self.profile.feeds or position not in seen.low_res:
            return prompt
        return replace(prompt, mask_input=seen.low_res[position])

    def _count(self, view: View, turn: int, asked: Sequence[Prompt], answered: Answered) -> None:
        """Count one plane of an answer, the prompts of each seed apart; nothing of a plane in which
        no pixel counts."""
        if answered.index not in view.planes:
            return
        prediction = answered.prediction
        prompts = [asked[i] for i in answered.members]
        for seed in sorted({prompt.seed for prompt in prompts}):
            chosen = [k for k, prompt in enumerate(prompts) if prompt.seed == seed]
            part = prediction if len(chosen) == len(prompts) else prediction.part(chosen)
            of_seed = [prompts[k] for k in chosen]
            if self.spec.objects == "separate":
                counted = separately(of_seed, part)
            else:
                counted = united(of_seed, part, self.spec.components == "told")
            truth = None
            if (reference := view.taker.reference(answered.index)) is not None:
                labels, names = self._truth(
                    view, reference, answered.index, counted.names, counted.objects
                )
                truth = stacked(labels, names, view.sample.case.id, part.scores.device)
            view.taker.count(answered.index, turn, seed, counted, truth)

    def _truth(
        self,
        view: View,
        reference: Reference,
        index: int,
        names: Sequence[str],
        objects: Sequence[int],
    ) -> tuple[dict[str, NDArray[np.bool_]], list[str]]:
        """The masks to count against on the grid that is scored, and which of them each is."""
        if self.spec.objects != "separate" or self.profile.per not in SEPARATE:
            return dict(reference.labels), list(names)
        whole = isinstance(self.model, StackModel)
        parts: dict[str, NDArray[np.bool_]] = {}
        for label in dict.fromkeys(names):
            if label not in self.regions:
                self.regions[label] = self._regions(view, label)
            parts |= {n: mask[index] if whole else mask for n, mask in self.regions[label].items()}
        return parts, [f"{n}#{i}" for n, i in zip(names, objects, strict=True)]

    def _regions(self, view: View, label: str) -> Mapping[str, NDArray[np.bool_]]:
        """The regions of a label on the grid that is scored: of the stack, or of the one plane."""
        sample = view.sample
        if isinstance(self.model, StackModel):
            parts = split_regions(self.profile, label, sample.labels[label])
            return self.model.reference(replace(sample, labels=parts), self.spec.grid).labels
        plane = sample.plane(view.planes[0])
        parts = split_regions(self.profile, label, plane.labels[label])
        return self.model.reference(Plane(plane.image, parts, plane.valid), self.spec.grid).labels
