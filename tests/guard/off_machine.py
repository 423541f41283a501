"""No test leaves this machine: connections and look-ups of names beyond loopback fail the test.

An audit hook sees what Python's sockets do, whichever library asked, and cannot be undone. It
refuses as a machine without a network would, and notes what was tried and by which test; the
fixture in `conftest.py` then fails that test, also where the program under test took the refusal
in its stride. Sub-processes get the hook from `sitecustomize.py`, to which PYTHONPATH leads them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

NOTES = "SAM4MIS_TEST_OFF_MACHINE"  # the file that takes a line for everything that was refused
TEST = "PYTEST_CURRENT_TEST"
FOLDER = str(Path(__file__).parent)
HERE = ("127.", "::1", "localhost", "::ffff:127.")
CONNECTING = ("socket.connect", "socket.sendto", "socket.sendmsg")
LOOKING_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")

_notes: str | None = None  # known since `install`, for tests that empty the environment
_told = 0  # characters of the notes that a test was failed for


def guard() -> None:
    """Watch this process and all Python processes that it starts. For pytest's own processes."""
    import tempfile  # not in sub-processes, where tests watch what a program imports

    handle, os.environ[NOTES] = tempfile.mkstemp(prefix="off-machine-", suffix=".txt")
    os.close(handle)
    folder = str(Path(__file__).parent)
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [folder, *(p for p in others if p not in ("", folder))]
    )
    install()


def install() -> None:
    """Watch this process, where the environment asks for it."""
    global _notes
    watched = _notes is not None
    _notes = os.environ.get(NOTES)
    if _notes is not None and not watched:
        sys.addaudithook(_watch)


def refused() -> str:
    """What was refused since the last call, a line each."""
    global _told
    assert _notes is not None
    lines = Path(_notes).read_text("utf-8")
    fresh, _told = lines[_told:], len(lines)
    return fresh


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    host: Any = None
    if event in CONNECTING:
        # (host, port ...) is IP; a path or numbers cannot leave the machine.
        host = arguments[1][0] if isinstance(arguments[1], tuple) else None
    elif event in LOOKING_UP:
        host = arguments[0]
    elif event == "subprocess.Popen":
        program, words, _, environment = arguments
        if program == sys.executable and environment is not None and NOTES not in environment:
            _refuse(f"starts {words} without this guard (its env lacks {NOTES})")
    if isinstance(host, bytes):
        host = host.decode()
    if isinstance(host, str) and host and not host.startswith(HERE):
        _refuse(f"{event} {host}")


def _refuse(what: str) -> None:
    line = f"{os.environ.get(TEST, 'outside of a test')}: {what}"
    assert _notes is not None
    with open(_notes, "a", encoding="utf-8") as notes:  # noqa: PTH123 - no more imports
        notes.write(line + "\n")
    raise ConnectionRefusedError(f"a test may not leave this machine: {line}")
