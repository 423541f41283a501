"""`sam4mis reproduce rerun`: a published run once more, and what is shown of two of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from campaign_bundle import asked, change, night_registry, plan, sent
from typer.testing import CliRunner

from catalog.checks import check_registry
from catalog.errors import FindingsError, InputError, PrerequisiteError, UsageError
from catalog.registry import Registry
from catalog.repeats import runners
from reproduce.cli import app
from reproduce.cli.campaigning import run_plan
from reproduce.judging import repeats
from reproduce.statistics import read_statistics, write_statistics

RUN = "selftest-"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry whose one run is published by `a-lab`."""
    with pytest.MonkeyPatch.context() as patch:
        root = night_registry(tmp_path_factory.mktemp("published"), patch)
        plan(root, "selftest/phantom-dice", "selftest/phantom-iou")
        run_plan(asked(root))
        shutil.copytree(root / "runs" / "contribution" / "reproduce", root / "reproduce")
        call("verify")
    return root


@pytest.fixture
def published(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "registry"
    shutil.copytree(made, root)
    monkeypatch.setenv("SAM4MIS_ROOT", str(root))
    monkeypatch.setenv("SAM4MIS_CACHE", str(made.parent / "cache"))
    monkeypatch.delenv("SAM4MIS_BY", raising=False)
    return root


def call(*words: str) -> str:
    answer = CliRunner().invoke(app, list(words))
    if answer.exception is not None:
        raise answer.exception
    return answer.output


def run_of(root: Path) -> Path:
    (folder,) = (root / "reproduce" / "results").glob(f"{RUN}*")
    return folder


def test_a_run_is_repeated_published_and_shown(published: Path) -> None:
    run = run_of(published).name
    said = call("rerun", run, "--device", "cpu", "--by", "b-lab", "--publish")
    assert "agree\tyes" in said
    assert "by a-lab" in said
    assert "by b-lab" in said
    again = published / "reproduce" / "results" / "again" / "b-lab" / run
    assert (again / "statistics.parquet").is_file()
    call("verify")
    verdicts = json.loads((published / "reproduce/results/verdicts.json").read_text("utf-8"))
    (repeat,) = verdicts["repeats"]
    assert (repeat["run"], repeat["by"], repeat["agrees"]) == (run, "b-lab", True)
    assert f"again/b-lab/{run}/result.json" in verdicts["files"]
    shown = call("show", run)
    assert "run by\ta-lab" in shown
    assert "repeated\tby b-lab on " in shown
    assert "run by\ta-lab, b-lab (2 independent runs)" in call("show", "selftest/phantom-dice")
    # A third campaign of the same plan sends a repeat, not the run again.
    plan(published)
    with pytest.raises(InputError):
        run_plan(asked(published, by="c-lab"))
    assert [path.name for path in sent(published)] == ["again"]
    # A repeat is examined like any result, and is a repeat of what its folder says.
    again.rename(again.parent.parent / run)
    (published / "reproduce/results/again/d-lab").mkdir()
    (published / "reproduce/results/again" / run).rename(
        published / "reproduce/results/again/d-lab" / run
    )
    (published / "reproduce/results/verdicts.json").unlink()
    with pytest.raises(FindingsError, match="expected d-lab as its folder is called, got b-lab"):
        call("verify")


def test_inputs_that_moved_are_named_before_anything_is_computed(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reproduce.adapters.sam import PLUGIN

    monkeypatch.setattr(type(PLUGIN), "version", PLUGIN.version + 1)
    with pytest.raises(InputError) as caught:
        call("rerun", run_of(published).name, "--device", "cpu")
    line = f"adapter_version: then {PLUGIN.version - 1}, now {PLUGIN.version}"
    assert line in str(caught.value)
    assert not (published / "build").exists()


def test_a_result_that_was_edited_is_not_repeated(published: Path) -> None:
    path = run_of(published) / "result.json"
    path.write_text(path.read_text("utf-8").replace('"a-lab"', '"a lab"'))
    with pytest.raises((FindingsError, UsageError)):
        call("rerun", run_of(published).name)


def test_no_lower_is_written_before_its_authors_had_their_time(published: Path) -> None:
    verdicts = published / "reproduce/results/verdicts.json"
    before = verdicts.read_bytes()
    change(published, lambda p: p["claims"][0].update(value=99.99))
    for options in ((), ("--check",)):
        with pytest.raises(FindingsError, match="makes it `lower`, and its authors have not been"):
            call("verify", *options)
    assert verdicts.read_bytes() == before
    for day, told in (("2026-01-01", "before its first run"), ("2099-01-01", "has not been")):
        change(published, lambda p, day=day: p["claims"][0].update(told=day))
        with pytest.raises(FindingsError, match=told):
            call("verify")
        found = [f for f in check_registry(published)[1] if f.code == "C021"]
        assert [told in finding.message for finding in found] == [True]
    change(published, lambda p: p["claims"][0].update(told="2026-01-01"))
    path = run_of(published) / "result.json"  # of a run that was made before
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"created": "2025-12-30T00:00:00Z"}))
    verdicts.unlink()
    call("verify")
    shown = call("show", "selftest/phantom-dice")
    assert "authors told\ton 2026-01-01; a lower is published from 2026-01-15" in shown
    assert "verdict\tlower" in shown


@pytest.mark.parametrize(
    ("by", "change", "told"),
    [
        ("b-lab", {"timing": {"wall_s": 9.0}}, "created: is that of reproduce/results/selftest-"),
        ("b-lab", {"created": "2026-01-01T00:00:00Z"}, "timing: is that of reproduce/results/self"),
        ("A-Lab", {"created": "2026-01-01T00:00:00Z", "timing": {"wall_s": 1.0}}, "A-Lab is a-lab"),
        ("a.lab", {"created": "2026-01-01T00:00:00Z", "timing": {"wall_s": 1.0}}, "a.lab is a-lab"),
    ],
)
def test_a_copy_is_no_second_run(
    published: Path, by: str, change: dict[str, object], told: str
) -> None:
    run = run_of(published)
    again = published / "reproduce/results/again" / by / run.name
    shutil.copytree(run, again)
    path = again / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"by": by} | change))
    with pytest.raises(FindingsError, match=told):
        call("verify")


def test_two_spellings_of_a_name_are_one_runner(published: Path) -> None:
    """Also where an older `verify` took them for two."""
    run = run_of(published).name
    verdicts = published / "reproduce/results/verdicts.json"
    document = json.loads(verdicts.read_text("utf-8"))
    repeat = {"run": run, "on": None, "created": "2026-01-01T00:00:00Z", "agrees": True, "told": ""}
    document["repeats"] = [repeat | {"by": by} for by in ("A-LAB", "b-lab", "B_lab")]
    verdicts.write_text(json.dumps(document))
    claim = "selftest/phantom-dice"
    assert runners(Registry.load(published), claim) == ["a-lab", "b-lab"]


def test_what_is_missing_is_said(published: Path) -> None:
    run = run_of(published).name
    with pytest.raises(UsageError, match="no run 'nothing'"):
        call("rerun", "nothing")
    with pytest.raises(PrerequisiteError, match="--by NAME --publish"):
        call("rerun", run, "--publish")
    said = call("rerun", run, "--dry-run")
    assert "checkpoint sam-phantom\there" in said
    assert not (published / "build").exists()


def test_counts_that_moved_do_not_agree(published: Path, tmp_path: Path) -> None:
    import pyarrow as pa

    folder = run_of(published)
    table = read_statistics(folder / "statistics.parquet")
    tp = table["tp"].to_pylist()
    fp = table["fp"].to_pylist()
    tp[0], fp[0] = tp[0] - 1, fp[0] + 1
    for name, values in (("tp", tp), ("fp", fp)):
        column = table.schema.get_field_index(name)
        table = table.set_column(column, name, pa.array(values, table.schema.field(name).type))
    write_statistics(tmp_path / "statistics.parquet", table)
    found = repeats.compared(folder, tmp_path)
    assert not repeats.agrees(found)
    assert "1 of" in repeats.told(found)
    assert repeats.agrees(repeats.compared(folder, folder))
    write_statistics(tmp_path / "statistics.parquet", table.slice(1))
    assert repeats.told(repeats.compared(folder, tmp_path)) == "other rows"
