"""What the extra [reproduce] brings, what of it is missing, and the command that installs it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

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
    return [name for module, name in NEEDED.items() if find_spec(module) is None]


def install_command() -> str:
    """The exact command that installs the extra: from this clone where there is one."""
    clone = Path(__file__).resolve().parents[2] / "pyproject.toml"
    return (
        'pip install -e ".[reproduce]"' if clone.is_file() else 'pip install "sam4mis[reproduce]"'
    )
