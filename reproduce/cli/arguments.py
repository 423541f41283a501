"""The command line of `run`, parsed: what was asked for, on which devices, as it is typed again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from catalog.errors import PrerequisiteError, UsageError
from reproduce.contracts import Grid
from reproduce.ground import wording
from reproduce.planning.recipes import Recipe, Request
from reproduce.runs.spec import PRECISIONS, DeviceKind, kind_of


@dataclass(frozen=True, slots=True)
class Arguments:
    """The command line of `run`, parsed but not interpreted."""

    target: str | None
    data: Path | None = None
    checkpoints: tuple[Path, ...] = ()
    devices: tuple[str, ...] = ()
    workers: int = 1
    precision: str | None = None
    batch: int = 1
    limit: int | None = None
    settings: tuple[str, ...] = ()
    prompts: str | None = None
    replay: Path | None = None
    allow_prompts: tuple[str, ...] = ()
    out: Path | None = None
    publish: bool = False
    embeddings: bool = True
    slurm: bool = False
    slurm_jobs: int = 2
    slurm_settings: tuple[str, ...] = ()
    dry_run: bool = False
    json: bool = False
    by: str | None = None
    plan: Path | None = None  # of which this is one run


def pairs(settings: Sequence[str], option: str) -> dict[str, Any]:
    """`KEY=VALUE` -> dict; values as in YAML (numbers, true, lists). Raises `UsageError`."""
    found = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} {setting!r}: expected KEY=VALUE.")
        found[key] = yaml.safe_load(value)
    return found


def request_of(arguments: Arguments) -> Request:
    """Interpret the overrides. Raises `UsageError` for keys that do not exist."""
    settings = pairs(arguments.settings, "--set")
    adapter: dict[str, Any] = {}
    dataset: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, value in settings.items():
        scope, dot, name = key.partition(".")
        if dot and scope in ("adapter", "dataset"):
            (adapter if scope == "adapter" else dataset)[name] = value
        elif key in ("grid", "prompt_grid", "split", "seeds", "thresholds"):
            rest[key] = value
        else:
            raise UsageError(
                f"--set {key}: expected adapter.<option>, dataset.<option>, grid, prompt_grid, "
                "split, seeds or thresholds."
            )
    for key in ("grid", "prompt_grid"):
        if rest.get(key) not in (None, "original", "model_input"):
            raise UsageError(f"--set {key}={rest[key]}: expected original or model_input.")
    if arguments.replay is not None and (arguments.prompts or "seeds" in rest):
        raise UsageError(
            "--replay asks what that run asked, with its profile and seeds: leave out --prompts "
            "and --set seeds."
        )
    if arguments.precision not in (None, *PRECISIONS):
        raise UsageError(
            f"--precision {arguments.precision}: expected one of {', '.join(PRECISIONS)}."
        )
    return Request(
        data=arguments.data,
        checkpoints=arguments.checkpoints,
        precision=arguments.precision,
        limit=arguments.limit,
        adapter=adapter,
        dataset=dataset,
        grid=cast("Grid | None", rest.get("grid")),
        prompt_grid=cast("Grid | None", rest.get("prompt_grid")),
        split=rest.get("split"),
        prompt_profile=arguments.prompts,
        replay=arguments.replay,
        seeds=tuple(_numbers("seeds", rest["seeds"], int, 0, 2**32)) if "seeds" in rest else None,
        thresholds=tuple(_numbers("thresholds", rest["thresholds"], float, 0, 1))
        if "thresholds" in rest
        else (),
        allow_prompts=arguments.allow_prompts,
    )


def _numbers(key: str, value: Any, kind: type, least: float, most: float) -> list[Any]:
    """The numbers of a setting. Raises `UsageError` for anything else, and for none."""
    values = value if isinstance(value, list) else [value]
    wrong = [v for v in values if not isinstance(v, int | float) or isinstance(v, bool)]
    wrong += [v for v in values if v not in wrong and (kind(v) != v or not least <= v <= most)]
    if wrong or not values:
        what = "whole numbers" if kind is int else f"numbers of {least:g} to {most:g}"
        raise UsageError(f"--set {key}={wording.value(value)}: expected {what}, as in {key}=[...].")
    return [kind(v) for v in values]


def devices_of(arguments: Arguments) -> tuple[str, ...]:
    """One device per worker. Raises `PrerequisiteError` for a GPU that is not there."""
    import torch

    asked = arguments.devices or ("cuda" if torch.cuda.is_available() else "cpu",)
    if len({kind_of(device) for device in asked}) > 1:
        raise UsageError(
            f"--device {' --device '.join(asked)}: one run is computed on one kind of device."
        )
    found: list[str] = []
    for device in asked:
        kind, _, index = device.partition(":")
        if kind not in ("cpu", "cuda") or device not in (kind, f"cuda:{index}"):
            raise UsageError(f"--device {device}: expected cpu, cuda or cuda:<number>.")
        if kind == "cuda":
            here = torch.cuda.device_count()
            if index and not index.isdecimal():
                raise UsageError(f"--device {device}: expected cpu, cuda or cuda:<number>.")
            if here == 0 or (index and int(index) >= here):
                raise PrerequisiteError(
                    f"--device {device}: this machine has {here} CUDA device(s). Leave it out:",
                    f"sam4mis reproduce run {arguments.target or '--all'} --device cpu",
                )
        found.append(device)
    if found == ["cpu"]:
        found *= arguments.workers
    return tuple(found)


def command_line(item: Recipe, arguments: Arguments, device: DeviceKind) -> str:
    """The command as anybody could type it: places of this machine are left open."""
    words = ["sam4mis reproduce run", item.claim_id, f"--data <{item.dataset.name}>"]
    words += [f"--set {setting}" for setting in arguments.settings]
    for name, value in (
        ("--device", device),
        ("--batch", _batch(arguments)),
        ("--prompts", arguments.prompts),
        ("--replay", item.replay and f"<{item.replay.name}>"),
        ("--precision", arguments.precision),
        ("--limit", arguments.limit),
    ):
        if value is not None:
            words.append(f"{name} {value}")
    words += [f"--allow-prompt {kind}" for kind in arguments.allow_prompts]
    return " ".join(words)


def _batch(arguments: Arguments) -> int | None:
    return arguments.batch if arguments.batch > 1 else None


def typed(arguments: Arguments, *more: str) -> str:
    """The command as it was typed, with its paths, and more options."""
    words = ["sam4mis", "reproduce", "run", arguments.target or "--all"]
    for name, values in (
        ("--data", [arguments.data]),
        ("--checkpoint", arguments.checkpoints),
        ("--device", arguments.devices),
        ("--precision", [arguments.precision]),
        ("--batch", [_batch(arguments)]),
        ("--limit", [arguments.limit]),
        ("--set", arguments.settings),
        ("--prompts", [arguments.prompts]),
        ("--replay", [arguments.replay]),
        ("--allow-prompt", arguments.allow_prompts),
        ("--out", [arguments.out]),
    ):
        words += [word for value in values if value is not None for word in (name, str(value))]
    return shlex.join([*words, *more])
