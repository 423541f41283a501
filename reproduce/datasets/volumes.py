"""Volumes in nnU-Net's layout: `imagesTr/<case>[_0000].<suffix>`, `labelsTr/<case>.<suffix>`.

Files are NIfTI, NRRD (also 3D Slicer's .seg.nrrd) or MetaImage (MHA, MHD); image and label may be
of different kinds. Arrays are brought to (superior, anterior, right): the first axis runs from feet
to head, the second from back to front, the third from left to right; spacing follows that order. A
file of one slice is a picture and stays as stored (`reproduce.readers.volumes`). Intensities are
mapped to uint8, because that is what 2D models see: `window` [low, high], else the 0.5 and 99.5
percentiles of the voxels above zero (MedSAM's rule for MR, pre_CT_MR.py).

With `along=time` the third axis of the files is time, as in CAMUS's sequences: frames follow each
other as stored and are not turned, and what the header says of the distance between them is not
used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Dataset, Sample

PARTS = {"train": ("imagesTr", "labelsTr"), "test": ("imagesTs", "labelsTs")}


class Volumes(Dataset):
    """Plugin `volumes`. Options: `labels` (a class map, see `reproduce.readers.classes`; else
    labels.json or dataset.json, else every number or named segment of the split's labels is a class
    of that name), `window` [low, high], `values` (`uint8`, or `stored`: as in the file), `channel`
    (default 0, the file that ends in _0000), `along` (`depth`, or `time`), `frame_s` (seconds from
    one frame to the next, with `along=time`)."""

    name = "volumes"
    version = 1
    title = "Volumes as NIfTI, NRRD or MHA (nnU-Net layout)"
    licence = "the data's own"
    access = "Arrange the volumes as imagesTr/ and labelsTr/ and pass the folder with --data."
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "3d"
    splits: Mapping[str, str] = {"train": "imagesTr, labelsTr", "test": "imagesTs, labelsTs"}
    may_show_images = False
    options: Mapping[str, str] = {
        "along": "what the third axis of a file is: depth, or time",
        "channel": "number of the image file, 0 for _0000",
        "frame_s": "seconds between two frames, with along=time",
        "labels": "a class map (`reproduce.readers.classes`)",
        "window": "[low, high]: the values that become black and white",
        "values": "uint8, or stored: numbers as in the file",
    }
    keeps_values = True

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by name. Raises `InputError` naming labels without an image."""
        from reproduce.ground.reading import files_of, need_folder, whole_option
        from reproduce.readers.classes import map_files
        from reproduce.readers.volumes import SUFFIXES, files_with

        _is_video(options)
        self.need_split(split)
        folders = [root / name for name in PARTS[split]]
        for folder in folders:
            need_folder(folder, self.title, self.access)
        images, labels = (files_of(folder, SUFFIXES) for folder in folders)
        channel = f"_{whole_option(options, 'channel', 0, range(10_000)):04d}"
        names = map_files(options.get("labels"), root)
        found, without = [], []
        for name, path in labels.items():
            image = images.get(name + channel) or images.get(name)
            if image is None:
                without.append(name)
                continue
            files = {**files_with("image", image), **files_with("label", path), **names}
            meta = {"root": root, "labels": tuple(labels.values())}
            found.append(Case(id=name, files=files, meta=meta))
        if without:
            raise InputError(
                f"{root}: {len(without)} labels without an image: {', '.join(without[:5])}."
            )
        return found

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Volume (D, H, W), bytes or values as stored; masks by class; spacing in mm.

        Raises `InputError` where image and label do not lie on one grid, with the difference."""
        from reproduce.ground.reading import seconds_option
        from reproduce.readers import class_map
        from reproduce.readers.classes import found_in
        from reproduce.readers.volumes import labelled, read_volume

        video = _is_video(options)
        image, grid = read_volume(case.files["image"], "image", turn=not video)
        names = class_map(options.get("labels"), Path(case.meta["root"]))
        names = names or found_in(case.meta["labels"])
        sample = labelled(case, image, grid, options, names)
        if not video:
            return sample
        _, rows, columns = sample.spacing
        spacing = (seconds_option(options, "frame_s"), rows, columns)
        return replace(sample, along="time", spacing=spacing, geometry=None)


def _is_video(options: Mapping[str, Any]) -> bool:
    """Whether the third axis is time. Raises `UsageError` for another word than those known."""
    from reproduce.ground.reading import seconds_option

    along = options.get("along", "depth")
    if along not in ("depth", "time"):
        raise UsageError(f"data set option along: expected depth or time, got {along!r}.")
    if seconds_option(options, "frame_s") is not None and along != "time":
        raise UsageError("data set option frame_s: goes with along=time.")
    return bool(along == "time")


PLUGIN = Volumes()
