"""The Dockerfile and the Apptainer definition: linted, and two ways of writing one image."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="hadolint's wheels are for Linux on x86-64",
)
def test_hadolint_finds_nothing(root: Path) -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, root / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_images_are_made_by_the_same_steps(root: Path) -> None:
    docker = (root / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    runs = [line.removeprefix("RUN ") for line in docker.splitlines() if line.startswith("RUN ")]
    ours = [step for run in runs for step in re.split(r"\s*&&\s*", run.strip())]
    definition = (root / "Apptainer.def").read_text("utf-8")
    post = definition.partition("%post\n")[2].partition("\n%")[0]
    theirs = [line.strip() for line in post.strip().splitlines()]
    assert [_same(step) for step in ours] == [_same(step) for step in theirs]
    base = re.search(r"^ARG BASE=docker.io/library/(\S+)$", docker, re.MULTILINE)
    assert base is not None
    assert f"\nFrom: {base[1]}\n" in definition


def _same(step: str) -> str:
    """A step without what only one of the two has: a working folder, the place of the lock."""
    step = re.sub(r"/opt/(sam4mis/requirements/)?reproduce\.lock", "LOCK", step)
    return re.sub(r"^mkdir -p -m|^mkdir -m", "mkdir -m", step).removesuffix(" /work")
