"""What an extra brings, what of it is missing, and the command that installs it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from catalog.errors import PrerequisiteError


def missing(wanted: Mapping[str, str]) -> list[str]:
    """Distributions that are not installed. wanted: import name -> distribution."""
    return [name for module, name in wanted.items() if find_spec(module) is None]


def need(what: str, extra: str, wanted: Mapping[str, str]) -> None:
    """Raise `PrerequisiteError` with the install command where something of an extra is missing.

    what   the command or function that needs it
    """
    if gone := missing(wanted):
        raise PrerequisiteError(
            f"{what} needs the extra [{extra}]; not installed: {', '.join(gone)}. Install it:",
            install_command(extra),
        )


def install_command(extra: str | None = None) -> str:
    """The exact command that installs an extra, from where this installation came from; None: it
    without any."""
    clone = Path(__file__).resolve().parents[1]
    wanted = f"[{extra}]" if extra else ""
    if (clone / "pyproject.toml").is_file():
        return f'pip install -e "{os.path.relpath(clone)}{wanted}"'
    return f'pip install "{_requirement(wanted)}"'


def _requirement(wanted: str) -> str:
    """The package as pip takes it: by the address that pip noted, by name where an index had it."""
    try:
        noted = distribution("sam4mis").read_text("direct_url.json")
        origin = json.loads(noted) if noted else {}
    except (PackageNotFoundError, ValueError):
        origin = {}
    address = origin.get("url", "")
    if kind := origin.get("vcs_info", {}).get("vcs"):
        address = f"{kind}+{address}@{origin['vcs_info']['commit_id']}"
    if address.startswith("file://"):
        from urllib.request import url2pathname  # brings http and ssl: not for every command

        return f"{url2pathname(urlsplit(address).path)}{wanted}"
    return f"sam4mis{wanted} @ {address}" if address else f"sam4mis{wanted}"
