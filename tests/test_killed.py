"""A short, seeded part of `python -m tests.stress kill`: what was killed goes on."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from stress.kill import Attack


@pytest.mark.parametrize("name", ["add", "fetch"])
def test_a_killed_command_goes_on_as_if_nothing_had_happened(name: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        attack = Attack(tmp_path, stack)
        attack.commands = [command for command in attack.commands if command.name == name]
        assert attack(Random("17/0")) is None
