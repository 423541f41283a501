"""OpenGVLab/SAM-Med2D: `test.py: prompt_and_decoder`, `postprocess_masks`, its data set, Dice."""

import json
import os
import sys

import cv2
import numpy as np
import torch
from authors import OUT, REAL, Answers, weights

sys.argv = ["x"]
import test as release  # noqa: E402 - the check-out's test.py, which is first on the path
from DataLoader import TestingDataset  # noqa: E402
from metrics import SegMetrics  # noqa: E402
from segment_anything import sam_model_registry  # noqa: E402

answers = Answers("sam_med2d")
arguments = release.parse_args()
arguments.device, arguments.sam_checkpoint = "cpu", None
network = sam_model_registry["vit_b"](arguments).eval()
network.load_state_dict(weights("sam_med2d"), strict=True)

# Their list of masks and images, and one image cut below 256 px, which is padded instead.
os.chdir(OUT)
demo = REAL / "sam_med2d_demo"
(OUT / "data_demo").symlink_to(demo)
mask = cv2.imread(str(demo / "masks" / "amos_0004_75_liver_000.png"), 0)
image = cv2.imread(str(demo / "images" / "amos_0004_75.png"))
rows, columns = np.nonzero(mask)
top, left = max(0, int(rows.mean()) - 100), max(0, int(columns.mean()) - 90)
cut = (slice(top, top + 201), slice(left, left + 183))
cv2.imwrite("cut_image.png", image[cut])
cv2.imwrite("cut_mask.png", mask[cut])
listed = json.loads((demo / "label2image_test.json").read_text("utf-8"))
listed["cut_mask.png"] = "cut_image.png"
(OUT / "label2image_test.json").write_text(json.dumps(listed))
np.random.seed(0)
data = TestingDataset(
    str(OUT), image_size=256, mode="test", requires_name=True, point_num=1, return_ori_mask=True
)
for number, batch in enumerate(torch.utils.data.DataLoader(data, batch_size=1)):
    batch = release.to_device(batch, "cpu")
    path = data.image_paths[number]
    name = os.path.basename(data.label_paths[number])  # noqa: PTH119 - a string of theirs
    if path == "cut_image.png":
        name = "amos_0004_75_liver_000.png cut to 201x183 (the padded case)"
    with torch.no_grad():
        embedding = network.image_encoder(batch["image"])
    size = tuple(int(value) for value in batch["original_size"])
    click = {
        "points": batch["point_coords"].reshape(-1, 2).tolist(),
        "labels": batch["point_labels"].reshape(-1).tolist(),
        "on": "input",
    }
    box = {"box": batch["boxes"].reshape(-1).tolist(), "on": "input"}
    low_res = None
    for part, prompt in (("box", box), ("point", click), ("mask", click)):
        given = dict(batch)
        if part == "box":
            given["point_coords"] = given["point_labels"] = None
        else:
            given["boxes"] = None
        more = {}
        if part == "mask":
            given["mask_inputs"] = torch.sigmoid(low_res)
            more["mask_input"] = low_res[0]
        with torch.no_grad():
            _, low_res, _ = release.prompt_and_decoder(arguments, given, network, embedding)
        scores, _ = release.postprocess_masks(low_res, 256, size)
        answers.add(
            part,
            name,
            cv2.imread(path)[..., ::-1],
            scores[0, 0],
            input=batch["image"][0],
            prompt=prompt,
            take="best",
            truth=batch["ori_label"][0].numpy().squeeze() > 0,
            dice=float(SegMetrics(scores, batch["ori_label"], ["dice"])[0]),
            **more,
        )
answers.write()
