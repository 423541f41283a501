"""What the README tells people to type works, and comes before the details."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

SCREENS = 2 * 45  # lines


@pytest.fixture
def text(root: Path) -> str:
    return (root / "README.md").read_text("utf-8")


@pytest.fixture
def block(text: str, request: pytest.FixtureRequest) -> str:
    """The first block of a language."""
    found = re.search(rf"```{request.param}\n(.*?)```", text, re.S)
    assert found
    return found[1]


def test_the_details_come_after_two_screens(text: str) -> None:
    before, details, _ = text.partition("## In the catalog now")
    assert details
    assert len(before.splitlines()) <= SCREENS
    assert before.index("```sh") < before.index("```python")


@pytest.mark.parametrize("block", ["sh"], indirect=True)
def test_the_five_commands_run(
    block: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np
    from PIL import Image

    from catalog.cli import app

    for side in ("masks", "truth", "eyes"):
        (tmp_path / side).mkdir()
        Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / side / "p1.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAM4MIS_ROOT", str(root))
    commands = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert len(commands) == 5
    for program, *words in commands:
        assert program == "sam4mis"
        # the search has tests of its own, and nothing is fetched here
        words += {"explain": ["--depth", "0"], "predict": ["--dry-run"]}.get(words[1], [])
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            app(words, standalone_mode=False)
        assert said.getvalue().strip(), words


@pytest.mark.parametrize("block", ["python"], indirect=True)
def test_the_lines_of_python_print_what_they_say(block: str) -> None:
    expected = re.findall(r"print\(.*\)  # (.*)$", block, re.M)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(block, "README.md", "exec"), {})
    assert said.getvalue().splitlines() == expected
