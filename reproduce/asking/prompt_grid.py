"""Prompts on the grid that a release makes them on.

Prompts are kept in pixels of the image as loaded, whatever they were made on. Where a release
resizes the mask first and takes boxes and clicks from that (SAM-Med2D, SAMUS, Medical SAM Adapter),
its adapter says so with `prompt_grid`; then profiles see that mask, and what they answer is
brought back to the image. The network gets the very coordinates that the release would have used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import (
    Adapter,
    Bring,
    Grid,
    Prediction,
    Prompt,
    PromptProfile,
    Spacing,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def declared_grid(adapter: Adapter, options: Mapping[str, Any]) -> Grid:
    """The grid on which the release behind an adapter makes its prompts."""
    return "original" if bring_of(adapter, options, "model_input") is None else "model_input"


def bring_of(adapter: Adapter, options: Mapping[str, Any], grid: Grid) -> Bring | None:
    """How masks are brought to the grid of the prompts; None: prompts are made on them as loaded.

    None also for `model_input` where the adapter declares no such grid.
    """
    if grid == "original":
        return None
    return adapter.prompt_grid(options)


def first_prompts(
    profile: PromptProfile,
    bring: Bring | None,
    case: str,
    label: str,
    mask: NDArray[np.bool_],
    seed: int,
    plane: int | None,
    spacing: Spacing = (None, None, None),
) -> list[Prompt]:
    """First-round prompts of one mask (H, W), or (S, H, W) for a profile that looks at stacks, in
    pixels of the data as loaded; `spacing` of its sample."""
    if bring is None:
        return profile.prompts(case, label, mask, seed, plane)
    seen = bring(mask, spacing)
    made = profile.prompts(case, label, seen.mask, seed, plane)
    told = [_moved(prompt, seen.to_image) for prompt in made]
    if seen.around is None:
        return told
    # What lies around the answer is cut out for the model: the answer was looked at.
    return [replace(prompt, around=seen.around, oracle=True) for prompt in told]


def next_prompt(
    profile: PromptProfile,
    bring: Bring | None,
    prompt: Prompt,
    mask: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    spacing: Spacing = (None, None, None),
) -> Prompt:
    """The next round's prompt; `predicted` is on the grid of the prompts, `mask` as loaded."""
    if bring is None:
        return profile.refine(prompt, mask, predicted)
    seen = bring(mask, spacing)
    asked = _moved(prompt, seen.to_input)
    return _moved(profile.refine(asked, seen.mask, predicted), seen.to_image)


def check_side(bring: Bring, side: int | None) -> None:
    """Raise `InputError` unless the grid is as large as the input of the network that was loaded.

    side  of the network's square input in pixels; None: the model does not say
    """
    import numpy as np

    if side is None:
        return
    made = bring(np.ones((2, 2), np.bool_), (None, None, None)).mask.shape[0]
    if made != side:
        raise InputError(
            f"prompts were made on a grid of {made} px, the checkpoint's network sees {side} px. "
            f"Say its size (--set adapter.image_size={side}), or make prompts on the masks as "
            "loaded (--set prompt_grid=original; the run then serves no claim)."
        )


def _moved(prompt: Prompt, move: Callable[[NDArray[Any]], NDArray[np.float64]]) -> Prompt:
    """A prompt with its coordinates on another grid."""
    return replace(
        prompt,
        box=None if prompt.box is None else move(prompt.box),
        points=None if prompt.points is None else move(prompt.points),
    )


def on_network_grid(
    bring: Bring, mask: NDArray[np.bool_], prediction: Prediction, adapter: str
) -> Prediction:
    """Scores on the network's whole input, padding included: where these releases look for errors.

    They are the low-resolution logits in one bilinear step. mask (H, W) of any label
    """
    from torch.nn.functional import interpolate

    if prediction.low_res is None:
        raise InputError(
            f"adapter {adapter}: no logits on the network's grid to place clicks on; "
            "make prompts on the masks as loaded (--set prompt_grid=original)."
        )
    side = bring(mask, (None, None, None)).mask.shape
    square = interpolate(prediction.low_res, side, mode="bilinear", align_corners=False)
    return replace(prediction, scores=square, kind="logit")
