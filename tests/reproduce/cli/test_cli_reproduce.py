"""`sam4mis reproduce ...`: readable, for machines, lazy, and clear about what is missing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from catalog.errors import FindingsError, PrerequisiteError, UsageError
from catalog.records import Result
from catalog.registry import load_verdict_log
from reproduce.cli import COMMANDS, app

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def registry(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM4MIS_ROOT", str(root))
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SAM4MIS_DATA", raising=False)


def call(*arguments: str) -> str:
    answer = RUNNER.invoke(app, list(arguments))
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    assert answer.exit_code == 0, answer.output
    return answer.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    text = call(name, "--help")
    assert "Usage:" in text
    group = typer.main.get_command(app)
    assert group.get_command(None, name).help  # type: ignore[attr-defined, arg-type]  # a click group


def test_reading_and_scoring_import_no_torch(root: Path, tmp_path: Path) -> None:
    """In a fresh process: what is imported stays imported in this one."""
    for folder in ("found", "truth"):
        (tmp_path / folder).mkdir()
        square = np.zeros((9, 9), np.uint8)
        square[2:6, 3 : 7 + (folder == "found")] = 255
        Image.fromarray(square).save(tmp_path / folder / "a.png")
    score = ["score", f"{tmp_path}/found", "--reference", f"{tmp_path}/truth", "--spacing", "1"]
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from reproduce.cli import app\n"
        "assert 'reproduce.cli.run' not in sys.modules\n"
        "commands = [['list'], ['show', 'lwnet'], ['list', 'adapters'], ['verify', '--check']]\n"
        f"for words in [*commands, {score!r}]:\n"
        "    if words[0] == 'verify':\n"
        "        heavy = {'numpy', 'pyarrow'} & set(sys.modules)\n"
        "        assert not heavy, (heavy, 'only verify reads statistics')\n"
        "    answer = CliRunner().invoke(app, words)\n"
        "    told = (words, answer.output)\n"
        "    assert answer.exit_code == 0 or 'V001' in str(answer.exception), told\n"
        "heavy = {'torch', 'segment_anything.modeling'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_the_extra_the_install_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.util import find_spec

    monkeypatch.setattr(
        "catalog.installing.find_spec", lambda name: None if name == "torch" else find_spec(name)
    )
    for words in (["run", "lwnet"], ["selftest"], ["worker", "/nonexistent"]):
        with pytest.raises(PrerequisiteError) as caught:
            call(*words)
        assert 'pip install -e ".[reproduce]"' in str(caught.value)
        assert "torch" in str(caught.value)
    assert "not installed" not in call("list", "adapters")


def test_list_claims() -> None:
    rows = json.loads(call("list", "--project", "lwnet", "--json"))
    assert {row["claim"] for row in rows} == {"lwnet/validation-dice", "lwnet/validation-auc"}
    plain = call("list", "--project", "lwnet")
    assert "lwnet/validation-dice\treproduced\tdice\t80.96 %\t80.96 %\t-\tdrive" in plain
    blocked = json.loads(call("list", "--state", "blocked", "--json"))
    assert blocked
    assert all(row["state"] == "blocked" for row in blocked)
    runnable = json.loads(call("list", "--runnable", "--json"))
    assert "lwnet/validation-dice" in {row["claim"] for row in runnable}
    assert "blocked" not in {row["state"] for row in runnable}
    with pytest.raises(UsageError, match="--state nope: expected one of reproduced, lower"):
        call("list", "--state", "nope")
    with pytest.raises(UsageError, match="no project"):
        call("list", "--project", "nothing")


@pytest.mark.parametrize("kind", ["adapters", "datasets", "prompts", "metrics"])
def test_list_plugins(kind: str) -> None:
    rows = json.loads(call("list", kind, "--json"))
    assert rows
    assert all(row["name"] and row["version"] for row in rows)


def test_list_of_nonsense() -> None:
    with pytest.raises(UsageError, match="expected claims"):
        call("list", "nonsense")


def test_show_project_claim_and_run(root: Path) -> None:
    text = call("show", "lwnet/validation-dice")
    assert "\tclaimed\t80.96 % (dice; " in text
    assert "\tmetric profile\tpooled/1 (from-code)" in text
    assert "\tclass\tA: same checkpoint" in text
    shown = json.loads(call("show", "lwnet", "--json"))
    assert len(shown) == 2
    runs = sorted(p.parent.name for p in (root / "reproduce/results").glob("lwnet-*/result.json"))
    text = call("show", runs[0])
    assert "batch-parity" in text
    assert json.loads(call("show", runs[0], "--json"))["run"] == runs[0]
    with pytest.raises(UsageError, match=r"no project .*Nor is it a run"):
        call("show", "nothing-like-it")


def test_show_finds_runs_by_their_first_digits_here_and_published(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = sorted((root / "reproduce/results").glob("lwnet-*"))
    published, local = kept[0], kept[1]
    copy = _registry_of_lwnet(root, tmp_path, published)
    shutil.copytree(local, copy / "build" / "runs" / local.name)
    monkeypatch.setenv("SAM4MIS_ROOT", str(copy))
    for target in (published.name, published.name[:12], published.name[6:11]):
        text = call("show", target)
        assert f"reproduce/results/{published.name} (published)" in text
        assert "\tverdict\t" not in text or "(verdict/2, published)" in text
    text = call("show", local.name[:14])
    assert f"build/runs/{local.name} (not published)" in text
    assert "not published; it would be the verdict" in text
    assert f"build/runs/{local.name} (" not in call("show", published.name)
    assert call("show", str(copy / "build" / "runs" / local.name)) != ""
    rows = [line.split("\t") for line in call("list", "runs").splitlines()]
    assert [row[-1] for row in rows] == ["published", "build/runs"]
    other = copy / "build" / "runs" / f"{local.name[:11]}{'0' * 11}"
    other.mkdir()
    with pytest.raises(UsageError, match=r"no project .*Nor is it a run"):
        call("show", other.name)
    (other / "plan.json").write_text("{}")
    with pytest.raises(UsageError, match="is not finished"):
        call("show", other.name)
    with pytest.raises(UsageError, match="Nor is it a run"):
        call("show", local.name[:9])
    twin = (local / "result.json").read_text("utf-8").replace(local.name, other.name)
    (other / "result.json").write_text(twin, "utf-8")
    with pytest.raises(UsageError, match="fits 2 runs"):
        call("show", local.name[:10])


def _registry_of_lwnet(root: Path, tmp_path: Path, *runs: Path) -> Path:
    """A registry of its own with the project lwnet and some of its published runs."""
    copy = tmp_path / "registry"
    (copy / "projects").mkdir(parents=True)
    shutil.copy(root / "projects" / "lwnet.yaml", copy / "projects")
    (copy / "papers.yaml").write_text("papers: []\n")
    for run in runs:
        shutil.copytree(run, copy / "reproduce" / "results" / run.name)
    return copy


def test_people_read_words_and_no_notation_of_a_language(root: Path) -> None:
    runs = [p.parent.name for p in sorted((root / "reproduce/results").glob("*/result.json"))]
    readings = [("list",), ("list", "runs"), ("doctor", "--all"), ("show", "lwnet")]
    readings += [("list", kind) for kind in ("adapters", "datasets", "prompts", "metrics")]
    readings += [("show", run) for run in runs]
    readings += [("explain", "lwnet/validation-dice", "--target", "0.8162", "--all")]
    for words in readings:
        text = call(*words)
        found = re.search(r"\b(True|False|None)\b|\{'|\['|\[\]|\{\}", text)
        assert found is None, (words, found, text)
    assert "with flips" in call("list", "runs")
    assert runs[0] not in call("list", "runs")  # eight digits are enough to name a run
    assert runs[0][:14] in call("list", "runs")


def test_verify_agrees_with_what_is_committed() -> None:
    call("verify", "--check")


def test_verify_notices_a_changed_verdict_and_damaged_statistics(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = _registry_of_lwnet(root, tmp_path)
    results, no_rows = root / "reproduce" / "results", shutil.ignore_patterns("recomputed")
    shutil.copytree(results, copy / "reproduce" / "results", ignore=no_rows)
    monkeypatch.setenv("SAM4MIS_ROOT", str(copy))
    call("verify")
    call("verify", "--check")
    log = load_verdict_log(copy)
    committed = load_verdict_log(root)
    assert log[: len(committed)] == committed, "the log is only ever appended to"
    path = copy / "reproduce" / "results" / "verdicts.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"reproduced"', '"higher"', 1), "utf-8")
    with pytest.raises(FindingsError, match="Z001"):
        call("verify", "--check")
    call("verify")
    assert path.read_text("utf-8") == text
    assert load_verdict_log(copy) == log, "what was never a verdict stands in no log"
    project = copy / "projects" / "lwnet.yaml"
    claims = project.read_text("utf-8")
    project.write_text(claims.replace("value: 80.96", "value: 90.96", 1), "utf-8")
    assert project.read_text("utf-8") != claims
    with pytest.raises(FindingsError, match="Z002"):
        call("verify", "--check")
    call("verify")
    call("verify", "--check")
    (change,) = load_verdict_log(copy)[len(log) :]
    assert (change.before, change.after) == ("reproduced", "lower")
    project.write_text(claims, "utf-8")
    call("verify")
    assert load_verdict_log(copy)[-1].after == "reproduced"
    statistics = next((copy / "reproduce" / "results").glob("lwnet-*/statistics.parquet"))
    statistics.write_bytes(statistics.read_bytes() + b"x")
    with pytest.raises(FindingsError, match="Z004"):
        call("verify", "--check")


def test_doctor_says_what_is_missing(tmp_path: Path, real: Path) -> None:
    (row,) = json.loads(call("doctor", "lwnet", "--json"))["projects"]
    assert not row["ready"]
    missing = "; ".join(row["missing"])
    assert (
        "checkpoint lwnet-wnet-drive: would be downloaded from raw.githubusercontent.com (0.9 MB)"
        in missing
    )
    assert "data drive" in missing
    manual = tmp_path / "cache" / "manual"
    manual.mkdir(parents=True)
    content = (real / "lwnet_wnet_drive" / "model_checkpoint.pth").read_bytes()
    (manual / "any-name").write_bytes(content)
    (tmp_path / "cache" / "data").mkdir()
    (tmp_path / "cache" / "data" / "drive").symlink_to(real / "drive")
    (row,) = json.loads(call("doctor", "lwnet", "--json"))["projects"]
    assert row["ready"], row["missing"]
    assert "lwnet\tyes" in call("doctor")


def test_every_release_has_its_line(root: Path) -> None:
    """Those that run, and those that do not, with why and what would lift that."""
    from catalog.registry import load_projects
    from catalog.runnable import releases

    lines = {x.project.slug: x for x in releases(load_projects(root))}
    listed = {row["project"]: row for row in json.loads(call("list", "releases", "--json"))}
    assert listed == {slug: x.data for slug, x in lines.items()}
    text = call("list", "releases", "--project", "evanyseg")
    assert "\tno\tnothing to run: it predicts" in text
    rows = {row["project"]: row for row in json.loads(call("doctor", "--json"))["projects"]}
    assert lines.keys() <= rows.keys()
    waiting = [x for x in lines.values() if x.standing == "look-first"]
    assert waiting
    for x in waiting:
        row = rows[x.project.slug]
        assert row["lifts"] == x.lifts
        assert f"lifted by: {x.lifts}" in row["missing"]
        assert f"look first: {x.remarks[0]}" in row["missing"]


def test_fetch_says_what_it_would_do() -> None:
    text = call("fetch", "lwnet", "--dry-run")
    assert "would be downloaded from raw.githubusercontent.com (0.9 MB)" in text
    with pytest.raises(UsageError, match="takes an id here; a file goes to `sam4mis reproduce run"):
        call("fetch", "lwnet", "--checkpoint", "model_checkpoint.pth")


def test_results_of_every_schema_version_are_readable(root: Path) -> None:
    """One file of each version stays here for ever; a reader of today must understand it."""
    for path in sorted((root / "tests" / "reproduce" / "data").glob("result-*.json")):
        result = msgspec.json.decode(path.read_bytes(), type=Result)
        assert result.schema == f"result/{path.stem.removeprefix('result-')}"
        assert result.measurements
        assert result.contours


def test_a_worker_without_a_run_folder_is_something_missing(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"no plan\.json there") as error:
        call("worker", str(tmp_path))
    assert error.value.exit_code == 3


def test_worker_is_callable_and_not_listed() -> None:
    text = call("--help")
    assert "  list " in text
    assert "worker" not in text
    assert "Usage:" in call("worker", "--help")


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_of_the_help_can_be_typed(name: str) -> None:
    """Every example names options that exist; its claims and projects are in the registry."""
    import shlex

    from catalog.registry import Registry, find_root

    text = call(name, "--help")
    lines = re.findall(r"^\s+sam4mis reproduce (.+)$", text, re.MULTILINE)
    assert 1 <= len(lines) <= 4
    registry = Registry.load(find_root())
    claims = {f"{p.slug}/{c.id}" for p in registry.projects for c in p.claims}
    known = claims | {p.slug for p in registry.projects}
    for line in lines:
        command, *words = shlex.split(line)
        assert command == name
        group = typer.main.get_command(app)
        parsed = group.get_command(None, name)  # type: ignore[attr-defined, arg-type]
        context = parsed.make_context(name, list(words), resilient_parsing=False)
        for given in ("target", "claim", "project"):
            value = context.params.get(given)
            if isinstance(value, str) and not re.fullmatch("[0-9a-f]{8}", value):
                assert value in known, line


def test_what_libraries_say_is_one_line_or_nothing(tmp_path: Path) -> None:
    """In a process of its own, as a user has it: a JPEG with a damaged EXIF block is read in
    silence, another warning is one line without a path, and the pixels are the same."""
    code = (
        "import sys, warnings, logging\n"
        "from pathlib import Path\n"
        "from PIL import Image\n"
        "from reproduce.cli.notices import calm_libraries\n"
        "calm_libraries()\n"
        "folder = Path(sys.argv[1])\n"
        "Image.new('RGB', (8, 8), (200, 10, 10)).save(folder / 'plain.jpg')\n"
        "plain = (folder / 'plain.jpg').read_bytes()\n"
        "from reproduce.readers.picture import read_rgb\n"
        "start = b'Exif\\0\\0II*\\0\\x08\\0\\0\\0\\x05\\0\\x0f\\x01'\n"
        "for body in (start, start + b'\\x02\\0\\xff\\0\\0\\0\\x40\\0\\0\\0'):\n"
        "    block = b'\\xff\\xe1' + (len(body) + 2).to_bytes(2, 'big') + body\n"
        "    (folder / 'exif.jpg').write_bytes(plain[:2] + block + plain[2:])\n"
        "    with Image.open(folder / 'exif.jpg') as image:\n"
        "        image.getexif()\n"
        "    assert (read_rgb(folder / 'exif.jpg') == read_rgb(folder / 'plain.jpg')).all()\n"
        "warnings.warn_explicit('odd\\nspacing', UserWarning, '/x/site-packages/nibabel/a.py', 3)\n"
        "logging.getLogger('nibabel.global').warning('qfac set to 1')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "note: nibabel: odd spacing",
        "note: nibabel.global: qfac set to 1",
    ]


def test_doctor_groups_blocked_claims_by_reason() -> None:
    (row,) = json.loads(call("doctor", "medical-sam-adapter", "--json"))["projects"]
    (blocked,) = [text for text in row["missing"] if "blocked" in text]
    assert re.match(r"\d+ of \d+ claims blocked: no-checkpoint: .* \.\.\.$", blocked)
    assert not [text for text in row["missing"] if "names no checkpoint" in text]


def test_tables_fit_the_terminal_and_keep_their_first_column() -> None:
    """A real terminal of 80 columns: names are there whole or folded, and nothing is cut."""
    import os
    import pty

    for words, name in (("profiles", "totalsegmentator"), ("datasets", "biomedparse")):
        reader, writer = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "reproduce.cli", words],
            stdout=writer,
            stderr=writer,
            env=os.environ | {"COLUMNS": "80", "TERM": "dumb"},
        )
        os.close(writer)
        said = b""
        while True:
            try:
                piece = os.read(reader, 65536)
            except OSError:  # the other end was closed
                break
            if not piece:
                break
            said += piece
        assert process.wait() == 0
        os.close(reader)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", said.decode()).splitlines()
        assert max(len(line.rstrip()) for line in lines) <= 80
        assert any(line.startswith(name[:10]) for line in lines), said.decode()
        joined = re.sub(r"\s+", "", "".join(line[-40:] for line in lines))
        assert words != "datasets" or "malignant,normal" in joined, said.decode()
