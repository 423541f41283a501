"""MedSegX/MedSegX-code: `TaskMedSegDB` and the steps of `evaluate_internal.py: evaluate`."""

import numpy as np
import torch
from authors import OUT, REAL, SMALL_SAM, Answers, probe_of, saved, weights
from data.dataset import TaskMedSegDB
from model import MedSegX
from PIL import Image
from segment_anything.build_sam import _build_sam, sam_model_registry
from segment_anything.utils.transforms import ResizeLongestSide
from torch.nn.functional import interpolate
from torchvision.transforms import Resize

answers = Answers()
DEMO = REAL / "biomedparse" / "demo"


def network(layout, base, side, **sizes):
    """Their network over a seeded SAM; `sizes`: an encoder other than ViT-B's."""
    builder = _build_sam if sizes else sam_model_registry["vit_b"]
    found = MedSegX(
        builder(image_size=side, keep_resolution=True, checkpoint=saved(base), **sizes), 16, 16, 4
    )
    found.load_parameters(weights(layout))
    return found.eval()


def stored(image, box, task):
    """An image as MedSegDB stores it, with a mask that fills a box, read back by their data set."""
    folder = OUT / "eval" / "ID" / "made" / task
    for part in ("npy_imgs", "npy_gts"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for old in (folder / part).iterdir():
            old.unlink()
    mask = np.zeros(image.shape[:2], np.uint8)
    x0, y0, x1, y1 = box
    mask[y0 : y1 + 1, x0 : x1 + 1] = 1
    np.save(folder / "npy_imgs" / "case.npy", image)
    np.save(folder / "npy_gts" / "case.npy", mask)
    return TaskMedSegDB(str(folder), train=False)


for layout, base, side, sizes in (
    ("medsegx", "sam_vit_b", 256, {}),
    ("medsegx_scaled", "sam_small_128", 64, SMALL_SAM),
):
    model = network(layout, base, side, **sizes)
    for path, task, box, cut in (
        (DEMO / "04_CT_liver.png", "CT_Liver", [150, 200, 600, 700], None),
        (DEMO / "25_dermoscopy_skin.png", "Dermoscopy_Skin", [250, 200, 800, 750], None),
        # Two labels of one image; of the size that MedSegDB has.
        (DEMO / "04_CT_liver.png", "CT_Spleen", [20, 30, 190, 200], 256),
    ):
        image = np.asarray(Image.open(path).convert("RGB"))
        image = image[300 : 300 + cut, 300 : 300 + cut].copy() if cut else image
        data, label = stored(image, box, task)[0]
        data = {
            "img": data["img"][None],
            "box": data["box"][None],
            "modal": torch.tensor([data["modal"]]),
            "organ": tuple(torch.tensor([number]) for number in data["organ"]),
        }
        if data["img"].shape[-1] != side:
            data["box"] = (
                ResizeLongestSide(side)
                .apply_boxes_torch(data["box"].reshape(-1, 2, 2), data["img"].shape[-2:])
                .reshape(-1, 4)
            )
            data["img"] = Resize((side, side), antialias=True)(data["img"])
        with torch.no_grad():
            masks = model(data)
            if masks.shape[-1] != label.shape[-1]:
                masks = interpolate(masks, size=label.shape[-1], mode="bilinear", antialias=True)
        answers.add(
            "box" if side == 256 else "scaled",
            f"{path.name} as {task}" + (f" ({cut}x{cut})" if cut else ""),
            image,
            masks[0],
            weights=[base, layout],
            input=model.sam.preprocess(data["img"])[0],
            prompt={"box": box},
            take="candidates",
            options={"task": task, "image_size": side},
            **({} if cut else probe_of(path)),
        )
answers.write()
