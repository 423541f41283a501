"""What the extra [reproduce] brings, and what of it is missing."""

from __future__ import annotations

from collections.abc import Iterable

from catalog import installing

EXTRA = "reproduce"
NEEDED = {  # import name -> distribution, what the extra [reproduce] brings
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "pyarrow": "pyarrow",
    "PIL": "pillow",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "segment_anything": "segment-anything",
}


def missing_extra() -> list[str]:
    """Distributions of the extra [reproduce] that are not installed."""
    return installing.missing(NEEDED)


def install_command() -> str:
    """The exact command that installs it, from where this installation came from."""
    return installing.install_command(EXTRA)


def need_extra(what: str, modules: Iterable[str] | None = None) -> None:
    """Raise `PrerequisiteError` with the install command unless the extra is there."""
    wanted = NEEDED if modules is None else {m: NEEDED[m] for m in modules}
    installing.need(what, EXTRA, wanted)
