"""Files of a release that are no weights, as an adapter gets them (`reproduce.contracts.FILE`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import FILE

if TYPE_CHECKING:
    import torch


def weights_of(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What is left of a state dict without such files."""
    return {name: tensor for name, tensor in state.items() if not name.startswith(FILE)}


def content(state: Mapping[str, torch.Tensor], name: str) -> bytes:
    """One file. Raises `InputError` where it was not given."""
    if FILE + name not in state:
        there = ", ".join(key.removeprefix(FILE) for key in state if key.startswith(FILE))
        raise InputError(
            f"{name} of the release is missing beside the weights; given: {there or 'none'}. Name "
            "all files, each with --checkpoint."
        )
    return state[FILE + name].numpy().tobytes()


def json_of(state: Mapping[str, torch.Tensor], name: str) -> Any:
    """One file that is JSON. Raises `InputError` where it is not given, or something else."""
    try:
        return json.loads(content(state, name))
    except ValueError as error:
        raise InputError(f"{name}: expected JSON ({error})") from error
