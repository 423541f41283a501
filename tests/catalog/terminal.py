"""The real program: in this process (quick), in one of its own, or on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from off_machine import NOTES, TEST

PROGRAM = [sys.executable, "-m", "catalog"]


@dataclass
class Ran:
    """What came out. On a terminal both streams are in `out`."""

    code: int
    out: str
    err: str = ""


def environment(root: Path, **extra: str) -> dict[str, str]:
    """No key and no address of this machine's environment reaches the program."""
    names = ("PATH", "HOME", "LANG", "PYTHONPATH", NOTES, TEST)
    kept = {k: v for k, v in os.environ.items() if k in names}
    ours = {"SAM4MIS_ROOT": str(root), "SAM4MIS_CONFIG": os.devnull, "COLUMNS": "100"}
    return {**kept, **ours, "PYTHONUTF8": "1", **extra}


def here(
    root: Path, *arguments: str, stdin: bytes = b"", extra: dict[str, str] | None = None
) -> Ran:
    """Run `catalog.cli.main` in this process, as in a pipe. For what does not need a process."""
    from catalog.cli import main

    out, err = io.StringIO(), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    code = 0
    with (
        mock.patch.dict(os.environ, environment(root, **(extra or {})), clear=True),
        mock.patch.object(sys, "argv", ["sam4mis", *arguments]),
        mock.patch.object(sys, "stdin", given),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Ran(code, out.getvalue(), err.getvalue())


def in_pipe(
    root: Path, *arguments: str, stdin: bytes = b"", extra: dict[str, str] | None = None
) -> Ran:
    done = subprocess.run(
        [*PROGRAM, *arguments],
        input=stdin,
        capture_output=True,
        env=environment(root, **(extra or {})),
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def on_terminal(root: Path, *arguments: str, typed: str = "", wait_for: bytes = b"[y/N]") -> Ran:
    """Run on a pseudo-terminal; `typed` is sent once a question stands there."""
    main, other = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=other,
        stdout=other,
        stderr=other,
        env=environment(root, TERM="dumb"),
        start_new_session=True,
    )
    os.close(other)
    out, sent = b"", False
    while True:
        ready, _, _ = select.select([main], [], [], 0.1)
        if ready:
            try:
                chunk = os.read(main, 65536)
            except OSError:
                break
            if not chunk:
                break
            out += chunk
        if typed and not sent and wait_for in out:
            os.write(main, typed.encode())
            sent = True
        if not ready and process.poll() is not None:
            break
    os.close(main)
    return Ran(process.wait(), out.decode())
