"""What `reproduce run` says at its end, and what it checks before it downloads anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running_bundle import WEIGHTS, project_root
from test_running import run, write_phantoms

from catalog.errors import InputError, PrerequisiteError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry whose one claim runs the small SAM on a folder of PNG files; no terminal."""
    write_phantoms(tmp_path / "data")
    return project_root(tmp_path, monkeypatch, dataset="folder", split="all")


def told(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, dict[str, str]], str]:
    """Standard output as section -> field -> value, and standard error."""
    said = capsys.readouterr()
    sections: dict[str, dict[str, str]] = {}
    for line in said.out.splitlines():
        section, field, value = line.split("\t")
        sections.setdefault(section, {})[field] = value
    return sections, said.err


def test_a_run_ends_with_claimed_measured_and_the_verdict_it_would_have(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path)
    sections, err = told(capsys)
    claim = sections["selftest/phantom-dice"]
    claimed, measured = (float(claim[name].split(" %")[0]) for name in ("claimed", "measured"))
    assert claim["difference"].startswith(f"{measured - claimed:+.2f}"[:5])
    assert "percentage points" in claim["difference"]
    assert "4 cases" in claim["measured"]
    assert "not published; it would be the verdict" in claim["verdict"]
    assert claim["class"][:3] in ("A: ", "B: ", "C: ", "D: ")
    if claim["class"].startswith("D"):
        assert claim["because"]
    assert sections["run"]["status"] == "complete"
    folder = sections["run"]["folder"]
    (path,) = (tmp_path / "runs").iterdir()
    assert folder == str(path)
    assert sections["gates"]["all-cases"] == "passed: 4 of 4 cases scored"
    assert f"sam4mis reproduce show {path.name[:-8]} " in err
    assert f"--data {tmp_path / 'data'}" in err
    assert re.search(r"sam4mis reproduce run selftest .* --publish ", err)
    run(tmp_path)  # the second time nothing is computed, and the same is told
    again, err = told(capsys)
    assert again == sections
    assert "finished before" in err


def test_overrides_say_why_the_claim_is_not_answered(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, settings=("grid=model_input",))
    sections, _ = told(capsys)
    claim = sections["selftest/phantom-dice"]
    assert claim["verdict"] == "no verdict"
    assert claim["because"] == (
        "the run does not answer the claim: grid is model_input, the claim's is original"
    )
    assert "class" not in claim


def test_with_limit_no_verdict_is_possible(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, limit=1)
    sections, err = told(capsys)
    claim = sections["selftest/phantom-dice"]
    assert claim["verdict"] == "no verdict is possible"
    assert "only the first 1 cases were asked for (--limit)" in claim["because"]
    assert "1 case)" in claim["measured"]
    assert "# all cases" in err
    assert "--limit" not in err


@pytest.mark.parametrize("limit", [None, 2])
def test_a_run_without_any_score_is_an_error_with_the_way_out(
    project: Path, tmp_path: Path, limit: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path / "data" / "images").iterdir():
        path.write_bytes(path.read_bytes()[:60])
    for _ in range(2):  # finished before is no excuse
        with pytest.raises(InputError, match=r"failed: . of . cases could not be scored") as error:
            run(tmp_path, limit=limit)
        assert error.value.exit_code == 1
        assert "delete " in str(error.value)
        assert "and give the same command again" in str(error.value)
    sections, _ = told(capsys)
    assert sections["gates"]["all-cases"].startswith("FAILED: 0 of ")
    assert sections["selftest/phantom-dice"]["verdict"].startswith(("inconclusive", "no verdict"))


def test_what_is_local_is_checked_before_any_download(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("the weights were asked for first")

    monkeypatch.setattr("reproduce.obtaining.weights.obtain_all", never)
    with pytest.raises(PrerequisiteError, match=r"--data .*nowhere: no such folder") as error:
        run(tmp_path, data=tmp_path / "nowhere", checkpoints=())
    assert error.value.exit_code == 3
    with pytest.raises(PrerequisiteError, match=r"--data .*: a file, not a folder"):
        run(tmp_path, data=WEIGHTS, checkpoints=())
    with pytest.raises(PrerequisiteError, match=r"--checkpoint .*gone: no such file") as error:
        run(tmp_path, checkpoints=(tmp_path / "gone",))
    assert error.value.exit_code == 3
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        run(tmp_path, data=tmp_path / "empty", checkpoints=())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrerequisiteError, match="--slurm needs sbatch"):
        run(tmp_path, slurm=True, checkpoints=())
    assert not (tmp_path / "runs").exists()
