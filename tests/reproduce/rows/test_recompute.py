"""Sources of released rows: fetched by hash, computed, published, verified."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from stress.serving import Behaviour, quiet_download
from typer.testing import CliRunner

from catalog.checks import check_registry
from catalog.errors import FindingsError, InputError, PrerequisiteError, UsageError
from catalog.evidence import (
    EVIDENCE,
    RECOMPUTED,
    Recomputed,
    Source,
    TableFile,
    Tried,
    as_json,
    load_sources,
)
from catalog.registry import Registry
from catalog.results import digests
from catalog.yaml_out import dump
from reproduce.cli import app
from reproduce.rows import fetching
from reproduce.rows.recomputing import recompute
from reproduce.rows.results import claims_by_name, content_hash
from reproduce.rows.verifying import problems

TABLE = b"case,dice\na,0.5\nb,0.75\n"


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))


def record(**said: object) -> dict[str, object]:
    sha256 = hashlib.sha256(TABLE).hexdigest()
    given: dict[str, object] = {
        "id": "small",
        "repository": "owner/name",
        "commit": "0" * 40,
        "rows": "cases",
        "row": "one case",
        "data_set": "made up",
        "method": "none",
        "files": [{"path": "results/a.csv", "sha256": sha256, "bytes": len(TABLE)}],
        "columns": [{"name": "dice", "metric": "dice"}],
        "readers": {"rows": {"format": "csv", "key": ["case"]}},
        "checks": [{"name": "mean", "column": "dice", "printed": "0.625"}],
        "state": "agrees",
        "reason": "The mean of the rows.",
    }
    return given | said


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with one source, and a folder laid out like its repository."""
    root = tmp_path / "registry"
    (root / EVIDENCE).mkdir(parents=True)
    (root / "papers.yaml").write_text("papers: []\n")
    (root / EVIDENCE / "small.yaml").write_text(dump(record()))
    (tmp_path / "folder" / "results").mkdir(parents=True)
    (tmp_path / "folder" / "results" / "a.csv").write_bytes(TABLE)
    monkeypatch.setenv("SAM4MIS_ROOT", str(root))
    return root


def call(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(w) for w in words], catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def test_the_whole_way_and_a_table_that_changed(registry: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    code, said, _ = call("recompute", "small", "--from", folder)
    assert code == 0
    assert "mean: agrees: printed 0.625, mean over rows 0.625 (n 2)" in said
    path = registry / RECOMPUTED / "small.json"
    result = msgspec.json.decode(path.read_bytes(), type=Recomputed)
    assert (result.state, result.answers[0].value, result.answers[0].n) == ("agrees", 0.625, 2)
    assert call("recompute", "--all", "--check")[0] == 0, "the cache has the table"
    before = path.read_bytes()
    shutil.rmtree(tmp_path / "cache")
    (folder / "results" / "a.csv").write_bytes(TABLE + b"c,1\n")
    code, _, told = call("recompute", "small", "--from", folder)
    assert code == 1
    assert "results/a.csv: the table in" in told
    assert "is not the recorded one" in told
    assert path.read_bytes() == before, "nothing is published of a table that changed"


def test_one_table_that_changed_leaves_the_rest(registry: Path, tmp_path: Path) -> None:
    both = record(
        files=[
            {"path": f"results/{name}.csv", "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in (("a", TABLE), ("b", TABLE + b"c,0.625\n"))
        ],
        readers={n: {"format": "csv", "files": [f"results/{n}.csv"]} for n in ("a", "b")},
        checks=[{"name": n, "column": "dice", "reader": n, "printed": "0.625"} for n in ("a", "b")],
    )
    (registry / EVIDENCE / "small.yaml").write_text(dump(both))
    (tmp_path / "folder" / "results" / "b.csv").write_bytes(b"case,dice\na,1\n")
    code, said, told = call("recompute", "small", "--from", tmp_path / "folder")
    assert code == 1
    assert "a: agrees: printed 0.625" in said
    assert "b.csv: the table in" in told
    assert not (registry / RECOMPUTED / "small.json").exists()


def test_tables_come_from_the_history_of_a_clone(registry: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clones" / "owner+name"
    (clone / "results").mkdir(parents=True)
    git = ["git", "-C", str(clone), "-c", "user.name=n", "-c", "user.email=e@example.org"]

    def run(*words: str) -> str:
        done = subprocess.run([*git, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    run("init", "-q")
    (clone / "results" / "a.csv").write_bytes(TABLE)
    run("add", ".")
    run("commit", "-q", "-m", "table")
    commit = run("rev-parse", "HEAD")
    run("rm", "-q", "results/a.csv")
    run("commit", "-q", "-m", "gone")
    (registry / EVIDENCE / "small.yaml").write_text(dump(record(commit=commit)))
    assert call("recompute", "small", "--from", clone.parent)[0] == 0
    (registry / EVIDENCE / "small.yaml").write_text(dump(record(commit="1" * 40)))
    shutil.rmtree(tmp_path / "cache")
    code, _, told = call("recompute", "small", "--from", clone)
    assert code == 1
    assert "has it neither at commit 111111111111 nor as a file" in told


def test_tables_come_from_the_host_at_the_commit(
    registry: Path, server: tuple[str, Behaviour], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, does = server
    source = load_sources(registry)[0]
    given = fetching.address(source, source.files[0])
    assert given == f"https://github.com/owner/name/blob/{'0' * 40}/results/a.csv"
    does.content["/a.csv"] = TABLE
    monkeypatch.setattr(fetching, "address", lambda *_: f"{address}/a.csv")
    found = fetching.fetch(source, quiet=True)
    assert found.contents == {"results/a.csv": TABLE}
    assert fetching.fetch(source, quiet=True).contents == found.contents
    assert len(does.asked) == 1, "the second time it comes from the cache"


def test_a_host_that_gives_nothing_is_asked_once(
    registry: Path, server: tuple[str, Behaviour], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, does = server
    source = load_sources(registry)[0]
    source.files.append(TableFile(path="results/b.csv", sha256="1" * 64))
    monkeypatch.setattr(fetching, "address", lambda _, file: f"{address}/{file.path}")
    monkeypatch.setattr(fetching, "download", quiet_download)
    does.status = {"/results/a.csv": 503, "/results/b.csv": 503}
    found = fetching.fetch(source, quiet=True)
    assert "no byte came" in found.problems["results/a.csv"]
    assert "not asked for; its host gave no answer" in found.problems["results/b.csv"]
    assert {path for path, _ in does.asked} == {"/results/a.csv"}
    does.status = {}  # a file that is gone is no silent host: the others are still asked for
    does.content = {}
    found = fetching.fetch(source, quiet=True)
    assert all("HTTP 404" in problem for problem in found.problems.values())


def test_without_a_network_no_state_is_told(
    registry: Path, server: tuple[str, Behaviour], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, does = server
    digests = [hashlib.sha256(bytes([n])).hexdigest() for n in range(4)]
    files = [{"path": f"results/{n}.csv", "sha256": digests[n]} for n in range(4)]
    (registry / EVIDENCE / "small.yaml").write_text(dump(record(files=files)))
    monkeypatch.setattr(fetching, "address", lambda _, file: f"{address}/{file.path}")
    monkeypatch.setattr(fetching, "download", quiet_download)
    does.status = {"/results/0.csv": 503}
    done = CliRunner().invoke(app, ["recompute", "small"])
    assert isinstance(done.exception, PrerequisiteError)
    assert done.exception.command is not None
    assert "git clone https://github.com/owner/name" in done.exception.command
    assert done.stdout == "small: not computed whole (0 of 4 tables are here)\n"
    assert "results/1.csv and 2 more: not asked for" in done.stderr
    assert len(done.stderr.splitlines()) == 2, "what follows from it is not told"


def test_ones_own_table_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("case,dice\na,0.5\nb,0.75\nb,0.75\nc,1.5\n")
    code, said, told = call("rows", path, "--printed", "0.67")
    assert code == 0
    assert "dice\tdice\t0.5 to 1.5\t0.6666666667\t3" in said
    assert "dice: gives 0.67: mean over rows: 0.6666666667 (n 3)" in said
    assert "double: scores.csv: b" in told
    assert "impossible: dice: scores.csv: c: 1.5" in told
    found = json.loads(call("rows", path, "--json")[1])
    assert found["double"] == ["scores.csv: b"]
    with pytest.raises(PrerequisiteError, match="no such file"):
        call("rows", tmp_path / "none.csv")
    path.write_bytes("case,dice\ncafé,0.5\n".encode("latin1"))
    with pytest.raises(InputError, match="in UTF-8"):
        call("rows", path)


def test_what_is_asked_for_must_be_there(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is it small"):
        call("recompute", "smal")
    with pytest.raises(UsageError, match="name one source, or say --all"):
        call("recompute")
    with pytest.raises(PrerequisiteError, match="expected a clone of owner/name"):
        call("recompute", "small", "--from", tmp_path / "nowhere")
    code, said, _ = call("recompute", "small", "--dry-run")
    assert code == 0
    assert said.startswith("small\tto fetch\t23 bytes\thttps://github.com/owner/name/blob/")
    _, said, _ = call("recompute", "small", "--dry-run", "--json")
    (table,) = json.loads(said)
    assert (table["source"], table["here"], table["bytes"]) == ("small", False, 23)


def edited(path: Path, change: Callable[[Recomputed], object]) -> None:
    """A result with something changed, and its own hash mended."""
    result = msgspec.json.decode(path.read_bytes(), type=Recomputed)
    change(result)
    result.content = content_hash(result)
    path.write_bytes(as_json(result))


def put(place: str, value: object) -> Callable[[Recomputed], object]:
    def do(result: Recomputed) -> None:
        *way, last = place.split(".")
        at: Any = result
        for step in way:
            at = at[int(step)] if step.isdecimal() else getattr(at, step)
        if isinstance(at, list):
            at[int(last)] = value
        else:
            setattr(at, last, value)

    return do


def another_number(result: Recomputed) -> None:
    """Everything made to follow from 0.7."""
    mean = result.answers[0]
    mean.value, mean.tried = 0.7, []
    reach = 0.625 - mean.interval[0] if mean.interval else 0.0
    mean.interval = [round(0.7 - reach, 6), round(0.7 + reach, 6)]
    mean.state, mean.reason = "differs", "no mean or median that was tried has the printed digits"
    result.state, result.reason = "differs", f"mean: {mean.reason}"


EDITS = [
    put("answers.0.value", 0.7),
    put("answers.0.value", 0.6253),  # the same digits
    put("answers.0.value", None),
    put("answers.0.n", 3),
    put("answers.0.n", 0),
    put("answers.0.sd", 0.9),
    put("answers.0.sd", 0.1),
    put("answers.0.interval", None),
    put("answers.0.interval", [0.6, 0.65]),
    put("answers.0.empty", 17),
    put("answers.0.refused", -1),
    put("answers.0.state", "differs"),
    put("answers.0.reason", "as good as it gets"),
    put("answers.0.how", "mean over cases"),
    put("answers.0.printed", "0.7"),
    put("answers.0.claim", "lwnet/x"),
    put("answers.0.name", "another"),
    put("answers.0.column", "iou"),
    put("answers.0.tried", [Tried(how="mean over organs", value=0.625, n=2, meets=True)]),
    put("answers.0.files_left", ["results/b.csv"]),
    put("answers", []),
    put("read.0.rows", 1),
    put("read.0.reader", "another"),
    put("read", []),
    put("tables.0.sha256", "0" * 64),
    put("tables.0.commit", "1" * 40),
    put("tables.0.path", "results/b.csv"),
    put("tables.0.bytes", 1),
    put("tables", []),
    put("state", "not enough"),
    put("rows", "masks"),
    put("repository", "owner/other"),
    another_number,
]


def test_a_result_edited_by_hand_is_refused(registry: Path, tmp_path: Path) -> None:
    """Its own hash mended or not, whether its table is here or not; where it is, also after the
    digest of what was examined was mended too."""
    call("recompute", "small", "--from", tmp_path / "folder")
    call("verify")
    assert check_registry(registry)[1] == []
    path = registry / RECOMPUTED / "small.json"
    verdicts = registry / "reproduce" / "results" / "verdicts.json"
    whole, before = path.read_bytes(), verdicts.read_bytes()
    path.write_bytes(whole.replace(b'"n": 2', b'"n": 3'))
    with pytest.raises(FindingsError, match="content: its hash is not that"):
        call("verify")
    for change in EDITS:
        path.write_bytes(whole)
        edited(path, change)
        document = json.loads(before) | {"files": digests(registry)}
        verdicts.write_text(json.dumps(document))
        with pytest.raises(FindingsError, match="Z006"):
            call("verify")
    shutil.rmtree(tmp_path / "cache")
    verdicts.write_bytes(before)
    for change in EDITS:
        path.write_bytes(whole)
        edited(path, change)
        with pytest.raises(FindingsError, match="Z006"):
            call("verify")
    with pytest.raises(FindingsError, match="Z006"):
        call("verify", "--check")
    assert [f.code for f in check_registry(registry)[1]] == ["R008"]
    assert verdicts.read_bytes() == before


def test_what_was_computed_again_is_examined_with_its_tables(
    registry: Path, tmp_path: Path
) -> None:
    """A result of another day needs its tables once, and nothing of the network after that."""
    call("recompute", "small", "--from", tmp_path / "folder")
    call("verify")
    shutil.rmtree(tmp_path / "cache")
    call("verify", "--check")
    checks = [{"name": "mean", "column": "dice", "printed": "0.63"}]
    (registry / EVIDENCE / "small.yaml").write_text(dump(record(checks=checks)))
    call("recompute", "small", "--from", tmp_path / "folder")
    assert [f.code for f in check_registry(registry)[1]] == ["R008"]
    call("verify")
    assert check_registry(registry)[1] == []
    (registry / RECOMPUTED / "small.json").unlink()
    assert [f.code for f in check_registry(registry)[1]] == ["R008"], "nor can it be taken away"


def test_numbers_of_a_published_result_follow_or_are_refused(committed: Registry) -> None:
    """Of whole tables, parts and hidden weights: results of this registry, edited one by one."""
    claims = claims_by_name(committed.projects)
    kept = {r.source: r for r in committed.recomputed}
    for source, change in (
        ("biomedparse-baseline-dice-tables", put("wholes.0.agree", 1)),
        ("biomedparse-baseline-dice-tables", put("wholes.0.state", "agrees")),
        ("biomedparse-baseline-dice-tables", put("wholes.0.largest_difference", 1e-5)),
        ("biomedparse-baseline-dice-tables", put("wholes.0.differing.0.value", 7.5)),
        ("biomedparse-baseline-dice-tables", put("wholes.0.differing", [])),
        ("ma-sam-btcv", put("answers.0.parts", [])),
        ("sam-med2d-weighted-sum", put("weighings.0.possible", False)),
        ("sam-med2d-weighted-sum", put("weighings.0.totals.2", 0.9)),
    ):
        result = copy.deepcopy(kept[source])
        change(result)
        result.content = content_hash(result)
        found = problems(committed.evidence, [result], claims)
        assert {f.code for f in found} <= {"Z005", "Z006"}, source
        assert found, (source, change)


def test_a_record_that_changed_makes_its_result_stale(registry: Path, tmp_path: Path) -> None:
    call("recompute", "small", "--from", tmp_path / "folder")
    call("verify")
    changed = record(checks=[{"name": "mean", "column": "dice", "printed": "0.63"}])
    (registry / EVIDENCE / "small.yaml").write_text(dump(changed))
    with pytest.raises(FindingsError, match=r"Z005.*recompute small"):
        call("verify", "--check")
    (registry / EVIDENCE / "small.yaml").write_text(dump(record(reason="In other words.")))
    call("verify", "--check")


def test_a_record_that_its_rows_contradict_is_told(registry: Path, tmp_path: Path) -> None:
    (registry / EVIDENCE / "small.yaml").write_text(dump(record(state="differs")))
    code, _, told = call("recompute", "small", "--from", tmp_path / "folder")
    assert code == 1
    assert "state: says differs, its rows say agrees" in told


# --------------------------------------------------------------------- the records of the registry


@pytest.fixture(scope="module")
def committed(root: Path) -> Registry:
    return Registry.load(root)


def test_forty_sources_and_what_they_say(committed: Registry) -> None:
    assert len(committed.evidence) == 40
    states = Counter(s.state for s in committed.evidence)
    assert states == {"agrees": 17, "differs": 8, "not enough": 15}
    computed = {r.source: r.state for r in committed.recomputed}
    for source in committed.evidence:
        assert (source.id in computed) == source.computable, source.id
        assert computed.get(source.id, source.state) == source.state, source.id


#: The average has the printed digits and nine of its twelve organs have not, so neither has it.
MA_SAM = [
    f"ma-sam/btcv-{name}"
    for name in [
        "average",
        "gb",
        "eso",
        "liver",
        "stomach",
        "aorta",
        "ivc",
        "veins",
        "pancreas",
        "ag",
    ]
]


def test_281_claims_follow_from_released_rows(committed: Registry) -> None:
    answers = [a for r in committed.recomputed for a in r.answers if a.claim]
    assert [a.claim for a in answers if a.state != "agrees"] == MA_SAM
    agree = (a.claim for a in answers if a.claim and a.state == "agrees")
    per_project = Counter(claim.partition("/")[0] for claim in agree)
    assert per_project == {
        "medsam": 113,
        "sam": 113,
        "cellvit": 24,
        "sammed": 12,
        "medsegx-code": 11,
        "ma-sam": 3,
        "samed": 2,
        "segment-anything-medical-evaluation": 2,
        "gbt-sam": 1,
    }


def test_results_follow_from_records_claims_and_themselves(committed: Registry) -> None:
    claims = claims_by_name(committed.projects)
    assert problems(committed.evidence, committed.recomputed, claims) == []


@pytest.fixture(scope="session")
def evidence() -> Path:
    folder = Path(__file__).resolve().parents[4] / "shared" / "data" / "evidence" / "files"
    if not folder.is_dir():
        pytest.skip("the tables of ../shared/data/evidence are not on this machine")
    return folder


def test_original_tables_of_shared_give_the_committed_results(
    committed: Registry, evidence: Path, real: Path, tmp_path: Path
) -> None:
    """Whatever lies there counts only if its hash is the recorded one; derived files do not."""
    here = {_sha256(p): p for folder in (evidence, real / "biomedparse") for p in _files(folder)}
    computed, answered = 0, 0
    claims = claims_by_name(committed.projects)
    kept = {r.source: r for r in committed.recomputed}
    for source in committed.evidence:
        folder = tmp_path / source.id
        for file in source.files:
            if file.sha256 in here:
                target = folder / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(here[file.sha256], target)
        if not source.readers or not folder.is_dir():
            continue
        outcome = recompute(source, fetching.fetch(source, folder), claims)
        before = {a.name: a for a in kept[source.id].answers}
        if outcome.whole:
            computed += 1
            assert outcome.result == kept[source.id], source.id
        for answer in outcome.result.answers:
            if answer.claim and answer.state == "agrees":
                assert answer.value == before[answer.name].value
                answered += 1
    assert computed >= 2  # the 28 tasks, and FastSAM3D
    assert answered >= 40  # of BiomedParse, of which 34 of 106 tables are here


def _files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.is_file()]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_was_derived_is_what_the_results_say(committed: Registry, evidence: Path) -> None:
    """Numbers that others computed from the same tables, as an independent oracle."""
    import csv

    kept = {r.source: r for r in committed.recomputed}
    with (evidence / "biomedparse-task-means" / "tasks.csv").open(encoding="utf-8") as stream:
        tasks = {row["task"]: row for row in csv.DictReader(stream)}
    answers = {a.claim: a for a in kept["biomedparse-task-means"].answers}
    seen = 0
    for row in tasks.values():
        for project in ("medsam", "sam"):
            if not row[f"claim_{project}"]:
                continue
            answer = answers[f"{project}/{row[f'claim_{project}']}"]
            assert answer.value == pytest.approx(
                float(row[f"{project}_dice_recomputed"]), abs=1e-12
            )
            assert answer.n == int(row["n"])
            left = [f.split("dataset_results/")[1] for f in answer.files_left]
            if not row["task"].endswith(("-COVID", "-Normal")):
                there = [f for f in row["tables_not_used"].split("|") if f]
                assert len(left) == len(there), row["task"]
            seen += 1
    assert seen == 224
    with (evidence / "sam-vs-medsam-msd" / "pooled_common.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            for column in ("dice_sam", "dice_medsam"):
                found = kept["sam-vs-medsam-msd"].answer(
                    f"common slices, box + {row['bbox']} px, {column}"
                )
                assert found.value == pytest.approx(float(row[column]), abs=1e-12)
                assert found.n == int(float(row["rows"]))


def test_masks_of_a_release_are_scored(committed: Registry) -> None:
    """The same masks: 68.6 over the volume, 58.6 as the mean of slices."""
    kept = {r.source: r for r in committed.recomputed}["medlsam-structseg-npz"]
    assert kept.rows == "masks"
    assert kept.answer("over the volume").value == pytest.approx(0.6858486341244961, abs=1e-15)
    assert kept.answer("mean of 18 slices").value == pytest.approx(0.5858208479462687, abs=1e-15)


def test_sources_are_written_as_the_reader_reads_them(root: Path) -> None:
    for path in sorted((root / EVIDENCE).glob("*.yaml")):
        assert path.stat().st_size < 200_000, path.name
    assert all(isinstance(s, Source) for s in load_sources(root))
    assert json.loads(next((root / RECOMPUTED).glob("*.json")).read_text("utf-8"))
