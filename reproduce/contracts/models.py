"""Loaded checkpoints as the core asks them, and the adapters that build them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from reproduce.contracts.prompts import Bring, Grid, Prompt, PromptKind, Scope
from reproduce.contracts.samples import Plane, Sample

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

ScoreKind = Literal["logit", "probability", "label"]
#: Before the name of a file of a release that is no weights (plans): its bytes, a uint8 tensor.
FILE = "file."


@dataclass(frozen=True, slots=True)
class Conduct:
    """What an adapter does, in the words of `catalog/data/protocol_words.yaml` that claims use.

    candidates  masks for each prompt
    answers     label: finished masks, to which no threshold of ours applies
    decided     what made such masks: argmax, or the probability that each has to exceed

    None: there is no word for it, or (of a run) nothing tells.
    """

    preprocessing: str | None
    postprocessing: str | None = "none"
    candidates: int | None = 1
    answers: ScoreKind | None = "logit"
    decided: Literal["argmax"] | float | None = "argmax"


@dataclass(frozen=True, slots=True)
class Option:
    """A declared switch of an adapter, recorded with every run.

    changes  field of `Conduct` -> value of the switch -> what it is then; what a value does that
             stands in no such table has no word, and a run with it answers no claim
    """

    default: Any
    description: str
    choices: tuple[Any, ...] | None = None
    changes: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model said about N objects (promptable) or N classes (automatic) of one plane.

    scores  (N, C, h, w) float tensor (labels also bool) on the model's device; C mask candidates,
            in the model's order (for SAM with multimask: 3, else 1); h, w of the grid asked for
    kind    logit (foreground > 0), probability (0-1), or label (0/1, thresholds do not apply)
    predicted_iou  (N, C) float tensor, or None where the model gives none
    labels  class name of each of the N
    low_res (N, C, l, l) logits that may be fed back as `mask_input`, or None
    objects (N, C, h, w) int32 of an automatic model that tells the objects of a class apart: the
            number of each pixel's object, from 1, 0 outside the mask, no number in two classes;
            else None
    """

    scores: torch.Tensor
    kind: ScoreKind
    labels: tuple[str, ...]
    predicted_iou: torch.Tensor | None = None
    low_res: torch.Tensor | None = None
    objects: torch.Tensor | None = None

    def part(self, members: Sequence[int]) -> Prediction:
        """Some of the N, in the order given."""
        index = list(members)
        return Prediction(
            self.scores[index],
            self.kind,
            tuple(self.labels[i] for i in index),
            None if self.predicted_iou is None else self.predicted_iou[index],
            None if self.low_res is None else self.low_res[index],
            None if self.objects is None else self.objects[index],
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """Ground truth on the grid that is scored: label -> bool array, (h, w) of a plane or (S, h, w)
    of a stack; valid of the same shape, or None. objects: label -> numbers of its objects (as in
    `Sample`), of a plane, where they are told apart on this grid."""

    labels: Mapping[str, NDArray[np.bool_]]
    valid: NDArray[np.bool_] | None = None
    objects: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)


class PlaneModel:
    """A model that sees one plane at a time. The core asks it plane by plane.

    takes      `uint8`: images as bytes; `any`: values as stored
    cacheable  False where computing an embedding is cheaper than reading it back
    side       of the network's square input in pixels; None: it does not say
    finds      classes whose objects a first stage of its own finds (`find`), so that it can be run
               without prompts; (): it has none
    """

    scope: ClassVar[Scope] = "plane"
    takes: Literal["uint8", "any"] = "uint8"
    cacheable: bool = True
    side: int | None = None
    finds: tuple[str, ...] = ()

    def preprocessing_id(self) -> str:
        """Hash of everything that changes an embedding but is not the image or the checkpoint."""
        raise NotImplementedError

    def encode(self, planes: Sequence[Plane]) -> list[Any]:
        """Image embeddings (or whatever `predict` needs), one a plane."""
        raise NotImplementedError

    def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Scores for all prompts of one plane at once; automatic models ignore `prompts`. One with
        `finds` answers N = 0 masks to none."""
        raise NotImplementedError

    def find(self, embedding: Any, case: str, plane: int | None) -> list[Prompt]:
        """The prompts that the first stage makes of a plane, each an object of one of `finds`,
        with another `object_index`. They go to the replay file, and `predict` is asked them.

        plane  as prompts name it; None: an image
        """
        raise NotImplementedError

    def reference(self, plane: Plane, grid: Grid) -> Reference:
        """The ground truth brought to the grid that `predict` answers on."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Answered:
    """One plane of an answer.

    index       of the plane in the stack
    members     positions of the N in what was asked; of an automatic model's labels: 0 to N - 1
    prediction  scores (N, C, h, w) on that plane, and what goes with them
    """

    index: int
    members: Sequence[int]
    prediction: Prediction


class Answer(Protocol):
    """What a model said about a stack. Planes are made when they are asked for, never held."""

    def planes(self, grid: Grid) -> Iterator[Answered]:
        """The planes answered about, in order."""


class Session(Protocol):
    """A model opened on a stack. What it keeps between two questions is its own affair."""

    def ask(self, prompts: Sequence[Prompt]) -> Answer:
        """Scores for all prompts; a prompt holds all that was said about its object so far. What
        the session remembers of an object may be corrected by it, until it is told to forget."""

    def forget(self) -> None:
        """Drop what earlier questions left (memory, propagated masks); the encoding is kept."""


class StackModel:
    """A model that takes a stack whole, with its sliding window or propagation inside.

    joint  what it says of an object depends on the others that are asked about: all of a case and
           seed are asked at once, in the order of the data set's classes
    """

    scope: ClassVar[Scope] = "stack"
    joint: bool = False
    takes: Literal["uint8", "any"] = "any"
    cacheable: bool = False
    side: int | None = None

    def preprocessing_id(self) -> str:
        """Hash of everything that changes the encoding but is not the data or the checkpoint."""
        raise NotImplementedError

    def open(self, sample: Sample) -> Session:
        """Encode a stack. Raises `InputError` for one that it cannot take."""
        raise NotImplementedError

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        """The ground truth brought to the grid that answers are given on, (S, h, w)."""
        raise NotImplementedError


Model = PlaneModel | StackModel


class Adapter(Protocol):
    """A plugin in `reproduce/adapters`: our wrapper of one method."""

    name: str
    version: int
    title: str
    papers: tuple[str, ...]
    source: str  # repository @ commit whose behaviour it follows
    prompts: tuple[PromptKind, ...]  # prompts it was trained for
    dimensionality: Literal["2d", "3d"]
    layouts: tuple[str, ...]  # checkpoint layouts it accepts (reproduce.checkpoints.layouts)
    options: Mapping[str, Option]
    does: Conduct  # with every option at its default; `reproduce.models.declaring.conduct`
    memory_mib: Mapping[str, int]  # variant -> peak on a CPU (`python -m benchmarks memory`)
    agreement: str  # how it was compared with the authors' code, and the largest difference
    untrained: tuple[PromptKind, ...] = ()  # others that can be asked, only by name and labelled
    values: Literal["uint8", "stored"] = "uint8"  # what its preprocessing starts from
    brought: tuple[str, ...] = ()  # files that no release has: a user makes them, after the weights
    extra: str | None = None  # of this distribution, which brings the authors' own package

    def build(
        self, state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
    ) -> Model:
        """Build the model and load `state` strictly (`FILE`: what is no weights). Raises
        `InputError` listing key mismatches."""

    def prompt_grid(self, options: Mapping[str, Any]) -> Bring | None:
        """How masks are brought to the grid on which a release makes its prompts; None: prompts
        are made on masks as loaded."""
        return None
