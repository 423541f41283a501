"""Users without a home, closed streams, little memory: told in one message, or no matter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.cli import _told
from catalog.errors import EXIT_PREREQUISITE

COMMAND = "import sys; from catalog.cli import main; main()"
HOMELESS = "import pwd\ndef none(_): raise KeyError\npwd.getpwuid = none\n"


@pytest.mark.parametrize("command", [["cache"], ["fetch", "lwnet", "--dry-run"]])
def test_a_user_without_a_home_is_told_what_to_set(root: Path, command: list[str]) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HOME", "SAM4MIS_CACHE", "XDG_CACHE_HOME")
    }
    ended = subprocess.run(
        [sys.executable, "-c", HOMELESS + COMMAND, "reproduce", *command],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == EXIT_PREREQUISITE, ended.stderr
    assert "export SAM4MIS_CACHE=" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_end_nothing(root: Path, closed: str) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'"$0" -c "{COMMAND}" search medsam {closed}', sys.executable],
        cwd=root,
        check=False,
        stdout=subprocess.DEVNULL,
    )
    assert ended.returncode == 0


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        ImportError("libtorch_cpu.so: cannot allocate memory in static TLS block"),
    ],
)
def test_little_memory_is_said_to_be_that(error: Exception) -> None:
    message, code = _told(error)
    assert message.startswith("memory is short")
    assert code == EXIT_PREREQUISITE
