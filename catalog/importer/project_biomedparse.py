"""The published task means of BiomedParse for SAM ViT-B and MedSAM, as claims.

The table has one row per task (modality, site, target) with the mean Dice over its masks for three
models. A claim belongs to the release whose checkpoint and adapter it measures, so the columns
`sam_dice` and `medsam_dice` become claims of the projects `sam` and `medsam`; BiomedParse is their
source.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import msgspec

from catalog.importer.project_claims import protocol_of
from catalog.importer.project_text import slugify
from catalog.records import Claim

TABLE = "results/all_metrics_mean.csv"
PLACE = "figures/results/all_eval/all_metrics_mean.csv"  # in microsoft/BiomedParse
COMMIT = "750eb40d4624398561fe586418101f48ae9b0f1d"
COLUMNS = {"sam": ("sam_dice", "sam-vit-b"), "medsam": ("medsam_dice", "medsam-vit-b")}
_COMMON: dict[str, list[Any]] = {
    "metric_profile": ["biomedparse/1", "inferred", "mean over masks of the task"],
    "prompt_profile": [
        "box-tight/1",
        "inferred",
        "a ground-truth box is stated, its exact form is not",
    ],
    "grid": ["original", "inferred"],
    "mask_selection": ["single", "inferred"],
    "threshold": [0.5, "inferred"],
    "postprocessing": [None, "inferred"],
}
_OWN = {
    "sam": {"preprocessing": ["sam-official", "inferred"]},
    "medsam": {"preprocessing": ["medsam-minmax-1024", "inferred"]},
}


def biomedparse_claims(folder: Path) -> dict[str, list[Claim]]:
    """Slug -> claims, in the order of the table; {} where the table is not on this machine."""
    path = folder / TABLE
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {slug: [_claim(slug, row, line) for line, row in enumerate(rows, 2)] for slug in COLUMNS}


def _claim(slug: str, row: dict[str, str], line: int) -> Claim:
    column, checkpoint = COLUMNS[slug]
    printed = row[column]
    fields = {
        "id": f"biomedparse-{slugify(row['task'])}",
        "metric": "dice",
        "value": float(printed),
        "scale": 1,
        "decimals": len(printed.partition(".")[2]),
        "checkpoint": checkpoint,
        "dataset": "biomedparse",
        "split": "test",
        "split_source": "described",
        "label": row["task"].replace("+", " "),
        "n": {"images": int(row["support"])},
        "source": {
            "place": PLACE,
            "version": f"microsoft/BiomedParse@{COMMIT}",
            "row": str(line),
            "column": column,
        },
        "protocol": msgspec.to_builtins(protocol_of({"box": {**_COMMON, **_OWN[slug]}}, "box")),
        "state_note": "Needs the checkpoint and BiomedParseData, of which a part is public.",
    }
    return msgspec.convert(fields, Claim)
