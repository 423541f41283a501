"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import off_machine
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

off_machine.guard()
os.environ["SAM4MIS_CONFIG"] = os.devnull  # what the user of this machine set changes no test

# How long an example takes says how busy the machine is, not whether the program is right.
settings.register_profile("sam4mis", deadline=None)
settings.load_profile("sam4mis")


@pytest.fixture(autouse=True)
def no_test_leaves_this_machine() -> Iterator[None]:
    """Fail the test that tried; see `guard/off_machine.py`."""
    yield
    if tried := off_machine.refused():
        pytest.fail(f"a test may not leave this machine:\n{tried}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was skipped, by reason: a public clone lacks what only some machines have."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[why.removeprefix("Skipped: ")] += 1
    if not reasons:
        return
    terminalreporter.section("not run here, and why", sep="-")
    for why, number in reasons.most_common():
        terminalreporter.write_line(f"{number:4} {why}")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository, whose real registry the tests read."""
    return ROOT


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real images, masks and weights; tests that need it skip where it is absent."""
    folder = SHARED / "real"
    if not folder.is_dir():
        pytest.skip("the real material of ../shared/real is not on this machine")
    return folder
