"""Rows of `prompt_probes.json`: what the authors' code makes of masks.

Run in a check-out of the release, with the folder above this one on the path:

    cd $SAM4MIS_PEERS/OpenGVLab+SAM-Med2D@bfd2b93b
    PYTHONPATH=<folder above> python <this file> sam-med2d made
    PYTHONPATH=<folder above> python <this file> sam-med2d ../shared/real endotect/masks/x.png ...

`made` stands for the masks of `made.py`. SAM-Med2D needs albumentations 1.3.1.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import cv2
import numpy as np
from made import made_masks
from PIL import Image

sys.path.insert(0, ".")


def definitions(path: str, *names: str, **given: Any) -> dict[str, Any]:
    """Some functions and classes of a file, without its imports."""
    tree = ast.parse(Path(path).read_text("utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", None) in names]
    found = dict(given)
    exec(compile(tree, path, "exec"), found)
    return found


def seen(mask: np.ndarray) -> dict[str, Any]:
    """The pixels that a random click is drawn from, in scan order."""
    pixels = np.argwhere(mask)[:, ::-1]
    return {
        "foreground": len(pixels),
        "first": pixels[0].tolist(),
        "last": pixels[-1].tolist(),
        "digest": hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()[:16],
    }


def sam_med2d(path: Path, folder: Path) -> Iterator[dict[str, Any]]:
    import torchvision  # noqa: F401 - before the stand-ins, which it would look at

    for name in (
        "qudida",
        "sklearn",
        "sklearn.decomposition",
        "sklearn.preprocessing",
        "matplotlib",
    ):
        sys.modules[name] = MagicMock()  # imported for what is not used here
    from DataLoader import TestingDataset

    image = folder / "image.png"
    cv2.imwrite(str(image), np.zeros((*cv2.imread(str(path), 0).shape, 3), np.uint8))
    (folder / "label2image_test.json").write_text(json.dumps({str(path): str(image)}))
    item = TestingDataset(str(folder), image_size=256)[0]
    yield {"box": item["boxes"][0].tolist(), **seen(item["label"][0].numpy() == 1)}


def samus(path: Path, folder: Path) -> Iterator[dict[str, Any]]:
    name = ""
    for part in ("batchgenerators", ".utilities", ".file_and_folder_operations"):
        name += part
        sys.modules[name] = MagicMock()  # imported, but not for what is used here
    from utils.data_us import JointTransform2D, correct_dims, fixed_bbox, fixed_click

    transform = JointTransform2D(
        img_size=256, low_img_size=128, ori_size=256, crop=None, color_jitter_params=None,
        long_mask=True,
    )  # fmt: skip  # as test.py has it
    mask = cv2.imread(str(path), 0)
    mask[mask > 1] = 1
    _, truth, _ = transform(*correct_dims(mask, mask))
    point, _ = fixed_click(np.array(truth), 1)
    box = fixed_bbox(np.array(truth), 1, 256)
    facts = seen(truth.numpy() == 1)
    yield {
        "point": point[0].tolist(),
        "box": box.tolist(),
        "foreground": facts["foreground"],
        "digest": facts["digest"],
    }


def medical_sam_adapter(path: Path, folder: Path) -> Iterator[dict[str, Any]]:
    click = definitions("utils.py", "random_click", np=np)["random_click"]
    drawn: list[np.ndarray] = []

    def watched(mask: np.ndarray, label: int) -> Any:
        drawn.append(mask)
        return click(mask, label)

    given = {"Dataset": object, "Image": Image, "np": np, "os": os, "random_click": watched}
    isic = definitions("dataset/isic.py", "ISIC2016", **given)["ISIC2016"]
    for side in (256, 1024):
        data = isic.__new__(isic)  # without its table of files
        data.__dict__ |= vars(
            SimpleNamespace(
                name_list=[path.name], label_list=[path.name], data_path=str(path.parent),
                prompt="click", img_size=side, transform=None,
            )
        )  # fmt: skip
        data[0]
        mask = drawn.pop()
        yield {"options": {"image_size": side}, **seen(mask == max(set(mask.flatten())))}


CODE = {
    "sam-med2d": sam_med2d,
    "samus": samus,
    "medical-sam-adapter": medical_sam_adapter,
}


def main(adapter: str, where: str, *names: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        paths = {name: Path(where).resolve() / name for name in names}
        if where == "made":
            for name, mask in made_masks().items():
                paths[f"made/{name}"] = folder / f"{name}.png"
                Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{name}.png")
        for name, path in paths.items():
            for facts in CODE[adapter](path, folder):
                print(json.dumps({"adapter": adapter, "mask": name, **facts}))


if __name__ == "__main__":
    main(*sys.argv[1:])
