"""Suite `metrics`: overlap and surface kernels beside their peers, CPU, one and two threads.

The GB/s of an overlap say how often both masks could have been read once in the time it took; a
plain copy in one thread is what they compare with.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from benchmarks.harness import Contender, interleave, machine, median_ratio, with_kind, write

CONTENDERS = {
    "ours": "benchmarks.kernels:ours",
    "plain copy": "benchmarks.kernels:copy",
    "MONAI": "benchmarks.kernels:monai",
    "MONAI, float32 masks": "benchmarks.kernels:monai_float",
    "torchmetrics": "benchmarks.kernels:torchmetrics",
    "medpy": "benchmarks.kernels:medpy",
    "mikan-rs": "benchmarks.kernels:mikan",
    "surface-distance": "benchmarks.kernels:surface_distance",
}
TITLES = {
    "masks_2d": "Dice of 128 masks of 1024x1024",
    "volume_one": "Dice of one class, 256x256x128",
    "volume_overlap": "Dice of eight classes, 256x256x128",
    "volume_surface": "NSD and HD95 of eight classes, 256x256x128",
}
PIXELS = {"masks_2d": 128 << 20, "volume_one": 1 << 23, "volume_overlap": 1 << 26}


def run(
    say: Callable[[str], None],
    quick: bool = False,
    repeats: int = 5,
    names: tuple[str, ...] = tuple(CONTENDERS),
) -> dict[str, Any]:
    """Measure, write `results/metrics-<kind of processor>.json`, return the document."""
    scenarios = {}
    chosen = {name: CONTENDERS[name] for name in names if name != "mikan-rs" or find_spec("mikan")}
    for threads in (1, 2):
        text = str(threads)
        environment = {"OMP_NUM_THREADS": text, "RAYON_NUM_THREADS": text}
        options = {"masks": 128, "threads": threads}
        contenders = [Contender(n, t, options, environment) for n, t in chosen.items()]
        try:
            for name, title in TITLES.items():
                if name == "volume_surface" and threads > 1:
                    continue  # suite `surfaces` has them
                measured = interleave(contenders, name, 1 if quick else repeats, say)
                scenarios[f"{name}_{threads}"] = {
                    "title": f"{title}, {threads} thread{'s' * (threads > 1)}",
                    "contenders": measured,
                    **compare(name, measured),
                }
        finally:
            for contender in contenders:
                contender.close()
    for scenario in scenarios.values():
        for each in scenario["contenders"].values():
            del each["outcome"]
    document = {
        "title": "Metric kernels against their peers, same masks, CPU with "
        + machine()["arithmetic"],
        "baseline": "ours",
        "settings": {"masks": 128, "repetitions": repeats},
        "machine": machine(),
        "scenarios": scenarios,
    }
    if not quick:
        write(with_kind("metrics"), document)
    return document


def compare(scenario: str, measured: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """How many times longer each peer takes than we do, and how far its values are from ours."""
    mine = measured["ours"]
    ratios, cpu, differences = {}, {}, {}
    for name, each in measured.items():
        if name == "ours":
            continue
        ratios[name] = round(median_ratio(each["wall_all_s"], mine["wall_all_s"]), 2)
        cpu[name] = round(median_ratio(each["cpu_all_s"], mine["cpu_all_s"]), 2)
        if not each["outcome"]:  # a copy gives no value
            continue
        differences[name] = max(
            abs(a - b)
            for a, b in zip(each["outcome"], mine["outcome"], strict=True)
            if not math.isnan(a)
        )
    found = {"ratios": ratios, "cpu_ratios": cpu, "difference": differences}
    if scenario in PIXELS:
        found["gb_per_cpu_s"] = {
            name: round(2 * PIXELS[scenario] / each["cpu_s"] / 1e9, 2)
            for name, each in measured.items()
        }
    return found
