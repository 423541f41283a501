"""A model of one's own: begun from a template, checked, found by path and by entry point."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner

from catalog.errors import InputError, PrerequisiteError
from reproduce.cli import app
from reproduce.ground import plugins as found
from reproduce.ground.plugins import plugins
from reproduce.predicting.plugin_check import said_wrong, tried_wrong

STATE = {"weight": torch.tensor([0.1]), "bias": torch.tensor([-10.0])}


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(found.VARIABLE, "")
    plugins.cache_clear()
    yield
    monkeypatch.undo()
    plugins.cache_clear()


def new(tmp_path: Path, name: str = "mine", shape: str = "image") -> Path:
    path = tmp_path / f"{name}.py"
    words = ["plugin", "new", name, "--shape", shape, "--out", str(path)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return path


@pytest.mark.parametrize("shape", ["image", "volume", "video"])
def test_a_template_keeps_its_contract(shape: str, tmp_path: Path) -> None:
    plugin = found.add(new(tmp_path, f"mine-{shape}", shape))
    assert plugin.name == f"mine-{shape}"
    assert plugins("adapters")[plugin.name] is plugin
    assert not list(said_wrong(plugin))
    assert not list(tried_wrong(plugin, STATE))


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = new(tmp_path)
    words = ["plugin", "new", "mine", "--shape", "image", "--out", str(path)]
    with pytest.raises(InputError, match="nothing was written"):
        CliRunner().invoke(app, words, catch_exceptions=False)


@pytest.mark.parametrize(
    ("old", "put", "told"),
    [
        ('("box",)', '("boxes",)', "prompts: what the weights were trained for"),
        ('layouts = ("flat",)', 'layouts = ("flatt",)', "layouts: flatt are none of"),
        ('source = "owner/repository @ 0000000 predict.py"', 'source = "me"', "source: `owner"),
        ("    version = 1\n", "", "add version"),
        ("    version = 1\n", "    version = 0\n", "version: a whole number"),
    ],
)
def test_what_a_plugin_says_wrongly_is_told(old: str, put: str, told: str, tmp_path: Path) -> None:
    path = new(tmp_path)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, put))
    wrong = "\n".join(said_wrong(found.add(path)))
    assert told in wrong


@pytest.mark.parametrize(
    ("old", "put", "told"),
    [
        (
            'if set(state) != {"weight", "bias"}:',
            "if False:",
            "a tensor that nobody trained is not",
        ),
        (
            "embedding[part]\n",
            "embedding[part].abs() * self.weight.sign()\n            self.weight = -self.weight\n",
            "the second answer is another",
        ),
        (
            'raise InputError(\n                    f"plane',
            'raise KeyError(\n                    f"plane',
            "KeyError",
        ),
        (
            "return Prediction(scores,",
            "return Prediction(scores[:, 0],",
            "expected 1 masks of 40x48",
        ),
    ],
)
def test_what_a_plugin_does_wrongly_is_told(old: str, put: str, told: str, tmp_path: Path) -> None:
    path = new(tmp_path)
    text = path.read_text("utf-8")
    old, put = old.replace('f"plane', 'f"mine'), put.replace('f"plane', 'f"mine')
    assert old in text
    path.write_text(text.replace(old, put))
    plugin = found.add(path)
    assert not list(said_wrong(plugin))
    assert told in "\n".join(tried_wrong(plugin, STATE))


def test_what_is_no_plugin_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "none.py"
    with pytest.raises(PrerequisiteError, match="no such file"):
        found.add(path)
    path.write_text("PLUGIN = 3\n")
    with pytest.raises(InputError, match=r"PLUGIN is a int; expected .*plugin new"):
        found.add(path)
    broken = tmp_path / "broken.py"
    broken.write_text("import nowhere_at_all\n")
    with pytest.raises(InputError, match="cannot be used as a plugin: ModuleNotFoundError"):
        found.add(broken)
    text = new(tmp_path, "taken").read_text("utf-8")
    (tmp_path / "sam.py").write_text(text.replace('"taken"', '"sam"'))
    with pytest.raises(InputError, match="'sam' is taken"):
        found.add(tmp_path / "sam.py")


def test_processes_that_are_started_find_it(tmp_path: Path) -> None:
    found.add(new(tmp_path))
    code = "from reproduce.ground.plugins import plugins; print('mine' in plugins('adapters'))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.strip() == "True"


def test_an_entry_point_is_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new(tmp_path, "pointed")
    monkeypatch.syspath_prepend(tmp_path)
    point = importlib.metadata.EntryPoint("pointed", "pointed:PLUGIN", found.GROUP)
    monkeypatch.setattr(
        found, "entry_points", lambda group: [point] if group == found.GROUP else []
    )
    assert plugins("adapters")["pointed"].title == "An example that sees planes"


def test_check_says_all_that_is_wrong_and_its_exit_status(tmp_path: Path) -> None:
    path = new(tmp_path)
    weights = tmp_path / "w.safetensors"
    safetensors.torch.save_file(STATE, weights)
    words = ["plugin", "check", str(path), "--checkpoint", str(weights)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert (done.exit_code, "answers as it asks" in done.output) == (0, True)
    other = tmp_path / "other.py"
    text = path.read_text("utf-8").replace('"mine"', '"Not A Name"')
    other.write_text(text.replace("    version = 1\n", "    version = 0\n"))
    with pytest.raises(InputError) as told:
        CliRunner().invoke(app, ["plugin", "check", str(other)], catch_exceptions=False)
    assert "name: lower case" in str(told.value)
    assert "version: a whole number" in str(told.value)
