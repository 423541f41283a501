"""BTCV (Synapse abdomen): 30 CT volumes with 13 organs, as its RawData.zip unpacks.

`RawData/Training/img/img0001.nii.gz` and `RawData/Training/label/label0001.nii.gz`; numbers 1-10
and 21-40. Labels of the challenge's test cases are not public.
"""

from __future__ import annotations

from collections.abc import Mapping

from reproduce.readers.listed import ALL, Listed, Members

# class numbers 1-13: key original_label_dict of vista3d/data/jsons/BTCV-Abdomen_5_folds.json of
# Project-MONAI/VISTA @ f73d7c20
LABELS = (
    "spleen",
    "right kidney",
    "left kidney",
    "gallbladder",
    "esophagus",
    "liver",
    "stomach",
    "aorta",
    "inferior vena cava",
    "portal and splenic vein",
    "pancreas",
    "right adrenal gland",
    "left adrenal gland",
)
# preprocessing/dataset_split.md of cchen-cc/MA-SAM @ 0c3cd90e
MA_SAM = tuple(range(35, 41))
VISTA3D = (21, 22, 24, 25, 32, 34)  # key `testing` of the same file


class Btcv(Listed):
    """Plugin `btcv`. Labels: 13 organs; `labels` merges some, as works on it do."""

    name = "btcv"
    title = "BTCV: CT of the abdomen, 13 organs"
    licence = "BTCV: registration at Synapse (syn3193805); not redistributed here"
    access = (
        "Register for syn3193805 at Synapse, get RawData.zip of the abdomen, unpack it and pass "
        "the folder that holds RawData with --data."
    )
    homepage: str | None = "https://www.synapse.org/#!Synapse:syn3193805"
    modalities: tuple[str, ...] = ("ct",)
    labels: tuple[str, ...] = LABELS
    splits: Mapping[str, str] = {
        ALL: "all 30 volumes with a public label, defined by the challenge",
        "btcv-0035-0040": "6 volumes: preprocessing/dataset_split.md of cchen-cc/MA-SAM",
        "vista3d-testing": "6 volumes: the test part of VISTA3D",
    }
    sets: Mapping[str, Members] = {
        "": Members(
            image="RawData/Training/img/img{:04d}.nii.gz",
            label="RawData/Training/label/label{:04d}.nii.gz",
            classes={label: (number,) for number, label in enumerate(LABELS, 1)},
            lists={"btcv-0035-0040": MA_SAM, "vista3d-testing": VISTA3D},
        )
    }


PLUGIN = Btcv()
