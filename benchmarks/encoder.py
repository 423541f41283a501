"""Suite `encoder`: images per second against the loop that papers use, on a CPU."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

from benchmarks.harness import Contender, interleave, machine, with_kind, write
from benchmarks.material import REAL

BASELINE = "papers' loop (SamPredictor)"
SCENARIOS = {  # name -> (title, repetitions, images that a repetition evaluates)
    "one_box": ("one box an image", 3),
    "sixteen_boxes": ("sixteen boxes an image", 3),
    "stack": ("CT stack, slice by slice", 1),
    "ten_prompt_sets": ("ten prompt sets, same image", 1),
}


def run(say: Callable[[str], None], quick: bool = False) -> dict[str, Any]:
    """Measure, write `results/encoder-<kind of processor>.json`, return the document."""
    if not REAL.is_dir():
        raise SystemExit(f"the real images are not in {REAL}; the encoder suite needs them")
    with tempfile.TemporaryDirectory() as work:
        common = {"variant": "vit_b", "device": "cpu", "images": 1, "slices": 4, "work": work}
        contenders = [
            Contender(BASELINE, "benchmarks.loops:papers_loop", common),
            Contender("ours, float32", "benchmarks.loops:ours", {**common, "precision": "float32"}),
            Contender(
                "ours, bfloat16", "benchmarks.loops:ours", {**common, "precision": "bfloat16"}
            ),
        ]
        try:
            scenarios = {}
            for name, (title, repeats) in SCENARIOS.items():
                if quick and name not in ("one_box",):
                    continue
                measured = interleave(contenders, name, 1 if quick else repeats, say)
                scenarios[name] = {"title": title, "contenders": measured, **compare(measured)}
        finally:
            for contender in contenders:
                contender.close()
    document = {
        "title": "SAM ViT-B against the loop that papers use, two CPU threads with "
        + machine()["arithmetic"],
        "baseline": BASELINE,
        "settings": {k: v for k, v in common.items() if k != "work"},
        "machine": machine(),
        "scenarios": scenarios,
    }
    if not quick:
        write(with_kind("encoder"), document)
    return document


def compare(measured: dict[str, dict[str, Any]], baseline: str = BASELINE) -> dict[str, Any]:
    """Ratios to the baseline (above 1: faster, less memory) and the largest difference of Dice."""
    base = measured[baseline]
    found: dict[str, Any] = {"ratios": {}, "cpu_ratios": {}, "memory": {}, "dice_difference": {}}
    for name, each in measured.items():
        if name == baseline:
            continue
        found["ratios"][name] = round(base["wall_s"] / each["wall_s"], 2)
        found["cpu_ratios"][name] = round(base["cpu_s"] / each["cpu_s"], 2)
        found["memory"][name] = round(each["peak_mib"] / base["peak_mib"], 3)
        found["dice_difference"][name] = max(
            abs(a - b) for a, b in zip(each["outcome"], base["outcome"], strict=True)
        )
    return found
