"""Why numbers differ: the calculator gives what the profiles' own corner cases give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.render.pages.why import calculated, furthest, scored

# corner cases of one image of one class, as (TP, FP, FN)
COUNTS = {
    "both-empty": (0, 0, 0),
    "false-positive": (0, 10, 0),
    "missed": (0, 0, 10),
    "half": (10, 10, 10),
}


def test_the_calculator_agrees_with_every_profile(root: Path) -> None:
    found = json.loads((root / "reproduce/results/profiles.json").read_text())["profiles"]
    profiles = {p["id"]: p for p in found}
    rows = calculated([p for p in found if "dice" in p["values"]])
    assert len(rows) > 20
    assert "mmsegmentation/1" not in {r["id"] for r in rows}, "it scores the background too"
    for row in rows:
        known = profiles[row["id"]]["values"]["dice"]
        for name, counts in COUNTS.items():
            value = scored(profiles[row["id"]], *counts)
            wanted = known[name]["value"]
            assert value == (wanted if wanted is None else pytest.approx(wanted, abs=2e-6)), (
                row["id"],
                name,
            )


def test_the_pair_that_is_shown_first_is_the_one_that_differs_most() -> None:
    def profile(name: str, *values: float | None) -> dict[str, object]:
        cells = {f"c{k}": {"value": v} for k, v in enumerate(values)}
        return {"id": name, "values": {"dice": cells}}

    three = [profile("a", 1, 1), profile("b", 1, 0), profile("c", None, 0)]
    assert furthest(three, ["c0", "c1"]) == ("a", "c")
