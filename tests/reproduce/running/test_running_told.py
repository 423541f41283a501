"""What `reproduce run` says at its end, and what it checks before it downloads anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running_bundle import WEIGHTS, project_root, run, write_phantoms

from catalog.errors import FindingsError, InputError, PrerequisiteError, Sam4misError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry whose one claim runs the small SAM on a folder of PNG files; no terminal."""
    write_phantoms(tmp_path / "data")
    return project_root(tmp_path, monkeypatch, dataset="folder", split="all", n={"images": 4})


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
        "the run does not answer the claim: grid: claim 'original', run 'model_input'"
    )
    assert "class" not in claim


def test_with_limit_no_verdict_is_possible(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, limit=1)
    sections, err = told(capsys)
    claim = sections["selftest/phantom-dice"]
    assert claim["verdict"] == "no verdict is possible"
    assert "only the first 1 of the cases (--limit)" in claim["because"]
    assert "1 case)" in claim["measured"]
    assert "# all cases" in err
    assert "--limit" not in err


def planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], **changes: object
) -> tuple[str, set[str]]:
    """The best class of the claim that --dry-run tells, and why it is no better one."""
    capsys.readouterr()
    run(tmp_path, dry_run=True, **changes)
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    mine = [(field, value) for section, field, value in rows if section == "selftest/phantom-dice"]
    return dict(mine)["class at best"][0], {value for field, value in mine if field == "because"}


def test_a_dry_run_says_the_best_class_and_why(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best, because = planned(tmp_path, capsys)
    assert (best, len(because)) == ("C", 1)
    told = because.pop()
    assert told.startswith("dataset: nobody has recorded which files folder/all is; a run tells")
    assert "case_lists of the reader" in told
    for changes, reason in (
        ({"settings": ("grid=model_input",)}, "grid: claim 'original', run 'model_input'"),
        ({"prompts": "box-largest/1"}, "prompt profile: claim 'box-tight/1', run 'box-largest/1'"),
        (
            {"settings": ("adapter.multimask=three",)},
            "adapter option multimask: claim default, run three",
        ),
        ({"settings": ("dataset.suffix=_x",)}, "dataset option suffix: claim default, run _x"),
        ({"limit": 3}, "only the first 3 of the cases (--limit)"),
    ):
        if "suffix" in reason:
            for path in (tmp_path / "data/masks").iterdir():
                path.rename(path.with_name(f"{path.stem}_x.png"))
        best, because = planned(tmp_path, capsys, **changes)
        assert (best, reason in because) == ("D", True), because
        if "suffix" in reason:
            for path in (tmp_path / "data/masks").iterdir():
                path.rename(path.with_name(f"{path.stem.removesuffix('_x')}.png"))


@pytest.mark.parametrize(
    ("field", "value", "best", "reason"),
    [
        ("n", {"images": 99}, "D", "images: claim 99, run 4"),
        ("n", {"cases": 3}, "D", "cases: claim 3, run 4"),
        ("split_source", "described", "B", "the split is described, not released"),
        ("mask_selection", "oracle-iou", "D", "mask selection: claim 'oracle-iou', run 'single'"),
        ("preprocessing", "sam-max-scaled", "D", "preprocessing: claim 'sam-max-scaled'"),
        ("threshold", "argmax", "D", "threshold: claim 'argmax', run 0.5"),
        ("postprocessing", "flips-averaged", "D", "postprocessing: claim 'flips-averaged'"),
        ("sha256", None, "C", "nobody has recorded the released file's hash"),
        ("sha256_from", [], "C", "neither the authors' nor the host's"),
    ],
)
def test_what_a_run_would_be_told_afterwards_is_told_before(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    field: str,
    value: object,
    best: str,
    reason: str,
) -> None:
    """The class at best of the plan is that of the finished run."""
    import yaml

    (tmp_path / "data").mkdir()
    options = {"dataset": {"count": 4}, "evidence": "stated", "place": "README"}
    root = project_root(tmp_path, monkeypatch, run=options, n={"images": 4})
    path = root / "projects/selftest.yaml"
    raw = yaml.safe_load(path.read_text("utf-8"))
    claim, weights = raw["claims"][0], raw["checkpoints"][0]
    if field in claim["protocol"]:
        claim["protocol"][field]["value"] = value
    else:
        (weights if field.startswith("sha256") else claim)[field] = value
        if field == "sha256":
            del weights["sha256_from"]
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    said = planned(tmp_path, capsys)
    assert said[0] == best
    assert any(reason in why for why in said[1])
    run(tmp_path)
    sections, _ = told(capsys)
    after = sections["selftest/phantom-dice"]
    assert reason in after["because"]
    assert "class" not in after or after["class"][0] == best


@pytest.mark.parametrize(
    ("path", "value", "code", "said"),
    [
        ("protocol.threshold.value", 7, "C013", "unknown threshold 7"),
        ("protocol.grid.value", "half", "C013", "Nearest:"),
        ("protocol.metric_profile.value", "house/9", "C007", "there is no metric profile"),
        ("metric", "dise", "C003", "unknown metric 'dise'"),
        ("run.labels", {"lesion": "lesoin"}, "C020", "Classes: lesion, organ, vessel"),
        ("run.dataset.cuont", 3, "C014", "unknown data set option 'cuont'"),
        ("split", "tset", "C014", "unknown split 'tset'"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_record_that_check_refuses_is_refused_before_the_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    value: object,
    code: str,
    said: str,
    dry_run: bool,
) -> None:
    import yaml

    root = project_root(
        tmp_path,
        monkeypatch,
        run={"dataset": {"count": 4}, "evidence": "stated", "place": "README"},
    )
    file = root / "projects/selftest.yaml"
    raw = yaml.safe_load(file.read_text("utf-8"))
    place = raw["claims"][0]
    *way, last = path.split(".")
    for step in way:
        place = place.setdefault(step, {})
    place[last] = value
    file.write_text(yaml.safe_dump(raw, sort_keys=False))
    with pytest.raises(FindingsError) as refused:
        run(tmp_path, dry_run=dry_run)
    assert [finding.code for finding in refused.value.findings] == [code]
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"devices": ("tpu",)}, 2, "expected cpu, cuda or cuda:<number>"),
        ({"devices": ("cuda:x",)}, 2, "expected cpu, cuda or cuda:<number>"),
        ({"devices": ("cpu:3",)}, 2, "expected cpu, cuda or cuda:<number>"),
        ({"settings": ("seeds=many",)}, 2, "expected whole numbers"),
        ({"settings": ("seeds=[]",)}, 2, "expected whole numbers"),
        ({"settings": ("seeds=1.5",)}, 2, "expected whole numbers"),
        ({"settings": ("thresholds=50",)}, 2, "expected numbers of 0 to 1"),
        ({"settings": ("thresholds=true",)}, 2, "expected numbers of 0 to 1"),
        ({"settings": ("split=tset",)}, 2, "no split 'tset'"),
        ({"data": "nothing"}, 1, "nothing"),
        ({"checkpoints": ("page.pth",)}, 1, "an HTML page"),
        ({"checkpoints": ("page.pth", "page.pth")}, 2, "1 weights file"),
    ],
    ids=str,
)
def test_a_dry_run_accepts_no_nonsense(
    project: Path, tmp_path: Path, changes: dict[str, object], code: int, said: str
) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><html>sign in</html>")
    if "data" in changes:
        changes = {"data": tmp_path / "nothing"}
    if "checkpoints" in changes:
        names = changes["checkpoints"]
        assert isinstance(names, tuple)
        changes = {"checkpoints": tuple(tmp_path / name for name in names)}
    with pytest.raises(Sam4misError, match=said) as error:
        run(tmp_path, dry_run=True, **changes)
    assert error.value.exit_code == code


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

    monkeypatch.setattr("reproduce.cli.running.obtain_all", never)
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
