"""What is published was computed by the code of this repository, and by nobody's own beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from running_bundle import bundle
from typer.testing import CliRunner

from catalog.errors import InputError, UsageError
from catalog.records import Counts, RunOptions
from catalog.registry import Registry
from reproduce.cli import app
from reproduce.ground import plugins as found
from reproduce.judging.examining import examine
from reproduce.judging.verdict import judge
from reproduce.planning.recipes import find_claims
from reproduce.running.engine import publish
from reproduce.running.results import environment_of, read_records
from reproduce.running.worker import Worker

OWN = Path(__file__).resolve().parents[3] / "reproduce" / "templates" / "plane_example.py"
NAME = "adapters/plane-example"


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A plugin of one's own, as `--plugin` puts it there."""
    monkeypatch.setenv(found.VARIABLE, "")
    found.add(OWN)
    yield
    monkeypatch.undo()
    found.plugins.cache_clear()


@pytest.mark.usefixtures("beside")
def test_beside_code_of_ones_own_nothing_is_published(root: Path, tmp_path: Path) -> None:
    """Although it is another adapter's: code that is loaded can change anything."""
    made = bundle(root, 4)
    folder, result = made.run(tmp_path / "runs", gate=True)
    assert result.environment["plugins"] == [NAME]
    ((project, claim),) = find_claims(Registry.load(root), "selftest/phantom-dice")
    claim.value, claim.n = round(100 * (result.measurements[0].value or 0), 2), Counts()
    claim.run = RunOptions(dataset={"count": 4}, evidence="stated", place="README")
    result.measurements[0].claim = f"selftest/{claim.id}"
    verdict = judge(claim, result, project=project)
    assert (verdict.comparability, verdict.state) == ("A", "inconclusive"), verdict.reason
    assert verdict.reason == f"gate own-plugins: computed beside code of somebody's own: {NAME}"
    alone = msgspec.structs.replace(result, environment=result.environment | {"plugins": []})
    assert judge(claim, alone, project=project).state == "reproduced"
    with pytest.raises(InputError, match=rf"computed beside {NAME}.*not published"):
        publish(folder, tmp_path / "results")
    target = tmp_path / "results" / result.run  # put there by hand
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("shards", "plan.json"))
    assert "Z014" in {finding.code for finding in examine(target)}


@pytest.mark.parametrize(
    "command",
    [
        "run selftest --publish",
        "rerun lwnet-a3c59014 --by me --publish",
        "run --plan night.json",
        "score masks --dataset drive --data eyes --publish",
    ],
)
@pytest.mark.usefixtures("beside")
def test_it_is_told_before_anything_is_computed(command: str) -> None:
    answer = CliRunner().invoke(app, command.split())
    assert isinstance(answer.exception, UsageError)
    assert f"{NAME} is code of your own" in str(answer.exception)


def test_what_any_shard_was_computed_beside_stays(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished with other code, taken up with ours: the last shard is not the run."""
    made = bundle(root, 12)
    folder, _ = made.plan(tmp_path)
    ours = {"commit": "a" * 40, "dirty": False, "changed": []}
    monkeypatch.setattr("reproduce.ground.provenance.harness", lambda: ours)
    with monkeypatch.context() as patch:
        changed = {"commit": "b" * 40, "dirty": True, "changed": ["reproduce/adapters/sam.py"]}
        patch.setattr("reproduce.ground.provenance.harness", lambda: changed)
        patch.setattr("reproduce.ground.provenance.own_names", lambda: [NAME])
        assert Worker(folder).work(only=0) == 1
    assert Worker(folder).work(only=1) == 1
    records = read_records(folder, made.spec)
    assert records[-1].environment["harness"] == ours
    environment = environment_of(records)
    assert environment["plugins"] == [NAME]
    assert environment["harness"] == {
        "commit": "a" * 40,
        "dirty": True,
        "changed": ["reproduce/adapters/sam.py"],
        "commits": ["a" * 40, "b" * 40],
    }
