"""The self-test passes, and fails when it should: on wrong bytes, and on wrong weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from catalog.errors import InputError, PrerequisiteError
from catalog.registry import Registry
from reproduce.cli.selftest import app
from reproduce.ground.reading import sha256_of
from reproduce.selftest.running import WEIGHTS, shipped_project


def test_whole_way(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM4MIS_ROOT", str(root))
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "users-own"))
    answer = CliRunner().invoke(app, ["--out", str(tmp_path / "out"), "--json"])
    assert answer.exit_code == 0, answer.output
    outcome = json.loads(answer.stdout)
    assert outcome["passed"]
    assert outcome["verdict"]["state"] == "reproduced"
    assert outcome["verdict"]["comparability"] == "A"
    assert outcome["result"]["kind"] == "selftest"
    assert outcome["downloaded_bytes"] == WEIGHTS.stat().st_size
    page = Path(outcome["page"]).read_text("utf-8")
    assert outcome["result"]["run"] in page
    assert "self-test" in page.lower()
    assert not (tmp_path / "users-own").exists(), "the user's cache is left alone"


def test_wrong_bytes_are_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAM4MIS_ROOT", str(root))
    other = tmp_path / "other.safetensors"
    content = bytearray(WEIGHTS.read_bytes())
    content[-1] ^= 1
    other.write_bytes(content)
    answer = CliRunner().invoke(app, ["--out", str(tmp_path / "out"), "--weights", str(other)])
    assert isinstance(answer.exception, PrerequisiteError)
    assert "not the released file" in str(answer.exception)
    assert not (tmp_path / "out" / "runs").exists()


def test_wrong_weights_fail_by_verdict(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their hash is taken as right, so that only the measured Dice can tell."""
    monkeypatch.setenv("SAM4MIS_ROOT", str(root))
    state = load_file(WEIGHTS)
    noise = torch.Generator().manual_seed(0)
    for name, tensor in state.items():
        if name.startswith("mask_decoder") and tensor.ndim > 1:
            tensor += 0.5 * tensor.std() * torch.randn(tensor.shape, generator=noise)
    other = tmp_path / "other.safetensors"
    save_file(state, other)
    answer = CliRunner().invoke(
        app, ["--out", str(tmp_path / "out"), "--weights", str(other), "--trust"]
    )
    assert isinstance(answer.exception, InputError)
    assert "got lower" in str(answer.exception)


def test_claim_is_what_training_printed(root: Path) -> None:
    project = shipped_project(root)
    (claim,) = project.claims
    (checkpoint,) = project.checkpoints or []
    with safe_open(WEIGHTS, "pt") as file:
        facts = file.metadata()
    assert f"{claim.fraction:.4f}" == facts["test_dice"]
    assert "of no medical use" in facts["self-test"]
    assert checkpoint.sha256 == sha256_of(WEIGHTS)
    assert checkpoint.bytes == WEIGHTS.stat().st_size <= 2_000_000


def test_it_is_a_self_test_everywhere(root: Path) -> None:
    registry = Registry.load(root)
    project = next(p for p in registry.projects if p.slug == "selftest")
    assert project.kind == "selftest"
    assert "self-test" in project.name.lower()
    assert not project.papers
    runs = [r for r in registry.results if r.project == "selftest"]
    assert {r.kind for r in runs} == {"selftest"}, "published for its pictures, as what it is"
