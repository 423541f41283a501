"""What is wrong with the record of a claim, so that no run can answer it as it stands.

The same that `sam4mis check` refuses, by the plugins that are here: a word that nobody knows, or a
hash that is not from where it says, equals nothing that a run did.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from catalog.checks.claims import Readable
from catalog.checks.projects import Known, deciding
from catalog.checks.references import Crossing
from catalog.records import Claim, Project
from reproduce.ground.plugins import plugins


def faults(project: Project, claim: Claim) -> Iterator[Crossing]:
    """Everything in a claim's record that decides and cannot be meant."""
    yield from deciding(project, claim, _here())


def field_of(fault: Crossing) -> str:
    """The field of a comparison that a fault is about."""
    names = [str(part) for part in fault.path]
    if "checkpoints" in names:
        return "checkpoint"
    if "claims" not in names:
        return names[0]
    name = names[names.index("claims") + 2]
    if name == "protocol":
        return names[-2]
    if name == "run":
        return "class names" if "labels" in names else "dataset options"
    return {"set": "dataset options", "value": "metric"}.get(name, name)


@cache
def _here() -> Known:
    metrics, prompts, readers = plugins("metrics"), plugins("prompts"), plugins("datasets")
    return Known(
        profiles={profile.id for profile in metrics.values()},
        adapters=set(plugins("adapters")),
        readable=Readable(
            prompts=frozenset(f"{p.name}/{p.version}" for p in prompts.values()),
            datasets={name: frozenset(reader.splits) for name, reader in readers.items()},
            options={name: frozenset(reader.options) for name, reader in readers.items()},
            labels={name: frozenset(reader.labels) for name, reader in readers.items()},
        ),
    )
