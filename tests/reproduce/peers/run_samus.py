"""xianlin7/SAMUS: `Samus.forward` with its transforms, click and Dice."""

from types import SimpleNamespace

import cv2
import numpy as np
import torch
from authors import POLYP, REAL, Answers, never_called, weights

never_called("hausdorff", "batchgenerators", "batchgenerators.utilities")
never_called("batchgenerators.utilities.file_and_folder_operations")
from models.segment_anything_samus.build_sam_us import samus_model_registry  # noqa: E402
from utils.data_us import JointTransform2D, correct_dims, fixed_click  # noqa: E402
from utils.metrics import dice_coefficient  # noqa: E402

answers = Answers("samus")
network = samus_model_registry["vit_b"](SimpleNamespace(encoder_input_size=256))
network.load_state_dict(weights("samus"), strict=True)
network.eval()
transform = JointTransform2D(
    img_size=256,
    low_img_size=128,
    ori_size=256,
    crop=None,
    p_flip=0,
    color_jitter_params=None,
    long_mask=True,
)
demo = REAL / "sam_med2d_demo"
(polyp_mask,) = (REAL / "endotect" / "masks").glob(f"{POLYP.stem}.*")
for path, mask_path in (
    (POLYP, polyp_mask),
    (demo / "images" / "amos_0004_75.png", demo / "masks" / "amos_0004_75_liver_000.png"),
    (demo / "images" / "s0619_32.png", demo / "masks" / "s0619_32_hip_left_000.png"),
):
    grey, mask = cv2.imread(str(path), 0), cv2.imread(str(mask_path), 0)
    mask[mask > 1] = 1
    pixels, truth, _ = transform(*correct_dims(grey, mask))
    point, label = fixed_click(np.array(truth), 1)
    with torch.no_grad():
        found = network(
            pixels[None].float(),
            (
                torch.as_tensor(point, dtype=torch.float32)[None],
                torch.as_tensor(np.array(label))[None],
            ),
        )["masks"]
    predicted = (torch.sigmoid(found) > 0.5).numpy()[0].astype(float) * 255
    reference = truth.numpy() == 1
    answers.add(
        "point",
        f"{path.name} as grey",
        grey,
        found[0, 0],
        input=pixels[:1],
        prompt={
            "points": np.reshape(point, (-1, 2)).tolist(),
            "labels": np.ravel(label).tolist(),
            "on": "input",
        },
        grid="model_input",
        mask=mask > 0,
        reference=reference,
        dice=float(dice_coefficient(predicted, reference[None].astype(float) * 255)),
    )
answers.write()
