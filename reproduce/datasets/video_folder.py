"""Videos as folders of images, the layout of video object segmentation and of EndoVis.

`frames/<video>/<frame>.<suffix>` and `masks/<video>/<frame>.png`. Frames follow each other by the
numbers in their names. A frame without a mask is shown to the model and not counted. Masks hold
numbers (0 is background): of classes where `labels.json` or nnU-Net's `dataset.json` names them,
else of the objects of their video.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError
from reproduce.contracts import Case, Dataset, Sample


class VideoFolder(Dataset):
    """Plugin `video-folder`. Options: `frames`, `masks` (folder names), `labels` (a class map, see
    `reproduce.readers.classes`), `frame_s` (seconds from one frame to the next), `window`
    [low, high] of frames of more than eight bits."""

    name = "video-folder"
    version = 1
    title = "Videos as folders of images and masks"
    licence = "the data's own"
    access = (
        "Put frames into frames/<video>/ and masks of the same names into masks/<video>/, then "
        "pass --data."
    )
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "3d"  # stacks of planes, along time
    splits: Mapping[str, str] = {"all": "every video of the folder"}
    may_show_images = False
    options: Mapping[str, str] = {
        "frames": "folder of frames",
        "masks": "folder of masks",
        "window": "[low, high]: the values that become black and white",
        "labels": "a class map (`reproduce.readers.classes`)",
        "frame_s": "seconds between two frames",
    }

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """One case a video, by name. Raises `InputError` for masks without a frame, and for videos
        without any mask."""
        from reproduce.ground.reading import files_of, in_time, need_folder, seconds_option
        from reproduce.readers.classes import map_files

        self.need_split(split)
        seconds_option(options, "frame_s")
        frames = root / str(options.get("frames", "frames"))
        masks = root / str(options.get("masks", "masks"))
        for folder in (frames, masks):
            need_folder(folder, self.title, self.access)
        found = []
        for video in sorted(path for path in frames.iterdir() if path.is_dir()):
            need_folder(masks / video.name, self.title, self.access)
            pictures, labels = files_of(video), files_of(masks / video.name)
            alone = sorted(labels.keys() - pictures.keys(), key=in_time)
            if alone or not labels:
                what = f"masks without a frame ({', '.join(alone[:5])})" if alone else "no mask"
                raise InputError(f"{masks / video.name}: {what}. {self.access}")
            names = sorted(pictures, key=in_time)
            files = {f"frame:{name}": pictures[name] for name in names}
            files |= {f"mask:{name}": labels[name] for name in names if name in labels}
            files |= map_files(options.get("labels"), root)
            meta = {"root": root, "frames": tuple(names)}
            found.append(Case(id=video.name, files=files, meta=meta))
        if not found:
            raise InputError(f"{frames}: no folder of frames there. {self.access}")
        return found

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Frames (S, H, W, 3), masks by class or object, seconds between frames."""
        import numpy as np

        from reproduce.ground.reading import same_size, seconds_option
        from reproduce.readers import class_map, read_mask
        from reproduce.readers.classes import found_in
        from reproduce.readers.picture import read_rgb
        from reproduce.readers.sizes import need_room

        frames: list[str] = list(case.meta["frames"])
        pictures = [case.files[f"frame:{name}"] for name in frames]
        first = read_rgb(pictures[0], options.get("window"))
        size = first.shape[:2]
        need_room(pictures[0].parent, (len(frames), *first.shape), 1, "the video")
        values = np.empty((len(frames), *first.shape), np.uint8)
        for path, target in zip(pictures, values, strict=True):
            image = read_rgb(path, options.get("window"))
            if image.shape[:2] != size:
                raise InputError(
                    f"{path}: {image.shape[0]}x{image.shape[1]} pixels, the first frame of the "
                    f"video has {size[0]}x{size[1]} (rows x columns)."
                )
            target[...] = image
        there = {n: case.files[f"mask:{n}"] for n in frames if f"mask:{n}" in case.files}
        names = class_map(options.get("labels"), Path(case.meta["root"]))
        names = names or found_in(there.values())
        shape = (len(frames), *size)
        need_room(pictures[0].parent, (len(names.classes), *shape), 1, "the stack of all masks")
        labels = {name: np.zeros(shape, np.bool_) for name in names.classes}
        valid = np.zeros(shape, np.bool_)
        for index, (name, picture) in enumerate(zip(frames, pictures, strict=True)):
            if name not in there:
                continue
            found = read_mask(there[name])
            same_size(size, found.geometry.shape, picture, found.path)
            read = names.read(found)
            valid[index] = True if read.valid is None else read.valid
            for label, mask in read.masks.items():
                labels[label][index] = mask
        return Sample(
            case,
            values,
            labels,
            None if valid.all() else valid,
            "time",
            (seconds_option(options, "frame_s"), None, None),
        )


PLUGIN = VideoFolder()
