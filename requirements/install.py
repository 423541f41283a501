"""Install a lock file into an environment and say in words how far it is.

    python requirements/install.py ENVIRONMENT LOCK

Uses `uv` where it is on the PATH (or named by $UV; empty: not at all), else the environment's pip;
both hold every file to the hash in the lock. On a terminal one line tells what is being fetched;
elsewhere a line comes every 20 seconds. What the installer said stands in ENVIRONMENT/install.log.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

EVERY_S = 20.0
#: What pip and uv say -> what that means, with the package it speaks of.
STEPS = (
    (re.compile(r"^Collecting ([\w.-]+)"), "looking up"),
    (re.compile(r"^\s*Downloading ([\w.-]+?)-\d\S* (\([\d.]+ [kMG]B\))"), "fetching"),
    (re.compile(r"^\s*Downloading ([\w.-]+) (\([\d.]+[KMG]iB\))"), "fetching"),
    (re.compile(r"^\s*Using cached ([\w.-]+?)-\d"), "has"),
    (re.compile(r"^(?:Building wheel for|\s*Preparing metadata)(?: ([\w.-]+))?"), "building"),
    (re.compile(r"^(Installing collected packages)"), "unpacking all"),
)


def main(environment: Path, lock: Path) -> int:
    """The exit status of the installer; what it said last where it failed."""
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    wanted = len(re.findall(r"^[\w.-]+(?:\[.*\])?==", lock.read_text("utf-8"), re.M))
    uv = os.environ["UV"] if "UV" in os.environ else shutil.which("uv")
    tool = Path(uv).name if uv else "pip"
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    # a lock is whole: nothing is left to resolve; what is imported is compiled then
    command += ["--progress-bar", "off", "--no-deps", "--no-compile"]
    if uv:
        command = [uv, "pip", "install", "--python", str(python)]
    command += ["--require-hashes", "-r", str(lock)]
    say(f"   {wanted} packages at most, with {tool}, each held to its hash")
    begun = told = time.monotonic()
    seen: set[str] = set()
    log = environment / "install.log"
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(  # noqa: S603 - built above
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            kept.write(line)
            if not (step := understood(line)):
                continue
            what, name = step
            seen.add(name)
            now = time.monotonic()
            if sys.stderr.isatty() or now - told > EVERY_S:
                told = now
                say(f"   {len(seen)} of {wanted}: {what} {name}", again=sys.stderr.isatty())
    took = time.monotonic() - begun
    if process.returncode:
        say(f"   {tool} failed after {took:.0f} s. The end of {log}:\n")
        say("".join(f"   {line}\n" for line in log.read_text("utf-8").splitlines()[-15:]))
    else:
        say(f"   installed in {took:.0f} s")
    return process.returncode


def understood(line: str) -> tuple[str, str] | None:
    """What the installer is at, and with which package; None for a line that tells nothing new.

    >>> understood("  Downloading torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl (899.8 MB)")
    ('fetching', 'torch (899.8 MB)')
    """
    for pattern, what in STEPS:
        if found := pattern.match(line):
            words = [word for word in found.groups() if word]
            return what, "" if what.startswith("unpacking") else " ".join(words)
    return None


def say(text: str, *, again: bool = False) -> None:
    """A line for a person; `again`: the next one takes its place."""
    width = shutil.get_terminal_size().columns - 1
    end = "\r" if again else "\n"
    clear = "\x1b[2K" if sys.stderr.isatty() else ""
    print(clear + (text[:width] if again else text), end=end, file=sys.stderr, flush=True)  # noqa: T201 - it speaks


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
