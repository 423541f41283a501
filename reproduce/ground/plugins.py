"""Finding plugins: every module of a plugin package that defines `PLUGIN`.

Names are read by importing the module, which must be cheap (no torch, no numpy at import time).
Somebody's own plugins come after them: files named in `SAM4MIS_PLUGINS` (what `--plugin` sets, so
that workers find them too), and entry points of the group `sam4mis.plugins`, each one `PLUGIN`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, PrerequisiteError, UsageError

Kind = Literal["adapters", "datasets", "metrics", "prompts"]
VARIABLE, GROUP = "SAM4MIS_PLUGINS", "sam4mis.plugins"
#: class that a plugin derives from (or is of) -> its kind
CONTRACTS: dict[str, Kind] = {
    "Adapter": "adapters",
    "Dataset": "datasets",
    "MetricProfile": "metrics",
    "PromptProfile": "prompts",
}


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
    for place, plugin in _own():
        if kind_of(plugin, place) == kind:
            if plugin.name in found:
                raise InputError(f"{place}: the name {plugin.name!r} is taken in reproduce/{kind}.")
            found[plugin.name] = plugin
    return dict(sorted(found.items()))


def add(path: Path) -> Any:
    """Put the plugin of a file beside those there are, for this process and those it starts.

    The file's code is run: it is the user's own. Raises `PrerequisiteError` where it is missing,
    `InputError` where it is no plugin.
    """
    if not path.is_file():
        raise PrerequisiteError(f"--plugin {path}: no such file on this machine.")
    place = str(path.resolve())
    plugin = _loaded(place)
    kind = kind_of(plugin, place)
    named = os.environ.get(VARIABLE, "").split(os.pathsep)
    os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys([*filter(None, named), place]))
    plugins.cache_clear()
    plugins(kind)  # a name that is taken is told now
    return plugin


def kind_of(plugin: Any, place: str) -> Kind:
    """Which kind of plugin an object is, by the contract that it says it keeps. Raises
    `InputError`."""
    for one in type(plugin).__mro__:
        if one.__module__.startswith("reproduce.") and one.__name__ in CONTRACTS:
            return CONTRACTS[one.__name__]
    raise InputError(
        f"{place}: PLUGIN is a {type(plugin).__name__}; expected an object of a class derived from "
        f"{', '.join(CONTRACTS)}. `sam4mis reproduce plugin new` writes a file to begin with."
    )


def own_names() -> list[str]:
    """Plugins that are here and are none of this package, as `kind/name`. Their code runs in the
    same process as everything else, so what it changes there nobody knows."""
    return sorted({f"{kind_of(plugin, place)}/{plugin.name}" for place, plugin in _own()})


def need_no_own(option: str) -> None:
    """Raise `UsageError` where somebody's own plugins are here and something is to be published."""
    if named := own_names():
        raise UsageError(
            f"{option}: {', '.join(named)} is code of your own, and what is published is computed "
            "by the code of this repository alone. Leave it out (--plugin, "
            f"{VARIABLE}, the package with an entry point {GROUP}), or send it as a file of "
            "reproduce/ first: CONTRIBUTING has the recipe."
        )


def _own() -> Iterator[tuple[str, Any]]:
    """Where it comes from, and a plugin that is not this package's."""
    for place in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        yield place, _loaded(place)
    for point in entry_points(group=GROUP):
        yield f"entry point {point.name} ({point.value})", point.load()


@cache
def _loaded(place: str) -> Any:
    """The `PLUGIN` of a file, run once a process."""
    path = Path(place)
    name = f"sam4mis_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{place}: expected a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
        return module.PLUGIN
    except Exception as error:  # whatever the code of somebody else raises
        line = f"{type(error).__name__}: {error}"
        raise InputError(f"{place}: cannot be used as a plugin: {line}") from error


WORDS: Mapping[Kind, str] = {
    "adapters": "adapter",
    "datasets": "data set",
    "prompts": "prompt profile",
    "metrics": "metric profile",
}


def plugin(kind: Kind, name: str) -> Any:
    """One plugin by name; a name that is not there is a usage error with the nearest ones."""
    known = plugins(kind)
    if name not in known:
        from catalog.facets import meant

        listed = f"`sam4mis reproduce list {kind}` shows them."
        raise UsageError(f"no {WORDS[kind]} {name!r}.{meant(name, known) or f' {listed}'}")
    return known[name]
