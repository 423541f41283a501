"""A result can't be edited into another verdict: each edit is refused, by name."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stress import __main__ as stress
from stress.tampering import EDITS, Copy, Edit, drawn, made
from typer.testing import CliRunner

from catalog.checks import check_registry
from catalog.errors import FindingsError
from reproduce.cli import app
from reproduce.cli.generated import laid_out
from reproduce.judging.examining import examine

PUBLISHED = "lwnet-5332feda9c21c1fc"


@pytest.fixture(scope="module")
def folders(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A result of the first format that is published here, and one of today that is made."""
    published = root / "reproduce" / "results" / PUBLISHED
    return [published, made(tmp_path_factory.mktemp("made"))]


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


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_edited_is_refused(
    data: st.DataObject, root: Path, folders: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One place that a verdict rests on is changed, with every hash and number mended behind it."""
    folder = data.draw(st.sampled_from(folders))
    copy = registry(root, folder, tmp_path_factory.mktemp("drawn"))
    told = drawn(copy, data.draw(st.randoms(use_true_random=False)))
    assert examine(copy.folder), f"nothing was noticed: {told}"


def test_what_nobody_can_derive_is_refused_where_it_was_examined_before(
    root: Path, folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time, environment and words follow from nothing; once examined they stay as they are."""
    copy = registry(root, folders[0], tmp_path)
    monkeypatch.setenv("SAM4MIS_ROOT", str(tmp_path))
    verify()
    results = tmp_path / "reproduce" / "results"
    before = (results / "verdicts.json").read_bytes()
    for field, value in (
        ("created", "2099-01-01T00:00:00Z"),
        ("environment.cpu", "another"),
        ("timing.wall_s", 1.0),
        ("checks.2.detail", "as good as it gets"),
    ):
        kept = (copy.folder / "result.json").read_bytes()
        copy.put(field, value)
        for options in ((), ("--check",)):
            with pytest.raises(FindingsError, match=r"result\.json.*R008.*git restore"):
                verify(*options)
        assert [finding.code for finding in check_registry(tmp_path)[1]] == ["R008"]
        assert (results / "verdicts.json").read_bytes() == before
        (copy.folder / "result.json").write_bytes(kept)
        copy = Copy(copy.folder)
    shutil.rmtree(copy.folder)
    with pytest.raises(FindingsError, match="got none"):
        verify()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda log: log.pop(0), "before"),
        (lambda log: log[0].update(before="lower"), "changes[0].before"),
        (lambda log: log[0].update(after="lower"), "before"),
        (lambda log: log[-1].update(date="2020-01-01"), "date"),
        (lambda log: log[-1].update(date="yesterday"), "date"),
        (lambda log: log.append(log[-1] | {"before": log[-1]["after"]}), "after"),
        (lambda log: log.append(log[-1] | {"claim": "p/c", "before": "lower"}), "before"),
    ],
)
def test_a_line_of_the_log_that_follows_from_nothing_is_refused(
    root: Path,
    folders: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[list[dict[str, object]]], object],
    told: str,
) -> None:
    """Also where nothing was examined before; where it was, any other log is refused."""
    copy = registry(root, folders[0], tmp_path)
    monkeypatch.setenv("SAM4MIS_ROOT", str(tmp_path))
    verify()
    project = tmp_path / "projects" / "lwnet.yaml"
    project.write_text(project.read_text("utf-8").replace("value: 80.96", "value: 90.96"), "utf-8")
    verify()
    results = tmp_path / "reproduce" / "results"
    path = results / "verdict-log.json"
    document = json.loads(path.read_text("utf-8"))
    assert len(document["changes"]) > len({line["claim"] for line in document["changes"]})
    change(document["changes"])
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(FindingsError, match="verdict-log"):
        verify("--check")
    with pytest.raises(FindingsError, match="R008"):
        verify()
    (results / "verdicts.json").unlink()
    with pytest.raises(FindingsError, match=r"Z012") as caught:
        verify()
    assert told in str(caught.value)
    assert copy.folder.is_dir()


def test_verdicts_that_were_edited_are_noticed(
    root: Path, folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry(root, folders[0], tmp_path)
    monkeypatch.setenv("SAM4MIS_ROOT", str(tmp_path))
    verify()
    path = tmp_path / "reproduce" / "results" / "verdicts.json"
    text = path.read_text("utf-8")
    for edited in (
        text.replace('"reproduced"', '"higher"', 1),
        text.replace('"measured": 0.8', '"measured": 0.9', 1),
        text.replace('"files": {', '"files": {"lwnet/x": "' + "0" * 64 + '", ', 1),
    ):
        assert edited != text
        path.write_text(edited, "utf-8")
        with pytest.raises(FindingsError, match=r"Z001|R008"):
            verify("--check")


def test_verdicts_of_another_machine_are_the_same_but_for_last_digits(
    root: Path, folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A float may lie on the other side of a tie, a count may not be one more."""
    registry(root, folders[0], tmp_path)
    monkeypatch.setenv("SAM4MIS_ROOT", str(tmp_path))
    verify()
    path = tmp_path / "reproduce" / "results" / "verdicts.json"
    document = json.loads(path.read_text("utf-8"))
    judged = next(v for v in document["verdicts"] if "interval" in v)

    def write() -> bytes:
        content = laid_out(msgspec.json.encode(document))
        path.write_bytes(content)
        return content

    judged["interval"][0] += 1e-9
    judged["difference"] = math.nextafter(judged["difference"], 1)
    written = write()
    verify("--check")
    verify()
    assert path.read_bytes() == written, "another machine's digits are left as they are"
    judged["interval"][0] += 1e-8
    write()
    with pytest.raises(FindingsError, match="Z001"):
        verify("--check")
    verify()
    document = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(FindingsError, match="Z001"):
        verify("--check")


def test_statistics_of_a_sibling_are_refused_though_they_name_no_run(
    root: Path, tmp_path: Path
) -> None:
    """Of runs of the first rule, which say in no file whose it is: everything was mended."""
    results = root / "reproduce" / "results"
    sibling = results / "lwnet-c22efd0b0b62f2a1"
    copy = registry(root, results / PUBLISHED, tmp_path)
    shutil.copy(sibling / "statistics.parquet", copy.folder)
    copy = Copy(copy.folder)
    copy.mend(len(copy.rows))
    copy.derive()
    found = examine(copy.folder)
    assert [finding.code for finding in found] == ["Z004"], found
    assert "names no run, and lwnet-5332feda9c21c1fc published rows with" in str(found[0])


def test_scored_predictions_are_held_to_the_same(tmp_path: Path) -> None:
    """A result of `score` is accepted as it was written, and refused with another number."""
    import numpy as np
    from PIL import Image

    from reproduce.predictions import Request, score_predictions, write_result

    for name in ("a", "b"):
        mask = np.zeros((12, 9), np.uint8)
        mask[2:8, 3:6] = 255
        for place, shift in (("truth", 0), ("masks", 1)):
            (tmp_path / place).mkdir(exist_ok=True)
            Image.fromarray(np.roll(mask, shift)).save(tmp_path / place / f"{name}.png")
    request = Request(tmp_path / "masks", references=tmp_path / "truth")
    result, table = score_predictions(request)
    folder = write_result(tmp_path / "reproduce" / "results", result, table)
    assert examine(folder) == []
    Copy(folder).put("measurements.0.value", 0.99)
    assert [finding.code for finding in examine(folder)] == ["Z010"]


def test_a_short_attack_holds(tmp_path: Path) -> None:
    assert stress.main(["tamper", "--seed", "13", "--tries", "40", "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "tamper-13.json").read_text("utf-8"))
    assert (report["tried"], report["held"], report["broke"]) == (40, 40, 0)
