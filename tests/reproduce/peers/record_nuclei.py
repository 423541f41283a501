"""What CellViT's own code makes of made maps: nuclei told apart, their types, panoptic quality.

    python tests/reproduce/peers/record_nuclei.py ~/peers/TIO-IKIM+CellViT@05097e18

writes `nuclei_probes.json`: for each picture and magnification the numbers of nuclei and of their
types (zlib, base64), and rq, sq, pq of all nuclei and of each type against the made truth.
"""

from __future__ import annotations

import base64
import json
import sys
import zlib
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from made_nuclei import nuclei  # noqa: E402 - its folder has to be on the path


def packed(numbers: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(numbers.astype(np.uint8).tobytes(), 9)).decode()


def main(code: str) -> None:
    sys.path.insert(0, code)
    plain = MagicMock()  # numba: the functions as they are written
    plain.njit = lambda *given, **_: given[0] if given else (lambda function: function)
    sys.modules["numba"] = plain
    from cell_segmentation.utils.metrics import binarize, get_fast_pq, remap_label
    from cell_segmentation.utils.post_proc_cellvit import DetectionCellPostProcessor
    from models.segmentation.cell_segmentation.cellvit import CellViT

    def quality(truth: np.ndarray, found: np.ndarray) -> list[float] | None:
        if len(np.unique(truth)) == 1:
            return None
        return [float(v) for v in get_fast_pq(remap_label(truth), remap_label(found))[0]]

    rows = []
    for seed in range(5):
        made = nuclei(seed)
        for magnification in (40, 20):
            maps = np.concatenate(
                [
                    made["types"][..., None],
                    made["mask"].astype(int)[..., None],
                    made["distances"].transpose(1, 2, 0),
                ],
                axis=-1,
            )
            process = DetectionCellPostProcessor(nr_types=6, magnification=magnification)
            numbers, told = process.post_process_cell_segmentation(maps)
            network = MagicMock(num_nuclei_classes=6)
            typed = CellViT.generate_instance_nuclei_map(
                network, torch.from_numpy(numbers)[None], [told]
            )[0].numpy()
            binary = binarize(typed[1:].transpose(1, 2, 0))
            rows.append(
                {
                    "picture": seed,
                    "magnification": magnification,
                    "numbers": packed(numbers),
                    "types": packed(sum((typed[k] > 0) * k for k in range(1, 6))),
                    "nuclei": int(len(np.unique(binary)) - 1),
                    "quality": quality(made["truth"], binary),
                    "by_type": [
                        quality(made["truth"] * (made["kinds"] == k), typed[k]) for k in range(1, 6)
                    ],
                }
            )
    text = ",\n".join(json.dumps(row) for row in rows)
    (HERE.parent / "nuclei_probes.json").write_text(f"[\n{text}\n]\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
