"""uni-medical/IMIS-Bench: `model.py: IMISNet` with the transforms of `data_loader.py`."""

from argparse import Namespace

import dataloaders.data_utils as data
import model as release
import numpy as np
import torch
from authors import POLYP, REAL, Answers, weights
from PIL import Image
from segment_anything import sam_model_registry

release.AutoTokenizer = type("Unasked", (), {"from_pretrained": lambda *_: None})
answers = Answers("imis_net")
sam = sam_model_registry["vit_b"](Namespace(image_size=1024, sam_checkpoint=None))
# transformers 5 has left out one `text_model` of the names.
state = {
    key.replace("text_model.text_model.", "text_model."): value
    for key, value in weights("imis_net").items()
}
sam.load_state_dict(state, strict=True)
network = release.IMISNet(sam, test_mode=True).eval()
DEMO = REAL / "sam_med2d_demo"
for path in (POLYP, DEMO / "images" / "amos_0004_75.png"):
    image = np.asarray(Image.open(path).convert("RGB"))
    item = data.Resize(keys=["image"], target_size=(1024, 1024))({"image": image})
    item = data.PermuteTransform(keys=["image"], dims=(2, 0, 1))(item)
    item["image"] = torch.as_tensor(item["image"])
    pixels = data.Normalization(keys=["image"])(item)["image"][None]
    box = torch.tensor([[[220.0, 180.0, 700.0, 640.0]]])
    points = torch.tensor([[[400.0, 380.0]]]), torch.tensor([[1]])
    with torch.no_grad():
        features = network.image_forward(pixels)
        for kind, prompt, told in (
            ("box", {"bboxes": box}, {"box": box[0, 0].tolist()}),
            (
                "point",
                {"point_coords": points[0], "point_labels": points[1]},
                {"points": points[0][0].tolist(), "labels": points[1][0].tolist()},
            ),
        ):
            found = network.forward_decoder(features, prompt)
            best = torch.nn.functional.interpolate(found["masks"], image.shape[:2], mode="bilinear")
            answers.add(
                kind,
                path.name,
                image,
                best[0, 0],
                input=pixels[0],
                prompt=told | {"on": "input"},
                take="best",
                file=str(path.relative_to(REAL)),
                read="rgb",
            )
answers.write()
