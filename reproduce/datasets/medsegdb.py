"""MedSegDB: slices of 256x256 in arrays, one target each, sorted by data set and task.

`eval/ID/<data set>/<task>[/<sequence>]`, and `eval/OOD|RealWorld/<shift>/<task>/<data set>/...`;
below each `npy_imgs/<slice>.npy` and `npy_gts/<slice>.npy`. A task is modality and organ
(`CT_Liver`), and the label of its slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Archive, Case, CaseList, Dataset, Sample

COMMIT = "fcad7fff0ba10e80658cd33f94c0dfcaa370f4cb"
# Case lists of the example data: all of it, and the folders that numbers are printed for.
LISTS = {
    "eval": "b2bf3516022dec0c2b761961075f9ed0f2a210cb143702edee18c884537abbe8",
    "eval/ID": "4cfa1cd1ec58c0a2595e32a68ffa35f96ac1ec28deb46b63e3633f6ae4ba66f9",
    "eval/ID/AbdomenCT1K": "3500f2b0ae0ab269c7d6cd319a4a24146ac1f110c5c6a03e63b811a751255ecb",
    "eval/ID/ISIC2018": "b9b4c606015907ba1a4ad61893f456139446eec42f352caa4229557cf8071216",
    "eval/ID/MSD_Task05/MRI_ProstatePeripheralZone/ADC": (
        "cce9fc11f4c9457b67e94a748892fb3483e490fa678341a34417e3390aba4c3d"
    ),
    "eval/ID/MSD_Task05/MRI_ProstatePeripheralZone/T2": (
        "d2b16ee973de9dad5f6bce61463bb78bee3256b347626f883912a36e377f42f7"
    ),
    "eval/ID/MSD_Task05/MRI_ProstateTransitionalZone/ADC": (
        "a5a772d0a75550b8c0f7fed85933920bb81baa40324c2c09b5e9f24184f65838"
    ),
    "eval/ID/MSD_Task05/MRI_ProstateTransitionalZone/T2": (
        "ed119eb0a4108f2d0a829856ac8318a5822d9e61b4041ed7a6624c60c29bb0b8"
    ),
    "eval/OOD/cross_site": "f24f7267a45f24f1d00519beb94bc78b0f17058fddc91171a388ba64f4ab2e3f",
    "eval/OOD/cross_task": "05ee5706fc977d59381324c2e1c92730e54a0b42f27d4823cc991ce00787fa2f",
    "eval/RealWorld/cross_site": "eb62c8c9318816f012276a6e502e7bd160215141ac573ea98d4bca25a336b220",
    "eval/RealWorld/cross_task": "89394aa1f8a826f8fc0a0d6e201456f059e13b1f87b5bc95b4c49784ca926b6b",
}
TASK = 3  # parts of a slice's folder below the root before its task's name


class MedSegDb(Dataset):
    """Plugin `medsegdb`. A label is a task, as its folder is called."""

    name = "medsegdb"
    version = 1
    title = "MedSegDB"
    licence = "that of each source; the redistributable part is on the hub; not redistributed here"
    access = (
        "Unpack playground/example_data.zip of github.com/MedSegX/MedSegX-code, or take "
        "huggingface.co/datasets/medicalai/MedSegDB, and pass the folder that eval/ lies in."
    )
    homepage: str | None = "https://huggingface.co/datasets/medicalai/MedSegDB"
    modalities = ("ct", "mri", "dermoscopy", "endoscopy", "fundus", "ultrasound", "x-ray")
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "medsegx-example": "the 14 slices of playground/example_data.zip of MedSegX-code",
        "all": "every slice below eval/",
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "under": "only what lies in this folder below the data set's, e.g. eval/ID/ISIC2018"
    }
    archives = (
        Archive(
            file="example_data.zip",
            urls=(
                f"https://raw.githubusercontent.com/MedSegX/MedSegX-code/{COMMIT}/playground/"
                "example_data.zip",
            ),
            folders={"MedSegDB-example/eval": "eval"},
            sha256="6fc06ed2c5a91addf7390fce8498e4dff46ec4a8624e47e9a1016e25ed470bbb",
            splits=("medsegx-example",),
            source="hashed from the repository at this commit, 2026-11-29",
        ),
    )
    case_lists = tuple(
        CaseList(
            "medsegx-example",
            listed,
            f"the files of example_data.zip below {folder}",
            {"under": (None, folder) if folder == "eval" else (folder,)},
        )
        for folder, listed in LISTS.items()
    )

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Slices by their path below eval/. Raises `InputError` for a mask without its image."""
        from reproduce.ground.reading import check_options, need_folder

        check_options(self.title, self.options, options)
        self.need_split(split)
        need_folder(root / "eval", self.title, self.access)
        under = PurePosixPath(str(options.get("under", "eval")))
        place = root / under
        if ".." in under.parts or under.is_absolute() or under.parts[:1] != ("eval",):
            raise UsageError(f"medsegdb: under: a folder that begins with eval/, got {under}.")
        need_folder(place, self.title, self.access)
        found = []
        for mask in sorted(place.rglob("npy_gts/*.npy")):
            folders = mask.relative_to(root).parts[:-2]
            image = mask.parents[1] / "npy_imgs" / mask.name
            if len(folders) <= TASK:
                raise InputError(f"{mask}: no task folder above it. {self.access}")
            if not image.is_file():
                raise InputError(f"{mask}: no image {image}.")
            found.append(
                Case(
                    id="/".join((*folders[1:], mask.stem)),
                    files={"image": image, "mask": mask},
                    meta={"task": folders[TASK]},
                )
            )
        if not found:
            raise InputError(f"{place}: no npy_gts/*.npy below it. {self.access}")
        return found

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Slice (H, W, 3) and its mask, foreground where it is above 0."""
        from reproduce.ground.reading import same_size
        from reproduce.readers import ClassMap, read_mask
        from reproduce.readers.numpy_file import array_of

        image = array_of(case.files["image"])
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype.name != "uint8":
            raise InputError(
                f"{case.files['image']}: expected bytes of shape (H, W, 3), got {image.dtype} "
                f"{image.shape}."
            )
        found = read_mask(case.files["mask"])
        same_size(image.shape[:2], found.geometry.shape, case.files["image"], case.files["mask"])
        read = ClassMap.of({case.meta["task"]: 1}, case.files["mask"]).read(found)
        return Sample.of_image(case, image, read.masks, read.valid)


PLUGIN = MedSegDb()
