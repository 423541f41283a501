"""Charts: what is drawn is what was measured, and what strangers write stays text."""

from __future__ import annotations

import re

import pytest

from catalog.render import charts
from catalog.render.pages.quality import compared, contenders, speed

ROWS = [("one box", "ours", 2.0), ("one box", "ours, <bf16>", 4.0), ("masks", "MONAI", 32.0)]


def bars(svg: str) -> list[float]:
    """Widths of the bars, in their order."""
    return [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)"[^>]*class="s0"', svg)]


def test_bars_grow_with_the_logarithm_from_one() -> None:
    svg = str(charts.factors("f", "Ratios", "Bars.", ROWS))
    two, four, thirty_two = bars(svg)
    assert four == pytest.approx(2 * two, rel=0.01)
    assert thirty_two == pytest.approx(5 * two, rel=0.01)
    assert svg.index("one box") < svg.rindex(">2x<") < svg.index("masks") < svg.index(">32x<")
    assert "<bf16>" not in svg
    assert "&lt;bf16&gt;" in svg


def test_factors_below_one_go_to_the_left() -> None:
    svg = str(charts.factors("f", "Ratios", "Bars.", [("a", "slower", 0.5), ("a", "faster", 2.0)]))
    starts = [float(x) for x in re.findall(r'<rect x="([\d.]+)"[^>]*class="s0"', svg)]
    slower, faster = bars(svg)
    assert starts[0] + slower == pytest.approx(starts[1], abs=0.2)
    assert slower == pytest.approx(faster, rel=0.01)


def test_figures_against_the_base_are_columns() -> None:
    scenario = {
        "title": "one box",
        "contenders": {"base": {"wall_s": 4.0}, "ours": {"wall_s": 2.0}},
        "ratios": {"ours": 2.0},
        "memory": {"ours": 0.4},
        "dice_difference": {"ours": 1.25e-5},
        "settings": {"images": 3},
    }
    assert compared(scenario) == {
        "ratios": "Ratio",
        "memory": "Ratio, memory",
        "dice_difference": "Dice difference",
    }
    assert contenders(scenario) == [
        ("base", ["4.000", "", ""], ["", "", ""]),
        ("ours", ["2.000", "", ""], ["2", "0.4", "1.25e-05"]),
    ]
    assert speed({"encoder": {"scenarios": {"a": scenario}}}) == [("one box", "ours", 2.0)]
    assert speed({"catalog": {"scenarios": {"a": scenario}}}) == []
