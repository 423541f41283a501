"""Error rates and power of the verdict by simulation: `python -m benchmarks.verdict_rule`.

Each repetition draws the Dice of n cases twice, once for the paper and once for us with a true
difference added, as for a test split that was drawn again (class B), and applies the rule. Beside
it the rule that many use: "the printed value lies in our 95 % interval". Seeded: the same numbers
on every machine.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reproduce.judging.equivalence import clustered_error, interval, label, redrawn_spread, rounding
from reproduce.judging.verdict import MARGIN

CASES = (20, 50, 100, 500, 2000)
DIFFERENCES = (0.0, -0.005, -0.01, -0.02, -0.05)
CASE_SD = (0.05, 0.12)
OUT = Path(__file__).resolve().parent / "results" / "verdict_rule.json"


def simulate(n: int, difference: float, sd: float, repetitions: int) -> dict[str, Any]:
    """Shares of labels of the verdict, and of "reproduced" under the interval rule."""
    rng = np.random.default_rng([n, round(-difference * 1e4), round(sd * 1e4)])
    labels: Counter[str] = Counter()
    inside = 0
    names = [str(k) for k in range(n)]
    half = rounding(2, 100)
    for _ in range(repetitions):
        printed = round(float(_dice(rng, n, sd, 0.8).mean()), 4)
        ours = _dice(rng, n, sd, 0.8 + difference)
        values = ours.tolist()
        gap = float(ours.mean()) - printed
        labels[label(interval(gap, redrawn_spread(values, names, n), half), MARGIN)] += 1
        inside += abs(gap) <= 1.96 * clustered_error(values, names).standard_error
    shares = {name: labels[name] / repetitions for name in ("reproduced", "lower", "higher")}
    return {
        "cases": n,
        "true_difference": difference,
        "case_sd": sd,
        **shares,
        "inconclusive": labels["inconclusive"] / repetitions,
        "printed_value_in_our_interval": inside / repetitions,
    }


def _dice(rng: np.random.Generator, n: int, sd: float, mean: float) -> NDArray[np.float64]:
    """Skewed like real Dice: a beta distribution with this mean and SD."""
    weight = mean * (1 - mean) / sd**2 - 1
    return rng.beta(mean * weight, (1 - mean) * weight, n)


def run(say: Callable[[str], None], quick: bool = False) -> dict[str, Any]:
    """All combinations; the document that is written to `results/verdict_rule.json`."""
    repetitions = 200 if quick else 2000
    rows = []
    for sd in CASE_SD:
        for n in CASES:
            say(f"case SD {sd}, {n} cases")
            rows += [simulate(n, d, sd, repetitions) for d in DIFFERENCES]
    return {
        "schema": "simulation/1",
        "title": "Error rates and power of the verdict, split drawn again (class B)",
        "margin": MARGIN,
        "repetitions": repetitions,
        "rows": rows,
    }


def main() -> None:
    """Simulate, print a table, write the results."""
    document = run(lambda text: print(text, flush=True))
    columns = ("cases", "true_difference", "reproduced", "lower", "inconclusive")
    for row in document["rows"]:
        print(
            f"SD {row['case_sd']:.2f}  "
            + "  ".join(f"{name} {row[name]:.3f}" for name in columns)
            + f"  in our interval {row['printed_value_in_our_interval']:.3f}"
        )
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
