"""Files of a release that are no weights, as an adapter gets them (`reproduce.contracts.FILE`)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import FILE

if TYPE_CHECKING:
    import torch

#: What nnU-Net's plans name their network by: a class of its own package of networks.
NETWORK = re.compile(r"dynamic_network_architectures\.architectures\.\w+\.\w+")


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


def layer_named(name: Any) -> type[torch.nn.Module]:
    """The layer that plans name, such as `torch.nn.modules.conv.Conv3d`; nothing is imported.

    Raises `InputError` for every other name: what a file says is looked up and called.
    """
    from torch import nn

    text = str(name)
    found = vars(nn).get(text.rpartition(".")[2]) if text.startswith("torch.nn.") else None
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise InputError(f"plans.json names {text[:80]!r}, which is no layer of torch.nn.")
    return found


def checked_plans(plans: Mapping[str, Any]) -> None:
    """Raises `InputError` where a network of the plans would be made of anything but layers."""
    for configuration in plans.get("configurations", {}).values():
        made = configuration.get("architecture") or {}
        network = str(made.get("network_class_name", ""))
        if network and not NETWORK.fullmatch(network):
            raise InputError(f"plans.json names {network[:80]!r}, which is no network of nnU-Net.")
        for key in made.get("_kw_requires_import", ()):
            if name := made.get("arch_kwargs", {}).get(key):
                layer_named(name)
