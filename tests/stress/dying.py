"""Run the command line in this process and kill it at the N-th change of a file.

    python -m tests.stress.dying N COUNTED -- ARGUMENTS

Changes are seen by Python's audit events: a file opened to be written, a name given, taken or
moved. 0 kills nothing. How many there were is written to the file COUNTED at the end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
NAMES = {"os.rename", "os.remove", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.truncate"}


def main() -> None:
    number, counted, _, *arguments = sys.argv[1:]
    last, seen = int(number), 0

    def changed(event: str, given: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in NAMES or (event == "open" and isinstance(given[2], int) and given[2] & WRITING):
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)

    from catalog.cli import main as program

    sys.argv = ["sam4mis", *arguments]
    sys.addaudithook(changed)
    try:
        program()
    finally:
        last = 0
        Path(counted).write_text(str(seen))


if __name__ == "__main__":
    main()
