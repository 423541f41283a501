"""Replay files: the prompts of a run, hashed. Places in them are (s, y, x) in pixels.

`prompts.json` of a run folder holds the first round of every target, made before the model is
loaded; prompts are seeded per case, so the file is the same whichever order and however many
workers, and its sha256 is part of the run's identity. Prompts of later rounds follow from what the
model said; workers write them beside their shards, in the same form.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from catalog.errors import InputError
from reproduce.asking.prompt_grid import first_prompts
from reproduce.contracts import Bring, Case, Dataset, Prompt, PromptProfile, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SCHEMA = "prompts/2"


def make_prompts(
    dataset: Dataset,
    options: Mapping[str, Any],
    cases: Sequence[Case],
    profile: PromptProfile,
    seeds: Sequence[int],
    on_case: Callable[[str], None] = lambda _: None,
    bring: Bring | None = None,
) -> list[Prompt]:
    """First-round prompts of all cases, labels, planes and seeds, in that order.

    bring  brings masks to the grid that prompts are made on; None: as loaded

    A case that cannot be read gets none here; the run itself records why.
    """
    found: list[Prompt] = []
    for case in cases:
        try:
            sample = dataset.load(case, options)
        except InputError:
            on_case(case.id)
            continue
        for label in sample.labels:
            for plane, mask in _looked_at(profile, sample, label):
                if profile.blind or mask.any():
                    for seed in seeds:
                        found += first_prompts(
                            profile, bring, case.id, label, mask, seed, plane, sample.spacing
                        )
        on_case(case.id)
    return found


def _looked_at(
    profile: PromptProfile, sample: Sample, label: str
) -> Iterator[tuple[int | None, NDArray[np.bool_]]]:
    """The masks of a label that a profile is shown, with the plane of each."""
    whole = sample.labels[label]
    if profile.scope == "stack":
        yield None, whole
        return
    for index in sample.counted_planes():
        yield None if sample.is_image else index, whole[index]


def encode_prompts(
    profile: PromptProfile, seeds: Sequence[int], prompts: Sequence[Prompt]
) -> bytes:
    """The replay file's bytes: JSON, one prompt a line, in order."""
    return replay_file(f"{profile.name}/{profile.version}", seeds, list(encoded_lines(prompts)))


def replay_file(profile: str, seeds: Sequence[int], lines: Sequence[bytes]) -> bytes:
    """A replay file of prompts that are encoded already; `profile` as name/version."""
    head = {"schema": SCHEMA, "profile": profile, "seeds": list(seeds), "prompts": len(lines)}
    return b"\n".join([msgspec.json.encode(head), *lines]) + b"\n"


def encoded_lines(prompts: Iterable[Prompt]) -> Iterator[bytes]:
    """Each prompt as one line of JSON. Logits that are fed back are not written: they follow from
    the rounds before."""
    for prompt in prompts:
        document: dict[str, Any] = {"case": prompt.case, "label": prompt.label, "seed": prompt.seed}
        if prompt.plane is not None:
            document["plane"] = prompt.plane
        if prompt.object_index:
            document["object"] = prompt.object_index
        if prompt.round:
            document["round"] = prompt.round
        for name in ("box", "points", "point_labels", "around"):
            value = getattr(prompt, name)
            if value is not None:
                document[name] = value.tolist()
        if prompt.mask is not None:
            document["mask"] = _runs(prompt.mask)
        if prompt.text is not None:
            document["text"] = prompt.text
        if prompt.oracle:
            document["oracle"] = True
        yield msgspec.json.encode(document)


def read_prompts(path: Path) -> list[Prompt]:
    """Prompts of a replay file. Raises `InputError` where it is not one."""
    try:
        lines = path.read_bytes().splitlines()
        head = msgspec.json.decode(lines[0])
        if head["schema"] != SCHEMA or head["prompts"] != len(lines) - 1:
            raise ValueError(f"expected {SCHEMA} with {head.get('prompts')} prompts")
        return [decoded(line) for line in lines[1:]]
    except (ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise InputError(f"{path}: not a prompt replay file ({error}).") from error


def decoded(line: bytes) -> Prompt:
    """A prompt from its line. Raises `ValueError`, `KeyError` or `TypeError` where it is none."""
    import numpy as np

    document = msgspec.json.decode(line)
    kinds = (
        ("box", np.float64),
        ("points", np.float64),
        ("point_labels", np.int64),
        ("around", np.float64),
    )
    arrays: dict[str, Any] = {
        name: np.asarray(document[name], dtype=kind) for name, kind in kinds if name in document
    }
    if "mask" in document:
        arrays["mask"] = _mask(document["mask"])
    return Prompt(
        case=document["case"],
        label=document["label"],
        seed=document["seed"],
        plane=document.get("plane"),
        object_index=document.get("object", 0),
        round=document.get("round", 0),
        text=document.get("text"),
        oracle=document.get("oracle", False),
        **arrays,
    )


def _runs(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A (H, W) mask as lengths of runs in row order, the first of background."""
    import numpy as np

    flat = mask.ravel()
    changes = np.flatnonzero(np.diff(np.concatenate([[False], flat])))
    bounds = np.concatenate([[0], changes, [flat.size]])
    return {"size": list(mask.shape), "runs": np.diff(bounds).tolist()}


def _mask(document: Mapping[str, Any]) -> NDArray[np.bool_]:
    """The inverse of `_runs`."""
    import numpy as np

    runs = np.asarray(document["runs"])
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(document["size"])


def prompts_sha256(content: bytes) -> str:
    """sha256 of a replay file's bytes."""
    return hashlib.sha256(content).hexdigest()


def by_case(prompts: Sequence[Prompt]) -> dict[str, list[Prompt]]:
    """Prompts of each case, in file order."""
    found: dict[str, list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        found[prompt.case].append(prompt)
    return dict(found)
