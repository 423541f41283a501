"""What an adapter says of itself, and the checks made before it runs: options and prompts.

An adapter is one file in `reproduce/adapters`, or one folder where its network needs room, with one
`DeclaredAdapter`. It names the function
that builds the model as `module:function`, so listing adapters imports neither torch nor numpy.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from catalog.errors import UsageError
from reproduce.contracts import Adapter, Bring, Brought, Spacing
from reproduce.ground.extras import need_own

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from reproduce.contracts import Conduct, Model, Option, PromptKind
    from reproduce.models.frames import PromptPlane

    Build = Callable[[Mapping[str, torch.Tensor], Mapping[str, Any], str, str], Model]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredAdapter(Adapter):
    """An adapter (`reproduce.contracts.Adapter`) whose model is built elsewhere.

    builder        `module:function`, called with (state, options, device, dtype)
    preprocessing  what is done to an image before the network, in one or two sentences
    does           the same as words, with every option at its default
    plane          `module:function`, called with (mask, options), for a release that makes its
                   prompts from the mask on the network's grid; None: from the mask as loaded
    volume         the same for a release that makes them on the volume as it resamples it, called
                   with (mask, options, spacing)
    prompts        kinds the released weights were trained for
    files          the files of a release that a state dict is put together from, in the order in
                   which they are laid over each other
    brought        files that a user makes and gives after those
    extra          of this distribution, where the network is that of the authors' own package
    memory_mib     variant -> peak on a CPU, of weights and activations of one image, float32, as
                   `python -m benchmarks memory` measures it; {}: not measured. A GPU's need is
                   not known from it: the fused encoder's mask for ViT-B at 1024 px alone takes
                   12 x 4096 x 4096 x 4 bytes = 768 MiB more there
    agreement      how it was compared with the authors' code, and the largest difference; the
                   figures by image are in `reproduce/adapters/agreement/`
    """

    name: str
    version: int
    title: str
    papers: tuple[str, ...]
    source: str
    prompts: tuple[PromptKind, ...]
    layouts: tuple[str, ...]
    builder: str
    preprocessing: str
    does: Conduct
    memory_mib: Mapping[str, int]
    agreement: str
    options: Mapping[str, Option] = field(default_factory=dict)
    dimensionality: Literal["2d", "3d"] = "2d"
    untrained: tuple[PromptKind, ...] = ()
    values: Literal["uint8", "stored"] = "uint8"
    files: tuple[str, ...] = ("one file",)
    brought: tuple[str, ...] = ()
    extra: str | None = None
    plane: str | None = None
    volume: str | None = None

    def build(
        self, state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
    ) -> Model:
        """Build the model and load `state` strictly.

        Raises `InputError` listing every key that does not fit, `UsageError` for an option that
        this adapter does not have, `PrerequisiteError` where its authors' package is not here.
        """
        need_own(self.name, self.extra)
        module, _, function = self.builder.partition(":")
        build = cast("Build", getattr(importlib.import_module(module), function))
        return build(state, resolve_options(self, options), device, dtype)

    def prompt_grid(self, options: Mapping[str, Any]) -> Bring | None:
        """How masks are brought to the grid that prompts are made on; None: they are not."""
        made = resolve_options(self, options)
        if self.plane is not None:
            return partial(_on_plane, self.plane, made)
        return None if self.volume is None else partial(_on_volume, self.volume, made)


def _on_plane(
    place: str, options: Mapping[str, Any], mask: NDArray[np.bool_], spacing: Spacing
) -> PromptPlane:
    """Import what brings masks to the grid, with torch, when the first mask comes."""
    module, _, function = place.partition(":")
    brought: PromptPlane = getattr(importlib.import_module(module), function)(mask, options)
    return brought


def _on_volume(
    place: str, options: Mapping[str, Any], mask: NDArray[np.bool_], spacing: Spacing
) -> Brought:
    """As `_on_plane`."""
    module, _, function = place.partition(":")
    brought: Brought = getattr(importlib.import_module(module), function)(mask, options, spacing)
    return brought


class Named(Protocol):
    """The part of an adapter that the checks read."""

    @property
    def does(self) -> Conduct: ...
    @property
    def name(self) -> str: ...
    @property
    def prompts(self) -> tuple[PromptKind, ...]: ...
    @property
    def untrained(self) -> tuple[PromptKind, ...]: ...
    @property
    def options(self) -> Mapping[str, Option]: ...


def resolve_options(adapter: Named, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of an adapter with their values: what was given, else the default.

    Raises `UsageError` naming every option that does not exist and every value that is not offered.
    """
    problems = [
        f"no option {name!r}; {adapter.name} has: {', '.join(adapter.options) or 'none'}"
        for name in given
        if name not in adapter.options
    ]
    values = {}
    for name, option in adapter.options.items():
        value = values[name] = given.get(name, option.default)
        if option.choices is not None and value not in option.choices:
            offered = ", ".join(map(repr, option.choices))
            problems.append(f"option {name}: expected one of {offered}; got {value!r}")
    if problems:
        raise UsageError(f"adapter {adapter.name}: " + "; ".join(problems))
    return values


def conduct(adapter: Named, options: Mapping[str, Any]) -> Conduct:
    """What an adapter does with these options, each a declared one; the others at their default."""
    changed: dict[str, list[Any]] = {}
    for name, option in adapter.options.items():
        value = options.get(name, option.default)
        if value != option.default:
            for part, words in option.changes.items():
                changed.setdefault(part, []).append(words.get(value))
    # Two options that change one thing together do what neither has a word for.
    alone: dict[str, Any] = {
        part: words[0] if len(words) == 1 else None for part, words in changed.items()
    }
    return replace(adapter.does, **alone)


def check_prompts(
    adapter: Named, kind: PromptKind, allow: Collection[PromptKind] = ()
) -> str | None:
    """Whether an adapter may be run with a kind of prompt.

    Returns None where the weights were trained for it; where they were not but the kind is named in
    `allow`, the label that the result has to carry. Anything else is refused with `UsageError`:
    scores of a box model given points were published once and had to be withdrawn
    (bowang-lab/MedSAM is box-only; see hding2455/CaRTS#17).
    """
    if kind in adapter.prompts:
        return None
    trained = ", ".join(adapter.prompts)
    if kind not in adapter.untrained:
        told = f"was trained for {trained} prompts, not for {kind}, and cannot be asked that"
        if adapter.prompts == ("none",):
            told = f"takes no prompts, so it cannot be asked with {kind}"
        raise UsageError(
            f"{adapter.name} {told}. `sam4mis reproduce list prompts` shows what a profile asks."
        )
    if kind in allow:
        return f"untrained-prompt: {adapter.name} was trained for {trained}, run with {kind}"
    raise UsageError(
        f"{adapter.name} was trained for {trained} prompts, not for {kind}: a score from it would "
        f"say nothing about the released model. To run it all the same, name the kind "
        f"(--allow-prompt {kind}); the result is then labelled as an untrained prompt."
    )
