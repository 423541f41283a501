"""The command line as a newcomer meets it: tables, names, completion, settings, errors."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import EntryPoints
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from terminal import PROGRAM, environment, here, on_terminal

from catalog import configuration
from catalog.cli import app, drawing
from catalog.errors import EXIT_FINDINGS, EXIT_PREREQUISITE, EXIT_USAGE, UsageError

CELL = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=60)
PAPERS = """\
papers:
  - id: samed
    title: Customized
    short_name: SAMed
    versions: [{kind: preprint, ids: {arxiv: '2304.13785'}, cite: true}]
"""
PROJECT = """\
slug: samed
name: SAMed / SAMed_h
kind: method
papers: [samed]
repository: {url: https://github.com/hitachinsk/SAMed}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "papers.yaml").write_text(PAPERS, "utf-8")
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "samed.yaml").write_text(PROJECT, "utf-8")
    return tmp_path


@given(CELL, st.integers(1, 30))
def test_wrapping_loses_no_letter_and_keeps_the_width(text: str, width: int) -> None:
    lines = drawing.wrapped(text, width)
    assert "".join(lines) == text
    assert all(drawing.width_of(line) <= max(width, 2) for line in lines)


@given(st.lists(st.tuples(CELL, CELL, CELL, CELL, CELL), min_size=1, max_size=4))
def test_no_line_of_a_table_is_wider_than_the_terminal(rows: list[tuple[str, ...]]) -> None:
    columns = ("claim", "metric", "value", "state", "place")
    head, body, left_out = drawing.table(columns, rows, 80)
    assert all(drawing.width_of(line) <= 80 for line in head + body)
    assert set(left_out) <= set(columns[drawing.FEWEST :]) | {
        c for i, c in enumerate(columns) if i and all(row[i] in drawing.NOTHING for row in rows)
    }


def test_a_table_that_does_not_fit_names_what_it_leaves_out() -> None:
    columns = ("id", "one", "empty", "title", "last")
    row = ("a" * 30, "1" * 24, "—", "some words " * 5, "b" * 24)
    head, body, left_out = drawing.table(columns, [row], 64)
    assert left_out == ["empty", "last"]
    assert "last" not in head[-1]
    assert "".join("".join(body).split()).count("a") == 30


def test_a_long_name_of_a_field_has_its_own_line() -> None:
    lines = drawing.sheet([("x", "1"), ("a-name-that-is-very-long-indeed", "value")], 60)
    assert lines == ["x  1", "a-name-that-is-very-long-indeed", "   value"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["lst"], "Did you mean list?"),
        (["run", "SAMed"], "Did you mean sam4mis reproduce run?"),
        (["reproduce", "serch"], "Did you mean sam4mis search?"),
        (["reproduce", "profles"], "Did you mean profiles?"),
        (["show", "SAMedd"], "Did you mean samed?"),
        (["list", "--project", "samd"], "Did you mean samed?"),
        (["reproduce", "plan", "samd"], "Did you mean samed?"),
        (["reproduce", "show", "samd"], "Did you mean samed?"),
        (["reproduce", "fetch-data", "kvasr"], "Did you mean kvasir-seg"),
    ],
)
def test_what_may_have_been_meant_is_said(folder: Path, typed: list[str], meant: str) -> None:
    ran = here(folder, *typed)
    assert ran.code == EXIT_USAGE
    assert meant in ran.err


@pytest.mark.parametrize(
    "name",
    ["samed", "SAMed / SAMed_h", "projects/samed", "https://github.com/hitachinsk/SAMed.git"],
)
def test_a_project_is_known_by_its_names_and_its_repository(folder: Path, name: str) -> None:
    for command in (["reproduce", "doctor"], ["reproduce", "fetch", "--dry-run"]):
        ran = here(folder, *command, name, "--json")
        assert "no project" not in ran.err
    shown = json.loads(here(folder, "reproduce", "doctor", name, "--json").out)
    assert [project["project"] for project in shown["projects"]] == ["samed"]


def test_show_takes_the_address_of_a_repository(folder: Path) -> None:
    shown = json.loads(here(folder, "show", "github.com/hitachinsk/SAMed", "--json").out or "{}")
    assert shown["exit_code"] == EXIT_USAGE  # no address: nothing says that it is one
    address = "git@github.com:Hitachinsk/samed"
    shown = json.loads(here(folder, "show", address, "--json").out)
    assert [project["slug"] for project in shown["projects"]] == ["samed"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("sam4mis sho", ["show"]),
        ("sam4mis show sam", ["samed"]),
        ("sam4mis reproduce run sam", ["samed", "samed/one", "samed/two"]),
        ("sam4mis reproduce explain samed/t", ["samed/two"]),
        ("sam4mis reproduce work", []),
        ("sam4mis list --proj", ["--project"]),
        ("sam4mis list --modality ul", ["ultrasound"]),
        ("sam4mis list --dataset cam", ["camelyon16", "camo", "camus"]),
        ("sam4mis search liver --licence non", ["non-commercial", "none"]),
    ],
)
def test_a_shell_completes_commands_and_names(folder: Path, words: str, offered: list[str]) -> None:
    with (folder / "projects" / "samed.yaml").open("a") as file:
        file.write("claims:\n- id: one\n  metric: dice\n- id: two\nother:\n- id: three\n")
    asked = {
        "_SAM4MIS_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    assert here(folder, extra=asked).out.split() == offered


#: What a shell does when a key is pressed behind `sam4mis show sam`; zsh: what it would lay out.
PRESSED = {
    "bash": ("--norc", "COMP_WORDS=(sam4mis show sam) COMP_CWORD=2; _sam4mis_completion sam4mis;"
             'echo "${COMPREPLY[@]}"'),
    "zsh": ("-f", "words=(sam4mis show sam); CURRENT=3; _sam4mis_completion"),
    "fish": ("--no-config", "complete -C 'sam4mis show sam'"),
}  # fmt: skip


@pytest.mark.parametrize("shell", PRESSED)
def test_each_shell_takes_its_script(shell: str, folder: Path, tmp_path: Path) -> None:
    script = here(folder, extra={"_SAM4MIS_COMPLETE": f"source_{shell}"}).out
    assert f"complete_{shell}" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    program = tmp_path / "bin" / "sam4mis"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    program.chmod(0o755)
    (tmp_path / "script").write_text(script)
    before = "compdef() {}; _arguments() { print -r -- $@ }; " if shell == "zsh" else ""
    plain, press = PRESSED[shell]
    done = subprocess.run(
        [shell, plain, "-c", f"{before}source {tmp_path / 'script'}; {press}"],
        env=environment(folder, PATH=f"{program.parent}:{os.environ['PATH']}"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "samed" in done.stdout, done.stderr
    assert not done.stderr


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (["lst"], EXIT_USAGE),
        (["list", "--modaity", "ct"], EXIT_USAGE),
        (["show", "nothing-like-it"], EXIT_USAGE),
        (["reproduce", "doctor", "nothing-like-it"], EXIT_USAGE),
        (["reproduce", "fetch", "--plan", "/no/such/file"], EXIT_PREREQUISITE),
    ],
)
def test_every_error_has_one_shape_in_json(folder: Path, typed: list[str], code: int) -> None:
    ran = here(folder, *typed, "--json")
    told = json.loads(ran.out)
    assert set(told) == {"error", "exit_code", "command", "findings"}
    assert ran.code == told["exit_code"] == code
    assert told["error"] in ran.err


NESTED = b'{"datasets": ' + b"[" * 100_000


@pytest.mark.parametrize("content", [b"\xff\xfe{}", NESTED, b'{"datasets": 3, "profiles": 3}'])
@pytest.mark.parametrize("name", ["verdicts.json", "datasets.json", "a-1/result.json"])
def test_a_damaged_file_of_the_harness_is_told_by_name(
    folder: Path, name: str, content: bytes
) -> None:
    path = folder / "reproduce" / "results" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    ran = here(folder, "build", "--no-site", "--json")
    assert ran.code == EXIT_FINDINGS
    assert name in json.loads(ran.out)["error"]
    assert here(folder, "check").code in (EXIT_FINDINGS, 0)  # not an internal error


def test_utf8_whatever_the_locale_says(folder: Path) -> None:
    paper = (folder / "papers.yaml").read_text().replace("Customized", "Dice — ≥ 0.9")
    (folder / "papers.yaml").write_text(paper, "utf-8")
    import subprocess

    from terminal import PROGRAM, environment

    poor = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252", "LC_ALL": "C"}
    done = subprocess.run(
        [*PROGRAM, "list"], env=environment(folder, **poor), capture_output=True, check=True
    )
    assert "Dice — ≥ 0.9" in done.stdout.decode("utf-8")


def test_the_file_says_what_the_environment_does_not(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[folders]\ncache = "{tmp_path}/c"\n[tokens]\nhuggingface = "hf_secret"\n')
    file.chmod(0o644)
    extra = {"SAM4MIS_CONFIG": str(file)}
    told = here(folder, "config", extra=extra)
    assert "hf_secret" not in told.out + told.err
    assert "chmod 600" in told.err
    shown = json.loads(here(folder, "config", "--json", extra=extra).out)
    values = {s["setting"]: (s["value"], s["from"]) for s in shown["settings"]}
    assert values["folders.cache"] == (f"{tmp_path}/c", "the file")
    assert values["tokens.huggingface"] == ("set", "the file")
    given = here(folder, "config", "--json", extra={**extra, "SAM4MIS_CACHE": "/elsewhere"})
    values = {s["setting"]: (s["value"], s["from"]) for s in json.loads(given.out)["settings"]}
    assert values["folders.cache"] == ("/elsewhere", "the environment")
    assert "SAM4MIS_CACHE" not in os.environ or os.environ["SAM4MIS_CACHE"] != f"{tmp_path}/c"


def test_everything_wrong_in_the_file_is_told_at_once(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[folders]\ncahce = "/x"\ndata = "here"\n[limits]\nfile_gib = "much"\n'
        "[tokens]\ngithub = 4711\n"
    )
    ran = here(folder, "list", extra={"SAM4MIS_CONFIG": str(file)})
    assert ran.code == EXIT_USAGE
    assert "folders.cahce: there is no such setting. Did you mean folders.cache?" in ran.err
    assert "folders.data: expected the whole path of a folder" in ran.err
    assert "limits.file_gib: expected a number of GiB" in ran.err
    assert "4711" not in ran.err  # of a token nothing is repeated
    for text in ("no toml", "a = " + "[" * 100_000):
        file.write_text(text)
        assert "expected TOML" in here(folder, "list", extra={"SAM4MIS_CONFIG": str(file)}).err
    missing = here(folder, "list", extra={"SAM4MIS_CONFIG": str(tmp_path / "none")})
    assert missing.code == EXIT_PREREQUISITE
    assert "sam4mis config --example" in missing.err


def test_the_example_becomes_a_file_that_is_read(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(configuration.example())
    assert configuration.read(file) == {}
    lines = [
        line.removeprefix("# ") if " = " in line else line
        for line in configuration.example().splitlines()
    ]
    file.write_text("\n".join(lines).replace('"..."', '"said"'))
    said = configuration.read(file)
    assert set(said) == {setting.variable for setting in configuration.SETTINGS}
    assert said["SAM4MIS_CACHE"] == str(Path("~/...").expanduser())
    file.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="expected TOML"):
        configuration.read(file)


@pytest.mark.parametrize("given", ["soon", "-1", "1e9", "\u00b2", "9" * 12, "9" * 30])
def test_a_day_that_is_none_is_told(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
    with pytest.raises(UsageError, match="expected seconds since 1970"):
        configuration.made_for()


def test_files_are_made_for_the_day_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    assert configuration.made_for() is None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert str(configuration.made_for()) == "2023-11-14 22:13:20+00:00"


def test_a_terminal_of_80_columns_cuts_nothing(folder: Path) -> None:
    ran = on_terminal(folder, "list", wait_for=b"work")
    assert "Customized" in ran.out


CLAIMS = """\
weights_status: public
adapter_reason: only on a share
protocol_card: {commit: abc, prompt: none, traps: [{text: Empty masks count as one.}]}
claims:
- id: one
  metric: dice
  dataset: synapse
  value: 81.88
  scale: 100
  decimals: 2
  source: {place: Table 1}
  protocol: {}
  printed_by: own
  state: blocked
  reason: gated-data
- id: other
  metric: dice
  dataset: synapse
  value: 80.1
  scale: 100
  decimals: 1
  source: {place: Table 2}
  protocol: {}
  printed_by: ma-sam
  state: not-attempted
"""


def test_a_project_says_what_is_known_and_what_can_be_done(folder: Path) -> None:
    with (folder / "projects" / "samed.yaml").open("a") as file:
        file.write(CLAIMS)
    told = here(folder, "show", "projects/samed").out
    assert (
        "\tknown\tIt printed 1 recorded number. Others printed 1 of it. 1 cannot be run: 1 on data "
        "behind a registration. Its weights are public; they do not run here: only on a share."
    ) in told
    assert "\tit would take\tan adapter\n" in told
    assert "\tnumbers printed by\tits authors 1, ma-sam 1\n" in told
    assert "evaluation code does\tthreshold\tnot seen in the code\n" in told
    assert "\ttrap\tEmpty masks count as one.\n" in told
    shown = json.loads(here(folder, "show", "samed", "--json").out)
    assert shown["known"]["samed"].startswith("It printed 1 recorded number.")


def test_explain_puts_claims_with_one_reason_together(folder: Path) -> None:
    with (folder / "projects" / "samed.yaml").open("a") as file:
        file.write(CLAIMS)
    told = json.loads(here(folder, "reproduce", "explain", "SAMed", "--json").out)
    assert {group["group"]: list(group["claims"]) for group in told} == {
        "blocked: gated-data": ["one"],
        "no run of it is stored": ["other"],
    }


def test_a_list_says_how_many_nobody_has_looked_at(folder: Path) -> None:
    (folder / "papers.yaml").write_text(
        PAPERS
        + "  - id: two\n    title: Two\n    modalities: {values: [ct], from: abstract}\n"
        + "    versions: [{kind: preprint, ids: {arxiv: '2304.00001'}, cite: true}]\n"
    )
    told = here(folder, "list", "--modality", "ct").err
    assert told.splitlines() == ["1 work", "1 more: modality unknown"]
    told = here(folder, "list", "--modality", "ct", "--has-code").err
    assert told.splitlines() == ["0 works", "1 more: modality unknown; 1 more: code unknown"]
    told = here(folder, "export", "--modality", "ct").err
    assert told.splitlines() == ["1 work as bibtex", "1 more: modality unknown"]
    assert here(folder, "stats", "--modality", "ct").err == "1 more: modality unknown\n"


def test_doctor_has_a_line_for_each_project_and_every_step_for_one(root: Path) -> None:
    lines = here(root, "reproduce", "doctor").out.splitlines()
    assert len(lines) > 50
    assert max(map(len, lines)) < 200
    steps = here(root, "reproduce", "doctor", "vista3d").out
    assert "huggingface.co" in steps


@pytest.mark.parametrize(
    "command",
    [
        ["doctor", "--fix", "--dry-run"],
        ["reproduce", "run", "lwnet", "--dry-run"],
        ["reproduce", "run", "lwnet", "--dry-run", "--slurm"],
        ["reproduce", "rerun", "lwnet-5332feda", "--dry-run"],
        ["reproduce", "profiles", "--dry-run"],
        ["reproduce", "datasets", "--dry-run"],
        ["reproduce", "fetch", "lwnet", "--dry-run"],
        ["reproduce", "plan", "lwnet"],
        ["reproduce", "recompute", "--all", "--dry-run"],
        ["screen", "--dry-run"],
    ],
)
def test_what_would_be_done_is_json_too(root: Path, command: list[str], tmp_path: Path) -> None:
    ran = here(root, *command, "--json", extra={"SAM4MIS_CACHE": str(tmp_path)})
    told = json.loads(ran.out)
    assert isinstance(told, dict | list)
    if command[1] == "run":
        assert set(told[0]) == {"cases", "run", "claims", "script"}
        assert (told[0]["script"] is not None) == ("--slurm" in command)
        assert set(told[0]["claims"]) == {"lwnet/validation-dice", "lwnet/validation-auc"}


#: Commands without --json, and why.
NO_JSON = {
    "serve": "lasts until it is stopped; there is no answer",
    "mcp": "speaks JSON with the program that started it",
}


def every_command(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    context = typer.Context(command)
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    for name in command.list_commands(context):
        yield from every_command(command.get_command(context, name), *path, name)


COMMANDS = dict(every_command(typer.main.get_command(app)))


def test_every_command_answers_programs_too() -> None:
    assert len(COMMANDS) > 35
    silent = {
        " ".join(path)
        for path, command in COMMANDS.items()
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert silent == set(NO_JSON)


@pytest.mark.parametrize(
    "path", [path for path in COMMANDS if path[0] not in NO_JSON], ids=" ".join
)
def test_what_was_typed_wrongly_is_json_for_programs(path: tuple[str, ...], folder: Path) -> None:
    ran = here(folder, *path, "--no-such-option", "--json")
    assert ran.code == EXIT_USAGE
    said = json.loads(ran.out)
    assert said["exit_code"] == EXIT_USAGE
    assert said["error"]


BIB = "@article{a, title={A SAM of its own kind}, author={Doe, Jo}, year={2031}, doi={10.1000/a}}"


def test_what_would_be_added_is_json_for_programs(folder: Path) -> None:
    before = (folder / "papers.yaml").read_bytes()
    ran = here(folder, "add", "-", "--dry-run", "--json", stdin=BIB.encode())
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)
    assert said["written"] is False
    assert [entry["state"] for entry in said["entries"]] == ["new"]
    (record,) = said["records"]
    assert record["title"] == "A SAM of its own kind"
    assert (folder / "papers.yaml").read_bytes() == before
    refused = here(folder, "add", "nothing.bib", "--json")
    assert json.loads(refused.out)["exit_code"] == EXIT_USAGE


def test_an_export_is_json_for_programs(folder: Path) -> None:
    ran = here(folder, "export", "--json")
    assert ran.out == here(folder, "export", "--format", "json").out
    assert json.loads(ran.out)["papers"][0]["id"] == "samed"
    file = folder / "list.bib"
    said = json.loads(here(folder, "export", "--json", "-o", str(file), "-f", "bibtex").out)
    assert said == {"file": str(file), "format": "bibtex", "works": 1}
    assert "2304.13785" in file.read_text("utf-8")
    wrong = here(folder, "export", "--json", "--format", "ris")
    assert wrong.code == json.loads(wrong.out)["exit_code"] == EXIT_USAGE


def test_a_plugin_to_begin_with_is_json_for_programs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    typed = ("reproduce", "plugin", "new", "my-model", "--shape", "image", "--json")
    said = json.loads(here(folder, *typed, "--dry-run").out)
    assert (said["file"], said["written"]) == ("my_model.py", False)
    assert 'name = "my-model"' in said["text"]
    assert not Path("my_model.py").exists()
    written = json.loads(here(folder, *typed).out)
    assert written == {"plugin": "my-model", "file": "my_model.py", "written": True}
    assert Path("my_model.py").read_text("utf-8") == said["text"]


def test_a_clone_that_moved_on_since_it_was_installed_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Older:
        entry_points = EntryPoints([])

    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Older)
    ran = here(folder, "mcp")
    assert ran.code == EXIT_PREREQUISITE
    assert "newer than this installation" in ran.err
    assert 'pip install -e "' in ran.err
    assert "Did you mean list" in here(folder, "lst").err
