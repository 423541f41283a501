"""A result can't be edited into another verdict: each edit is refused, by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from running_bundle import WEIGHTS
from tampering import EDITS, Copy, Edit
from typer.testing import CliRunner

from catalog.checks import check_registry
from catalog.errors import FindingsError
from catalog.registry import Registry
from reproduce.cli import app
from reproduce.judging.examining import examine
from reproduce.running.engine import Execution, execute, prepare, publish, run_folder
from reproduce.running.planning import Request, build_spec, recipe
from reproduce.running.spec import Placement

PUBLISHED = "lwnet-5332feda9c21c1fc"


@pytest.fixture(scope="module")
def folders(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A result of the first format that is published here, and one of today, made and published:
    prompted, two seeds, three thresholds, histograms; it serves its claim."""
    out = tmp_path_factory.mktemp("made")
    project = next(p for p in Registry.load(root).projects if p.slug == "selftest")
    request = Request(dataset={"count": 5}, seeds=(0, 1), thresholds=(0.25, 0.75))
    item = recipe(project, project.claims[0], request)
    spec, prompts, _ = build_spec([item], root, [WEIGHTS])
    spec = msgspec.structs.replace(spec, score_bins=20, claims=["selftest/phantom-dice"])
    folder = run_folder(out / "runs", spec)
    placement = Placement(data=str(root), checkpoints=[str(WEIGHTS)], threads=1, command="test")
    execute(folder, prepare(folder, spec, placement, prompts), [item], Execution(quiet=True))
    made = publish(folder, out / "reproduce" / "results")
    return [root / "reproduce" / "results" / PUBLISHED, made]


def registry(root: Path, folder: Path, place: Path) -> Copy:
    """A registry with a copy of one result, its project, and nothing that was examined yet."""
    (place / "projects").mkdir(parents=True)
    shutil.copy(root / "projects" / f"{folder.name.rpartition('-')[0]}.yaml", place / "projects")
    (place / "papers.yaml").write_text("papers: []\n")
    return Copy.of(folder, place)


def verify(*options: str) -> None:
    answer = CliRunner().invoke(app, ["verify", *options], catch_exceptions=True)
    if answer.exception is not None:
        raise answer.exception


def test_what_was_not_edited_is_accepted(
    root: Path, folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, folder in enumerate(folders):
        place = tmp_path / str(number)
        copy = registry(root, folder, place)
        monkeypatch.setenv("SAM4MIS_ROOT", str(place))
        verify()
        verify("--check")
        assert check_registry(place)[1] == []
        copy.save()  # the same rows in another file, hashes mended, numbers derived again
        copy.derive()
        assert examine(copy.folder) == []


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_is_refused_by_name(
    edit: Edit,
    root: Path,
    folders: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With nothing examined before: the result alone must give the edit away."""
    tried = 0
    for number, folder in enumerate(folders):
        place = tmp_path / str(number)
        copy = registry(root, folder, place)
        if not edit.fits(copy):
            continue
        edit.do(copy)
        monkeypatch.setenv("SAM4MIS_ROOT", str(place))
        with pytest.raises(FindingsError) as caught:
            verify()
        told = str(caught.value)
        assert any(word in told for word in edit.told.split("|"))
        assert "reproduce/results/" in told
        assert not (place / "reproduce" / "results" / "verdicts.json").exists()
        tried += 1
    assert tried, "the edit suits none of the results"
