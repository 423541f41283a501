"""Which model is meant: a project of the catalog with its weights, or an adapter with a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.facets import meant
from catalog.lookup import named_project
from catalog.records import Checkpoint, Project
from catalog.registry import Registry
from reproduce.contracts import Adapter, PromptProfile
from reproduce.ground.extras import need_own
from reproduce.ground.plugins import plugin, plugins
from reproduce.ground.reading import sha256_of
from reproduce.judging.comparability import checkpoint_ids
from reproduce.models.declaring import resolve_options
from reproduce.obtaining.weights import identity_of, obtain_all
from reproduce.predicting.images import OwnImages
from reproduce.runs.spec import OWN, CheckpointInput, RunSpec, kind_of


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model, before anything is fetched.

    project      its record; of an adapter that no project names, an empty one
    checkpoints  records of its weights, in the order in which they are laid over each other
    given        files that are used instead
    labels       the model's class names -> names they are told under
    after        the claim whose options were taken, None: the adapter's own
    others       other weights that the project has, as `--weights` takes them
    """

    project: Project
    adapter: Adapter
    checkpoints: tuple[Checkpoint, ...]
    given: tuple[Path, ...]
    options: Mapping[str, Any]
    labels: Mapping[str, str]
    after: str | None
    others: tuple[str, ...]


def choose(
    registry: Registry,
    target: str,
    weights: str | None,
    given: Sequence[Path],
    settings: Mapping[str, Any],
) -> Chosen:
    """The model that is meant.

    target    a project, or the name of an adapter, whose weights are then given
    weights   ids of checkpoints with commas between them; None: those of the project's first claim

    Raises `UsageError` for names that mean nothing, `PrerequisiteError` where no adapter is there.
    """
    try:
        project = named_project(target, registry.projects)
    except UsageError:
        project = _unrecorded(registry, target)
    if project.adapter is None:
        reason = project.adapter_reason or "nobody has written one yet"
        raise PrerequisiteError(f"{target}: no adapter: {reason}")
    adapter: Adapter = plugin("adapters", project.adapter)
    records = {record.id: record for record in project.checkpoints or []}
    own = len(adapter.brought)
    sets = _sets(project, max(0, len(given) - own))
    wanted = tuple(weights.split(",")) if weights else next(iter(sets), ())
    if unknown := [name for name in wanted if name not in records]:
        raise UsageError(
            f"--weights {','.join(wanted)}: {target} has no {', '.join(unknown)}; it has "
            f"{', '.join(records) or 'none'}."
        )
    wanted = tuple(dict.fromkeys(n for name in wanted for n in (name, *records[name].beside)))
    if not wanted and not given:
        raise PrerequisiteError(
            f"{target}: no weights are recorded. Name the file:",
            f"sam4mis reproduce predict {target} --checkpoint <file> ...",
        )
    if given and wanted and len(given) != len(wanted) + own:
        together = [", ".join(wanted), *adapter.brought]
        raise UsageError(
            f"{target}: {len(wanted) + own} weights file(s) belong together "
            f"({'; '.join(together)}), --checkpoint was given {len(given)} time(s)."
        )
    claim = next((c for c in project.claims if tuple(checkpoint_ids(c)) == wanted), None)
    options = claim.run if claim else None
    return Chosen(
        project=project,
        adapter=adapter,
        checkpoints=tuple(records[name] for name in wanted),
        given=tuple(given),
        options=resolve_options(adapter, {**(options.adapter if options else {}), **settings}),
        labels=dict(options.labels) if options else {},
        after=f"{project.slug}/{claim.id}" if claim else None,
        others=tuple(",".join(s) for s in sets if s != wanted),
    )


def _unrecorded(registry: Registry, target: str) -> Project:
    """An adapter that is no project's own."""
    known = plugins("adapters")
    if target not in known:
        names = [p.slug for p in registry.projects if p.adapter] + list(known)
        raise UsageError(f"no project and no adapter {target!r}.{meant(target, names)}")
    return Project(slug=target, name=known[target].title, kind="method", adapter=target)


def _sets(project: Project, given: int) -> list[tuple[str, ...]]:
    """Weights that belong together: as claims use them, in the order of the claims, then files that
    no claim uses, with those beside them. With files given, sets of as many come first."""
    sets = [tuple(checkpoint_ids(claim)) for claim in project.claims]
    used = {name for one in sets for name in one}
    files = [c for c in project.checkpoints or [] if c.id not in used]
    used |= {name for one in files for name in one.beside}
    sets += [(c.id, *c.beside) for c in files if c.id not in used]
    found = [one for one in dict.fromkeys(sets) if one]
    known = {c.id for c in project.checkpoints or []}
    found = [one for one in found if known.issuperset(one)]
    return sorted(found, key=lambda one: given and len(one) != given)


def files_of(chosen: Chosen) -> list[Path]:
    """The weights on this machine: those given, or fetched and checked now."""
    need_own(chosen.adapter.name, chosen.adapter.extra)
    if not chosen.given and (brought := chosen.adapter.brought):
        slug, count = chosen.project.slug, len(chosen.checkpoints) + len(brought)
        raise PrerequisiteError(
            f"{slug}: beside its weights it needs what no release has: {'; '.join(brought)}. "
            "Make it, and name all files:",
            f"sam4mis reproduce predict {slug} {'--checkpoint <file> ' * count}...",
        )
    if not chosen.given:
        return obtain_all(chosen.project.slug, chosen.checkpoints)
    for path in chosen.given:
        if not path.is_file():
            raise PrerequisiteError(f"--checkpoint {path}: no such file on this machine.")
    return list(chosen.given)


def inputs_of(chosen: Chosen, files: Sequence[Path]) -> list[CheckpointInput]:
    """The files as a run records them. One that is given and is not the released one is somebody's
    own: its identity is not shown."""
    found = []
    for number, path in enumerate(files):
        known = number < len(chosen.checkpoints)  # what a user brings comes after
        record = chosen.checkpoints[number] if known else Checkpoint(id=OWN)
        sha256 = sha256_of(path)
        if not chosen.given and record.sha256 not in (None, sha256):
            raise InputError(f"{path}: not the checkpoint {record.id} any more. Delete it.")
        found.append(
            CheckpointInput(
                id=record.id,
                file=path.name,
                sha256=sha256,
                bytes=path.stat().st_size,
                layout=record.layout,
                expected_sha256=record.sha256,
                identity=identity_of(record, sha256) if record.urls or record.sha256 else None,
            )
        )
    return found


def spec_of(chosen: Chosen, profile: PromptProfile | None, device: str, **more: Any) -> RunSpec:
    """What a model is asked about images that no claim is about; `more`: fields of the spec."""
    adapter = chosen.adapter
    fields: dict[str, Any] = {
        "checkpoints": [],
        "labels": dict(chosen.labels),
        "objects": "separate",
        "seeds": [0],
        "rounds": 1,
    }
    return RunSpec(
        kind="predict",
        project=chosen.project.slug,
        title=f"{chosen.project.name} on own images",
        claims=[],
        cases=[],
        prompt_sha256=None,
        adapter=adapter.name,
        adapter_version=adapter.version,
        adapter_options=dict(chosen.options),
        dataset=OwnImages.name,
        dataset_version=OwnImages.version,
        split="all",
        prompt_profile=f"{profile.name}/{profile.version}" if profile else None,
        grid="original",
        device=kind_of(device),
        **fields | more,
    )
