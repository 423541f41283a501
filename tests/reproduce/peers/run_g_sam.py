"""usagisukisuki/G-SAM: the transforms of `loader/utils.py`, the network as `test.py` calls it."""

import collections
from types import SimpleNamespace

import numpy as np
import torch
import torchvision
from authors import REAL, Answers, definitions, probe_of, weights
from PIL import Image

resnet = torchvision.models.resnet101
torchvision.models.resnet101 = lambda pretrained: resnet()  # seeded weights take the place of its
from models.generalized_segment_anything.build_sam import gsam_model_registry  # noqa: E402

collections.Iterable = collections.abc.Iterable  # where it was then
transforms = definitions(
    "loader/utils.py",
    "ExtCompose",
    "ExtResize",
    "ExtToTensor",
    "ExtNormalize",
    F=torchvision.transforms.functional,
    Image=Image,
    collections=collections,
)
ready = transforms["ExtCompose"](
    [
        transforms["ExtResize"]((256, 256)),
        transforms["ExtToTensor"](),
        transforms["ExtNormalize"]((0.466, 0.471, 0.380), (0.195, 0.194, 0.192)),
    ]
)
answers = Answers("g_sam")
network = gsam_model_registry["vit_b"](
    SimpleNamespace(encoder_input_size=256, num_classes=2, multimask_output=False)
)
network.load_state_dict(weights("g_sam"), strict=True)
network.eval()
for path in (
    REAL / "biomedparse" / "demo" / "18_pathology_colon.png",
    REAL / "drive" / "test" / "images" / "01_test.tif",
):
    picture = Image.open(path).convert("RGB")
    pixels, _ = ready(picture, picture.convert("L"))
    with torch.no_grad():
        masks = network(pixels[None], None, None)["masks"]
    answers.add(
        "none",
        path.name,
        np.asarray(picture),
        masks[0],
        input=pixels,
        take="logits",
        **probe_of(path),
    )
answers.write()
