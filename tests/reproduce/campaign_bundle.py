"""What the tests of campaigns share: a registry of the self-test's claims on a few phantoms."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from running_bundle import WEIGHTS, project_root

from catalog.registry import Registry
from reproduce.cli.arguments import Arguments
from reproduce.ground import provenance
from reproduce.planning.campaign import Limits, campaign
from reproduce.planning.recipes import find_claims

CASES = 4


def night_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry of two claims of one run, a third whose weights nobody has, and the plan of all;
    the weights of the first two are in the cache."""
    root = project_root(tmp_path, monkeypatch)
    clean = {"commit": "0" * 40, "dirty": False, "changed": []}  # whoever tests is still writing
    monkeypatch.setattr(provenance, "harness", lambda: clean)
    change(root, _more_claims)
    drop = tmp_path / "cache" / "manual"
    drop.mkdir(parents=True)
    shutil.copy(WEIGHTS, drop)
    plan(root)
    return root


def _more_claims(project: dict[str, Any]) -> None:
    claim = project["claims"][0] | {
        "n": {},
        "run": {"dataset": {"count": CASES}, "evidence": "stated", "place": "README"},
    }
    project["checkpoints"].append({"id": "lost", "urls": ["https://pan.baidu.com/s/x"]})
    project["claims"] = [
        claim,
        claim | {"id": "phantom-iou", "metric": "iou", "value": 97.68},
        claim | {"id": "lost", "checkpoint": "lost"},
    ]


def change(root: Path, how: Callable[[dict[str, Any]], object]) -> None:
    """Edit the project of the registry."""
    path = root / "projects" / "selftest.yaml"
    project = yaml.safe_load(path.read_text("utf-8"))
    how(project)
    path.write_text(json.dumps(project))  # which is YAML without anchors


def plan(root: Path, *targets: str) -> Path:
    """Write the plan file of claims (all of the project) anew."""
    registry = Registry.load(root)
    chosen = [pair for t in targets or ("selftest",) for pair in find_claims(registry, t)]
    made, _ = campaign(registry, chosen, Limits())
    (root / "night.json").write_bytes(msgspec.json.encode(made))
    return root / "night.json"


def asked(root: Path, **more: object) -> Arguments:
    """The command line of `run --plan` on one CPU."""
    facts = Arguments(
        target=None, devices=("cpu",), out=root / "runs", by="a-lab", plan=root / "night.json"
    )
    return replace(facts, **more)  # type: ignore[arg-type]  # a test's shorthand


def sent(root: Path) -> list[Path]:
    """Result folders of the contribution."""
    return sorted((root / "runs" / "contribution" / "reproduce" / "results").glob("*"))
