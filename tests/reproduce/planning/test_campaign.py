"""`sam4mis reproduce run --plan`: a campaign, what fails in it, the folder that is sent."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from campaign_bundle import asked, change, night_registry, plan, sent
from running_bundle import WEIGHTS
from typer.testing import CliRunner

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.records import Result
from catalog.registry import Registry
from catalog.waiting import held
from reproduce.cli import app
from reproduce.cli.campaigning import run_plan
from reproduce.ground.who import who_runs
from reproduce.judging.examining import examine
from reproduce.planning.recipes import find_claims

CASES = 8


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The registry before anything was run, then with what the first test leaves in it."""
    with pytest.MonkeyPatch.context() as patch:
        return night_registry(tmp_path_factory.mktemp("night"), patch)


@pytest.fixture(scope="module")
def finished(fresh: Path) -> tuple[Path, str, str]:
    """The registry after its campaign; what was raised and said."""
    with pytest.MonkeyPatch.context() as patch:
        at(fresh, fresh, patch)
        said = io.StringIO()
        with contextlib.redirect_stderr(said), pytest.raises(InputError) as caught:
            run_plan(asked(fresh))
    return fresh, str(caught.value), said.getvalue()


def at(root: Path, made: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("SAM4MIS_ROOT", str(root))
    patch.setenv("SAM4MIS_CACHE", str(made.parent / "cache"))


@pytest.fixture
def night(finished: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the registry after its campaign: what is finished is not computed again."""
    root = tmp_path / "registry"
    shutil.copytree(finished[0], root)
    at(root, finished[0], monkeypatch)
    return root


def test_what_fails_is_told_and_the_rest_is_done(
    finished: tuple[Path, str, str], night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, raised, said = finished
    assert raised.startswith("1 of 2 runs are not made")
    assert "checkpoint lost could not be downloaded" in raised
    (folder,) = sent(night)
    assert examine(folder) == []
    result = msgspec.json.decode((folder / "result.json").read_bytes(), type=Result)
    assert (result.by, result.status) == ("a-lab", "complete")
    assert result.claims == ["selftest/phantom-dice", "selftest/phantom-iou"]
    assert {path.name for path in folder.iterdir()} >= {"statistics.parquet", "prompts.json"}
    text = (night / "runs" / "contribution" / "pull-request.md").read_text("utf-8")
    assert "# Results for 2 claims of selftest" in text
    assert "| selftest/phantom-dice | 98.41 % |" in text
    assert "- selftest/lost: " in text
    assert result.environment["cpu"] in text
    assert "git switch --create results-contribution" in said
    assert "gh pr create --title 'Results for 2 claims of selftest'" in said
    # The same command goes on: what is finished is not computed again.
    before = (folder / "result.json").read_bytes()
    with pytest.raises(InputError, match="1 of 2 runs"):
        run_plan(asked(night))
    assert "finished before" in capsys.readouterr().err
    assert (folder / "result.json").read_bytes() == before


def test_what_is_sent_is_accepted_where_it_arrives(
    night: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The printed steps, typed in a clone, up to the commit; then what CI does there."""
    (night / "runs").rename(night / "build")
    with pytest.raises(InputError):
        run_plan(asked(night, out=night / "build"))
    said = capsys.readouterr().err
    steps = said[said.index("git switch") :].splitlines()
    for role in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{role}_NAME", "a")
        monkeypatch.setenv(f"{role}_EMAIL", "a@example.org")
    subprocess.run(["git", "init", "-q", "-b", "main", str(night)], check=True)
    (night / "README.md").write_text("")
    for command in [*map(str.strip, steps[:2])]:
        subprocess.run(command, shell=True, cwd=night, check=True)
    answer = CliRunner().invoke(app, ["verify"])
    assert answer.exit_code == 0, answer.exception
    for command in steps[3:5]:
        subprocess.run(command.strip(), shell=True, cwd=night, check=True)
    names = subprocess.run(
        ["git", "show", "--name-only", "--format=%s"], cwd=night, capture_output=True, text=True
    ).stdout.split("\n")
    assert names[0] == "Results for 2 claims of selftest"
    assert any(name.endswith("/statistics.parquet") for name in names)
    assert CliRunner().invoke(app, ["verify", "--check"]).exit_code == 0


def test_what_is_fetched_beforehand_is_all_that_a_run_needs(
    night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a login node, then where nothing can be fetched: another folder, the same cache."""
    plan_file = str(plan(night, "selftest/phantom-dice"))
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))
    answer = CliRunner().invoke(app, ["fetch", "--plan", plan_file])
    assert isinstance(answer.exception, InputError)
    assert "1 runs of" in str(answer.exception)
    drop = tmp_path / "cache" / "manual"
    shutil.copy(WEIGHTS, drop)
    answer = CliRunner().invoke(app, ["fetch", "--plan", plan_file], catch_exceptions=False)
    assert "selftest/phantom-dice\tsam-phantom\there" in answer.output
    assert "selftest/phantom-dice\tphantoms\tmade here" in answer.output
    assert list(drop.iterdir()) == [], "moved into the cache by its hash"
    run_plan(asked(night))
    assert len(sent(night)) == 1
    with pytest.raises(UsageError, match="one of them"):
        CliRunner().invoke(app, ["fetch"], catch_exceptions=False)


def test_a_plan_that_no_longer_fits_is_told_before_anything_runs(night: Path) -> None:
    change(night, lambda p: p["claims"][1].update(value=50.0))
    with pytest.raises(InputError, match="selftest/phantom-iou: its claim, checkpoint or plugin"):
        run_plan(asked(night, out=night / "other"))
    assert not (night / "other").exists()


def test_a_plan_goes_with_no_option_of_one_run(night: Path) -> None:
    with pytest.raises(UsageError, match="--plan does not go with --data"):
        run_plan(asked(night, data=night))
    with pytest.raises(PrerequisiteError, match="export SAM4MIS_BY=NAME"):
        run_plan(asked(night, by=None))


def test_a_result_edited_by_hand_is_not_sent(night: Path) -> None:
    (folder,) = (night / "runs").glob("selftest-*")
    path = folder / "result.json"
    document = json.loads(path.read_text("utf-8"))
    document["measurements"][0]["value"] = 0.9841
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="edited by hand; nothing is sent") as caught:
        run_plan(asked(night))
    assert "Z010" in str(caught.value)
    assert sent(night) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [(b'{"name": "x", "of": 9}', "of a finished shard of this version"), (b"", "got: ")],
)
def test_a_shard_of_another_version_is_told_before_others_are_computed(
    night: Path, content: bytes, told: str
) -> None:
    (folder,) = (night / "runs").glob("selftest-*")
    (folder / "result.json").unlink()
    (record,) = (folder / "shards").glob("*.json")
    record.write_bytes(content)
    with pytest.raises(InputError, match="2 of 2 runs are not made") as caught:
        run_plan(asked(night))
    assert told in str(caught.value)
    assert f"Delete {record.name}" in str(caught.value)


def test_a_bug_in_one_run_ends_no_other(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A weights file with the right hash that the adapter breaks on: here, in building it."""
    from reproduce.adapters.sam import PLUGIN

    def broken(*_: object) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(type(PLUGIN), "build", broken)
    with pytest.raises(InputError, match="2 of 2 runs are not made") as caught:
        run_plan(asked(night, out=night / "other"))
    assert "RuntimeError: CUDA out of memory (all of it: " in str(caught.value)
    log = night / "other" / "selftest-failed.log"
    assert "Traceback" in log.read_text("utf-8")


def test_a_lower_about_a_work_of_the_field_waits_for_its_authors(
    night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(night, lambda p: [c.update(value=99.99) for c in p["claims"]])
    plan(night)
    with pytest.raises(InputError):
        run_plan(asked(night))
    assert sent(night) == []
    (folder,) = (night / "runs" / "contribution" / "held").glob("*")
    said = capsys.readouterr().err
    assert "selftest/phantom-dice: would be `lower`; its authors have not been told" in said
    assert f"letter selftest/phantom-dice --run {folder}" in said
    letter = CliRunner().invoke(
        app, ["letter", "selftest/phantom-dice", "--run", str(folder)], catch_exceptions=False
    )
    for words in (
        "released weights give 98.82 %, printed is 99.99 %",
        "- weights sam-phantom: sha256 afcf4def",
        "    sam4mis reproduce run selftest/phantom-dice",
        "By our rule (verdict/2) this is `lower`, comparability class A.",
        "each convention changed alone, largest change first:",
        "## What would settle it",
        'the form "dispute a verdict"',
        "write `told: YYYY-MM-DD` into the claim phantom-dice of projects/selftest.yaml",
    ):
        assert words in letter.output
    told = datetime.datetime.now(datetime.UTC).date()  # after the run, as it must be
    change(night, lambda p: [c.update(told=told.isoformat()) for c in p["claims"]])
    plan(night)
    with pytest.raises(InputError):
        run_plan(asked(night))
    assert sent(night) == [], "14 days are not over"
    registry = Registry.load(night)
    ((project, claim),) = find_claims(registry, "selftest/phantom-dice")
    assert claim.told == told
    day, more = told + datetime.timedelta(days=13), datetime.timedelta(days=1)
    why = f"authors told on {told}; may be published from {told + 14 * more}"
    assert held(project, claim, "lower", day, told) == why
    assert held(project, claim, "lower", day + more, told) is None
    assert held(project, claim, "higher", day, told) is None
    ours = msgspec.structs.replace(project, kind="control")
    assert held(ours, claim, "lower", day, told) is None
    # Nobody can be told of a run that was not made, nor on a day that has not been.
    assert "before its first run" in str(held(project, claim, "lower", day + more, day))
    assert "has not been" in str(held(project, claim, "lower", told - more, None))


def test_a_plan_file_says_which_claims_and_nothing_of_how(night: Path) -> None:
    """Whatever else is written into one changes no run, and its class is that of the run."""
    path = plan(night, "selftest/phantom-dice")
    document = json.loads(path.read_text("utf-8"))
    (run,) = document["runs"]
    said = {"adapter": "lwnet", "dataset": "drive", "split": "train", "checkpoints": ["lost"]}
    path.write_text(json.dumps(document | {"runs": [run | said | {"open": True, "value": 99}]}))
    run_plan(asked(night))
    (folder,) = sent(night)
    result = json.loads((folder / "result.json").read_text("utf-8"))
    protocol = result["protocol"]
    assert (protocol["dataset"], protocol["split"]) == ("phantoms", "test")
    assert protocol["adapter"].startswith("sam/")
    assert [item["id"] for item in result["inputs"]["checkpoints"]] == ["sam-phantom"]
    # A claim of another record under the digest of this one is refused.
    other = {"selftest/phantom-iou": run["claims"]["selftest/phantom-dice"]}
    path.write_text(json.dumps(document | {"runs": [run | {"claims": other}]}))
    with pytest.raises(InputError, match="its claim, checkpoint or plugin has changed"):
        run_plan(asked(night))


def test_who_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAM4MIS_BY", raising=False)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert who_runs(None, tmp_path) is None
    subprocess.run(["git", "-C", str(tmp_path), "config", "sam4mis.by", "third"], check=True)
    assert who_runs(None, tmp_path) == "third"
    monkeypatch.setenv("SAM4MIS_BY", "second")
    assert who_runs(None, tmp_path) == "second"
    assert who_runs("0000-0002-1825-0097", tmp_path) == "0000-0002-1825-0097"
    for name in ("a b", "<b>", "-x", "a" * 65, "ä", "a\n"):
        with pytest.raises(UsageError, match="--by "):
            who_runs(name, tmp_path)
