"""Prompts on the grid that a release makes them on.

Prompts are kept in pixels of the image as loaded, whatever they were made on. Where a release
resizes the mask first and takes boxes and clicks from that (SAM-Med2D, SAMUS, Medical SAM Adapter),
its adapter says so with `prompt_plane`; then profiles see that mask, and what they answer is
brought back to the image. The network gets the very coordinates that the release would have used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Adapter, Grid, Prompt, PromptProfile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reproduce.models.frames import PromptPlane

    Plane = Callable[[NDArray[np.bool_]], PromptPlane]


def declared_grid(adapter: Adapter, options: Mapping[str, Any]) -> Grid:
    """The grid on which the release behind an adapter makes its prompts."""
    return "original" if plane_of(adapter, options, "model_input") is None else "model_input"


def plane_of(adapter: Adapter, options: Mapping[str, Any], grid: Grid) -> Plane | None:
    """How masks are brought to the grid of the prompts; None: prompts are made on them as loaded.

    None also for `model_input` where the adapter declares no such grid.
    """
    declared = getattr(adapter, "prompt_plane", None)
    if grid == "original" or declared is None:
        return None
    plane: Plane | None = declared(options)
    return plane


def first_prompts(
    profile: PromptProfile,
    plane: Plane | None,
    case: str,
    label: str,
    mask: NDArray[np.bool_],
    seed: int,
    slice_index: int | None,
) -> list[Prompt]:
    """First-round prompts of one (H, W) mask, in pixels of the image as loaded."""
    if plane is None:
        return profile.prompts(case, label, mask, seed, slice_index)
    seen = plane(mask)
    made = profile.prompts(case, label, seen.mask, seed, slice_index)
    return [_moved(prompt, seen.frame.to_image) for prompt in made]


def next_prompt(
    profile: PromptProfile,
    plane: Plane | None,
    prompt: Prompt,
    mask: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
) -> Prompt:
    """The next round's prompt; `predicted` is on the grid of the prompts, `mask` as loaded."""
    if plane is None:
        return profile.refine(prompt, mask, predicted)
    seen = plane(mask)
    asked = _moved(prompt, seen.frame.to_input)
    return _moved(profile.refine(asked, seen.mask, predicted), seen.frame.to_image)


def check_side(plane: Plane, side: int | None) -> None:
    """Raise `InputError` unless the plane is as large as the input of the network that was loaded.

    side  of the network's square input in pixels; None: the model does not say
    """
    import numpy as np

    made = plane(np.ones((2, 2), np.bool_)).mask.shape[0]
    if side is not None and made != side:
        raise InputError(
            f"prompts were made on a grid of {made} px, the checkpoint's network sees {side} px. "
            f"Say its size (--set adapter.image_size={side}), or make prompts on the masks as "
            "loaded (--set prompt_grid=original; the run then serves no claim)."
        )


def _moved(prompt: Prompt, move: Callable[[NDArray[Any]], NDArray[np.float64]]) -> Prompt:
    """A prompt with its coordinates on another grid."""
    changes: dict[str, Any] = {}
    if prompt.box is not None:
        changes["box"] = move(prompt.box.reshape(2, 2)).reshape(4)
    if prompt.points is not None:
        changes["points"] = move(prompt.points)
    return replace(prompt, **changes)
