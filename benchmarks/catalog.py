"""Suite `catalog`: commands at 500, 5,000 and 50,000 works beside the plain alternatives.

`CATALOG_SIZES="5000"` names other sizes.

Every command is a process of its own, as a user types it. `search` comes first and finds an empty
cache; all others find what it has left. The plain alternatives do only what their name
says: parse the file, or parse and write it again, without any check or index. Those that take
minutes are left out at 50,000 works. `build` is measured by the suite `site`.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Container
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import ROOT, machine, write
from benchmarks.site import make

SIZES = tuple(int(n) for n in os.environ.get("CATALOG_SIZES", "500 5000 50000").split())
SLOW_ABOVE = 5_000  # works; the plain Python parsers are not asked beyond
SAM4MIS = [sys.executable, "-m", "catalog"]
BASELINE = "plain alternative"
ENTRY = """@article{{bench{number},
  title = {{A benchmark entry that no list has, number {number}}},
  author = {{Doe, Jane and Roe, Richard}},
  journal = {{Journal of Benchmarks}},
  year = {{2026}},
  doi = {{10.5555/bench.{number}}}
}}
"""
TYPER = """
import typer
app = typer.Typer()
@app.command()
def one() -> None: ...
@app.command()
def two() -> None: ...
app(["--help"])
"""
PLAIN = {
    "PyYAML SafeLoader": "import yaml, sys; yaml.load(open(sys.argv[1]), yaml.SafeLoader)",
    "PyYAML CSafeLoader": "import yaml, sys; yaml.load(open(sys.argv[1]), yaml.CSafeLoader)",
    "ruamel round trip": (
        "import sys, ruamel.yaml; y = ruamel.yaml.YAML(); y.width = 10**6;"
        "d = y.load(open(sys.argv[1])); y.dump(d, open(sys.argv[1] + '.out', 'w'))"
    ),
}
SLOW = ("PyYAML SafeLoader", "ruamel round trip")
READING = {
    "search": ["search", "medsam"],
    "list": ["list"],
    "show": ["show", "medsam"],
    "stats": ["stats"],
    "export": ["export"],
    "check": ["check"],
    "doctor": ["doctor"],
    "README tables": ["build", "--readme-only"],
}
START_UP = ("check", "search", "list", "show", "stats", "add", "export", "import", "doctor")
START_UP_MORE = ("refresh", "discover", "screen", "build", "serve")


def run(say: Callable[[str], None], quick: bool = False) -> dict[str, Any]:
    """Measure, write `results/catalog.json`, return the document."""
    repeats = 1 if quick else 5
    scenarios: dict[str, Any] = {"start_up": _start_up(repeats)}
    for works in SIZES[:1] if quick else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "registry"
            make(root, works)
            shutil.copy(ROOT / "README.md", root)
            scenarios.update(_at(root, works, 1 if quick else 3, say))
    document = {
        "title": "Catalog commands beside plain alternatives",
        "baseline": BASELINE,
        "settings": {"sizes": list(SIZES[:1] if quick else SIZES), "repeats": repeats},
        "machine": machine(),
        "scenarios": scenarios,
    }
    if not quick:
        write("catalog", document)
    return document


def _start_up(repeats: int) -> dict[str, Any]:
    commands = {"bare typer application": [sys.executable, "-c", TYPER]}
    commands["sam4mis --help"] = [*SAM4MIS, "--help"]
    commands |= {f"{c} --help": [*SAM4MIS, c, "--help"] for c in (*START_UP, *START_UP_MORE)}
    contenders = _runs(commands, repeats)
    ratios = _ratios(contenders, "bare typer application")
    return {"title": "start-up", "contenders": contenders, "ratios": ratios}


def _at(root: Path, works: int, repeats: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Commands that read against parsing alone; `add` against the round trip."""
    call = [*SAM4MIS, "--root", str(root)]
    plain = {
        name: [sys.executable, "-c", code, str(root / "papers.yaml")]
        for name, code in PLAIN.items()
        if works <= SLOW_ABOVE or name == "PyYAML CSafeLoader"
    }
    parsing = {k: v for k, v in plain.items() if k.startswith("PyYAML")}
    reading = {name: [*call, *arguments] for name, arguments in READING.items()}
    once = set(SLOW) if works >= SLOW_ABOVE else set()
    measured = _runs({**reading, **parsing}, repeats, once=once)
    found = {}
    for name in reading:
        shown = {k: measured[k] for k in (name, *parsing)}
        found[f"{name}_{works}"] = {
            "title": f"{name}, {works:,} works",
            "contenders": shown,
            "ratios": _ratios(shown, name),
        }
        took = f"{shown[name]['wall_s']:.2f} s, of processor {shown[name]['cpu_s']:.2f}"
        say(f"{name} {works}: {took}, {found[f'{name}_{works}']['ratios']}")
    changed = _runs(
        {f"{name}, one record changed": reading[name] for name in ("list", "search", "check")},
        repeats,
        lambda: _change(root),
    )
    for name, each in changed.items():
        shown = {name: each, **{k: measured[k] for k in parsing}}
        ratios = _ratios(shown, name)
        title = f"{name}, {works:,} works"
        found[f"{name}_{works}"] = {"title": title, "contenders": shown, "ratios": ratios}
        say(f"{name} {works}: {each['wall_s']:.2f} s wall, {each['cpu_s']:.2f} s of processor")
    entry = root.parent / "entry.bib"
    number = 0

    def prepare() -> None:
        nonlocal number
        number += 1
        entry.write_text(ENTRY.format(number=number))

    trip = {k: v for k, v in plain.items() if k.startswith("ruamel")}
    add = {"add": [*call, "add", str(entry), "--yes"], **trip}
    shown = _runs(add, repeats, prepare, once)
    ratios = _ratios(shown, "add")
    found[f"add_{works}"] = {
        "title": f"add, {works:,} works",
        "contenders": shown,
        "ratios": ratios,
    }
    say(f"add {works}: {shown['add']['wall_s']:.2f} s, {ratios}")
    return found


def _change(root: Path) -> None:
    """Another title for the first work, as an editor would write it."""
    path = root / "papers.yaml"
    path.write_text(path.read_text("utf-8").replace("title: ", "title: X", 1), "utf-8")


def _ratios(contenders: dict[str, dict[str, Any]], ours: str) -> dict[str, float]:
    """How many times longer than `ours` the others take."""
    base = contenders[ours]["wall_s"]
    return {n: round(c["wall_s"] / base, 2) for n, c in contenders.items() if n != ours}


def _runs(
    commands: dict[str, list[str]],
    repeats: int,
    prepare: Callable[[], None] = lambda: None,
    once: Container[str] = (),
) -> dict[str, dict[str, Any]]:
    """Interleaved repetitions; those named in `once` take minutes and are asked in the first."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for number in range(repeats):
        for name, command in commands.items():
            if number and name in once:
                continue
            prepare()
            runs[name].append(_once(name, command))
    return {
        name: {
            "wall_s": median(r["wall_s"] for r in each),
            "cpu_s": median(r["cpu_s"] for r in each),
            "first_s": each[0]["wall_s"],
            "wall_all_s": [round(r["wall_s"], 4) for r in each],
            "peak_mib": round(max(r["peak_mib"] for r in each)),
        }
        for name, each in runs.items()
    }


def _once(name: str, command: list[str]) -> dict[str, float]:
    """One process: wall time, processor time, peak memory. Checks may end with 1 (findings)."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT, env={**os.environ}
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ((0, 1) if name.startswith(("check", "doctor")) else (0,)):
        raise RuntimeError(f"{name} ended with {process.returncode}: {said.decode()[-500:]}")
    used: resource.struct_rusage = usage
    return {
        "wall_s": time.perf_counter() - begun,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / 1024,
    }
