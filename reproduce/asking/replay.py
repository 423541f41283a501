"""Replay files: the prompts of a run, hashed. Places in them are (s, y, x) in pixels.

`prompts.json` of a run folder holds the first round of every target, made before the model is
loaded; prompts are seeded per case, so the file is the same whichever order and however many
workers, and its sha256 is part of the run's identity. Prompts of later rounds follow from what the
model said; workers write them beside their shards, in the same form, and `rounds.json` holds them
all, as it does what the first stage of a model found (round 0; such a run has no `prompts.json`).
The files given again, a run asks just that: `Replay`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from catalog import json_in
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

    A case that cannot be read gets none here; the run itself records why. Raises `InputError`
    naming the case for data on which the release cannot make its prompts (of unknown spacing).
    """
    found: list[Prompt] = []
    for case in cases:
        try:
            sample = dataset.load(case, options)
        except InputError:
            on_case(case.id)
            continue
        try:
            found += prompts_of(sample, profile, seeds, bring)
        except InputError as error:
            raise InputError(f"case {case.id}: {error}") from error
        on_case(case.id)
    return found


def prompts_of(
    sample: Sample, profile: PromptProfile, seeds: Sequence[int], bring: Bring | None
) -> list[Prompt]:
    """First-round prompts of one case: all labels, planes and seeds, in that order."""
    case = sample.case.id
    return [
        prompt
        for label in sample.labels
        for plane, mask in _looked_at(profile, sample, label)
        if profile.blind or mask.any()
        for seed in seeds
        for prompt in first_prompts(profile, bring, case, label, mask, seed, plane, sample.spacing)
    ]


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
        head = json_in.decoded(lines[0])
        if head["schema"] != SCHEMA or head["prompts"] != len(lines) - 1:
            raise ValueError(f"expected {SCHEMA} with {head.get('prompts')} prompts")
        return [decoded(line) for line in lines[1:]]
    except (ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise InputError(f"{path}: not a prompt replay file ({error}).") from error


def _head(path: Path) -> tuple[str, tuple[int, ...]]:
    """Profile and seeds of a replay file. Raises `InputError` where it is not one."""
    try:
        head = json_in.decoded(path.read_bytes().partition(b"\n")[0])
        return msgspec.convert(head["profile"], str), tuple(
            msgspec.convert(head["seeds"], list[int])
        )
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(f"{path}: not a prompt replay file ({error}).") from error


def decoded(line: bytes) -> Prompt:
    """A prompt from its line. Raises `ValueError`, `KeyError` or `TypeError` where it is none."""
    import numpy as np

    document = json_in.decoded(line)
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


#: The profile of prompts that a model's own first stage made.
FOUND = "self/1"
PROMPTS = "prompts.json"
ROUNDS = "rounds.json"


@dataclass(frozen=True, slots=True)
class Replay:
    """Prompts of every round that a run asked, to be asked again.

    name     of the run, or of the folder
    profile  `name/version` that made them;  seeds  that they were made with
    first    prompts of the first round;  later  of the others
    """

    name: str
    profile: str
    seeds: tuple[int, ...]
    first: tuple[Prompt, ...]
    later: tuple[Prompt, ...]

    @classmethod
    def read(cls, folder: Path) -> Replay:
        """Of a run's folder. Raises `InputError` for one without prompts, or with other rounds
        than its profile asks."""
        if not (folder / PROMPTS).is_file():
            if (folder / ROUNDS).is_file() and _head(folder / ROUNDS)[0] == FOUND:
                seeds, found = _head(folder / ROUNDS)[1], read_prompts(folder / ROUNDS)
                return cls(folder.resolve().name, FOUND, seeds, tuple(found), ())
            raise InputError(
                f"{folder}: no {PROMPTS}, so there is nothing to replay. Name the folder of a run "
                "that took prompts (build/runs/<run> or reproduce/results/<run>)."
            )
        (profile, seeds), first = _head(folder / PROMPTS), read_prompts(folder / PROMPTS)
        later: list[Prompt] = []
        if (folder / ROUNDS).is_file():
            if _head(folder / ROUNDS) != (profile, seeds):
                raise InputError(f"{folder / ROUNDS}: of another profile or seeds than {PROMPTS}.")
            later = read_prompts(folder / ROUNDS)
        return cls(folder.resolve().name, profile, seeds, tuple(first), tuple(later))

    def of_cases(self, cases: Collection[str], rounds: int) -> Replay:
        """The part about some cases. Raises `InputError` where a prompt lacks one of its rounds."""
        first = [prompt for prompt in self.first if prompt.case in cases]
        later = [prompt for prompt in self.later if prompt.case in cases]
        asked = {replace_round(identity(prompt), r) for prompt in first for r in range(1, rounds)}
        there = {identity(prompt) for prompt in later}
        if len(there) != len(later) or asked != there:
            gone = sorted(asked - there, key=repr) or sorted(there - asked, key=repr)
            what = "is there twice" if not gone else "is missing" if asked - there else "too many"
            case, label, *_, turn = gone[0] if gone else identity(later[0])
            raise InputError(
                f"{self.name}: {self.profile} asks {rounds} rounds, and round {turn} of case "
                f"{case}, label {label!r} {what} in {ROUNDS}. Give a run of all its rounds."
            )
        return replace(self, first=tuple(first), later=tuple(later))

    def first_file(self) -> bytes:
        """The bytes of `prompts.json`."""
        return replay_file(self.profile, self.seeds, list(encoded_lines(self.first)))

    def later_file(self) -> bytes:
        """The bytes of `rounds.json`; none where there is one round."""
        if not self.later:
            return b""
        return replay_file(self.profile, self.seeds, list(encoded_lines(self.later)))


#: (case, label, plane, object, seed, round) of a prompt.
Identity = tuple[str, str, "int | None", int, int, int]


def identity(prompt: Prompt) -> Identity:
    """What tells a prompt of a run from all others."""
    return (
        prompt.case,
        prompt.label,
        prompt.plane,
        prompt.object_index,
        prompt.seed,
        prompt.round,
    )


def replace_round(one: Identity, turn: int) -> Identity:
    """The same target and seed in another round."""
    return (*one[:5], turn)


def _runs(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A mask of any shape as lengths of runs in row order, the first of background."""
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
