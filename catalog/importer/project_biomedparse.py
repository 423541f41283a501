"""The published task means of BiomedParse for SAM ViT-B and MedSAM, as claims.

The table has one row per task (modality, site, target) with the mean Dice over its masks for three
models. A claim belongs to the release whose checkpoint and adapter it measures, so the columns
`sam_dice` and `medsam_dice` become claims of the projects `sam` and `medsam`; BiomedParse is their
source.

The repository also has 27 demo images with 71 masks, whose published Dice per mask were found by
the mask's area. Their mean is one more claim for each model: small, and everything but the weights
is in that repository.
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
DEMO = "expected_dice.csv"
DEMO_COLUMNS = {
    "sam": ("sam_vit_b_dice", "sam-vit-b"),
    "medsam": ("medsam_dice", "medsam-vit-b"),
}
PLACE = "figures/results/all_eval/all_metrics_mean.csv"  # in microsoft/BiomedParse
COMMIT = "750eb40d4624398561fe586418101f48ae9b0f1d"
COLUMNS = {"sam": ("sam_dice", "sam-vit-b"), "medsam": ("medsam_dice", "medsam-vit-b")}
_COMMON: dict[str, list[Any]] = {
    "metric_profile": ["biomedparse/1", "inferred", "mean over masks of the task"],
    "prompt_profile": [
        "box-tight/1",
        "inferred",
        "oracle box (figures/main_figure_2a.py:15); its exact form is not stated",
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
    claims = {
        slug: [_claim(slug, row, line) for line, row in enumerate(rows, 2)] for slug in COLUMNS
    }
    demo = folder / DEMO
    if demo.is_file():
        with demo.open(encoding="utf-8", newline="") as handle:
            masks = list(csv.DictReader(handle))
        for slug, own in claims.items():
            own.append(_demo_claim(slug, masks))
    return claims


def _demo_claim(slug: str, masks: list[dict[str, str]]) -> Claim:
    """Mean of the published values of the demo masks; the mean is ours, the values are theirs."""
    column, checkpoint = DEMO_COLUMNS[slug]
    doubtful = [row["mask"] for row in masks if row["unique_match"] != "yes"]
    mean = sum(float(row[column]) for row in masks) / len(masks)
    fields = {
        "id": "biomedparse-demo-mean",
        "metric": "dice",
        "value": round(mean, 6),
        "scale": 1,
        "decimals": 6,
        "checkpoint": checkpoint,
        "dataset": "biomedparse-demo",
        "split": "all",
        "split_source": "released",
        "n": {"images": len({row["image"] for row in masks})},
        "source": {
            "place": "figures/results/dataset_results, values of the demo masks",
            "version": f"microsoft/BiomedParse@{COMMIT}",
            "transcribed_from": f"per-mask values joined by mask area; not unique: {len(doubtful)}",
        },
        "protocol": msgspec.to_builtins(protocol_of({"box": {**_COMMON, **_OWN[slug]}}, "box")),
        "state_note": "Needs the checkpoint and the demo images of that repository.",
        "note": f"Mean of {len(masks)} published values; the mean itself is not printed there.",
    }
    return msgspec.convert(fields, Claim)


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
