"""The run engine on the shipped small SAM: resume, kill, workers, batches, bad input."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
import yaml
from PIL import Image
from running_bundle import QUIET, WEIGHTS, bundle, counts, project_root, run, write_phantoms
from safetensors.torch import load_file, save_file

from catalog.errors import InputError, PrerequisiteError, Sam4misError, UsageError
from catalog.records import Result
from reproduce.asking.replay import read_prompts
from reproduce.cli.arguments import Arguments, command_line
from reproduce.cli.running import run_command
from reproduce.datasets.phantoms import phantom
from reproduce.running.engine import Execution, execute, publish, worker_command
from reproduce.running.results import check_begun
from reproduce.running.worker import Worker, finished
from reproduce.runs.spec import Plan, shards_of
from reproduce.statistics import read_statistics, write_statistics

CASES = 20


@pytest.fixture(scope="module")
def reference(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """One uninterrupted run in this process, batch 1, with all gates."""
    return bundle(root, CASES).run(tmp_path_factory.mktemp("reference"), gate=True)


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "statistics.parquet").read_bytes()).hexdigest()


def test_result_holds_everything(reference: tuple[Path, Result]) -> None:
    folder, result = reference
    assert result.status == "complete"
    assert {c.name: c.passed for c in result.checks} == {
        "exact-keys": True,
        "all-cases": True,
        "batch-parity": True,
        "deterministic-rerun": True,
    }
    assert result.run == folder.name
    assert (
        result.inputs["checkpoints"][0]["sha256"]
        == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    )
    assert len(result.inputs["cases"]) == CASES
    assert len(result.inputs["prompt_sha256"]) == 64
    assert result.statistics is not None
    assert result.statistics.sha256 == digest(folder)
    assert result.environment["packages"]["torch"]
    assert len(result.environment["harness"]["commit"]) == 40
    assert result.environment["torch"]["threads"] == 1
    assert result.timing["cases"] == CASES
    assert result.peak_memory_mib is not None
    again = msgspec.json.decode((folder / "result.json").read_bytes(), type=Result)
    assert again == result
    assert str(folder.parent) not in (folder / "result.json").read_text()


def test_dice_agrees_with_a_plain_loop(reference: tuple[Path, Result]) -> None:
    """Against the loop of the training script, which shares neither statistics nor scoring."""
    import torch

    from reproduce.models.sam import load_sam
    from reproduce.selftest.train import examples, logits_of

    _, result = reference
    found = {(c.case, c.label): c.dice for c in result.cases}
    sam = load_sam(load_file(WEIGHTS))
    with torch.inference_mode():
        for number in (0, 1, 5):
            images, owner, boxes, masks = examples([number])
            predicted = logits_of(sam, images, owner, boxes)[0] > 0
            for i, label in enumerate(phantom(number, 128)[1]):
                both = int((predicted[i] & masks[i]).sum())
                dice = 2 * both / int(predicted[i].sum() + masks[i].sum())
                assert found[f"phantom-{number:05d}", label] == pytest.approx(dice, abs=2e-4)


def test_empty_phantom_is_scored_as_nothing_asked_nothing_found(
    reference: tuple[Path, Result],
) -> None:
    _, result = reference
    (empty,) = [c for c in result.cases if c.case == "phantom-00004"]
    assert (empty.tp, empty.fp, empty.fn, empty.dice) == (0, 0, 0, None)
    assert not empty.missing


def test_contours_lie_on_the_masks(reference: tuple[Path, Result]) -> None:
    folder, result = reference
    first = result.contours[0]
    assert first.image
    assert (folder / first.image).is_file()
    mask = phantom(0, 128)[1][first.label]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    x, y = np.array(first.truth[0]).reshape(-1, 2).T
    assert abs(x.min() - columns[0]) <= 1
    assert abs(x.max() - (columns[-1] + 1)) <= 1
    assert abs(y.min() - rows[0]) <= 1
    assert abs(y.max() - (rows[-1] + 1)) <= 1


def test_a_killed_worker_costs_at_most_one_shard(
    root: Path, reference: tuple[Path, Result], tmp_path: Path
) -> None:
    """A real process, killed with -9 after its first shard; then the run is taken up."""
    made = bundle(root, CASES)
    folder, plan = made.plan(tmp_path)
    shards = shards_of(made.spec)
    assert len(shards) == 3
    command = worker_command(folder, "cpu")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    doomed = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
    while not any(finished(folder, s) for s in shards) and doomed.poll() is None:
        time.sleep(0.002)
    doomed.send_signal(signal.SIGKILL)
    assert doomed.wait() == -signal.SIGKILL
    done = [s for s in shards if finished(folder, s)]
    assert done, "the worker finished nothing"
    assert not (folder / "result.json").exists()
    before = {s.name: (folder / "shards" / f"{s.name}.json").read_bytes() for s in done}
    result = execute(folder, plan, [made.item], QUIET, gate=False)
    assert digest(folder) == digest(reference[0])
    assert result.measurements[0].value == reference[1].measurements[0].value
    for name, content in before.items():
        assert (folder / "shards" / f"{name}.json").read_bytes() == content, "not done twice"


def test_several_workers_started_by_the_engine(
    root: Path, reference: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = bundle(root, CASES)
    how = Execution(devices=("cpu", "cpu"), quiet=True)
    folder, plan = made.plan(tmp_path, checkpoints=[str(tmp_path / "gone.safetensors")])
    with pytest.raises(InputError, match=r"worker \d stopped: .*gone\.safetensors: no such file"):
        execute(folder, plan, [made.item], how, gate=False)
    folder, plan = made.plan(tmp_path)
    execute(folder, plan, [made.item], how, gate=False)
    assert digest(folder) == digest(reference[0])


@pytest.mark.slow
def test_sigterm_ends_the_workers_of_a_run(root: Path, tmp_path: Path) -> None:
    """A real command with two workers: none of them outlives it."""
    words = ["run", "selftest", "--checkpoint", str(WEIGHTS), "--workers", "2", "--device", "cpu"]
    command = subprocess.Popen(
        [sys.executable, "-m", "reproduce.cli", *words, "--out", str(tmp_path)],
        cwd=root,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )

    def workers() -> list[bytes]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                found.append(path.read_bytes())
        return [text for text in found if str(tmp_path).encode() in text and b"\0worker\0" in text]

    while not workers() and command.poll() is None:
        time.sleep(0.01)
    command.terminate()
    assert command.wait() != 0
    assert workers() == []


def test_ctrl_c_keeps_shards_and_the_same_command_goes_on(
    root: Path, reference: tuple[Path, Result], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "reproduce.cli", "run", "selftest/phantom-dice"]
    command += ["--checkpoint", str(WEIGHTS), "--out", str(tmp_path), "--no-embeddings"]
    command += ["--set", f"dataset.count={CASES}", "--device", "cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "SAM4MIS_ROOT": str(root)}
    # This process has to see the first shard before the others are done, however busy the machine.
    patient = ["nice", "-n", "19", *command]
    process = subprocess.Popen(
        patient,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        # a suite in the background of a shell hands on that Ctrl-C is not listened to
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not list(tmp_path.glob("*/shards/*.json")) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert "the same command goes on" in said
    assert "Traceback" not in said
    (folder,) = tmp_path.iterdir()
    kept = len(list(folder.glob("shards/*.json")))
    assert kept >= 1
    again = subprocess.run(command, capture_output=True, env=environment, text=True)
    assert again.returncode == 0, again.stderr
    assert digest(folder) == digest(reference[0])


def test_embeddings_are_reused_and_change_nothing(
    root: Path, reference: tuple[Path, Result], tmp_path: Path
) -> None:
    made = bundle(root, CASES)
    cache = str(tmp_path / "embeddings")
    made.run(tmp_path / "first", embeddings=cache)
    folder, _ = made.run(tmp_path / "second", embeddings=cache)
    records = [
        msgspec.json.decode(path.read_bytes()) for path in (folder / "shards").glob("*.json")
    ]
    asked = {prompt.case for prompt in read_prompts(folder / "prompts.json")}
    assert max(r["embeddings"]["hits"] for r in records) == len(asked) > CASES // 2
    assert all(r["embeddings"]["misses"] == 0 for r in records)
    assert counts(folder) == counts(reference[0])


def test_damaged_embedding_is_made_again(root: Path, tmp_path: Path) -> None:
    made = bundle(root, 1)
    cache = tmp_path / "embeddings"
    made.run(tmp_path / "first", embeddings=str(cache))
    (entry,) = cache.rglob("*.pt")
    entry.write_bytes(entry.read_bytes()[:100])
    _, result = made.run(tmp_path / "second", embeddings=str(cache))
    assert result.status == "complete"


def test_limit_and_overrides_serve_no_claim(root: Path, tmp_path: Path) -> None:
    limited = bundle(root, CASES, limit=2)
    _, result = limited.run(tmp_path)
    assert result.claims == []
    assert result.status == "partial"
    assert "--limit" in (result.reason or "")
    other_grid = bundle(root, 2, grid="model_input")
    assert other_grid.spec.claims == []


def test_untrained_prompts_are_refused_unless_named(root: Path) -> None:
    with pytest.raises(UsageError, match="no prompt"):
        bundle(root, 2, prompt_profile="no-such/1")


def test_published_runs_are_never_replaced(reference: tuple[Path, Result], tmp_path: Path) -> None:
    folder, result = reference
    target = publish(folder, tmp_path)
    assert publish(folder, tmp_path) == target
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    table = read_statistics(folder / "statistics.parquet")

    def changed(column: str, by: float) -> Path:
        """The run with one number of its first row changed."""
        values = table[column].to_pylist()
        values[0] += by
        place = table.schema.get_field_index(column)
        copy = tmp_path / column / result.run
        shutil.copytree(folder, copy)
        other = table.set_column(place, table.schema.field(place), [values])
        write_statistics(copy / "statistics.parquet", other)
        return copy

    assert publish(changed("predicted_iou", 1e-6), tmp_path) == target, "another processor's digit"
    with pytest.raises(InputError, match=r"1 of 28 rows differ by up to 1 pixel.*append-only"):
        publish(changed("fn", 1), tmp_path)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


def test_command_names_no_place_of_this_machine(root: Path) -> None:
    made = bundle(root, 2)
    line = command_line(made.item, Arguments(target="selftest", data=Path("/secret/place")), "cpu")
    assert "/secret" not in line


# ------------------------------------------------------------------------------------ bad input


@pytest.fixture
def folder_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry whose one claim runs the small SAM on a folder of PNG files."""
    return project_root(tmp_path, monkeypatch, dataset="folder", split="all", n={"images": 4})


def only_result(tmp_path: Path) -> Result:
    (path,) = (tmp_path / "runs").glob("*/result.json")
    return msgspec.json.decode(path.read_bytes(), type=Result)


def test_truncated_image_is_one_missing_case(folder_project: Path, tmp_path: Path) -> None:
    data = write_phantoms(tmp_path / "data")
    path = data / "images" / "p2.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"1 of 4 cases could not be scored: p2\.png"):
        run(tmp_path)
    result = only_result(tmp_path)
    assert result.status == "partial"
    assert [c.case for c in result.cases if c.missing] == ["p2"]
    (measured,) = [m for m in result.measurements if m.metric == "dice" and m.claim]
    assert measured.value is not None
    assert measured.value_complete_cases is not None
    assert measured.value == pytest.approx(measured.value_complete_cases * 3 / 4)
    assert str(tmp_path) not in msgspec.json.encode(result).decode()


def test_mask_of_another_size_is_never_resized(folder_project: Path, tmp_path: Path) -> None:
    data = write_phantoms(tmp_path / "data")
    Image.fromarray(np.zeros((64, 128), np.uint8)).save(data / "masks" / "p0.png")
    with pytest.raises(InputError, match="the mask is 64x128, its image p0"):
        run(tmp_path)


def test_image_without_mask(folder_project: Path, tmp_path: Path) -> None:
    data = write_phantoms(tmp_path / "data")
    (data / "masks" / "p5.png").unlink()
    with pytest.raises(InputError, match="1 images without a mask: p5"):
        run(tmp_path)
    assert not (tmp_path / "runs").exists()


def test_missing_folder(folder_project: Path, tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="no such folder"):
        run(tmp_path, data=tmp_path / "nowhere")
    with pytest.raises(PrerequisiteError, match="--data <folder>"):
        run(tmp_path, data=None)


def test_checkpoint_with_another_hash(folder_project: Path, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "data", 1)
    other = tmp_path / "other.safetensors"
    other.write_bytes(WEIGHTS.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(InputError, match="Expected sha256"):
        run(tmp_path, checkpoints=(other,))
    assert not (tmp_path / "runs").exists()


def test_checkpoint_with_other_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = load_file(WEIGHTS)
    state["extra.weight"] = state.pop("mask_decoder.iou_token.weight").clone()
    other = tmp_path / "other.safetensors"
    save_file(state, other)
    content = other.read_bytes()
    project_root(
        tmp_path,
        monkeypatch,
        dataset="folder",
        split="all",
        checkpoints=[
            {
                "id": "sam-phantom",
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
            }
        ],
    )
    write_phantoms(tmp_path / "data", 1)
    with pytest.raises(InputError) as caught:
        run(tmp_path, checkpoints=(other,))
    assert "mask_decoder.iou_token.weight" in str(caught.value)
    assert "extra.weight" in str(caught.value)
    assert not list((tmp_path / "runs").rglob("*.parquet"))


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as stream:
        while shutil.disk_usage(path.parent).free:
            stream.write(b"\0" * 512)


def test_full_disk_keeps_what_is_finished(root: Path, tmp_path: Path) -> None:
    """A real file system of 300 kB that fills up; with room again the run is taken up."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr.decode()}")
    try:
        made = bundle(root, CASES)
        folder, plan = made.plan(small)
        first = made.spec  # one shard by hand, then no room
        assert Worker(folder).work(only=0) == 1
        filler = small / "filler"
        fill(filler)
        with pytest.raises(InputError, match="the disk is full"):
            execute(folder, plan, [made.item], QUIET, gate=False)
        assert finished(folder, shards_of(first)[0])
        assert not (folder / "result.json").exists()
        assert not list(folder.rglob("*.part"))
        filler.unlink()
        subprocess.run(["mount", "-o", "remount,size=4m", str(small)], check=True)
        assert execute(folder, plan, [made.item], QUIET, gate=False).status == "complete"
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": ("adapter.nonsense=1",)}, "no option 'nonsense'"),
        ({"settings": ("grid=huge",)}, "expected original or model_input"),
        ({"settings": ("speed=1",)}, "expected adapter.<option>"),
        ({"settings": ("grid",)}, "expected KEY=VALUE"),
        ({"precision": "int8"}, "expected one of float32"),
        ({"devices": ("tpu",)}, "expected cpu, cuda"),
        ({"devices": ("cpu", "cuda")}, "one kind of device"),
        ({"target": "selftset"}, "Did you mean selftest"),
        ({"target": "selftest/other"}, "Its claims: phantom-dice"),
    ],
)
def test_wrong_calls_say_what_is_right(
    folder_project: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    write_phantoms(tmp_path / "data", 1)
    with pytest.raises(Sam4misError, match=said):
        run(tmp_path, **changes)


def test_dry_run_downloads_and_writes_nothing(
    folder_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_phantoms(tmp_path / "data")
    run(tmp_path, dry_run=True, checkpoints=())
    said = capsys.readouterr().out
    assert "cases\t4" in said
    assert "sam-phantom" in said
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "cache").exists()


def test_a_shard_of_another_version_is_told_before_anything_is_computed(
    reference: tuple[Path, Result], tmp_path: Path
) -> None:
    folder = shutil.copytree(reference[0], tmp_path / "run")
    spec = Plan.read(folder).spec
    check_begun(folder, spec)
    record = min(folder.glob("shards/*.json"))
    record.write_text('{"name": "of a version that knew nothing else"}')
    with pytest.raises(InputError, match=rf"{record.name}: expected the record of a finished"):
        check_begun(folder, spec)


def test_volumes_are_run_slice_by_slice(
    challenge_npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_root(tmp_path, monkeypatch, dataset="npz", split="all")
    run(tmp_path, data=challenge_npz, limit=1)
    result = only_result(tmp_path)
    (path,) = (tmp_path / "runs").glob("*/statistics.parquet")
    rows = counts(path.parent)
    assert {row["scope"] for row in rows} == {"slice"}
    with np.load(sorted(challenge_npz.glob("*.npz"))[0]) as content:
        truth = content["gts"] > 0
    assert sorted(row["slice"] for row in rows) == list(range(len(truth)))
    there = [row["slice"] for row in rows if row["tp"] + row["fn"]]
    assert sorted(there) == np.flatnonzero(truth.any(axis=(1, 2))).tolist()
    (score,) = result.cases
    assert score.tp + score.fn == int(truth.sum())


def test_run_all_reports_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a machine without the data: nothing runs, and every claim is there with its reason."""
    monkeypatch.delenv("SAM4MIS_DATA", raising=False)
    path = project_root(tmp_path, monkeypatch) / "projects" / "selftest.yaml"
    project = yaml.safe_load(path.read_text("utf-8"))
    claim = project["claims"][0]
    project["claims"] = [
        claim | {"id": "absent", "dataset": "folder", "split": "all"},
        claim | {"id": "unread", "dataset": "VerSe"},
        claim | {"id": "lost", "state": "blocked", "reason": "no-checkpoint"},
    ]
    path.write_text(json.dumps(project))  # which is YAML without anchors
    run_command(Arguments(target=None, out=tmp_path / "runs"))
    said = capsys.readouterr().err
    assert "3 not run:" in said
    for reason, name in (
        ("blocked (no-checkpoint)", "lost"),
        ("no data set plugin for 'VerSe'", "unread"),
        ("is not here", "absent"),
    ):
        pattern = rf"  1: [^\n]*{re.escape(reason)}[^\n]*\n.*?     selftest/{name}\n"
        assert re.search(pattern, said, re.DOTALL), said
    assert not (tmp_path / "runs").exists()
