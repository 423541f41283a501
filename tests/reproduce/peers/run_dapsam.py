"""wkklavis/DAPSAM: data sets and networks of `fundus/` and `prostate/`, of the same names."""

import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import SimpleITK
import torch
from authors import CT, OUT, REAL, SMALL_SAM, Answers, never_called, probe_of, weights
from PIL import Image

never_called("pywt")
paths = ModuleType("batchgenerators.utilities.file_and_folder_operations")
paths.join = os.path.join
sys.modules |= {
    "batchgenerators": ModuleType("batchgenerators"),
    "batchgenerators.utilities": ModuleType("batchgenerators.utilities"),
    paths.__name__: paths,
}


def of(part):
    """The modules of one of the two folders: they bear the same names."""
    for name in list(sys.modules):
        if name.partition(".")[0] in {"segment_anything", "datasets"}:
            del sys.modules[name]
    sys.path.insert(0, str(Path(part).resolve()))
    if part == "fundus":
        from datasets.fundus.RIGA_dataloader import RIGA_labeled_set as data
    else:
        from datasets.prostate.PROSTATE_dataloader import PROSTATE_dataset as data
    from segment_anything import build_sam as builder

    return data, sys.modules[builder.__module__]


def network(builder, layout, classes, side, sizes):
    """Their network with seeded weights; `sizes`: an encoder other than ViT-B's."""
    make = builder._build_sam if sizes else builder.sam_model_registry["vit_b"]
    found, _ = make(
        image_size=side,
        num_classes=classes,
        checkpoint=None,
        pixel_mean=[0, 0, 0],
        pixel_std=[1, 1, 1],
        **sizes,
    )
    found.load_state_dict(weights(layout), strict=True)
    # Of SAM's grid at 512 (384) px, whatever the size that the network is built for.
    found.prompt_generator.image_embedding_size = (side // 16, side // 16)
    return found.eval()


def asked(model, pixels, side):
    """(classes, side, side) logits."""
    with torch.no_grad():
        return model(torch.from_numpy(pixels)[None].float(), False, side)["masks"][0]


answers = Answers()
data, builder = of("fundus")
for part, layout, side, sizes, names in (
    ("none", "dapsam_fundus", 512, {}, ["23_fundus_retinal.png", "24_endoscope_colon.png"]),
    ("scaled", "dapsam_fundus_scaled", 128, SMALL_SAM, ["23_fundus_retinal.png"]),
):
    model = network(builder, layout, 2, side, sizes)
    for name in names:
        path = REAL / "biomedparse" / "demo" / name
        Image.open(path).convert("RGB").save(OUT / "image.png")
        Image.fromarray(np.zeros((1024, 1024), np.uint8)).save(OUT / "label.png")
        pixels, _, _ = data(str(OUT), ["image.png"], ["label.png"], (side, side))[0]
        answers.add(
            part,
            name if part == "none" else f"{name} (smaller network)",
            np.asarray(Image.open(path).convert("RGB")),
            asked(model, pixels, side),
            weights=[layout],
            input=pixels,
            take="logits",
            **probe_of(path),
        )
data, builder = of("prostate")
with np.load(CT) as content:
    volume = content["imgs"][[7]][:, 64:448, 64:448].astype(np.float32)
for name, values in (("image.nii.gz", volume), ("label.nii.gz", np.ones_like(volume))):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(OUT / name))
pixels, _, _ = data(str(OUT), ["image.nii.gz"], ["label.nii.gz"])[0]
model = network(builder, "dapsam_prostate", 1, 384, {})
answers.add(
    "none",
    f"slice 7 of {CT.name} cut to 384x384 (prostate)",
    volume[0],
    asked(model, pixels, 384),
    weights=["dapsam_prostate"],
    input=pixels.repeat(3, axis=0),
    take="logits",
    options={"recipe": "prostate"},
)
answers.write()
