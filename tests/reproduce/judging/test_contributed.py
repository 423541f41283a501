"""`sam4mis reproduce verify --contributed`: what a request brings is read as data and examined."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from campaign_bundle import asked, change, night_registry, plan, sent
from typer.testing import CliRunner

from catalog.errors import FindingsError, UsageError
from reproduce.cli import app
from reproduce.cli.campaigning import run_plan
from reproduce.judging import contributed

RUN = "reproduce/results"


def git(root: Path, *words: str) -> str:
    who = {
        f"GIT_{role}_{what}": "a@b.c"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", "-C", str(root), *words],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | who,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the registry with the result folders of one campaign beside it."""
    with pytest.MonkeyPatch.context() as patch:
        root = night_registry(tmp_path_factory.mktemp("request"), patch)
        plan(root, "selftest/phantom-dice", "selftest/phantom-iou")
        run_plan(asked(root))
    return root


@pytest.fixture
def clone(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Main without the result, checked out; the branch `night` brings it."""
    root = tmp_path / "clone"
    root.mkdir()
    for name in ("projects", "papers.yaml"):
        (shutil.copytree if (made / name).is_dir() else shutil.copy)(made / name, root / name)
    (root / ".gitignore").write_text("/.sam4mis/\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "registry")
    git(root, "switch", "-qc", "night")
    shutil.copytree(sent(made)[0], root / RUN / sent(made)[0].name)
    computed_at(root, git(root, "rev-parse", "main"))
    monkeypatch.setenv("SAM4MIS_ROOT", str(root))
    return root


def computed_at(root: Path, commit: str) -> None:
    """Let the code of that commit have computed the result; the id is of other things."""
    (folder,) = (root / RUN).iterdir()
    harness = {"commit": commit, "dirty": False, "changed": []}
    edit("result.json", lambda r: r["environment"].update(harness=harness))(folder)


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "results")
    git(root, "switch", "-q", "main")


def examined(branch: str = "night") -> str:
    answer = CliRunner().invoke(app, ["verify", "--contributed", branch])
    if answer.exception is not None:
        raise answer.exception
    return answer.output


def test_a_request_is_examined_and_nothing_of_it_is_checked_out(clone: Path) -> None:
    (clone / "README.md").write_text("tables")
    (clone / "evil.py").write_text("raise SystemExit('ran')")
    commit(clone)
    said = examined()
    assert "night: 1 new results" in said
    assert "it changes 1 other files as well, not examined here: evil.py" in said
    assert "selftest/phantom-dice\t98.41 %\t98.82 %\treproduced\tA\ta-lab" in said
    assert not (clone / RUN).exists()
    assert git(clone, "status", "--porcelain") == ""


def edit(file: str, change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        document = json.loads((folder / file).read_text("utf-8"))
        change(document)
        (folder / file).write_text(json.dumps(document))

    return do


@pytest.mark.parametrize("name", ["notes.md", "reproduce/adapters/sam.py"])
def test_the_code_that_computed_it_is_of_this_repository(clone: Path, name: str) -> None:
    """Committed on a branch of one's own it is as little ours as where it is not committed."""
    (clone / name).parent.mkdir(parents=True, exist_ok=True)
    (clone / name).write_text("mine")
    git(clone, "add", name)
    git(clone, "commit", "-qm", "mine")
    computed_at(clone, git(clone, "rev-parse", "night"))
    commit(clone)
    if name == "notes.md":
        assert "reproduced" in examined()
        return
    with pytest.raises(FindingsError, match=f"changes the code of this repository: {name}"):
        examined()


@pytest.mark.parametrize("commit_", ["f" * 40, "HEAD", None])
def test_the_code_that_computed_it_is_known(clone: Path, commit_: str) -> None:
    computed_at(clone, commit_)
    commit(clone)
    with pytest.raises(FindingsError, match=r"is not known here|code of no commit"):
        examined()


@pytest.mark.parametrize(
    ("do", "code"),
    [
        (edit("result.json", lambda r: r["measurements"][0].update(value=0.5)), "Z010"),
        (edit("result.json", lambda r: r.update(by=None)), "Z014"),
        (edit("result.json", lambda r: r.update(by="<script>")), "Z003"),
        (
            edit(
                "result.json",
                lambda r: r["environment"]["harness"].update(
                    dirty=True, changed=["reproduce/adapters/sam.py"]
                ),
            ),
            "Z014",
        ),
        (lambda f: (f / "statistics.parquet").write_bytes(b"PAR1"), "Z004"),
        (lambda f: (f / "conftest.py").write_text("x"), "Z007"),
        (lambda f: (f / "link.json").symlink_to("/etc/passwd"), "Z007"),
        (lambda f: (f / ".hidden").write_text("x"), "Z007"),
        (lambda f: (f / "deep").mkdir() or (f / "deep" / "ä").write_text("x"), "Z007"),
        (lambda f: (f / "result.json").chmod(0o755), "Z007"),
        (lambda f: f.rename(f.with_name("selftest-0000000000000000")), "Z003"),
    ],
)
def test_what_is_no_result_is_refused(clone: Path, do: Callable[[Path], object], code: str) -> None:
    (folder,) = (clone / RUN).iterdir()
    do(folder)
    commit(clone)
    with pytest.raises(FindingsError) as caught:
        examined()
    assert {finding.code for finding in caught.value.findings} == {code}
    assert f"{RUN}/" in str(caught.value)


def test_a_result_by_an_older_rule_is_not_taken_in(clone: Path, root: Path) -> None:
    """It hashes less of what makes a number, so that more of it could be edited."""
    shutil.rmtree(clone / RUN)
    git(clone, "switch", "-q", "main")
    shutil.copy(root / "projects" / "lwnet.yaml", clone / "projects")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "project")
    git(clone, "switch", "-qc", "old")
    name = "lwnet-5332feda9c21c1fc"
    shutil.copytree(root / RUN / name, clone / RUN / name)
    edit("result.json", lambda r: r.update(by="a-lab"))(clone / RUN / name)
    commit(clone)
    with pytest.raises(FindingsError, match="recorded by another rule than run/2"):
        examined("old")


def test_published_results_are_not_changed(clone: Path) -> None:
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "published")
    git(clone, "branch", "-f", "main")
    (folder,) = (clone / RUN).iterdir()
    (folder / "prompts.json").unlink()
    (folder / "result.json").write_text("{}")
    commit(clone)
    with pytest.raises(FindingsError) as caught:
        examined()
    assert [f.code for f in caught.value.findings] == ["Z013", "Z013"]
    assert "taken away" in str(caught.value)


def test_sizes_are_bounded_before_anything_is_written(
    clone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commit(clone)
    for name, limit in (("MOST_RUNS", 0), ("MOST_ALL_MIB", 0), ("MOST_MIB", 0)):
        with monkeypatch.context() as patch:
            patch.setattr(contributed, name, limit)
            request, findings = contributed.take(clone, "night", tmp_path / "place")
        assert [finding.code for finding in findings] == ["Z007"]
        assert request.folders == []
        assert not (tmp_path / "place").exists()


def test_a_lower_of_authors_who_were_not_told_is_refused(clone: Path) -> None:
    commit(clone)
    change(clone, lambda p: p["claims"][0].update(value=99.99))
    with pytest.raises(FindingsError, match="authors have not been told") as caught:
        examined()
    assert [finding.code for finding in caught.value.findings] == ["Z015"]
    change(clone, lambda p: p["claims"][0].update(told="2026-01-01"))
    with pytest.raises(FindingsError, match="told on 2026-01-01, before its first run"):
        examined()
    git(clone, "checkout", "-q", ".")
    git(clone, "switch", "-q", "night")
    (folder,) = (clone / RUN).iterdir()
    edit("result.json", lambda r: r.update(created="2025-12-30T00:00:00Z"))(folder)
    commit(clone)
    change(clone, lambda p: p["claims"][0].update(value=99.99, told="2026-01-01"))
    assert "\tlower\tA\t" in examined()


def test_a_run_names_no_claim_that_it_does_not_answer(clone: Path) -> None:
    """Of several runs of a claim the last decides: it took the place of one that was class A."""
    commit(clone)
    change(clone, lambda p: p["claims"][0].update(split="train"))
    with pytest.raises(FindingsError, match="does not answer selftest/phantom-dice: split"):
        examined()


def test_claims_are_recorded_first(clone: Path) -> None:
    commit(clone)
    change(clone, lambda p: p["claims"].pop(1))
    with pytest.raises(FindingsError, match="selftest/phantom-iou, which is not recorded here"):
        examined()


@pytest.mark.parametrize("name", ["nothing", "--output=x", "-h", "a b", "night:README.md"])
def test_a_commit_that_is_none(clone: Path, name: str) -> None:
    commit(clone)
    with pytest.raises(UsageError, match="--contributed"):
        contributed.take(clone, name, clone / "place")


def test_the_workflow_checks_out_and_runs_nothing_of_the_request(root: Path) -> None:
    import yaml

    text = (root / ".github" / "workflows" / "results.yml").read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert set(workflow[True]) == {"pull_request_target"}, "from the base branch, whatever is sent"
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read"}
    for step in job["steps"]:
        assert "ref" not in step.get("with", {}), "the base branch alone is checked out"
        words = step.get("run", "")
        assert not any(w in words for w in ("checkout", "switch", "merge", "worktree", "pull "))
    assert "head.sha" not in text
    assert "secrets." not in text


def test_what_released_rows_give_is_counted_again(clone: Path, tmp_path: Path) -> None:
    """A result of rows is taken in where the tables give it, which lie in the cache here."""
    import hashlib

    from catalog.evidence import EVIDENCE, RECOMPUTED
    from catalog.yaml_out import dump

    table = b"case,dice\na,0.5\nb,0.75\n"
    sha256 = hashlib.sha256(table).hexdigest()
    record = {
        "id": "small",
        "repository": "owner/name",
        "commit": "0" * 40,
        "rows": "cases",
        "row": "one case",
        "data_set": "made up",
        "method": "none",
        "files": [{"path": "a.csv", "sha256": sha256, "bytes": len(table)}],
        "columns": [{"name": "dice", "metric": "dice"}],
        "readers": {"rows": {"format": "csv", "key": ["case"]}},
        "checks": [{"name": "mean", "column": "dice", "printed": "0.625"}],
        "state": "agrees",
        "reason": "The mean of the rows.",
    }
    (clone / EVIDENCE).mkdir(parents=True)
    (clone / EVIDENCE / "small.yaml").write_text(dump(record))
    (tmp_path / "a.csv").write_bytes(table)
    CliRunner().invoke(app, ["recompute", "small", "--from", str(tmp_path)])
    path = clone / RECOMPUTED / "small.json"
    whole = path.read_text("utf-8")
    commit(clone)
    assert "computed from released rows: small" in examined()
    for number, text in enumerate((whole.replace("0.625", "0.624"), "{}")):
        git(clone, "switch", "-qc", f"edited-{number}", "night")
        path.write_text(text, "utf-8")
        commit(clone)
        with pytest.raises(FindingsError) as caught:
            examined(f"edited-{number}")
        assert f"{RECOMPUTED}/small.json" in str(caught.value)
