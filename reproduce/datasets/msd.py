"""Medical Segmentation Decathlon: tasks of CT, with the lists that works on it released.

`<task>/imagesTr/<name>.nii.gz` and `<task>/labelsTr/<name>.nii.gz`, as the archives of the
challenge unpack. Its own test labels are not public: lists of others are of its training cases.
Class numbers as in each task's dataset.json.
"""

from __future__ import annotations

from collections.abc import Mapping

from reproduce.readers.listed import ALL, Listed, Members

# key `testing` of vista3d/data/jsons/<task>_5_folds.json of Project-MONAI/VISTA @ f73d7c20
VISTA3D = "vista3d-testing"
# fold 0, `test`, of datasets/<set>/split.pkl of CaiGuoHS/ZAP-2.5DSAM @ f3c31635; the same cases in
# promise/datafile of MedICL-VU/ProMISe @ 8c9803f8
SPLIT_PKL = "split-pkl-fold-0"

# fmt: off
LISTS: dict[str, dict[str, tuple[int, ...]]] = {
    "Task03_Liver": {
        VISTA3D: (
            3, 18, 19, 31, 33, 48, 51, 54, 59, 66, 67, 70, 72, 77, 89, 90, 92, 94, 99, 113, 114,
            117, 120, 122, 125, 129,
        ),
    },
    "Task06_Lung": {
        VISTA3D: (
            18, 28, 34, 36, 43, 47, 62, 64, 66, 69, 78, 80, 81,
        ),
    },
    "Task07_Pancreas": {
        VISTA3D: (
            5, 6, 32, 40, 43, 49, 61, 66, 74, 81, 89, 92, 94, 117, 131, 149, 160, 173, 179, 180,
            181, 183, 191, 207, 211, 219, 222, 224, 225, 227, 236, 239, 258, 270, 276, 289, 290,
            292, 301, 309, 318, 329, 336, 348, 350, 361, 365, 374, 380, 392, 393, 402, 406, 412,
            416, 419,
        ),
        SPLIT_PKL: (
            6, 10, 15, 16, 18, 19, 21, 24, 29, 46, 49, 50, 87, 104, 111, 119, 129, 131, 149, 167,
            183, 193, 200, 215, 226, 230, 239, 244, 246, 254, 259, 261, 269, 285, 289, 294, 299,
            301, 303, 310, 320, 323, 326, 330, 345, 346, 347, 354, 377, 387, 389, 398, 401, 406,
            409, 412, 419,
        ),
    },
    "Task08_HepaticVessel": {
        VISTA3D: (
            4, 5, 16, 25, 31, 40, 49, 52, 57, 65, 66, 80, 81, 84, 90, 98, 123, 125, 133, 140,
            157, 158, 160, 163, 184, 193, 196, 197, 198, 210, 211, 213, 227, 230, 235, 240, 245,
            246, 255, 266, 268, 270, 290, 300, 319, 324, 327, 336, 338, 341, 348, 353, 369, 402,
            407, 411, 420, 423, 429, 440, 456,
        ),
    },
    "Task09_Spleen": {
        VISTA3D: (
            21, 29, 33, 38, 44, 46, 53, 61,
        ),
    },
    "Task10_Colon": {
        VISTA3D: (
            31, 38, 42, 46, 53, 77, 78, 81, 88, 89, 102, 104, 107, 133, 148, 163, 164, 169, 172,
            187, 203, 206, 208, 213, 219,
        ),
        SPLIT_PKL: (
            8, 9, 26, 30, 40, 46, 91, 95, 98, 104, 129, 133, 136, 141, 142, 145, 163, 164, 181,
            194, 202, 205, 207, 208, 215, 218,
        ),
    },
}
# fmt: on
# task -> name of a case, class numbers
TASKS = {
    "Task03_Liver": ("liver_{}", {"liver": 1, "hepatic tumour": 2}),
    "Task06_Lung": ("lung_{:03d}", {"lung tumour": 1}),
    "Task07_Pancreas": ("pancreas_{:03d}", {"pancreas": 1, "pancreatic tumour": 2}),
    "Task08_HepaticVessel": ("hepaticvessel_{:03d}", {"hepatic vessel": 1, "hepatic tumour": 2}),
    "Task09_Spleen": ("spleen_{}", {"spleen": 1}),
    "Task10_Colon": ("colon_{:03d}", {"colon tumour": 1}),
}


class Msd(Listed):
    """Plugin `msd`. Option `set`: the task, e.g. `Task09_Spleen`."""

    name = "msd"
    title = "Medical Segmentation Decathlon, tasks of CT"
    licence = "CC-BY-SA-4.0, as another work says"
    access = (
        "Download the task's archive from medicaldecathlon.com, unpack it, and pass the folder "
        "that holds it (or the folder of the task itself) with --data."
    )
    homepage: str | None = "http://medicaldecathlon.com/"
    modalities: tuple[str, ...] = ("ct",)
    splits: Mapping[str, str] = {
        ALL: "every case with a public label, defined by the challenge",
        VISTA3D: "the test part of VISTA3D: 8 to 61 training cases of the challenge a task",
        SPLIT_PKL: "test part of fold 0 of ZAP-2.5DSAM and ProMISe: 26 of colon, 57 of pancreas",
    }
    options: Mapping[str, str] = {**Listed.options, "set": f"the task: {', '.join(TASKS)}"}
    sets: Mapping[str, Members] = {
        task: Members(
            image=f"imagesTr/{name}.nii.gz",
            label=f"labelsTr/{name}.nii.gz",
            classes={label: (number,) for label, number in classes.items()},
            lists=LISTS[task],
        )
        for task, (name, classes) in TASKS.items()
    }


PLUGIN = Msd()
