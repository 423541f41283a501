"""KiTS21: CT of kidneys with tumours and cysts, in the folders of its repository.

`case_00000/imaging.nii.gz` and `case_00000/aggregated_MAJ_seg.nii.gz` (the majority of the
annotators), below `kits21/data` of neheller/kits21 once its images are downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping

from reproduce.readers.listed import ALL, Listed, Members

# fold 0, `test`, of datasets/kits/split.pkl of CaiGuoHS/ZAP-2.5DSAM @ f3c31635; the same cases in
# promise/datafile of MedICL-VU/ProMISe @ 8c9803f8
# fmt: off
SPLIT_PKL = (
    2, 5, 7, 8, 12, 16, 35, 38, 56, 58, 62, 67, 69, 72, 74, 77, 80, 85, 90, 91, 100, 105, 108,
    112, 113, 117, 118, 119, 124, 125, 128, 130, 133, 134, 138, 142, 143, 147, 153, 154, 172,
    180, 206, 208, 220, 227, 232, 234, 238, 242, 243, 254, 259, 264, 267, 277, 281, 282, 287,
    291, 294,
)
# fmt: on


class Kits21(Listed):
    """Plugin `kits21`. Labels: `kidney`, `tumour`, `cyst`, each without the others."""

    name = "kits21"
    title = "KiTS21: kidneys, tumours and cysts in CT"
    licence = "CC-BY-NC-SA-4.0, as a copy quotes it"
    access = (
        "Clone neheller/kits21, download the images with its script, and pass the folder that "
        "holds case_00000 with --data."
    )
    homepage: str | None = "https://github.com/neheller/kits21"
    modalities: tuple[str, ...] = ("ct",)
    labels: tuple[str, ...] = ("kidney", "tumour", "cyst")
    splits: Mapping[str, str] = {
        ALL: "300 cases, defined by the challenge",
        "split-pkl-fold-0": "61 cases: test part of fold 0 of ZAP-2.5DSAM and ProMISe",
    }
    sets: Mapping[str, Members] = {
        "": Members(
            image="case_{:05d}/imaging.nii.gz",
            label="case_{:05d}/aggregated_MAJ_seg.nii.gz",
            classes={"kidney": (1,), "tumour": (2,), "cyst": (3,)},
            lists={"split-pkl-fold-0": SPLIT_PKL},
        )
    }


PLUGIN = Kits21()
