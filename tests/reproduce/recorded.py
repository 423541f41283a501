"""What evaluators answer that cannot be installed beside newer ones, for the masks of the tests.

`recorded_answers.json`: package and version -> function -> hash of the arguments -> answer. To
record anew, with the sdist of medpy 0.4.0 (sha256 f8a94937...) unpacked in MEDPY:

    pip install --no-deps --target SOD pysodmetrics==1.4.3
    python tests/reproduce/recorded.py MEDPY/medpy/metric/binary.py SOD
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("recorded_answers.json")


def key(*arguments: Any) -> str:
    """16 hex digits over arrays (shape, type, values) and numbers."""
    digest = hashlib.sha256()
    for argument in arguments:
        array = np.asarray(argument)
        digest.update(repr((array.shape, array.dtype.str)).encode() + array.tobytes())
    return digest.hexdigest()[:16]


class Recorded:
    """Functions of a package, answered from the file: `Recorded("medpy 0.4.0").dc(a, b)`."""

    def __init__(self, package: str) -> None:
        self.answers: dict[str, dict[str, float]] = json.loads(PATH.read_text("utf-8"))[package]

    def __getattr__(self, name: str) -> Callable[..., float]:
        return lambda *values, **named: self.answers[name][key(*values, *named.values())]


class Recording:
    """A package whose answers are kept."""

    def __init__(self, module: Any) -> None:
        self.module, self.answers = module, dict[str, dict[str, float]]()

    def __getattr__(self, name: str) -> Callable[..., float]:
        def call(*values: Any, **named: Any) -> float:
            answer = float(getattr(self.module, name)(*values, **named))
            self.answers.setdefault(name, {})[key(*values, *named.values())] = answer
            return answer

        return call


def main(medpy: str, pysodmetrics: str) -> None:
    from test_metrics_parity import grey_maps, medpy_dice_and_surface

    spec = importlib.util.spec_from_file_location("medpy_040_binary", medpy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    old = Recording(module)
    medpy_dice_and_surface(old, "medpy-0.4/1")
    sys.path.insert(0, pysodmetrics)
    import py_sod_metrics as sod  # type: ignore[import-not-found]

    theirs = sod.FmeasureV2(metric_handlers={"dice": sod.DICEHandler(True, False)})
    maps = grey_maps()
    for reference, grey in maps:
        theirs.step(pred=grey, gt=reference.astype(np.uint8) * 255)
    mean = float(theirs.get_results()["dice"]["dynamic"].mean())
    everything = [array for pair in maps for array in pair]
    found = {
        "medpy 0.4.0": old.answers,
        "pysodmetrics 1.4.3": {"mean_of_dynamic_dice": {key(*everything): mean}},
    }
    PATH.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
