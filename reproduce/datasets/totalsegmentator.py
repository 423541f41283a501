"""TotalSegmentator v2: CT with 117 structures, as its archive unpacks.

`s0000/ct.nii.gz` and one file a structure, `s0000/segmentations/<structure>.nii.gz`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Dataset, Sample

# keys original_label_dict and testing of vista3d/data/jsons/TotalSegmentatorV2_5_folds.json of
# Project-MONAI/VISTA @ f73d7c20
# fmt: off
CLASSES: tuple[str, ...] = (
    "spleen", "kidney_right", "kidney_left", "gallbladder", "liver", "stomach", "aorta",
    "inferior_vena_cava", "portal_vein_and_splenic_vein", "pancreas", "adrenal_gland_right",
    "adrenal_gland_left", "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right",
    "lung_middle_lobe_right", "lung_lower_lobe_right", "vertebrae_L5", "vertebrae_L4",
    "vertebrae_L3", "vertebrae_L2", "vertebrae_L1", "vertebrae_T12", "vertebrae_T11",
    "vertebrae_T10", "vertebrae_T9", "vertebrae_T8", "vertebrae_T7", "vertebrae_T6",
    "vertebrae_T5", "vertebrae_T4", "vertebrae_T3", "vertebrae_T2", "vertebrae_T1",
    "vertebrae_C7", "vertebrae_C6", "vertebrae_C5", "vertebrae_C4", "vertebrae_C3",
    "vertebrae_C2", "vertebrae_C1", "esophagus", "trachea", "brain", "iliac_artery_left",
    "iliac_artery_right", "iliac_vena_left", "iliac_vena_right", "small_bowel", "duodenum",
    "colon", "rib_left_1", "rib_left_2", "rib_left_3", "rib_left_4", "rib_left_5", "rib_left_6",
    "rib_left_7", "rib_left_8", "rib_left_9", "rib_left_10", "rib_left_11", "rib_left_12",
    "rib_right_1", "rib_right_2", "rib_right_3", "rib_right_4", "rib_right_5", "rib_right_6",
    "rib_right_7", "rib_right_8", "rib_right_9", "rib_right_10", "rib_right_11", "rib_right_12",
    "humerus_left", "humerus_right", "scapula_left", "scapula_right", "clavicula_left",
    "clavicula_right", "femur_left", "femur_right", "hip_left", "hip_right", "sacrum",
    "gluteus_maximus_left", "gluteus_maximus_right", "gluteus_medius_left",
    "gluteus_medius_right", "gluteus_minimus_left", "gluteus_minimus_right", "autochthon_left",
    "autochthon_right", "iliopsoas_left", "iliopsoas_right", "urinary_bladder",
    "atrial_appendage_left", "brachiocephalic_trunk", "brachiocephalic_vein_left",
    "brachiocephalic_vein_right", "common_carotid_artery_left", "common_carotid_artery_right",
    "costal_cartilages", "heart", "kidney_cyst_left", "kidney_cyst_right", "prostate",
    "pulmonary_vein", "skull", "spinal_cord", "sternum", "subclavian_artery_left",
    "subclavian_artery_right", "superior_vena_cava", "thyroid_gland", "vertebrae_S1",
)
VISTA3D: tuple[int, ...] = (
    2, 3, 19, 25, 30, 35, 39, 45, 62, 66, 90, 95, 100, 110, 115, 117, 136, 137, 150, 153, 156,
    160, 162, 167, 168, 170, 171, 174, 175, 182, 184, 188, 193, 199, 206, 208, 209, 212, 219, 226,
    232, 237, 241, 244, 246, 248, 249, 255, 257, 259, 262, 263, 265, 277, 282, 326, 332, 334, 338,
    339, 352, 353, 357, 365, 366, 369, 377, 379, 382, 388, 402, 412, 414, 423, 431, 433, 435, 441,
    444, 453, 459, 468, 473, 492, 494, 495, 503, 507, 513, 522, 527, 532, 535, 537, 541, 552, 555,
    556, 563, 568, 571, 577, 582, 589, 593, 598, 606, 611, 619, 621, 624, 629, 637, 638, 639, 641,
    644, 651, 663, 675, 680, 683, 687, 694, 696, 700, 703, 704, 705, 717, 721, 723, 724, 738, 754,
    756, 759, 760, 768, 773, 784, 789, 792, 794, 795, 796, 797, 798, 801, 802, 810, 818, 825, 836,
    838, 845, 849, 850, 857, 861, 866, 867, 881, 884, 907, 908, 916, 919, 922, 933, 952, 968, 971,
    974, 978, 979, 982, 992, 996, 999, 1011, 1012, 1016, 1033, 1036, 1039, 1040, 1042, 1051, 1053,
    1056, 1061, 1069, 1072, 1090, 1093, 1097, 1100, 1104, 1113, 1120, 1124, 1132, 1141, 1144,
    1150, 1154, 1162, 1163, 1165, 1168, 1171, 1187, 1191, 1195, 1196, 1207, 1210, 1231, 1237,
    1241, 1244, 1247, 1248, 1254, 1259, 1272, 1278, 1293, 1304, 1307, 1311, 1317, 1330, 1341,
    1342, 1345, 1354, 1368, 1373, 1382, 1383, 1388, 1404, 1405, 1407, 1411, 1414,
)
# fmt: on
ALL = "all"
SPLITS = {ALL: None, "vista3d-testing": VISTA3D}


class TotalSegmentator(Dataset):
    """Plugin `totalsegmentator`. Labels: 117 structures by their file names. Options: `classes`
    (some of them: each takes a byte a voxel), `window` and `values` as in plugin `volumes`."""

    name = "totalsegmentator"
    version = 1
    title = "TotalSegmentator v2: CT, 117 structures"
    licence = "stated at its record in Zenodo; not read here"
    access = (
        "Download Totalsegmentator_dataset_v201.zip from zenodo.org/records/10047292, unpack it "
        "and pass the folder that holds s0000, s0001 ... with --data."
    )
    homepage: str | None = "https://zenodo.org/records/10047292"
    modalities: tuple[str, ...] = ("ct",)
    labels: tuple[str, ...] = CLASSES
    dimensionality: Literal["2d", "3d"] = "3d"
    splits: Mapping[str, str] = {
        ALL: "every case with its structures",
        "vista3d-testing": f"{len(VISTA3D)} cases: the test part of VISTA3D",
    }
    may_show_images = False
    keeps_values = True
    options: Mapping[str, str] = {
        "classes": "some of the structures, with commas between them",
        "window": "[low, high]: the values that become black and white",
        "values": "uint8, or stored: numbers as in the file",
    }

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by number. Raises `InputError` naming the first files that are missing."""
        from reproduce.ground.reading import need_folder

        self.need_split(split)
        classes = _classes(options)
        need_folder(root, self.title, self.access)
        numbers = SPLITS[split]
        folders = (
            sorted(path.parent for path in root.glob("s[0-9][0-9][0-9][0-9]/ct.nii.gz"))
            if numbers is None
            else [root / f"s{number:04d}" for number in numbers]
        )
        found = [
            Case(
                id=folder.name,
                files={
                    "image": folder / "ct.nii.gz",
                    **{
                        f"label:{name}": folder / "segmentations" / f"{name}.nii.gz"
                        for name in classes
                    },
                },
            )
            for folder in folders
        ]
        missing = [p for case in found for p in case.files.values() if not p.is_file()]
        if missing or not found:
            told = ", ".join(path.relative_to(root).as_posix() for path in missing[:3])
            raise InputError(
                f"{root}: {len(missing)} files of totalsegmentator, split {split}, are missing"
                f"{': ' if told else ''}{told}. {self.access}"
            )
        return found

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Volume (D, H, W), bytes or values as stored; a mask a structure; spacing in mm.

        Raises `InputError` where a structure does not lie on the grid of its image, and where all
        of them are more than memory holds."""
        import numpy as np

        from reproduce.readers import ClassMap, read_mask
        from reproduce.readers.grids import difference
        from reproduce.readers.intensities import as_taken
        from reproduce.readers.sizes import need_room
        from reproduce.readers.volumes import read_volume

        path = case.files["image"]
        image, grid = read_volume(path, "image")
        classes = _classes(options)
        need_room(path, (len(classes), *image.shape), 1, "the stack of all masks")
        there = ClassMap({"there": (1,)})
        masks: dict[str, np.ndarray[Any, np.dtype[np.bool_]]] = {}
        for name in classes:
            found = read_mask(case.files[f"label:{name}"], like=grid)
            if off := difference(found.geometry, grid):
                raise InputError(
                    f"{found.path}: the structure does not lie on the grid of its image: {off}. "
                    "Get the case again."
                )
            masks[name] = there.read(found).masks["there"]
        values = as_taken(image, options, path)
        return Sample.of_volume(case, values, masks, None, grid.spacing_mm, grid)


def _classes(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The structures that are read. Raises `UsageError` for a name that is none."""
    given = options.get("classes")
    if given is None:
        return CLASSES
    names = tuple(part.strip() for part in str(given).split(","))
    if unknown := [name for name in names if name not in CLASSES]:
        raise UsageError(
            f"option classes: {', '.join(unknown)} is no structure of TotalSegmentator; known: "
            f"{', '.join(CLASSES)}"
        )
    return tuple(dict.fromkeys(names))


PLUGIN = TotalSegmentator()
