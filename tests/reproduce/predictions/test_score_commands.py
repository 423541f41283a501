"""The commands `reproduce score`, `explain` and `profiles`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.errors import FindingsError, InputError, PrerequisiteError, UsageError
from reproduce.cli import app

runner = CliRunner()


@pytest.fixture(autouse=True)
def _root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM4MIS_ROOT", str(root))


def _run(*arguments: str) -> str:
    outcome = runner.invoke(app, list(arguments))
    if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


def test_score_prints_the_second_observer(real: Path) -> None:
    drive = real / "drive"
    arguments = ["score", str(drive / "test" / "2nd_manual"), "--dataset", "drive"]
    arguments += ["--data", str(drive), "--split", "test", "--metric", "dice"]
    *before, interval, over = _run(*arguments).strip().split("\t")
    assert before == ["dice", "house/1", "0.7881", "78.81", "78.81"]
    assert over == "20 cases"
    low, high = map(float, interval.split(" to "))
    assert (low, high) == pytest.approx((0.7792, 0.7967), abs=0.001)


def test_score_says_split_field_of_view_and_that_nothing_was_written(
    real: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = real / "drive"
    whole = ["score", str(drive / "training" / "1st_manual"), "--dataset", "drive"]
    outcome = runner.invoke(app, [*whole, "--data", str(drive)])
    assert outcome.exit_code == 0, outcome.output
    assert "split training (the first; --split takes test, lwnet-train, lwnet-val as well)" in (
        outcome.stderr
    )
    assert "counted in the field of view" in outcome.stderr
    assert "Nothing was written; --publish keeps it" in outcome.stderr
    other = ["score", str(drive / "test" / "2nd_manual"), "--dataset", "drive"]
    with pytest.raises(InputError, match="they are those of --split test"):
        _run(*other, "--data", str(drive))
    (tmp_path / "papers.yaml").write_text("papers: []\n")
    monkeypatch.setenv("SAM4MIS_ROOT", str(tmp_path))
    kept = runner.invoke(app, [*other, "--data", str(drive), "--split", "test", "--publish"])
    (folder,) = (tmp_path / "reproduce" / "results").iterdir()
    assert f"Written to reproduce/results/{folder.name}." in kept.stderr


def test_score_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a number and a class"):
        _run("score", str(tmp_path), "--dataset", "drive", "--data", ".", "--label", "liver")
    with pytest.raises(UsageError, match="no data set 'nothing'"):
        _run("score", str(tmp_path), "--dataset", "nothing", "--data", str(tmp_path))
    with pytest.raises(UsageError, match="no data set 'nothing'"):
        _run("score", str(tmp_path), "--dataset", "nothing")
    with pytest.raises(UsageError, match="expected label or probability"):
        _run("score", str(tmp_path), "--dataset", "drive", "--data", ".", "--kind", "logits")
    with pytest.raises(PrerequisiteError, match="no such folder"):
        _run("score", str(tmp_path), "--dataset", "drive", "--data", str(tmp_path / "none"))


def test_explain_finds_the_second_protocol() -> None:
    text = _run("explain", "lwnet/validation-dice", "--target", "0.8162", "--depth", "1")
    rows = [line.split("\t") for line in text.splitlines()]
    assert rows[0] == ["numbers", "target", "81.62 %"]
    assert rows[1] == ["numbers", "claimed", "80.96 %"]
    shares = [row[1:] for row in rows if row[0].startswith("what makes the difference of +0.66")]
    assert [share[0] for share in shares] == ["grid", "threshold", "flips"]
    assert [share[1].split(" ")[0] for share in shares] == ["+1.08", "-0.63", "+0.21"]
    match = [row[1:] for row in rows if row[0].endswith("gives the target's digits")]
    assert match == [["81.62 %", "on the original grid, with flips, threshold 0.4196"]]
    order = list(dict.fromkeys(row[0] for row in rows))
    assert order[1].startswith("what makes the difference")
    found = json.loads(
        _run("explain", "lwnet/validation-dice", "--target", "0.8162", "--depth", "1", "--json")
    )
    assert found["base"]["value"] == pytest.approx(0.8096, abs=0.00005)
    assert len(found["matches"]) == 1
    in_percent = ["explain", "lwnet/validation-dice", "--target", "81.62", "--depth", "1"]
    assert _run(*in_percent) == text


def test_explain_shows_the_nearest_thresholds_unless_all_are_asked_for() -> None:
    def thresholds(*more: str) -> int:
        outcome = runner.invoke(
            app, ["explain", "lwnet/validation-dice", "--target", "0.8162", "--depth", "1", *more]
        )
        assert ("thresholds were tried (--all shows them)" in outcome.stderr) is not bool(more)
        return sum(line.split("\t")[1] == "threshold" for line in outcome.stdout.splitlines()[5:])

    few, many = thresholds(), thresholds("--all")
    assert 3 <= few <= 6
    assert many >= 18


def test_explain_calls_only_that_found_by_search_which_was() -> None:
    searched = runner.invoke(app, ["explain", "lwnet/validation-dice", "--target", "0.8162"])
    assert "Found by search: at best class C" in searched.stderr
    as_claimed = runner.invoke(app, ["explain", "lwnet/validation-dice", "--depth", "0"])
    assert "\tas claimed\n" in as_claimed.stdout
    assert "class C" not in as_claimed.output
    nothing = runner.invoke(
        app, ["explain", "lwnet/validation-dice", "--target", "0.1", "--depth", "1"]
    )
    assert "gives the target's digits; the nearest" in nothing.stdout
    assert "class C" not in nothing.output


def test_explain_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match="name a claim"):
        _run("explain")
    with pytest.raises(UsageError, match="no project is called 'nobody'"):
        _run("explain", "nobody/claim")
    with pytest.raises(UsageError, match=r"lwnet has no claim 'x'\. Its claims: validation-dice"):
        _run("explain", "lwnet/x")
    with pytest.raises(PrerequisiteError, match="nothing to search") as error:
        _run("explain", _claim_without_run())
    assert error.value.command is not None
    assert "reproduce run" in error.value.command


def _claim_without_run() -> str:
    from catalog.registry import Registry, find_root

    registry = Registry.load(find_root())
    ran = {"lwnet", *(result.project for result in registry.results)}
    return next(
        f"{project.slug}/{claim.id}"
        for project in registry.projects
        for claim in project.claims
        if project.slug not in ran
    )


def test_generated_files_are_checked(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run("explain", "--examples", "--check")
    (tmp_path / "papers.yaml").write_text("papers: []\n")
    monkeypatch.setenv("SAM4MIS_ROOT", str(tmp_path))
    with pytest.raises(FindingsError, match="Write it again: sam4mis reproduce profiles --write"):
        _run("profiles", "--check")
    assert list(tmp_path.iterdir()) == [tmp_path / "papers.yaml"]
    _run("profiles", "--write")
    written = tmp_path / "reproduce" / "results" / "profiles.json"
    kept = root / "reproduce" / "results" / "profiles.json"
    assert written.read_bytes() == kept.read_bytes()


def test_profiles_as_a_table() -> None:
    rows = [line.split("\t") for line in _run("profiles").splitlines()]
    by_name = {(row[0], row[1]): row[2:] for row in rows}
    assert by_name["transunet/1", "dice"] == ["0", "1", "0", "0.5", "0.9"]
    assert by_name["monai/1", "dice"] == ["0", "0", "0", "0.5", "0.8"]
    assert by_name["house/1", "dice"] == ["undefined", "0", "0", "0.5", "0.4"]
