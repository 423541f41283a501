"""Which copy of the catalog's own data files holds: the registry's, else this installation's.

A clone may carry words, decisions and patterns that differ from those of the installed package
(which is the same folder only where it is installed editable). What people edit in the clone is
what its records are read with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from catalog.errors import PrerequisiteError
from catalog.registry import find_root
from catalog.shipped import INSTALLED

_ROOT: ContextVar[Path | None] = ContextVar("root", default=None)


@contextmanager
def of(root: Path) -> Iterator[None]:
    """Within this block, `root` is the registry whose files hold."""
    token = _ROOT.set(root)
    try:
        yield
    finally:
        _ROOT.reset(token)


def path(name: str, root: Path | None = None) -> Path:
    """Where `catalog/<name>` is: in `root`, else in the registry that is worked on, else here.

    >>> path("data/vocabularies.yaml").name
    'vocabularies.yaml'
    """
    root = root or _ROOT.get()
    if root is None:
        here = os.getcwd()  # noqa: PTH109 - asked for every label; Path.cwd() takes ten times as long
        root = _found(os.environ.get("SAM4MIS_ROOT"), here)
    return _path(name, root)


def forget() -> None:
    """Look again which files a registry has: one was written."""
    _path.cache_clear()


@lru_cache(maxsize=64)
def _path(name: str, root: Path | None) -> Path:
    own = root / "catalog" / name if root else None
    return own if own and own.exists() else INSTALLED / name


@lru_cache(maxsize=64)
def _found(named: str | None, here: str) -> Path | None:
    """The registry by the environment or the working folder, which both are what is remembered."""
    try:
        return find_root()
    except PrerequisiteError:
        return None
