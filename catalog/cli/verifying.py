"""`sam4mis doctor --places`: places looked up at their commits, before they are judged."""

from __future__ import annotations

import datetime
from pathlib import Path

from catalog.cli.output import counted, say
from catalog.errors import PrerequisiteError, UsageError
from catalog.registry import Registry


def verify_places(registry: Registry, clones: Path | None) -> None:
    """Look up what nobody has looked up yet and keep it in `catalog/data/places.json`.

    Raises `PrerequisiteError` where not one commit could be seen.
    """
    from catalog.places import looking, verified
    from catalog.sources.cache import Cache
    from catalog.sources.http import Client
    from catalog.sources.settings import from_environment

    if clones is not None and not clones.is_dir():
        raise UsageError(f"--clones {clones}: there is no such folder")
    known = verified.load(registry.root)
    missing = looking.wanted(registry.projects, known)
    client = Client(from_environment(), Cache(registry.root / ".sam4mis" / "cache" / "http"))
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    failed = looking.verify(registry.projects, known, clones, client, today)
    if len(failed) < len(missing):
        verified.save(registry.root, known)
    seen = len(missing) - len(failed)
    files = sum(len(paths) for key, paths in missing.items() if key not in failed)
    say(f"{counted(files, 'file')} looked up in {counted(seen, 'commit')}")
    for key, why in failed.items():
        say(f"not seen: {key}: {why}")
    if missing and not seen:
        raise PrerequisiteError(
            "no commit could be seen: neither in clones nor at GitHub",
            "sam4mis doctor --places --clones <folder that holds owner/name of each repository>",
        )
