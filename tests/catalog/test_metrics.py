"""Shares and distances, told in one way everywhere."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from catalog.cli.rows import in_percent
from catalog.metrics import is_share, percent_decimals
from catalog.records import Claim
from catalog.registry import load_projects
from catalog.render.show import claimed


@pytest.fixture(scope="module")
def claim(root: Path) -> Claim:
    return next(claim for project in load_projects(root) for claim in project.claims)


@pytest.mark.parametrize(
    ("metric", "value", "scale", "decimals", "shown"),
    [
        ("dice", 0.9234, 1, 4, "92.34"),
        ("dice", 92.3, 100, 1, "92.3"),
        ("Dice", 0.9, 1, 1, "90"),
        ("nsd", 0.12345, 1, 5, "12.35"),
        ("hd95", 0.5, 1, 2, None),  # a distance below 1 is no share
        ("masd", 0.5, 1, 2, None),
        ("fps", 61.0, 1, 1, None),
    ],
)
def test_the_command_line_and_the_pages_agree(
    claim: Claim, metric: str, value: float, scale: int, decimals: int, shown: str | None
) -> None:
    number = msgspec.structs.replace(
        claim, metric=metric, value=value, scale=scale, decimals=decimals
    )
    assert is_share(number) is (shown is not None)
    told = in_percent(number, number.fraction)
    if shown is None:
        assert told == f"{value:.{decimals}f}"
    else:
        assert told == f"{shown} %"
        assert claimed(number) == told
        assert percent_decimals(number) <= 2
