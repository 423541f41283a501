"""From what a user gives to prompts that a model can take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from catalog.errors import UsageError
from reproduce.asking.prompt_grid import bring_of, declared_grid
from reproduce.contracts import Case, ProfileId, PromptKind, PromptProfile, Scope
from reproduce.ground.plugins import plugin, plugins
from reproduce.models.declaring import check_prompts
from reproduce.predicting.chosen import Chosen
from reproduce.predicting.drawn import MaskFolder
from reproduce.predicting.given import Drawn, Nothing, Sentences, Source, Table, Words

#: (kind, whether the model takes whole stacks) -> profiles that make prompts of masks, the first
#: that fits an adapter is taken.
MADE: Mapping[tuple[str, bool], tuple[str, ...]] = {
    ("box", False): ("box-tight",),
    ("box", True): ("box-largest-plane", "box-solid"),
    ("point", False): ("point-center-edt",),
    ("point", True): ("point-middle-plane", "point-3d-uniform"),
    ("mask", True): ("mask-first-plane", "mask-solid"),
    ("text", False): ("text",),
    ("text", True): ("text-3d",),
}
OPTIONS = {"box": "--boxes", "point": "--points", "mask": "--masks", "text": "--text"}


def source_of(
    chosen: Chosen,
    cases: Sequence[Case],
    given: tuple[PromptKind, Any] | None,
    profile: str | None,
    allow: Sequence[PromptKind],
) -> Source:
    """What is asked. Raises `UsageError` for what the model cannot be asked, and where it needs
    something that was not given."""
    adapter = chosen.adapter
    if given is None:
        if "none" not in adapter.prompts:
            taken = [k for k in adapter.prompts if k != "mask" or adapter.dimensionality == "3d"]
            ways = [OPTIONS[kind] for kind in taken if kind in OPTIONS]
            raise UsageError(
                f"{adapter.name} has to be asked: give {' or '.join(dict.fromkeys(ways))}."
            )
        return Nothing()
    kind, value = given
    solid = f"solid-{kind}" in adapter.prompts
    stacks = adapter.dimensionality == "3d"
    if kind == "mask" and not stacks:
        raise UsageError(
            f"{adapter.name} takes as a mask only its own answer of the round before. Boxes or "
            f"points can be made of masks: --boxes {value}"
        )
    if not solid:
        check_prompts(adapter, kind, tuple(allow))
    scope: Scope = "stack" if stacks else "plane"
    if kind == "text":
        return Sentences(value, cases, scope) if isinstance(value, Path) else Words(value, scope)
    if Path(value).is_dir():
        masks = MaskFolder(value, cases)
        made = _profile(chosen, kind, profile, stacks)
        grid = declared_grid(adapter, chosen.options)
        return Drawn(masks, made, bring_of(adapter, chosen.options, grid))
    if profile is not None:
        raise UsageError(
            f"--prompts {profile}: prompts are made of masks, and {Path(value).name} lists prompts "
            "as they are. Leave it out."
        )
    if kind == "mask":
        raise UsageError(f"--masks {value}: expected a folder of masks.")
    return Table(Path(value), kind, cases, scope, solid)


def _profile(chosen: Chosen, kind: PromptKind, named: str | None, stacks: bool) -> PromptProfile:
    """The profile that makes prompts of masks: as named, else that of the project's first claim of
    this kind, else a plain one."""
    adapter, known = chosen.adapter, plugins("prompts")
    kinds = {kind, f"solid-{kind}"} & {kind, *adapter.prompts}
    if named is not None:
        found: PromptProfile = plugin("prompts", ProfileId.parse(named).name)
        if found.for_stacks != stacks or found.kind not in kinds:
            wanted = kinds if kind in adapter.prompts else set(adapter.prompts)
            fitting = [
                p.name for p in known.values() if p.for_stacks == stacks and p.kind in wanted
            ]
            raise UsageError(
                f"--prompts {named}: {adapter.name} takes {_scope(stacks)}, and this profile gives "
                f"a {found.kind} about {_scope(found.for_stacks)}. Profiles that fit: "
                f"{', '.join(fitting) or 'none'}."
            )
        return found
    claimed = (c.protocol.prompt_profile.value for c in chosen.project.claims)
    names = [ProfileId.parse(v).name for v in claimed if isinstance(v, str)]
    kinds = {kind} if kind in adapter.prompts else kinds
    for name in [*names, *MADE.get((kind, stacks), ())]:
        profile = known.get(name)
        if profile is not None and profile.kind in kinds and profile.for_stacks == stacks:
            made: PromptProfile = profile
            return made
    raise UsageError(f"{OPTIONS[kind]}: no profile makes prompts of this kind for {adapter.name}.")


def _scope(stacks: bool) -> str:
    return "whole stacks" if stacks else "one plane at a time"


def profile_for(chosen: Chosen, named: str | None) -> PromptProfile | None:
    """What a model is asked about images that have masks: by a profile, as it is named, or as its
    claims say, or a plain one for what it was trained for; None: it takes no prompts."""
    adapter = chosen.adapter
    stacks = adapter.dimensionality == "3d"
    if named is None and "none" in adapter.prompts:
        return None
    if named is not None:
        found: PromptProfile = plugin("prompts", ProfileId.parse(named).name)
        if found.kind == "none":
            return None
        return _profile(chosen, found.kind, named, stacks)
    kinds = [kind for kind in adapter.prompts if (kind, stacks) in MADE]
    if not kinds:
        raise UsageError(f"{adapter.name}: name what it is asked with --prompts PROFILE.")
    return _profile(chosen, kinds[0], None, stacks)
