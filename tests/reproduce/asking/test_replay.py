"""A run asked again from the prompts that it recorded, round by round."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from running_bundle import bundle

from catalog.errors import InputError
from reproduce.asking.replay import Replay, encoded_lines, read_prompts
from reproduce.judging.comparability import Comparison
from reproduce.judging.examining import examine
from reproduce.planning.planned import comparison_of
from reproduce.running.engine import publish
from reproduce.statistics import read_statistics
from reproduce.statistics.parity import difference


@pytest.fixture(scope="module")
def clicked(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The self-test's SAM asked with five clicks that fall where seeds and errors say."""
    made = bundle(root, 2, prompt_profile="clicks-5-uniform-error", seeds=(0, 3))
    return made.run(tmp_path_factory.mktemp("clicked"))[0]


def test_a_replay_asks_and_counts_the_same(root: Path, clicked: Path, tmp_path: Path) -> None:
    again = bundle(root, 2, replay=clicked)
    folder, result = again.run(tmp_path, gate=True)
    assert folder.name != clicked.name  # what was asked is an input of its own
    assert all(check.passed for check in result.checks)
    for name in ("prompts.json", "rounds.json"):
        assert (folder / name).read_bytes() == (clicked / name).read_bytes()
    moved = difference(
        read_statistics(clicked / "statistics.parquet"),
        read_statistics(folder / "statistics.parquet"),
    )
    assert moved is not None
    assert str(moved).startswith("identical counts")
    # Two seeds of one profile in one file; a replay of the replay is the same run.
    twice = bundle(root, 2, replay=folder)
    assert twice.spec.run_id() == folder.name
    assert again.spec.seeds == [0, 3]


def test_rounds_are_asked_as_recorded_whatever_the_model_says(
    root: Path, clicked: Path, tmp_path: Path
) -> None:
    """Other clicks in the file give other counts in that round and the ones that are fed by it."""
    changed = tmp_path / clicked.name
    shutil.copytree(clicked, changed)
    later = read_prompts(clicked / "rounds.json")
    for prompt in later:
        if prompt.round == 3:
            assert prompt.points is not None
            prompt.points[-1] = [0, 1, 1]
    head = (clicked / "rounds.json").read_bytes().splitlines()[0]
    (changed / "rounds.json").write_bytes(b"\n".join([head, *encoded_lines(later)]) + b"\n")
    folder, _ = bundle(root, 2, replay=changed).run(tmp_path / "out")
    assert folder.name != bundle(root, 2, replay=clicked).spec.run_id()
    before, after = (
        {
            (r["case"], r["label"], r["seed"], r["round"]): (r["tp"], r["fp"])
            for r in read_statistics(path / "statistics.parquet").to_pylist()
        }
        for path in (clicked, folder)
    )
    moved = {key[-1] for key in before if before[key] != after[key]}
    assert min(moved) == 3
    recorded = [(p.round, p.points.tolist()) for p in read_prompts(folder / "rounds.json")]  # type: ignore[union-attr]  # all have points
    assert recorded == [(p.round, p.points.tolist()) for p in later]  # type: ignore[union-attr]  # as above


def test_a_replay_serves_no_claim_and_says_why(root: Path, clicked: Path) -> None:
    again = bundle(root, 2, replay=clicked)
    assert again.spec.claims == []
    assert again.spec.flags == [
        f"replayed-prompts: prompts of every round are those of {clicked.name}"
    ]
    compared: Comparison = comparison_of(again.item)
    assert any("replayed-prompts" in reason for reason in compared.differences)


def test_a_published_run_of_several_rounds_can_be_replayed_and_is_examined(
    root: Path, clicked: Path, tmp_path: Path
) -> None:
    target = publish(clicked, tmp_path)
    assert (target / "rounds.json").is_file()
    assert examine(target) == []
    assert bundle(root, 2, replay=target).prompts == bundle(root, 2, replay=clicked).prompts
    replayed, _ = bundle(root, 2, replay=target).run(tmp_path / "runs")
    assert examine(publish(replayed, tmp_path)) == []
    lines = (target / "rounds.json").read_bytes().splitlines()
    (target / "rounds.json").write_bytes(b"\n".join(lines[:-1]) + b"\n")
    assert any("rounds.json: expected sha256" in finding.message for finding in examine(target))
    (target / "rounds.json").unlink()
    assert any("got none" in finding.message for finding in examine(target))


def test_runs_without_a_replay_have_the_id_that_they_had(root: Path) -> None:
    plain = bundle(root, 2).spec
    assert plain.replayed is None
    assert "replayed" not in plain.identity()
    assert "replayed" in msgspec.structs.replace(plain, replayed="0").identity()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("no-prompts", "no prompts.json, so there is nothing to replay"),
        ("no-rounds", "round 1 of case .* is missing"),
        ("less", "round 4 of case .* is missing"),
        ("twice", "is there twice"),
        ("more", "round 5 of case .* too many"),
        ("other-seeds", "of another profile or seeds"),
        ("no-json", "not a prompt replay file"),
        ("other-cases", "none of its prompts is about the 2 cases"),
    ],
)
def test_what_cannot_be_replayed_is_told(
    root: Path, clicked: Path, tmp_path: Path, damage: str, told: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(clicked, folder, ignore=shutil.ignore_patterns("shards", "*.parquet"))
    rounds = folder / "rounds.json"
    head, *lines = rounds.read_bytes().splitlines()

    def write(kept: list[bytes], **changes: Any) -> None:
        top = msgspec.json.decode(head) | {"prompts": len(kept)} | changes
        rounds.write_bytes(b"\n".join([msgspec.json.encode(top), *kept]) + b"\n")

    match damage:
        case "no-prompts":
            (folder / "prompts.json").unlink()
        case "no-rounds":
            rounds.unlink()
        case "less":
            write([line for line in lines if b'"round":4' not in line])
        case "twice":
            write([*lines, lines[0]])
        case "more":
            write([*lines, lines[-1].replace(b'"round":4', b'"round":5')])
        case "other-seeds":
            write(lines, seeds=[0])
        case "no-json":
            rounds.write_bytes(b"{")
        case "other-cases":
            for path in (folder / "prompts.json", rounds):
                path.write_bytes(path.read_bytes().replace(b'"case":"', b'"case":"other-'))
    with pytest.raises(InputError, match=told):
        bundle(root, 2, replay=folder)


def test_a_file_of_one_round_needs_no_rounds(root: Path, tmp_path: Path) -> None:
    folder, _ = bundle(root, 2).run(tmp_path / "one")
    assert not (folder / "rounds.json").exists()
    assert Replay.read(folder).later == ()
    again, _ = bundle(root, 2, replay=folder).run(tmp_path / "again")
    moved = difference(
        read_statistics(folder / "statistics.parquet"),
        read_statistics(again / "statistics.parquet"),
    )
    assert moved is not None
    assert moved.same
    assert np.isclose(moved.floats, 0)
