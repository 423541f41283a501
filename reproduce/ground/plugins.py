"""Finding plugins: every module of a plugin package that defines `PLUGIN`.

Names are read by importing the module, which must be cheap (no torch, no numpy at import time).
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any, Literal

from catalog.errors import UsageError

Kind = Literal["adapters", "datasets", "metrics", "prompts"]


@cache
def plugins(kind: Kind) -> dict[str, Any]:
    """All plugins of a kind by name, sorted. No `PLUGIN`, or a name used twice, is a bug."""
    package = importlib.import_module(f"reproduce.{kind}")
    found: dict[str, Any] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        plugin = module.PLUGIN
        if plugin.name in found:
            raise RuntimeError(f"two plugins of reproduce/{kind} are called {plugin.name!r}")
        found[plugin.name] = plugin
    return dict(sorted(found.items()))


def plugin(kind: Kind, name: str) -> Any:
    """One plugin by name; a name that is not there is a usage error listing the known ones."""
    known = plugins(kind)
    if name not in known:
        raise UsageError(f"no {kind[:-1]} {name!r}; known: {', '.join(known)}")
    return known[name]
