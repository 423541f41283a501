"""AMOS22: CT and MR of the abdomen with 15 organs, as its archive unpacks.

`imagesTr/amos_0001.nii.gz` and `labelsTr/amos_0001.nii.gz`; numbers up to 500 are CT.
"""

from __future__ import annotations

from collections.abc import Mapping

from reproduce.readers.listed import ALL, Listed, Members

# class numbers 1-15: key original_label_dict of vista3d/data/jsons/AMOS22_5_folds.json of
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
    "postcava",
    "pancreas",
    "right adrenal gland",
    "left adrenal gland",
    "duodenum",
    "bladder",
    "prostate or uterus",
)
# key `testing` of the same file; all of them are CT
# fmt: off
VISTA3D = (
    5, 6, 15, 24, 30, 34, 36, 44, 49, 54, 58, 67, 73, 76, 84, 92, 102, 103, 108, 138, 140, 144,
    154, 161, 174, 175, 180, 181, 184, 186, 191, 216, 224, 230, 249, 254, 259, 279, 281, 282,
    288, 289, 292, 309, 313, 325, 330, 342, 349, 356, 358, 366, 367, 371, 377, 383, 384, 388,
    399, 410,
)
# fmt: on


class Amos22(Listed):
    """Plugin `amos22`. Labels: 15 organs."""

    name = "amos22"
    title = "AMOS22: CT and MR of the abdomen, 15 organs"
    licence = "CC-BY-4.0, as a copy quotes it"
    access = (
        "Download amos22.zip as amos22.grand-challenge.org says, unpack it and pass the folder "
        "that holds imagesTr with --data."
    )
    homepage: str | None = "https://amos22.grand-challenge.org/"
    modalities: tuple[str, ...] = ("ct", "mri")
    labels: tuple[str, ...] = LABELS
    splits: Mapping[str, str] = {
        ALL: "imagesTr and labelsTr, defined by the challenge",
        "vista3d-testing": "60 CT of imagesTr: the test part of VISTA3D",
    }
    sets: Mapping[str, Members] = {
        "": Members(
            image="imagesTr/amos_{:04d}.nii.gz",
            label="labelsTr/amos_{:04d}.nii.gz",
            classes={label: (number,) for number, label in enumerate(LABELS, 1)},
            lists={"vista3d-testing": VISTA3D},
        )
    }


PLUGIN = Amos22()
