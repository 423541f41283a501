"""What people install: the wheel by way of the source distribution, used where no clone is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("hatchling", reason="building a wheel needs hatchling (the group dev)")
pytest.importorskip("pip", reason="installing a wheel without an index needs pip")

ROOT = Path(__file__).resolve().parent.parent
STAMP = "catalog/data/registry/snapshot.json"


def ran(command: list[str | Path], cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """One command with an environment in which no clone and no option is named."""
    gone = ("PYTHONPATH", "SAM4MIS_ROOT", "SAM4MIS_DATA", "SAM4MIS_TRACEBACK")
    kept = {name: value for name, value in os.environ.items() if name not in gone}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**kept, "PYTHONUTF8": "1", **extra},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def succeeded(command: list[str | Path], cwd: Path, **extra: str) -> str:
    done = ran(command, cwd, **extra)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The wheel from the clone, the source distribution, and the wheel from that."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d"]
    succeeded([*build, folder], ROOT)
    (source,) = folder.glob("*.tar.gz")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index"]
    succeeded([*pip, "-w", folder / "again", source], folder)
    (direct,), (again,) = folder.glob("*.whl"), (folder / "again").glob("*.whl")
    return SimpleNamespace(source=source, direct=direct, wheel=again)


@pytest.fixture(scope="module")
def installed(built: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The wheel in an environment of its own, where this one's packages are seen beside it but
    not its editable clone (a path file in a path file's folder is not read)."""
    place = tmp_path_factory.mktemp("fresh")
    venv.create(place / "env", with_pip=False)
    folder = "Scripts" if sys.platform == "win32" else "bin"
    python = place / "env" / folder / Path(sys.executable).name
    packages = succeeded(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], place
    )
    others = sysconfig.get_path("purelib")
    (Path(packages.strip()) / "others.pth").write_text(others + "\n", "utf-8")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-compile"]
    succeeded([*pip, "--no-deps", "--no-index", built.wheel], place)
    (place / "work").mkdir()

    def sam4mis(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [python.with_name("sam4mis"), *arguments]
        return ran(command, place / "work", SAM4MIS_CACHE=str(place / "cache"))

    return SimpleNamespace(python=python, work=place / "work", sam4mis=sam4mis, cache=place)


def test_the_wheel_from_the_source_distribution_is_the_one_from_the_clone(
    built: SimpleNamespace,
) -> None:
    with zipfile.ZipFile(built.direct) as one, zipfile.ZipFile(built.wheel) as other:
        direct = {
            item.filename: item.CRC for item in one.infolist() if "RECORD" not in item.filename
        }
        again = {
            item.filename: item.CRC for item in other.infolist() if "RECORD" not in item.filename
        }
        said = json.loads(other.read(STAMP))
        lists = [name for name in direct if name.endswith("papers.yaml")]
    assert direct == again
    assert set(said) == {"date", "commit"}
    assert lists == ["catalog/data/registry/papers.yaml"]
    assert not any(name.startswith(("tests/", "reproduce/results/", "site/")) for name in direct)


READING = (
    ["search", "segment anything in medical images", "--json"],
    ["list", "--modality", "ultrasound", "--json"],
    ["list", "claims", "--verdict", "reproduced", "--json"],
    ["find", "--modality", "ultrasound", "--json"],
    ["show", "medsam", "--json"],
    ["export", "--format", "bibtex"],
    ["stats", "--json"],
    ["reproduce", "list", "--json"],
    ["reproduce", "show", "lwnet", "--json"],
    ["reproduce", "plan", "--json"],
    ["reproduce", "explain", "lwnet/validation-dice", "--depth", "0", "--json"],
    # asks torch for a card, which takes its time
    pytest.param(["reproduce", "doctor", "lwnet", "--json"], marks=pytest.mark.slow),
)


def told(answer: str) -> object:
    """An answer without what is of the moment or of the machine."""
    if not answer.startswith(("{", "[")):
        return answer
    data = json.loads(answer)
    if isinstance(data, dict):
        plain = data.get("campaign", data)
        for name in ("created", "harness", "machine"):
            plain.pop(name, None)
    return data


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_an_empty_folder_answers_what_a_clone_answers(
    installed: SimpleNamespace, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from catalog.cli import app

    answer = installed.sam4mis(*command)
    assert answer.returncode == 0, answer.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAM4MIS_ROOT", str(ROOT))
        app(command, standalone_mode=False)
    in_clone = capsys.readouterr().out
    assert told(answer.stdout) == told(in_clone)
    assert "From the registry's snapshot of " in answer.stderr


WRITING = {
    "add": ["2304.12306"],
    "build": [],
    "check": [],
    "discover": [],
    "doctor": ["--fix"],
    "import": ["list.bib", "--from", "a made list"],
    "intake-form": ["-"],
    "refresh": [],
    "reproduce profiles": ["--write"],
    "reproduce recompute": ["--all"],
    "reproduce run --publish": ["lwnet"],
    "reproduce verify": [],
    "screen": [],
    "serve": [],
}


def test_what_writes_names_the_command_and_the_clone_that_it_needs(
    installed: SimpleNamespace,
) -> None:
    code = f"""
from catalog.cli import app
from catalog.errors import PrerequisiteError
for command, rest in {WRITING!r}.items():
    try:
        app([*command.split(), *rest], standalone_mode=False)
    except PrerequisiteError as error:
        assert f"`sam4mis {{command}}` needs a clone" in str(error), error
        assert f"sam4mis --root <your clone> {{command}}" in str(error), error
    else:
        raise SystemExit(f"{{command}} did not ask for a clone")
"""
    (installed.work / "list.bib").write_text("", "utf-8")
    succeeded([installed.python, "-c", code], installed.work)
    assert [path.name for path in installed.work.iterdir()] == ["list.bib"]  # nothing is left
    done = installed.sam4mis("check", "--json")
    assert done.returncode == json.loads(done.stdout)["exit_code"] == 3


def test_a_record_can_be_tried_without_a_clone(installed: SimpleNamespace) -> None:
    entry = installed.cache / "entry.bib"
    entry.write_text(
        "@article{x, title={Segment Anything in a Made Modality}, author={Doe, Jane},"
        " journal={Made Journal}, year={2026}, doi={10.1000/made.1}}",
        "utf-8",
    )
    shown = installed.sam4mis("add", str(entry), "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "Segment Anything in a Made Modality" in shown.stdout


def test_the_version_says_of_which_day_the_registry_is(installed: SimpleNamespace) -> None:
    said = installed.sam4mis("--version").stdout
    assert said.startswith("sam4mis ")
    assert "the registry's snapshot of 2" in said


def test_what_is_missing_is_installed_from_where_the_wheel_came(
    installed: SimpleNamespace, built: SimpleNamespace
) -> None:
    code = "from catalog.installing import install_command; print(install_command('reproduce'))"
    said = succeeded([installed.python, "-c", code], installed.work).strip()
    assert said == f'pip install "{built.wheel}[reproduce]"'


@pytest.mark.slow
def test_the_harness_proves_itself_without_a_clone(installed: SimpleNamespace) -> None:
    done = installed.sam4mis("reproduce", "selftest", "--json")
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["passed"]
    assert outcome["verdict"]["state"] == "reproduced"


def test_a_repository_around_the_environment_is_not_the_harness(
    installed: SimpleNamespace, built: SimpleNamespace
) -> None:
    """An environment often lies in a repository of its user's."""
    for words in (["init"], ["commit", "--allow-empty", "-m", "mine"]):
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        succeeded(["git", *who, *words], installed.cache)
    code = (
        "import json; from reproduce.ground.provenance import harness\nprint(json.dumps(harness()))"
    )
    said = json.loads(succeeded([installed.python, "-c", code], installed.work))
    with zipfile.ZipFile(built.wheel) as wheel:
        stamp = json.loads(wheel.read(STAMP))
    assert said == {"commit": stamp["commit"], "dirty": None, "changed": []}
