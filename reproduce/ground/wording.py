"""Values, conventions and runs in words: what people read, never the notation of a language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from catalog.records import Result

GRIDS = {"model_input": "the model's grid", "original": "the original grid"}
ID_DIGITS = 8  # of the 16 of a run's id: enough to name it, and what lists show


def value(given: Any) -> str:
    """A value of a record as text.

    >>> value(True), value(None), value(0.5), value([1, 2]), value({"seed": 3, "clean": False})
    ('yes', '-', '0.5', '1, 2', 'seed 3, clean no')
    """
    if given is None:
        return "-"
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, float):
        return f"{given:g}"
    if isinstance(given, Mapping):
        return ", ".join(f"{name(key)} {value(item)}" for key, item in given.items()) or "none"
    if isinstance(given, list | tuple | set | frozenset):
        return ", ".join(value(item) for item in given) or "none"
    return str(given)


def name(field: object) -> str:
    """The name of a field or convention: `metric_profile` is `metric profile`."""
    return str(field).replace("_", " ")


def setting(field: str, given: Any) -> str:
    """One convention with its value.

    >>> setting("flips", True), setting("grid", "original"), setting("threshold", 0.4196)
    ('with flips', 'on the original grid', 'threshold 0.4196')
    """
    if isinstance(given, bool):
        return f"{'with' if given else 'without'} {name(field)}"
    if field == "grid":
        return f"on {GRIDS.get(given, value(given))}"
    if field == "metric_profile":
        return f"scored by {given}"
    return f"{name(field)} {value(given)}"


def settings(given: Mapping[str, Any]) -> str:
    """Several conventions, as in `on the original grid, with flips, threshold 0.4196`."""
    return ", ".join(setting(field, item) for field, item in given.items())


def short_id(run: str) -> str:
    """A run's id with the first eight of its digits, which is what lists show."""
    project, _, digits = run.rpartition("-")
    return f"{project}-{digits[:ID_DIGITS]}"


def short_title(result: Result) -> str:
    """What a run did, in a few words: data set and split, then what is not the adapter's default.

    The project stands in the run's id already.
    """
    protocol = result.protocol
    if result.kind == "recomputed" or "grid" not in protocol:
        return result.title
    words = [
        f"{protocol.get('dataset')} {protocol.get('split')}",
        setting("grid", protocol["grid"]),
    ]
    profile = protocol.get("prompt_profile")
    if profile not in (None, "none"):
        words.append(f"prompts {profile}")
    changed = changed_options(str(protocol.get("adapter", "")), protocol.get("adapter_options"))
    return ", ".join([*words, *(setting(*item) for item in changed.items())])


def changed_options(adapter: str, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options of an adapter (`name/version`) that are not its defaults; all, where it is gone."""
    from reproduce.ground.plugins import plugins

    known = plugins("adapters").get(adapter.partition("/")[0])
    declared = {} if known is None else known.options
    return {
        key: item
        for key, item in (options or {}).items()
        if key not in declared or declared[key].default != item
    }


def size(count: int | None) -> str:
    """Bytes as people read them, in powers of ten.

    >>> size(919_662), size(375_042_383), size(2_564_550_879), size(None)
    ('0.9 MB', '375 MB', '2.6 GB', 'size unknown')
    """
    if count is None:
        return "size unknown"
    if count < 100_000:
        return f"{max(count / 1e3, 0.1):.1f} kB"
    if count < 1e9:
        return f"{count / 1e6:.1f} MB" if count < 1e8 else f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.1f} GB"


def host(url: str) -> str:
    """The host of an address: `https://github.com/a/b` is `github.com`."""
    return "huggingface.co" if url.startswith("hf://") else urlsplit(url).hostname or url
