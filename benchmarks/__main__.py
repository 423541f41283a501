"""`python -m benchmarks [suite ...]`: measure, print a table, write `benchmarks/results/`."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any

SUITES = {
    "encoder": "SAM ViT-B against the loop that papers use (CPU)",
    "endtoend": "our command against the authors' program on the same files",
    "metrics": "overlap and surface kernels against MONAI, torchmetrics, medpy, surface-distance",
    "surfaces": "surface kernels against surface-distance, from equal masks to noise",
    "catalog": "start-up, add, search, check and build at 500 to 50,000 works",
    "site": "the website at 500, 5,000 and 10,000 works against plain MkDocs-Material",
    "memory": "peak memory of every adapter on a CPU, all measured in one way",
    "volume": "memory and time of the core on a CT of 512x512x400, 13 targets, five rounds",
    "gpu": "the encoder suite and the surface kernels on a CUDA device",
}


def main() -> None:
    """Run the suites named (default: all that this machine can)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", choices=[[], *SUITES], help="default: all")
    parser.add_argument("--quick", action="store_true", help="one repetition, writes no results")
    arguments = parser.parse_args()
    chosen = arguments.suites or [name for name in SUITES if name != "gpu" or _cuda()]
    for name in chosen:
        print(f"\n== {name}: {SUITES[name]}", file=sys.stderr)
        module = importlib.import_module(f"benchmarks.{name}")
        show(module.run(lambda text: print(f"   {text}", file=sys.stderr), arguments.quick))


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def show(document: dict[str, Any]) -> None:
    """A table per suite: medians, ratios, peak memory; then hardware and versions."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=document["title"])
    for column in ("scenario", "contender", "median s", "ratio", "CPU s", "peak MiB", "difference"):
        table.add_column(column, justify="left" if column in ("scenario", "contender") else "right")
    for scenario in document["scenarios"].values():
        title = scenario["title"]
        for name, each in scenario["contenders"].items():
            ratio = scenario.get("ratios", {}).get(name)
            difference = scenario.get("dice_difference", scenario.get("difference", {})).get(name)
            table.add_row(
                title,
                name,
                f"{each['wall_s']:.4g}",
                "" if ratio is None else f"{ratio:g}x",
                f"{each['cpu_s']:.4g}" if "cpu_s" in each else "",
                f"{each['peak_mib']}" if "peak_mib" in each else "",
                "" if difference is None else f"{difference:.1e}",
            )
            title = ""
        table.add_section()
    console.print(table)
    machine = document["machine"]
    console.print(
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"Python {machine['python']}, load {machine['load_average_1min']}; "
        + ", ".join(f"{k} {v}" for k, v in machine["packages"].items())
    )


if __name__ == "__main__":
    main()
