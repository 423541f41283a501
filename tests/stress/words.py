"""Every command with odd words, places and damaged files: it does its work or says what is wrong.

A try takes a line that works, then exchanges a word of it, adds an option with an odd value,
damages a file that it reads, or puts something that is no file in the place of one. It is run in a
fork of this process, whose folder is its own. What breaks: an exit status that is none of ours, a
traceback, an internal error, no end, more memory than a machine has, and, where `--json` was asked,
anything on standard output that is no JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import resource
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import catalog
import reproduce
import sam4mis

from .desk import ALWAYS, FILES, LINES, MADE, desk
from .limits import TOLD
from .mutating import instead, of_bytes, of_json, of_text

ENDS_S = 120.0  # of processor time, far beyond what any line takes
MEMORY = 12 << 30  # of addresses: what reads without an end runs into it
LONG = "a" * 100_000
ODD_WORDS = (
    *("", " ", "'", '"', "line\nbreak", "1=wrong: ", "\udcff\udcfe", "\x1b[31m\u202e", LONG),
    *("caf\u00e9\u0301", "\u0661", "\u00b2", "9" * 400, "a" * 300, "a=" + "[" * 5000),
    *f"""- -- -1 0 1e309 nan 1e-320 0,0 -1,1 1,2,3,4 a,b , ,,, ; = a= =b a=b=c a={{ {{}} %s $HOME *
    ? [ \\ @ a@b:c o/n@{"c" * 40}:x ../beside /proc/x ~ ~nobody-of-this-name/x selftest/ lwnet
    medsam selftest/phantom-dice/x 10.1038/x 2304.12306 http://[::1 http://.x/ file:///etc/passwd
    true cuda:99 cpu:x house/0 house/999999999999999999999 2026-13-45 0001-01-01 9999-12-31 8h
    1e400GB None""".split(),
)
PLACES = ("folder", "empty", "loop", "gone", "fifos", "socket", "sealed", "odd\udcff", "nul.bin")
# What a fault could harm is no place for an attack: root can replace a device by a file.
DEVICES = ("/proc/self/mem", "/proc/self/fd", "/proc/self/maps", "/sys", "/dev/stdin")
if os.geteuid():
    DEVICES += ("/dev/null", "/dev/full", "/dev/zero")


class Attack:
    def __init__(self, scratch: Path, _: ExitStack, lines: Sequence[Sequence[str]] = LINES) -> None:
        self.scratch, self.lines = scratch, lines
        self.made = scratch / "made"
        desk(self.made)
        harness = any(words[0] == "reproduce" for words in lines)
        _imported([catalog, *([reproduce, sam4mis] if harness else [])])
        self.options = _options()
        for name, line in MADE.items():
            if any(name in words for words in lines):
                broke = run(line, self.made, scratch / "said")
                assert broke is None, broke

    def __call__(self, random: Random) -> str | None:
        words = list(random.choice(self.lines))
        folder = self.scratch / "desk"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.made, folder, symlinks=True)
        places(folder)
        changes = [self._change(words, folder, random) for _ in range(random.choice((1, 1, 2)))]
        if random.random() < 0.3 and "--json" in self.options[command_of(words)]:
            words.append("--json")
        told = f"{' '.join(_short(word) for word in words)} ({'; '.join(changes)})"
        broke = run(words, folder, self.scratch / "said")
        return f"{told}: {broke}" if broke else None

    def _change(self, words: list[str], folder: Path, random: Random) -> str:
        fixed = len(command_of(words).split())
        kind = random.randrange(4)
        if kind == 0:
            named = [name for name in FILES if any(_in(name, word) for word in words)]
            always = [name for name in ALWAYS if (folder / name).is_file()]
            return _damaged(folder / random.choice(named or always), random)
        if kind == 1:
            option = random.choice(sorted(self.options[command_of(words)]))
            words += [option, _odd(random)]
            return f"{option} added"
        at = random.randrange(fixed, len(words)) if len(words) > fixed else len(words)
        old = words[at : at + 1]
        if kind == 2 and old and old[0].startswith("-"):
            del words[at]
            return f"without {old[0]}"
        words[at : at + 1] = [_odd(random)]
        return f"instead of {old}"


def _in(name: str, given: str) -> bool:
    return name == given.rpartition("=")[2] or name.startswith(f"{given}/")


def _odd(random: Random) -> str:
    return random.choice(random.choice((ODD_WORDS, ODD_WORDS, PLACES, DEVICES, tuple(FILES))))


def _short(word: str) -> str:
    return repr(word if len(word) < 60 else f"{word[:40]}... of {len(word)}")


def _damaged(path: Path, random: Random) -> str:
    mutations = [of_bytes, instead]
    if path.suffix in (".csv", ".bib", ".yaml", ".md", ".py", ".json"):
        mutations += [of_text, of_text]
    if path.suffix == ".json":
        mutations += [of_json] * 4
    try:
        content = random.choice(mutations)(path.read_bytes(), random)
    except ValueError:  # it was damaged before
        content = b""
    path.write_bytes(content)
    return f"{path.name} damaged: {content[:300]!r}"


def places(folder: Path) -> None:
    """What may stand where a file or folder is expected, and is none."""
    (folder / "folder").mkdir()
    (folder / "empty").touch()
    (folder / "loop").symlink_to("loop")
    (folder / "gone").symlink_to("nowhere/at/all")
    (folder / "fifos").mkdir()
    for name in ("a.png", "a.nii.gz", "a.csv", "a.dcm", "a.yaml"):
        os.mkfifo(folder / "fifos" / name)
    with socket.socket(socket.AF_UNIX) as unix, contextlib.chdir(folder):
        unix.bind("socket")
    (folder / "sealed").mkdir(mode=0)
    (folder / "odd\udcff").mkdir()
    (folder / "nul.bin").write_bytes(bytes(5000))


def command_of(words: list[str]) -> str:
    """The command's name, its group before it."""
    many = {"reproduce": 2}.get(words[0], 1) + (words[:2] == ["reproduce", "plugin"])
    return " ".join(words[:many])


def _imported(packages: Sequence[ModuleType]) -> None:
    """Import all of them, so that a fork begins with them."""
    for package in packages:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.rpartition(".")[2] != "__main__":
                with contextlib.suppress(ModuleNotFoundError):  # of a package that is optional
                    importlib.import_module(found.name)


def _options() -> dict[str, set[str]]:
    """Options of every command."""
    import typer

    from catalog.cli import app

    found: dict[str, set[str]] = {}

    def walk(command: Any, name: str) -> None:
        if not hasattr(command, "list_commands"):
            found[name] = {option for p in command.params for option in p.opts if option[0] == "-"}
            return
        context = type("None_", (), {"resilient_parsing": False})()
        for below in command.list_commands(context):
            walk(command.get_command(context, below), f"{name} {below}".strip())

    walk(typer.main.get_command(app), "")
    assert found.keys() >= {command_of(list(line)) for line in LINES}
    return found


def run(words: list[str], folder: Path, said: Path) -> str | None:
    """Run one line in a fork; what broke, or None."""
    out, err = said.with_suffix(".out"), said.with_suffix(".err")
    child = os.fork()
    if child == 0:
        _child(words, folder, out, err)
    status = _waited(child)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    talk = err.read_text("utf-8", "replace")
    if status is None:
        return f"no end: {talk[-300:]}"
    code = os.waitstatus_to_exitcode(status)
    if code not in TOLD or "Traceback" in talk or "internal error" in talk:
        return f"exit {code}: {talk[-1500:]}"
    if "--json" in words and code != 141 and "--help" not in words:
        try:
            json.loads(out.read_text("utf-8"))
        except ValueError as error:
            return f"exit {code}, standard output is no JSON ({error}): {talk[-300:]}"
    return None


def _waited(child: int) -> int | None:
    """Its status; None where it waits for what never comes, or computes without an end."""
    end = time.monotonic() + 3 * ENDS_S
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return None if os.WIFSIGNALED(status) and os.WTERMSIG(status) == 24 else status
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _child(words: list[str], folder: Path, out: Path, err: Path) -> None:
    code = 70
    try:
        os.setsid()
        for stream, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
        sys.stderr = open(2, "w", errors="backslashreplace")  # noqa: SIM115
        os.chdir(folder)
        own = {"ROOT": str(folder), "CACHE": str(folder / "cache"), "DATA": str(folder / "data")}
        os.environ["HOME"] = str(folder)
        own |= {"QUICK": "1", "PLUGINS": "", "CONFIG": str(folder / "config.toml")}
        for name in ("ARXIV", "CROSSREF", "OPENALEX", "SEMANTICSCHOLAR", "EUROPEPMC", "OPENREVIEW"):
            own[f"URL_{name}"] = "http://127.0.0.1:9"
        os.environ |= {f"SAM4MIS_{name}": text for name, text in own.items()}
        resource.setrlimit(resource.RLIMIT_CPU, (int(ENDS_S), int(ENDS_S) + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sys.argv = ["sam4mis", *words]
        from catalog.cli import main

        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
