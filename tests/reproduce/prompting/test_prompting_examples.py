"""The examples in the docstrings of `reproduce.prompting` run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import reproduce.prompting


def test_examples_run() -> None:
    tried = 0
    for info in pkgutil.iter_modules(reproduce.prompting.__path__):
        module = importlib.import_module(f"reproduce.prompting.{info.name}")
        found = doctest.testmod(module)
        assert not found.failed, module.__name__
        tried += found.attempted
    assert tried >= 10
