"""What the extra [reproduce] brings, what of it is missing, and the command that installs it."""

from __future__ import annotations

import json
import os
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

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
    """The exact command that installs the extra, from where this installation came from."""
    clone = Path(__file__).resolve().parents[2]
    if (clone / "pyproject.toml").is_file():
        return f'pip install -e "{os.path.relpath(clone)}[reproduce]"'
    return f'pip install "{_requirement()}"'


def _requirement() -> str:
    """The extra as pip takes it: by the address that pip noted, by name where an index had it."""
    try:
        noted = distribution("sam4mis").read_text("direct_url.json")
        origin = json.loads(noted) if noted else {}
    except (PackageNotFoundError, ValueError):
        origin = {}
    address = origin.get("url", "")
    if kind := origin.get("vcs_info", {}).get("vcs"):
        address = f"{kind}+{address}@{origin['vcs_info']['commit_id']}"
    if address.startswith("file://"):
        return f"{url2pathname(urlsplit(address).path)}[reproduce]"
    return f"sam4mis[reproduce] @ {address}" if address else "sam4mis[reproduce]"
