"""What the tests of the run engine share: the shipped small SAM on phantoms, planned and run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.records import Result
from catalog.registry import Registry
from reproduce.cli.arguments import Arguments
from reproduce.cli.running import run_command
from reproduce.datasets.phantoms import phantom
from reproduce.planning.recipes import (
    Prompts,
    Recipe,
    Request,
    build_spec,
    find_claims,
    keeping,
    recipe,
)
from reproduce.running.engine import Execution, execute, prepare, run_folder
from reproduce.runs.spec import Placement, Plan, RunSpec
from reproduce.selftest.running import WEIGHTS

QUIET = Execution(quiet=True)


@dataclass
class Bundle:
    """A planned run that any test may execute in a folder of its own."""

    root: Path
    item: Recipe
    spec: RunSpec
    prompts: Prompts

    def plan(self, out: Path, **placement: object) -> tuple[Path, Plan]:
        folder = run_folder(out, self.spec)
        facts: dict[str, object] = {
            "data": str(self.root),
            "checkpoints": [str(WEIGHTS)],
            "threads": 1,
            "command": "test",
        }
        place = Placement(**(facts | placement))  # type: ignore[arg-type]  # a test's shorthand
        return folder, prepare(folder, self.spec, place, self.prompts)

    def run(self, out: Path, gate: bool = False, **placement: object) -> tuple[Path, Result]:
        folder, plan = self.plan(out, **placement)
        return folder, execute(folder, plan, [self.item], QUIET, gate=gate)


def bundle(root: Path, cases: int, batch: int = 1, **changes: object) -> Bundle:
    """The self-test's claim on its first `cases` phantoms, `batch` of them encoded together."""
    ((project, claim),) = find_claims(Registry.load(root), "selftest/phantom-dice")
    request = Request(dataset={"count": cases}, **changes)  # type: ignore[arg-type]  # shorthand
    (item,) = keeping([recipe(project, claim, request)])
    spec, prompts, _ = build_spec([item], root, [WEIGHTS], request.limit, batch=batch)
    return Bundle(root, item, spec, prompts)


def counts(folder: Path) -> list[dict[str, object]]:
    """The rows of a run's statistics."""
    from reproduce.statistics import read_statistics

    return read_statistics(folder / "statistics.parquet").to_pylist()


def project_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> Path:
    """A registry of its own with the self-test's project, changed, and an empty cache."""
    import yaml

    here = Path(__file__).resolve().parents[2]
    raw = yaml.safe_load((here / "projects" / "selftest.yaml").read_text("utf-8"))
    raw |= {"kind": "method", "repository": {"url": "https://github.com/o/p"}}
    raw["checkpoints"][0]["sha256_from"][0]["place"] = f"o/p@{'0' * 40}:sam_phantom.safetensors"
    claim = raw["claims"][0]
    for name, value in changes.items():
        (claim if name in claim or name == "run" else raw)[name] = value
    root = tmp_path / "registry"
    (root / "projects").mkdir(parents=True)
    (root / "papers.yaml").write_text("papers: []\n")
    (root / "projects" / "selftest.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    monkeypatch.setenv("SAM4MIS_ROOT", str(root))
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))
    return root


def write_phantoms(folder: Path, count: int = 4) -> Path:
    """Phantoms as PNG files in the layout of the plugin `folder`."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number in (0, 2, 5, 7)[:count]:
        image, masks = phantom(number, 128)
        Image.fromarray(image).save(folder / "images" / f"p{number}.png")
        mask = masks["lesion"].astype(np.uint8) * 255
        Image.fromarray(mask).save(folder / "masks" / f"p{number}.png")
    return folder


def run(tmp_path: Path, **changes: object) -> None:
    """`sam4mis reproduce run` on the folder of phantoms, with changed arguments."""
    facts: dict[str, object] = {
        "target": "selftest",
        "data": tmp_path / "data",
        "checkpoints": (WEIGHTS,),
        "out": tmp_path / "runs",
        "devices": ("cpu",),
    }
    run_command(Arguments(**(facts | changes)))  # type: ignore[arg-type]  # a test's shorthand


__all__ = [
    "QUIET",
    "WEIGHTS",
    "Bundle",
    "bundle",
    "counts",
    "project_root",
    "run",
    "write_phantoms",
]
