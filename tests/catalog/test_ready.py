"""What claims that nobody has run would take: the file, its order, and that it is today's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog import ready
from reproduce.cli import app
from reproduce.ground.places import cache_folder, nothing_here


def run(name: str, **more: object) -> dict[str, object]:
    made: dict[str, object] = {
        "claims": [f"{name}/dice"],
        "best": "C",
        "why": [],
        "adapter": name,
        "dataset": "btcv",
        "split": "test",
        "hours": 1.0,
        "basis": "assumed",
        "on": None,
        "download_bytes": 0,
        "sizes_unknown": [],
        "memory_mib": None,
        "by_hand": [],
    }
    return made | more


def test_least_effort_comes_first_and_what_decides_nothing_last(tmp_path: Path) -> None:
    runs = [
        run("undecided", best="D", hours=0.1),
        run("unknown", hours=None),
        run("by-hand", hours=0.1, by_hand=["get BTCV"]),
        run("long", hours=9.0),
        run("short", hours=0.5),
    ]
    path = tmp_path / ready.FILE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"schema": "ready/1", "runs": runs, "left": {}}))
    found = [one.claims[0].partition("/")[0] for one in ready.load(tmp_path).runs]
    assert found == ["short", "long", "unknown", "by-hand", "undecided"]
    assert ready.load(tmp_path / "elsewhere").runs == []


def test_the_committed_file_is_todays_whatever_this_machine_has(root: Path) -> None:
    done = CliRunner().invoke(app, ["plan", "--site", "--check"])
    assert done.exit_code == 0, f"run `{ready.COMMAND}`: {done.exception}"


def test_nothing_is_here_only_inside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path))
    monkeypatch.delenv("SAM4MIS_DATA", raising=False)
    with nothing_here():
        assert cache_folder() != tmp_path
    assert cache_folder() == tmp_path
    assert "SAM4MIS_DATA" not in os.environ
