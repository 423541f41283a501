"""What libraries import although nothing here asks them for it, left out or put off."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_LOADING = threading.RLock()


@dataclass(frozen=True)
class _NotHere:
    """A finder of modules that says of one package that it is not installed."""

    name: str

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise `ModuleNotFoundError` for it; other finders answer for the rest."""
        if name == self.name:
            raise ModuleNotFoundError(f"left out: {name}", name=name)


@contextmanager
def left_out(name: str) -> Iterator[None]:
    """A package that is not found within, unless it has been imported already. For commands, which
    are processes of their own: what looks once goes on without it."""
    absent = _NotHere(name)
    sys.meta_path.insert(0, absent)
    try:
        yield
    finally:
        sys.meta_path.remove(absent)


class _PutOff(ModuleType):
    """A package whose modules can be imported, and whose own first lines run once one of its names
    is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        with _LOADING:
            if type(self) is _PutOff:
                assert self.__spec__ is not None
                assert self.__spec__.loader is not None
                self.__class__ = ModuleType  # type: ignore[assignment]  # done once
                self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def put_off(name: str) -> None:
    """Import the modules of a package without what its `__init__` imports, until somebody asks for
    one of its own names; nothing happens where it is imported already, or not installed."""
    if name in sys.modules or (spec := find_spec(name)) is None:
        return
    package = _PutOff(name)
    package.__spec__, package.__file__ = spec, spec.origin
    package.__path__ = list(spec.submodule_search_locations or ())
    sys.modules[name] = package
