"""What is counted of the prompts of one seed on one plane: masks of labels or of single objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from catalog.errors import InputError
from reproduce.contracts import Prediction, Prompt, PromptProfile
from reproduce.prompting.regions import regions

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Counted:
    """N masks to count, with the name and object number of each."""

    prediction: Prediction
    names: Sequence[str]
    objects: Sequence[int]


def separately(prompts: Sequence[Prompt], prediction: Prediction) -> Counted:
    """Every prompted region against its own reference region."""
    return Counted(
        prediction, [prompt.label for prompt in prompts], [p.object_index for p in prompts]
    )


def united(prompts: Sequence[Prompt], prediction: Prediction, told: bool = False) -> Counted:
    """The regions of a label together against its whole mask: the largest score of a pixel is
    foreground exactly where any of them is; the predicted IoU is their mean.

    told  each pixel is numbered by the object, from 1, of the prompt that scores most there
    """
    import torch

    members: dict[str, list[int]] = defaultdict(list)
    for i, prompt in enumerate(prompts):
        members[prompt.label].append(i)
    names = list(members)
    if told:
        cut = 0.0 if prediction.kind == "logit" else 0.5
        numbers = []
        for own in members.values():
            best, which = prediction.scores[own].max(dim=0)
            number = torch.tensor([prompts[i].object_index + 1 for i in own], device=best.device)
            numbers.append(torch.where(best > cut, number[which], 0).int())
        prediction = replace(prediction, objects=torch.stack(numbers))
    if len(names) < len(prompts):
        scores = torch.stack([prediction.scores[i].amax(dim=0) for i in members.values()])
        quality = prediction.predicted_iou
        if quality is not None:
            quality = torch.stack([quality[i].mean(dim=0) for i in members.values()])
        prediction = replace(prediction, scores=scores, predicted_iou=quality)
    return Counted(prediction, names, [0] * len(names))


def by_class(
    classes: Sequence[str], prompts: Sequence[Prompt], prediction: Prediction
) -> Prediction:
    """One mask (classes, C, h, w) of all objects of each class, numbered; N masks before."""
    size = (len(classes), *prediction.scores.shape[1:])
    scores = prediction.scores.new_zeros(size)
    objects = scores.int()
    if prompts:
        together = united(prompts, prediction, told=True)
        for k, name in enumerate(together.names):
            assert together.prediction.objects is not None
            scores[classes.index(name)] = together.prediction.scores[k]
            objects[classes.index(name)] = together.prediction.objects[k]
    return Prediction(scores, prediction.kind, tuple(classes), objects=objects)


def split_regions(
    profile: PromptProfile, label: str, mask: NDArray[np.bool_]
) -> dict[str, NDArray[np.bool_]]:
    """The regions of a label's mask that a profile prompts one by one, as `label#object`."""
    parts = regions(mask, profile.per, profile.neighbours, profile.min_pixels)  # type: ignore[arg-type]  # words of the profile
    return {f"{label}#{index}": part for index, part in enumerate(parts)}


def stacked(
    labels: Mapping[str, NDArray[np.bool_]], names: Sequence[str], case: str, device: torch.device
) -> torch.Tensor:
    """(N, h, w) bool on a device. Raises `InputError` for a class that the data do not have."""
    import numpy as np
    import torch

    unknown = sorted(set(names) - set(labels))
    if unknown:
        raise InputError(
            f"case {case}: the model answers for {', '.join(unknown)}, the data set has "
            f"{', '.join(labels) or 'no class'}. Map them with the claim's run.labels."
        )
    return torch.from_numpy(np.stack([labels[name] for name in names])).to(device)
