"""Suite `metrics`: overlap and surface kernels beside their peers, on a CPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from benchmarks.harness import Contender, interleave, machine, write

CONTENDERS = {
    "ours": "benchmarks.kernels:ours",
    "MONAI": "benchmarks.kernels:monai",
    "MONAI, float32 masks": "benchmarks.kernels:monai_float",
    "torchmetrics": "benchmarks.kernels:torchmetrics",
    "medpy": "benchmarks.kernels:medpy",
    "surface-distance": "benchmarks.kernels:surface_distance",
}
# medpy's HD95 rests on voxel edges, so its value is not compared.
NOT_THE_SAME_DEFINITION = {("volume_surface", "medpy")}


def run(say: Callable[[str], None], quick: bool = False, repeats: int = 5) -> dict[str, Any]:
    """Measure, write `results/metrics.json`, return the document."""
    options = {"masks": 128}
    titles = {
        "masks_2d": f"Dice of {options['masks']} masks of 1024x1024",
        "volume_overlap": "Dice of eight classes, 256x256x128",
        "volume_surface": "NSD and HD95 of eight classes, 256x256x128",
    }
    contenders = [Contender(name, target, options) for name, target in CONTENDERS.items()]
    try:
        scenarios = {}
        for name, title in titles.items():
            measured = interleave(contenders, name, 1 if quick else repeats, say)
            scenarios[name] = {"title": title, "contenders": measured, **compare(name, measured)}
    finally:
        for contender in contenders:
            contender.close()
    for scenario in scenarios.values():
        for each in scenario["contenders"].values():
            del each["outcome"]
    document = {
        "title": "Metric kernels against their peers, same masks, CPU",
        "baseline": "ours",
        "settings": options,
        "machine": machine(),
        "scenarios": scenarios,
    }
    if not quick:
        write("metrics", document)
    return document


def compare(scenario: str, measured: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """How many times longer each peer takes than we do, and how far its values are from ours."""
    mine = measured["ours"]
    ratios, cpu, differences = {}, {}, {}
    for name, each in measured.items():
        if name == "ours":
            continue
        ratios[name] = round(each["wall_s"] / mine["wall_s"], 1)
        cpu[name] = round(each["cpu_s"] / mine["cpu_s"], 1)
        if (scenario, name) in NOT_THE_SAME_DEFINITION:
            continue
        differences[name] = max(
            abs(a - b)
            for a, b in zip(each["outcome"], mine["outcome"], strict=True)
            if not math.isnan(a)
        )
    return {"ratios": ratios, "cpu_ratios": cpu, "difference": differences}
