"""What the extra [reproduce] brings, and those of packages that authors publish themselves; what of
them is missing."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from catalog import installing
from catalog.errors import PrerequisiteError

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

#: extra -> what shows that the authors' package of an adapter is here
OWN = {"nninteractive": "nnInteractive.trainer", "voxtell": "voxtell.inference"}


def lacks_own(extra: str | None) -> bool:
    """Whether the authors' package that an adapter runs is not installed."""
    if extra is None:
        return False
    try:
        return find_spec(OWN[extra]) is None
    except ModuleNotFoundError:
        return True


def need_own(name: str, extra: str | None) -> None:
    """Raise `PrerequisiteError` with the install command unless the authors' package is there."""
    if lacks_own(extra):
        raise PrerequisiteError(
            f"{name} runs through its authors' own package, which is not installed. Install it:",
            install_command(extra),
        )


def missing_extra() -> list[str]:
    """Distributions of the extra [reproduce] that are not installed."""
    return installing.missing(NEEDED)


def install_command(own: str | None = None) -> str:
    """The exact command that installs the extra (and one of `OWN` with it), from where this
    installation came from."""
    return installing.install_command(EXTRA if own is None else f"{EXTRA},{own}")


def need_extra(what: str, modules: Iterable[str] | None = None) -> None:
    """Raise `PrerequisiteError` with the install command unless the extra is there."""
    wanted = NEEDED if modules is None else {m: NEEDED[m] for m in modules}
    installing.need(what, EXTRA, wanted)
