"""What a result records of its plan, and the plan's identity back from the result.

Every field of `RunSpec` stands in `protocol` or in `inputs`, so whoever reads a result can say
which inputs it is of, and compute its id again by the rule it was made under.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from catalog.errors import InputError
from reproduce.ground.plugins import plugin
from reproduce.models.declaring import conduct
from reproduce.runs.spec import Protocol, RunSpec, canonical

if TYPE_CHECKING:
    from catalog.records import Result

# How every run reads weights (`reproduce.checkpoints.loading`).
LOADER = "safetensors or torch.load(weights_only=True), strict"
# Of a spec, what is hashed content; the rest of it is what was done, the protocol.
INPUTS = ("checkpoints", "cases", "prompt_sha256", "statistics_schema", "labels")
# Fields that the result has itself.
OWN = ("kind", "project", "title", "claims")
# Names that carry their version in a result.
VERSIONED = ("adapter", "dataset")


def protocol_of(spec: Protocol) -> dict[str, Any]:
    """What is done between the checkpoint and the counts, in the words of a claim's protocol: of a
    run, or of a plan before its inputs are hashed."""
    does = conduct(plugin("adapters", spec.adapter), spec.adapter_options)
    document = msgspec.to_builtins(spec)
    for name in (*INPUTS, *OWN, "schema", "adapter_version", "dataset_version"):
        document.pop(name, None)
    return {
        **document,
        **dataclasses.asdict(does),
        "adapter": f"{spec.adapter}/{spec.adapter_version}",
        "prompt_profile": spec.prompt_profile or "none",
    }


def inputs_of(spec: RunSpec) -> dict[str, Any]:
    """The hashed inputs; `run_schema` is the rule by which they and the protocol are hashed."""
    document = msgspec.to_builtins(spec)
    return {
        "run_schema": spec.schema,
        **{name: document[name] for name in INPUTS},
        "loader": LOADER,
        "missing_keys": [],
        "unexpected_keys": [],
        "adapter": f"{spec.adapter}/{spec.adapter_version}",
        "dataset": f"{spec.dataset}/{spec.dataset_version}",
    }


def spec_of(result: Result) -> RunSpec:
    """The spec that a result of a run was made of; fields that are younger have their default.

    Raises `InputError` where the recorded inputs are not those of a run.
    """
    known = set(RunSpec.__struct_fields__)
    inputs, protocol = result.inputs, result.protocol
    document = {name: value for name, value in protocol.items() if name in known}
    document |= {name: inputs[name] for name in INPUTS if name in inputs}
    document |= {name: getattr(result, name) for name in OWN}
    document["schema"] = inputs.get("run_schema", "run/1")  # the rule before rules were recorded
    document["prompt_profile"] = _none(protocol.get("prompt_profile"))
    for name in VERSIONED:
        plugin, _, version = str(inputs.get(name)).partition("/")
        document |= {name: plugin, f"{name}_version": int(version) if version.isdecimal() else None}
        if str(protocol.get(name)).partition("/")[0] != plugin:
            raise InputError(
                f"protocol.{name}: expected {plugin} as in inputs.{name}, got {protocol.get(name)}"
            )
    if protocol.get("adapter") != inputs.get("adapter"):
        raise InputError(
            f"protocol.adapter: expected {inputs.get('adapter')} as in inputs.adapter, got "
            f"{protocol.get('adapter')}"
        )
    try:
        return msgspec.convert(document, RunSpec)
    except msgspec.ValidationError as error:
        raise InputError(f"inputs, protocol: not those of a run: {error}") from error


def _none(profile: Any) -> Any:
    return None if profile == "none" else profile


def run_id_of(result: Result) -> str:
    """The id that the recorded inputs of a result give. Raises `InputError` as `spec_of` does."""
    if result.kind != "recomputed":
        return spec_of(result).run_id()
    digest = hashlib.sha256(canonical({"protocol": result.protocol, "inputs": result.inputs}))
    return f"{result.project}-{digest.hexdigest()[:16]}"
