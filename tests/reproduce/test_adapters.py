"""Adapters of released methods: the official layout fits strictly; options, prompts are checked.

Layouts hold the names and shapes of the releases' own state dicts (`layouts/*.json.gz`, read off
the authors' code). They are loaded without memory here; the figures of agreement with that code, on
real images with seeded weights, are in `reproduce/adapters/agreement.json`.
"""

from __future__ import annotations

import pytest
import torch
from seeded import layout, meta

from catalog.errors import InputError, UsageError
from reproduce.models.declaring import check_prompts, resolve_options
from reproduce.plugins import plugin

# adapter, layouts laid over each other, options
RELEASES = [
    ("medsam", ("sam_vit_b",), {}),
    ("sam_med2d", ("sam_med2d",), {}),
    ("samed", ("sam_vit_b", "samed_lora"), {}),
    ("samed", ("sam_vit_b", "samed_s_lora"), {}),
]


def state_of(names: tuple[str, ...]) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {}
    for name in names:
        state |= meta(layout(name))
    return state


@pytest.mark.parametrize(("name", "layouts", "options"), RELEASES, ids=lambda v: str(v))
def test_the_official_layout_fits_and_nothing_else(name, layouts, options):
    adapter = plugin("adapters", name)
    state = state_of(layouts)
    adapter.build(state, options, "meta", "float32")

    gone = next(key for key in reversed(state) if key.endswith("weight"))
    with pytest.raises(InputError, match=gone.replace(".", r"\.")):
        adapter.build({k: v for k, v in state.items() if k != gone}, options, "meta", "float32")
    extra = state | {"head.that.nobody.trained": torch.empty(3, device="meta")}
    with pytest.raises(InputError, match=r"head\.that\.nobody\.trained"):
        adapter.build(extra, options, "meta", "float32")
    bent = state | {gone: torch.empty((*state[gone].shape, 2), device="meta")}
    with pytest.raises(InputError, match=gone.replace(".", r"\.")):
        adapter.build(bent, options, "meta", "float32")


def test_options_that_do_not_exist_are_told_all_at_once():
    adapter = plugin("adapters", "sam_med2d")
    with pytest.raises(UsageError) as error:
        resolve_options(adapter, {"chanels": "rgb", "resize": "cubic"})
    assert "'chanels'" in str(error.value)
    assert "expected one of 'nearest', 'bilinear'; got 'cubic'" in str(error.value)


def test_prompts_never_trained_for_are_refused_unless_named_and_then_labelled():
    medsam = plugin("adapters", "medsam")
    assert check_prompts(medsam, "box") is None
    with pytest.raises(UsageError, match="--allow-prompt point"):
        check_prompts(medsam, "point")
    with pytest.raises(UsageError):
        check_prompts(medsam, "point", allow=("none",))
    label = check_prompts(medsam, "point", allow=("point",))
    assert label == "untrained-prompt: medsam was trained for box, run with point"
