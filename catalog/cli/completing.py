"""What a shell may complete where a name is typed. Read from the files' lines, without the records:
a key was pressed, and somebody waits."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path

from catalog.errors import Sam4misError

_ID = re.compile(r"^ *- id: *['\"]?([\w.-]+)", re.MULTILINE)


def projects(incomplete: str) -> list[str]:
    """Slugs of code releases."""
    root = _root()
    names = sorted(path.stem for path in (root / "projects").glob("*.yaml")) if root else []
    return [name for name in names if name.startswith(incomplete)]


def claims(incomplete: str) -> list[str]:
    """Code releases, and the claims of one (`project/claim`) once it alone is meant."""
    slug, slash, _ = incomplete.partition("/")
    found = projects(slug)
    if not slash and len(found) != 1:
        return found
    root = _root()
    if root is None or (slash and slug not in found):
        return []
    slug = slug if slash else found[0]
    text = (root / "projects" / f"{slug}.yaml").read_text("utf-8", errors="replace")
    section = re.search(r"^claims:\n((?:[ -].*\n|\n)*)", text, re.MULTILINE)
    named = [f"{slug}/{name}" for name in _ID.findall(section[1] if section else "")]
    return [name for name in ([] if slash else found) + named if name.startswith(incomplete)]


def works(incomplete: str) -> list[str]:
    """Ids of works, and code releases."""
    root = _root()
    if root is None:
        return []
    with contextlib.suppress(OSError):
        ids = _ID.findall((root / "papers.yaml").read_text("utf-8", errors="replace"))
        known = dict.fromkeys([*projects(incomplete), *ids])
        return [name for name in known if name.startswith(incomplete)]
    return []


def datasets(incomplete: str) -> list[str]:
    """Data sets that the harness reads."""
    return _generated("datasets", "name", incomplete)


def profiles(incomplete: str) -> list[str]:
    """Metric profiles."""
    return _generated("profiles", "id", incomplete)


def values(facet: str) -> Callable[[str], list[str]]:
    """What completes the values of a filter."""

    def offered(incomplete: str) -> list[str]:
        from catalog.facets import FIXED, TAG_FACETS
        from catalog.naming import dataset_key
        from catalog.vocabulary import vocabularies

        with contextlib.suppress(Sam4misError, OSError):
            field = TAG_FACETS.get(facet, "prompts_infer")
            known = FIXED[facet] if facet in FIXED else vocabularies()[field].terms
            spelled = map(dataset_key, known) if facet == "dataset" else known
            return sorted(value for value in spelled if value.startswith(incomplete.casefold()))
        return []

    return offered


def _generated(name: str, key: str, incomplete: str) -> list[str]:
    root = _root()
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
        if root is not None:
            content = json.loads((root / "reproduce" / "results" / f"{name}.json").read_text())
            return [item[key] for item in content[name] if item[key].startswith(incomplete)]
    return []


def _root() -> Path | None:
    from catalog.registry import find_root

    with contextlib.suppress(Sam4misError, OSError):
        return find_root()
    return None
