"""The reading commands as a person and as a program sees them; exit codes; start-up."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from terminal import PROGRAM, environment, here, in_pipe, on_terminal

from catalog.cli import COMMANDS, Catalog

PAPERS = """\
papers:
  - id: medsam
    title: Segment anything in medical images
    short_name: MedSAM
    title_aliases: ["An earlier title with <b>markup</b> [bold]and[/bold] | pipes"]
    authors: [Jun Ma, Yuting He]
    versions:
      - kind: preprint
        ids: {arxiv: '2304.12306'}
        date: '2023-04-24'
      - kind: journal
        ids: {doi: 10.1038/s41467-024-44824-z}
        venue: Nature Communications
        date: '2024-01-22'
        cite: true
    modalities: {values: [ct, mri], from: abstract}
    prompts_infer: {values: [box], from: abstract}
  - id: sam3d-a
    title: "SAM3D: one of two"
    short_name: SAM3D
    versions: [{kind: preprint, ids: {arxiv: '2306.03908'}, cite: true}]
  - id: sam3d-b
    title: "SAM3D: the other"
    short_name: SAM3D
    versions: [{kind: preprint, ids: {arxiv: '2309.03493'}, cite: true}]
"""
PROJECT = """\
slug: medsam
name: MedSAM
kind: method
papers: [medsam]
repository: {url: https://github.com/bowang-lab/MedSAM}
licences: {code: Apache-2.0}
code_status: training+inference
weights_status: public
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("registry")
    (root / "papers.yaml").write_text(PAPERS, "utf-8")
    (root / "projects").mkdir()
    (root / "projects" / "medsam.yaml").write_text(PROJECT, "utf-8")
    return root


def data(folder: Path, *arguments: str) -> Any:
    ran = here(folder, *arguments, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_pipe_gets_tab_separated_data_and_no_talk(folder: Path) -> None:
    ran = in_pipe(folder, "list")
    lines = [line.split("\t") for line in ran.out.splitlines()]
    assert [line[0] for line in lines] == ["medsam", "sam3d-a", "sam3d-b"]
    assert {len(line) for line in lines} == {6}
    assert lines[0][1:4] == ["2024", "yes", "yes"]
    assert ran.err == "3 works\n"
    assert "\x1b" not in ran.out


def test_terminal_gets_a_table(folder: Path) -> None:
    ran = on_terminal(folder, "list")
    assert ran.code == 0
    assert "title" in ran.out.splitlines()[0]
    assert "Segment anything in medical images" in ran.out


def test_text_of_the_registry_is_never_markup(folder: Path) -> None:
    ran = on_terminal(folder, "show", "medsam")
    assert "[bold]and[/bold] | pipes" in ran.out


def test_json_everywhere(folder: Path) -> None:
    assert data(folder, "search", "medsam")[0]["id"] == "medsam"
    assert data(folder, "list", "--has-code")[0]["has_weights"] is True
    assert data(folder, "list", "projects")[0]["slug"] == "medsam"
    assert data(folder, "list", "claims") == []
    assert data(folder, "show", "medsam")["paper"]["versions"][0]["ids"]["arxiv"] == "2304.12306"
    assert data(folder, "stats")["registry"]["works"] == 3
    assert data(folder, "stats", "--by", "modality")["counts"] == {"ct": 1, "mri": 1}


@pytest.mark.parametrize(
    "name", ["medsam", "MedSAM", "2304.12306v2", "https://doi.org/10.1038/S41467-024-44824-Z"]
)
def test_show_knows_a_work_by_every_name(folder: Path, name: str) -> None:
    assert data(folder, "show", name)["paper"]["id"] == "medsam"


def test_show_a_project_that_has_the_name_of_a_work(folder: Path) -> None:
    assert data(folder, "show", "projects/medsam")["paper"] is None
    assert data(folder, "show", "projects/medsam")["projects"][0]["slug"] == "medsam"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "???"], "no work or project"),
        (["list", "--modality", "endoscopi"], "Did you mean endoscopy"),
        (["list", "--verdict", "reproducd"], "Did you mean reproduced"),
        (["list", "--year", "soon"], "expected 2024"),
        (["list", "--section", "sam9"], "--section"),
        (["stats", "--by", "modalty"], "Did you mean modality"),
        (["show", "sam3d"], "names 2 works"),
        (["show", "medsan"], "Did you mean medsam"),
        (["export", "nothing-like-it"], "no work or project"),
        (["export", "-o", "/no/such/folder/x.bib"], "does not exist"),
        (["list", "--frobnicate"], "No such option"),
        (["frobnicate"], "No such command"),
        (["add"], "sam4mis add"),
    ],
)
def test_wrong_calls_are_usage_errors_without_a_traceback(
    folder: Path, arguments: list[str], said: str
) -> None:
    ran = here(folder, *arguments)
    assert ran.code == 2 if arguments != ["add"] else ran.code == 1
    assert "Traceback" not in ran.err
    if arguments != ["add"]:
        assert said in ran.err
    assert ran.out == ""


def test_broken_registry_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text("papers:\n  - id: x\n    titel: y\n", "utf-8")
    ran = here(tmp_path, "list")
    assert ran.code == 1
    assert "papers.yaml:" in ran.err
    assert "Traceback" not in ran.err


def test_no_registry_is_a_missing_prerequisite(tmp_path: Path) -> None:
    ran = in_pipe(tmp_path / "nowhere", "list")
    assert ran.code == 3
    assert "--root" in ran.err or "cd " in ran.err


def test_closed_pipe_is_quiet(folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m catalog export --format json | head -c 1"],
        env=environment(folder),
        capture_output=True,
        check=False,
    )
    assert (done.stdout, b"Traceback" in done.stderr) == (b"{", False)


@pytest.mark.parametrize("name", ["bibtex", "ris", "csl-json", "csv", "json"])
def test_export_of_all_a_query_and_one(folder: Path, tmp_path: Path, name: str) -> None:
    everything = here(folder, "export", "--format", name)
    assert everything.code == 0
    assert "sam3d-b" in everything.out
    one = here(folder, "export", "medsam", "--format", name)
    assert "sam3d-b" not in one.out
    assert "medsam" in one.out
    found = here(folder, "export", "--query", "sam3d", "--format", name)
    assert "sam3d-b" in found.out
    assert "medsam" not in found.out
    target = tmp_path / "out"
    assert here(folder, "export", "-f", name, "-o", str(target)).out == ""
    assert target.read_text("utf-8") == everything.out


@pytest.mark.parametrize("name", ["bibtex", "ris", "csl-json", "csv", "json"])
def test_export_into_a_file_is_utf8_whatever_the_code_page(tmp_path: Path, name: str) -> None:
    (tmp_path / "papers.yaml").write_text(PAPERS.replace("Jun Ma", "Nguyễn Thắng"), "utf-8")
    arguments = ("export", "medsam", "--format", name)
    plain = in_pipe(tmp_path, *arguments)
    windows = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"}
    assert in_pipe(tmp_path, *arguments, extra=windows) == plain
    assert "Nguyễn" in plain.out or name == "bibtex"


def test_csv_can_be_read(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(here(folder, "export", "-f", "csv").out)))
    assert rows[0]["doi"] == "10.1038/s41467-024-44824-z"


@pytest.mark.parametrize("command", ["search", "list", "show", "stats", "add", "export"])
def test_help_explains_and_gives_examples(folder: Path, command: str) -> None:
    ran = here(folder, command, "--help")
    assert ran.code == 0
    assert f"sam4mis {command}" in ran.out.split("Examples:")[1]


def test_help_lists_every_command(folder: Path) -> None:
    out = here(folder, "--help").out
    assert all(name in out for name in COMMANDS)


def test_real_registry_answers(root: Path, tmp_path: Path) -> None:
    """MedSAM is found by its present and its earlier title."""
    shutil.copy(root / "papers.yaml", tmp_path)
    for words in (["medsam"], ["segment", "anything", "in", "medical", "images"]):
        assert "medsam" in [work["id"] for work in data(tmp_path, "search", *words)]


@pytest.mark.parametrize(
    ("command", "more"), [("list", set()), ("show", set()), ("search", {"rapidfuzz"})]
)
def test_reading_commands_import_little(
    folder: Path, tmp_path: Path, command: str, more: set[str]
) -> None:
    """Beside a bare Typer application: this package, what reads records, and what searches. The
    seconds are in `python -m benchmarks`."""
    bare = tmp_path / "bare.py"
    bare.write_text(
        "import typer\napp = typer.Typer()\n"
        "@app.command()\ndef a() -> None: ...\n@app.command()\ndef b() -> None: ...\napp()\n"
    )

    def imported(*words: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", *words],
            env=environment(folder),
            capture_output=True,
            check=True,
            text=True,
        )
        lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
        return {line.rsplit("|", 1)[-1].strip().partition(".")[0] for line in lines}

    ours = imported("-m", "catalog", command, *([] if command == "list" else ["medsam"]))
    extra = ours - imported(str(bare), "a") - sys.stdlib_module_names
    assert extra == {"catalog", "msgspec", "yaml"} | more


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "no-such-work", "--json"), 2),
        (("list", "--no-such-option", "--json"), 2),
        (("search", "medsam", "--json"), 1),
    ],
)
def test_an_error_is_json_too_where_json_is_asked_for(
    tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    (tmp_path / "papers.yaml").write_text(PAPERS if code == 2 else "papers: [\n")
    ran = in_pipe(tmp_path, *arguments)
    assert ran.code == code
    answer = json.loads(ran.out)
    assert answer["exit_code"] == code
    assert answer["error"]
    assert bool(answer["findings"]) == (code == 1)
    assert ran.err.strip()


@pytest.mark.parametrize("arguments", [("stats",), ("show", "medsam"), ("--help",)])
def test_a_reader_that_leaves_ends_the_program_quietly(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "papers.yaml").write_text(PAPERS)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
            check=False,
        )
    finally:
        os.close(writer)
    assert done.returncode == 141  # as of a program that SIGPIPE ended; 1 would be a finding
    assert done.stderr == b""


def test_a_bug_of_ours_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "papers.yaml").write_text(PAPERS)

    def broken(*_: object) -> None:
        raise KeyError("[bold]203")

    monkeypatch.setattr("catalog.registry.load_papers", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ran = here(tmp_path, "search", "medsam")
    assert ran.code == 70
    assert ran.err.count("\n") == 1
    assert "internal error" in ran.err
    (report,) = tmp_path.glob("sam4mis-report-*.txt")
    assert ran.err.endswith(f"{report}\n")
    assert 'raise KeyError("[bold]203")' in report.read_text()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert "--traceback" in here(tmp_path, "search", "medsam").err
    with pytest.raises(KeyError):
        here(tmp_path, "--traceback", "search", "medsam")


@pytest.mark.parametrize(
    ("number", "way_out"),
    [("ENOSPC", "Free some space"), ("EROFS", "SAM4MIS_CACHE"), ("EMFILE", "ulimit -n")],
)
def test_a_full_disk_is_no_bug_and_names_the_file(
    number: str, way_out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "papers.yaml").write_text(PAPERS)

    def full(*_: object) -> None:
        raise OSError(getattr(errno, number), "said by the system", "build/page.md")

    monkeypatch.setattr("catalog.registry.load_papers", full)
    ran = here(tmp_path, "search", "medsam")
    assert ran.code == 3
    assert ran.err.startswith("build/page.md: said by the system. ")
    assert way_out in ran.err


def test_near_names_are_told_once_and_the_way_out_can_be_pasted(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text(PAPERS)
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "medsam.yaml").write_text(PROJECT)
    ran = here(tmp_path, "show", "medsan; rm -r x")
    assert ran.code == 2
    assert ran.err.rstrip().endswith("sam4mis search 'medsan; rm -r x'")
    assert here(tmp_path, "show", "medsan").err.count("medsam") == 1


CONTROL = """\
slug: lwnet
name: lwnet (The Little W-Net)
kind: control
prompts_eval: [none]
weights_status: public
licences: {code: MIT, weights: CC-BY-NC-4.0}
"""


def test_a_control_is_found_and_labelled_but_is_no_work(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text(PAPERS)
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "lwnet.yaml").write_text(CONTROL)
    (tmp_path / "projects" / "medsam.yaml").write_text(PROJECT + "prompts_eval: [point]\n")
    found = data(tmp_path, "search", "lwnet")
    assert [(hit["id"], hit["kind"]) for hit in found] == [("lwnet", "control")]
    assert "[control project" in here(tmp_path, "search", "lwnet").out
    assert "lwnet" not in here(tmp_path, "list").out
    by_code = data(tmp_path, "list", "--prompt", "point")
    assert [work["id"] for work in by_code] == ["medsam"]
    noncommercial = data(tmp_path, "list", "projects", "--weights-licence", "non-commercial")
    assert [project["slug"] for project in noncommercial] == ["lwnet"]
    assert "Did you mean lwnet?" in here(tmp_path, "list", "claims", "--project", "lwnett").err


def test_many_claims_are_counted_and_the_control_is_listed(root: Path) -> None:
    shown = in_pipe(root, "show", "medsam").out
    assert "sam4mis list claims --project medsam" in shown
    claims = data(root, "list", "claims", "--project", "medsam")
    assert len(claims) > 12
    assert {claim["project"] for claim in claims} == {"medsam"}
    assert len([line for line in shown.splitlines() if line.startswith("claims\t")]) <= 12
    assert "control" in {claim["kind"] for claim in data(root, "list", "claims")}


def test_another_distribution_takes_no_command_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that calls an entry point the same neither runs nor stands in the way."""
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sam4mis.commands]\nreproduce = other:app\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    command = Catalog().get_command(None, "reproduce")
    assert command is not None
    assert command.name == "reproduce"


@pytest.mark.parametrize(("command", "collects"), [("list", False), ("build", True)])
def test_only_commands_that_last_collect_garbage(
    command: str, collects: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gc

    from catalog import cli

    monkeypatch.setattr("sys.argv", ["sam4mis", command, "--help"])
    try:
        with pytest.raises(SystemExit):
            cli.main()
        assert gc.isenabled() is collects
    finally:
        gc.enable()
