"""What is asked of Slurm: settings, estimates, the batch script. No cluster is needed for these."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.errors import UsageError
from reproduce.cli import app
from reproduce.running import slurm
from reproduce.running.batch_script import asked, estimate, script


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("partiton=gpu", "Did you mean partition?"),
        ("array=0-9", "expected one of partition, account"),
        ("time", "expected KEY=VALUE"),
        ("time=0", "minutes, or 1-12:00:00"),
        ("time=tomorrow", "minutes, or 1-12:00:00"),
        ("time=-5", "minutes, or 1-12:00:00"),
        ("mem=lots", "a size such as 16G"),
        ("mem=0G", "a size such as 16G"),
        ("cpus=0", "a number of processors"),
        ("gpus=one", "a number, or type:number"),
        ("partition=a b", "a word of your cluster"),
        ("partition=gpu\n#SBATCH --wrap=x", "a word of your cluster"),
        ("partition=default", None),
        ("account=", "a word of your cluster"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_submitted(
    setting: str, told: str | None
) -> None:
    if told is None:
        assert asked(1, [setting]).values == {"partition": "default"}
        return
    with pytest.raises(UsageError) as caught:
        asked(1, [setting])
    assert told in str(caught.value)
    assert str(caught.value).startswith("--slurm-set ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--slurm", "--slurm-set", "foo=1"], "--slurm-set foo: expected one of partition"),
        (["--slurm-set", "time=5"], "goes with --slurm, which is not given"),
    ],
)
def test_a_campaign_of_wrong_settings_is_refused_whole(words: list[str], told: str) -> None:
    """One mistake in the command, not one reason a run of why it is not made."""
    answer = CliRunner().invoke(app, ["run", "--plan", "none.json", "--by", "me", *words])
    assert isinstance(answer.exception, UsageError)
    assert told in str(answer.exception)


def test_what_is_given_goes_before_what_is_estimated() -> None:
    thought = estimate(hours=4, memory_mib=3000, tasks=2, gpu=True)
    assert thought == {"time": str(15 + 3 * 4 * 60 // 2), "mem": "9G", "gpus": "1"}
    assert estimate(None, None, 2, gpu=False) == {}
    assert estimate(0.001, 100, 1, gpu=False) == {"time": "16", "mem": "4G"}
    wanted = asked(2, ["time=1-12:00:00", "mem=default", "gpus=a100:2"], thought)
    assert wanted.values == {"time": "1-12:00:00", "gpus": "a100:2"}
    assert wanted.gpu
    assert not asked(2, ["gpus=0"], thought).gpu
    assert not asked(2, ["gpus=default"], thought).gpu


def test_the_script_asks_runs_and_leaves_the_exit_status(tmp_path: Path) -> None:
    """Run by a shell as a task would run it: Slurm's lines are comments to it."""
    folder = tmp_path / "a folder 100%"
    (folder / "slurm").mkdir(parents=True)
    wanted = asked(3, ["partition=gpu", "gpus=a100:1", "cpus=4"], {"time": "60"})
    text = script(folder, ["sh", "-c", "echo it is $SLURM_ARRAY_TASK_ID; exit 7"], wanted)
    lines = text.splitlines()
    assert lines[0] == "#!/bin/sh"
    assert f'#SBATCH --output="{tmp_path}/a folder 100%%/slurm/%A_%a.log"' in lines
    for option in ("array=0-2", "gres=gpu:a100:1", "cpus-per-task=4", "partition=gpu", "time=60"):
        assert f"#SBATCH --{option}" in lines
    done = subprocess.run(
        ["sh"],
        input=text,
        env={"PATH": "/usr/bin:/bin", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "2"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (7, "it is 2\n")
    assert (folder / "slurm" / "12_2.exit").read_text() == "7\n"
    assert "gres" not in script(folder, ["true"], asked(1, ["gpus=0"]))


def test_folders_that_no_script_can_name() -> None:
    for name in ('a"b', "a\nb", "a\\b"):
        with pytest.raises(UsageError, match="no batch script can name this folder"):
            script(Path("/tmp") / name, ["true"], asked(1, []))


def test_states_are_those_of_squeue_then_of_what_tasks_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs of the same names that say what Slurm 22.05 says, on a cluster without accounts."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def says(program: str, text: str, status: int) -> None:
        path = programs / program
        path.write_text(
            f"#!/bin/sh\ncat >&{1 + bool(status)} <<'END'\n{text}\nEND\nexit {status}\n"
        )
        path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    (tmp_path / "slurm").mkdir()
    says("sacct", "Slurm accounting storage is disabled", 1)
    says("squeue", "0|RUNNING|None\n1|PENDING|Resources\n2|CANCELLED by 0|None", 0)
    known = slurm.states(tmp_path, "9", 3)
    assert known is not None
    assert [(t.state, t.alive) for t in known] == [
        ("RUNNING", True),
        ("PENDING", True),
        ("CANCELLED", False),
    ]
    says("squeue", "slurm_load_jobs error: Invalid job id specified", 1)
    (tmp_path / "slurm" / "9_1.exit").write_text("1\n")
    known = slurm.states(tmp_path, "9", 2)
    assert known is not None
    assert [(t.state, t.alive) for t in known] == [("ENDED", False), ("FAILED", False)]
    says("sacct", "9_0|TIMEOUT\n9_1|CANCELLED by 0", 0)
    known = slurm.states(tmp_path, "9", 2)
    assert known is not None
    assert [t.state for t in known] == ["TIMEOUT", "CANCELLED"]
    (tmp_path / "slurm" / "9_0.log").write_text("slurmstepd: JOB 9 CANCELLED DUE TO TIME LIMIT\n")
    told = slurm._ended(tmp_path, "9", known)
    assert "1 of 2 tasks: TIMEOUT (ask for more time: --slurm-set time=MINUTES)" in told
    assert "Its last words: slurmstepd: JOB 9 CANCELLED DUE TO TIME LIMIT" in told
    says("squeue", "slurm_load_jobs error: Unable to contact slurm controller", 1)
    assert slurm.states(tmp_path, "9", 2) is None, "no answer says nothing about the tasks"
    says("sinfo", "cpu* (null)\ngpu gpu:a100:4(S:0-1)", 0)
    assert not slurm.has_gpus(None)
    says("sinfo", "gpu gpu:a100:4(S:0-1)", 0)
    assert slurm.has_gpus("gpu")
