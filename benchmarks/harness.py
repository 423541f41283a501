"""How a benchmark is measured: every contender in its own process, repetitions interleaved.

A contender is `module:function`. The function takes the suite's options, prepares, and returns a
dict of scenarios: name -> callable that does the work once and returns plain data describing the
outcome (so that two contenders can be compared). Separate processes give honest peak memory and
keep one contender's caches from helping the other; A B A B order lets a machine that slows down
slow both.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("torch", "segment-anything", "numpy", "scipy", "monai", "torchmetrics", "medpy")
MORE_PACKAGES = (
    "surface-distance",
    "mikan-rs",
    "pillow",
    "connected-components-3d",
    "msgspec",
    "ruamel.yaml",
)


@dataclass
class Contender:
    """A process that repeats scenarios on request."""

    name: str
    target: str  # module:function
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.harness", self.target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **self.environment},
        )
        self.scenarios: list[str] = self._ask(self.options)["scenarios"]

    def repeat(self, scenario: str) -> dict[str, Any]:
        """Run a scenario once: {wall_s, cpu_s, peak_mib, outcome}."""
        return self._ask({"scenario": scenario})

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"contender {self.name} ended with {self.process.wait()}")
        return dict(json.loads(answer))


def serve(target: str) -> None:
    """The contender's side: read options, then scenario names, answer one JSON line each."""
    # Libraries print; only our answers may go to the pipe.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module, _, name = target.partition(":")
    options = json.loads(sys.stdin.readline())
    scenarios = getattr(importlib.import_module(module), name)(options)
    print(json.dumps({"scenarios": list(scenarios)}), file=answers, flush=True)
    for line in sys.stdin:
        work = scenarios[json.loads(line)["scenario"]]
        cpu, wall = time.process_time(), time.perf_counter()
        outcome = work()
        measured = {
            "wall_s": time.perf_counter() - wall,
            "cpu_s": time.process_time() - cpu,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "outcome": outcome,
        }
        if "torch" in sys.modules and sys.modules["torch"].cuda.is_available():
            measured["peak_gpu_mib"] = sys.modules["torch"].cuda.max_memory_allocated() / 2**20
        print(json.dumps(measured), file=answers, flush=True)


def interleave(
    contenders: list[Contender], scenario: str, repeats: int, say: Any = lambda _: None
) -> dict[str, dict[str, Any]]:
    """A B A B ...: per contender medians, all repetitions, peak memory and the last outcome."""
    taking_part = [c for c in contenders if scenario in c.scenarios]
    runs: dict[str, list[dict[str, Any]]] = {c.name: [] for c in taking_part}
    for number in range(repeats):
        for contender in taking_part:
            measured = contender.repeat(scenario)
            runs[contender.name].append(measured)
            say(f"{scenario} {number + 1}/{repeats} {contender.name}: {measured['wall_s']:.2f} s")
    return {
        name: {
            "wall_s": median(r["wall_s"] for r in each),
            "cpu_s": median(r["cpu_s"] for r in each),
            "wall_all_s": [round(r["wall_s"], 6) for r in each],
            "cpu_all_s": [round(r["cpu_s"], 6) for r in each],
            "peak_mib": round(max(r["peak_mib"] for r in each)),
            "outcome": each[-1]["outcome"],
            **(
                {"peak_gpu_mib": round(max(r["peak_gpu_mib"] for r in each))}
                if "peak_gpu_mib" in each[0]
                else {}
            ),
        }
        for name, each in runs.items()
    }


def arithmetic() -> str:
    """The widest instructions of this processor for matrices: amx, avx512, avx2, neon or other."""
    information = Path("/proc/cpuinfo")
    flags = set(information.read_text().split()) if information.is_file() else set()
    kinds = {"amx": "amx_tile", "avx512": "avx512f", "avx2": "avx2", "neon": "asimd"}
    arm = "neon" if platform.machine() in ("arm64", "aarch64") else "other"
    return next((kind for kind, flag in kinds.items() if flag in flags), arm)


def with_kind(suite: str) -> str:
    """The name of a suite's results on a kind of processor, so that each has its own."""
    return f"{suite}-{arithmetic()}"


def median_ratio(other: list[float], own: list[float]) -> float:
    """Median of the ratios of repetitions that followed each other, which a machine that is busy
    for a while does not move."""
    return median(a / max(1e-9, b) for a, b in zip(other, own, strict=True))


def machine() -> dict[str, Any]:
    """Hardware, versions and how busy the machine was."""
    cpu = platform.processor() or "unknown"
    information = Path("/proc/cpuinfo")
    if information.is_file():
        lines = information.read_text().splitlines()
        cpu = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), cpu)
    found = {}
    for package in (*PACKAGES, *MORE_PACKAGES):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "cpu": cpu,
        "arithmetic": arithmetic(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": found,
        **_gpu(),
        "load_average_1min": round(os.getloadavg()[0], 2),
    }


def _gpu() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {}
    return {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda}


def write(suite: str, document: dict[str, Any]) -> Path:
    """Write `results/<suite>.json`: replaced in one step, with machine and date."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{suite}.json"
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False
    ).stdout.strip()
    whole = {
        "schema": "benchmark/1",
        "suite": suite,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit or None,
        **document,
    }
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", "utf-8")
    temporary.replace(path)
    return path


if __name__ == "__main__":
    serve(sys.argv[1])
