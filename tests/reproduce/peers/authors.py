"""What the scripts share that run the authors' code: weights, images, and what they hand back.

Each runs in a process of its own, with the check-out as working directory and first on the path,
because the releases call their packages alike (`segment_anything`, `utils`, `models`).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from seeded import layout, seeded  # noqa: E402 - its folder has to be on the path

REAL = Path(os.environ["PEER_REAL"])
OUT = Path(os.environ["PEER_OUT"])  # an empty folder; scratch files may lie there
torch.set_num_threads(int(os.environ.get("PEER_THREADS", "1")))

CT = REAL / "medsam2_npz" / "CT_Lesion_000001_02_01_008-023.npz"
POLYP = REAL / "endotect" / "images" / "0b08ec01-337a-4f20-a4d7-43313d0724a6.jpg"
# What segment_anything's `_build_sam` takes, for an encoder that every run of the tests affords.
SMALL_SAM = {
    "encoder_embed_dim": 48,
    "encoder_depth": 2,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [1],
}


def probe_of(path: Path, read: str = "rgb") -> dict[str, Any]:
    """For `Answers.add`: keep a few scores of this prediction in `probes/`.

    path  the image, below ../shared/real
    read  how `test_adapters_agreement.py: picture` reads it
    """
    return {"file": path.relative_to(REAL).as_posix(), "read": read}


def weights(name: str) -> dict[str, torch.Tensor]:
    """The seeded state dict of a layout."""
    return seeded(layout(name))


def saved(name: str, part: str = "") -> str:
    """That state dict (or the tensors below `part`) as a file, for code that reads files."""
    path = OUT / f"{name}{part}.pth"
    if not path.exists():
        state = {k.removeprefix(part): v for k, v in weights(name).items() if k.startswith(part)}
        torch.save(state, path)
    return str(path)


def never_called(*names: str) -> None:
    """Stand-ins for packages that a release imports but that the compared steps never use."""
    for name in names:
        sys.modules[name] = MagicMock()


def without_cuda() -> None:
    """The identity for `Tensor.cuda`: the releases that call it have no switch for the CPU."""
    torch.Tensor.cuda = lambda self, *_, **__: self


def definitions(path: str, *names: str, **given: Any) -> dict[str, Any]:
    """Some top-level functions and classes of a file, without its other imports."""
    import ast

    tree = ast.parse(Path(path).read_text("utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", None) in names]
    space: dict[str, Any] = {"np": np, "torch": torch, **given}
    exec(compile(tree, path, "exec"), space)
    return space


def read_volume(name: str) -> np.ndarray:
    """A volume that a release wrote with SimpleITK, (D, H, W)."""
    import SimpleITK

    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(OUT / name)))


class Answers:
    """Predictions of the authors' code, one after another."""

    def __init__(self, *layouts: str, strip: str = "") -> None:
        self.cases: list[dict[str, Any]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.default = {"weights": list(layouts), "strip": strip}

    def add(self, part: str, name: str, image: Any, scores: Any, **more: Any) -> None:
        """One prediction.

        part, name  the group it is counted in, and what the image is called in the record
        image       as our adapter gets it: (H, W, 3) uint8, or a slice (H, W)
        scores      theirs, of the shape that `take` gives of ours
        more        arrays: `input` (their network's), `label_map`, `truth`, `reference` (the truth
                    on the network's grid); the rest is plain data (test_adapters_peers.py)
        """
        number = len(self.cases)
        arrays = {"image": image, "scores": scores}
        plain = dict(self.default)
        for key, value in more.items():
            target = arrays if isinstance(value, np.ndarray | torch.Tensor) else plain
            target[key] = value
        self.cases.append({"part": part, "name": name, **plain, "arrays": sorted(arrays)})
        for key, value in arrays.items():
            self.arrays[f"{number}_{key}"] = np.asarray(
                value.detach() if isinstance(value, torch.Tensor) else value
            )

    def add_stack(
        self, part: str, name: str, stack: dict[str, Any], scores: Any, **more: Any
    ) -> None:
        """One answer about a stack, as `add`.

        stack   what `made.stack_of` makes it of
        scores  theirs, of the shape that `take` gives of ours (test_adapters_stacks.py)
        more    masks: (N, S, H, W) of the objects or classes on the stack as given; prompts,
                options, spacing
        """
        self.add(part, name, np.zeros(0), scores, stack=stack, **more)

    def write(self) -> None:
        np.savez(OUT / "answers.npz", **self.arrays)
        (OUT / "answers.json").write_text(json.dumps(self.cases), "utf-8")
