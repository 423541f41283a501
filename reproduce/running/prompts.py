"""Replay files: all first-round prompts of a run, made before the model is loaded, and hashed.

`prompts.json` of a run folder. Prompts are seeded per case, so a file is the same whichever order
and however many workers; its sha256 is part of the run's identity.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from catalog.errors import InputError
from reproduce.contracts import Case, Dataset, Prompt, PromptProfile
from reproduce.running.planes import first_prompts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reproduce.running.planes import Plane

SCHEMA = "prompts/1"


def make_prompts(
    dataset: Dataset,
    options: Mapping[str, Any],
    cases: Sequence[Case],
    profile: PromptProfile,
    seeds: Sequence[int],
    on_case: Callable[[str], None] = lambda _: None,
    plane: Plane | None = None,
) -> list[Prompt]:
    """First-round prompts of all cases, labels, slices and seeds, in that order.

    plane  brings masks to the grid that prompts are made on; None: as loaded

    A case that cannot be read gets none here; the run itself records why.
    """
    found: list[Prompt] = []
    for case in cases:
        try:
            sample = dataset.load(case, options)
        except InputError:
            on_case(case.id)
            continue
        for label, whole in sample.labels.items():
            masks: list[tuple[int | None, NDArray[Any]]] = (
                [(None, whole)] if whole.ndim == 2 else list(enumerate(whole))
            )
            for index, mask in masks:
                if not mask.any() and not getattr(profile, "blind", False):
                    continue
                for seed in seeds:
                    found += first_prompts(profile, plane, case.id, label, mask, seed, index)
        on_case(case.id)
    return found


def encode_prompts(
    profile: PromptProfile, seeds: Sequence[int], prompts: Sequence[Prompt]
) -> bytes:
    """The replay file's bytes: JSON, one prompt a line, in order."""
    head = {
        "schema": SCHEMA,
        "profile": f"{profile.name}/{profile.version}",
        "seeds": list(seeds),
        "prompts": len(prompts),
    }
    lines = [msgspec.json.encode(head)]
    for prompt in prompts:
        document: dict[str, Any] = {"case": prompt.case, "label": prompt.label, "seed": prompt.seed}
        if prompt.slice_index is not None:
            document["slice"] = prompt.slice_index
        if prompt.object_index:
            document["object"] = prompt.object_index
        for name in ("box", "points", "point_labels", "mask_input"):
            value = getattr(prompt, name)
            if value is not None:
                document[name] = value.tolist()
        if prompt.oracle:
            document["oracle"] = True
        lines.append(msgspec.json.encode(document))
    return b"\n".join(lines) + b"\n"


def read_prompts(path: Path) -> list[Prompt]:
    """Prompts of a replay file. Raises `InputError` where it is not one."""
    import numpy as np

    try:
        lines = path.read_bytes().splitlines()
        head = msgspec.json.decode(lines[0])
        if head["schema"] != SCHEMA or head["prompts"] != len(lines) - 1:
            raise ValueError(f"expected {SCHEMA} with {head.get('prompts')} prompts")
        found = []
        for line in lines[1:]:
            document = msgspec.json.decode(line)
            arrays: dict[str, Any] = {
                name: np.asarray(document[name], dtype=dtype)
                for name, dtype in (
                    ("box", np.float64),
                    ("points", np.float64),
                    ("point_labels", np.int64),
                    ("mask_input", np.float32),
                )
                if name in document
            }
            found.append(
                Prompt(
                    case=document["case"],
                    label=document["label"],
                    seed=document["seed"],
                    slice_index=document.get("slice"),
                    object_index=document.get("object", 0),
                    oracle=document.get("oracle", False),
                    **arrays,
                )
            )
    except (ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise InputError(f"{path}: not a prompt replay file ({error}).") from error
    return found


def prompts_sha256(content: bytes) -> str:
    """sha256 of a replay file's bytes."""
    return hashlib.sha256(content).hexdigest()


def by_plane(prompts: Sequence[Prompt]) -> dict[tuple[str, int | None], list[Prompt]]:
    """Prompts by (case, slice), each in file order."""
    found: dict[tuple[str, int | None], list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        found[prompt.case, prompt.slice_index].append(prompt)
    return dict(found)
