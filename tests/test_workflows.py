"""`.ci/run` and the workflows that call it; what those may: `catalog/test_intake_form.py`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return found


def commands(path: Path) -> list[str]:
    return [step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step]


def test_every_step_and_target_that_is_called_is_there() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    steps = set(re.findall(r"^    (\w+)\)", script, re.M))
    assert steps == set(re.findall(r"^  (\w+) {2,}\S", script, re.M))  # and told by its help
    called = "\n".join(line for path in WORKFLOWS for line in commands(path))
    assert set(re.findall(r"\.ci/run (\w+)", called)) <= steps
    targets = re.findall(r"\bmake ([\w./-]+)", f"{called}\n{script}")
    assert {"lint", "test", "test-wheel", "site", "catalog"} <= set(targets)
    for target in targets:
        assert re.search(rf"^(?:{re.escape(target)}|\$\(VENV\){target[5:]}):", makefile, re.M)


def test_a_step_that_there_is_not_is_wrong_usage() -> None:
    done = subprocess.run([ROOT / ".ci" / "run", "x"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "lint test wheel docs" in done.stderr


def test_the_matrix_has_the_versions_that_the_package_names() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {c.split(" :: ")[2] for c in project["classifiers"] if re.search(r":: 3\.\d", c)}
    (job,) = jobs(ROOT / ".github" / "workflows" / "matrix.yml").values()
    assert set(job["strategy"]["matrix"]["python"]) == named
    assert f">={min(named, key=lambda v: int(v[2:]))}" == project["requires-python"]


def test_progress_says_what_is_installed_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "requirements")
    from install import understood  # type: ignore[import-not-found]

    pip = "  Downloading torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl (899.8 MB)"
    assert understood(pip) == ("fetching", "torch (899.8 MB)")
    assert understood("Downloading nibabel (3.1MiB)") == ("fetching", "nibabel (3.1MiB)")
    assert understood("  Using cached numpy-2.3.4-cp311-x.whl (16.9 MB)") == ("has", "numpy")
    assert understood("Installing collected packages: a, b") == ("unpacking all", "")
    assert understood("Requirement already satisfied: a") is None


@pytest.mark.parametrize(
    ("vulns", "skipped", "code", "said"),
    [
        ([], [], 0, "1 packages asked about, 0 with known vulnerabilities"),
        (["PYSEC-1"], [], 1, "pillow 1.0: PYSEC-1, fixed in 1.1 (catalog.lock, dev.lock)"),
        ([], ["torch"], 3, "NOT AUDITED, 1 unknown to the service: torch"),
        (None, ["torch", "numpy"], 3, "NOT AUDITED: the service answers for none of the 2"),
    ],
)
def test_an_audit_that_asked_nobody_is_no_all_clear(
    vulns: list[str] | None,
    skipped: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.syspath_prepend(ROOT / "requirements")
    from audit import told  # type: ignore[import-not-found]

    found = [{"id": name, "fix_versions": ["1.1"]} for name in vulns or []]
    asked = [] if vulns is None else [{"name": "pillow", "version": "1.0", "vulns": found}]
    silent = [{"name": name, "skip_reason": "Dependency not found"} for name in skipped]
    locks = {
        "catalog.lock": "pillow==1.0 \\\n",
        "reproduce.lock": "torch==2 \\\n",
        "dev.lock": "pillow==1.0",
    }
    assert told({"dependencies": asked + silent, "fixes": []}, locks) == code
    assert said in capsys.readouterr().out
