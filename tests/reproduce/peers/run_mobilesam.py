"""ChaoningZhang/MobileSAM: `SamPredictor`, one box and two clicks."""

import numpy as np
from authors import POLYP, REAL, Answers, weights
from mobile_sam import SamPredictor, sam_model_registry
from PIL import Image

answers = Answers("mobile_sam")
network = sam_model_registry["vit_t"]()
network.load_state_dict(weights("mobile_sam"), strict=True)
predictor = SamPredictor(network.eval())
points, labels, box = [[120, 200], [40, 50]], [1, 0], [30, 60, 300, 310]
for path in (POLYP, REAL / "drive" / "test" / "images" / "01_test.tif"):
    image = np.asarray(Image.open(path).convert("RGB"))
    predictor.set_image(image)
    one, _, _ = predictor.predict(box=np.array(box), multimask_output=False, return_logits=True)
    answers.add(
        "box",
        path.name,
        image,
        one,
        prompt={"box": box},
        take="candidates",
        options={"multimask": "single"},
    )
    three, _, _ = predictor.predict(
        point_coords=np.array(points),
        point_labels=np.array(labels),
        multimask_output=True,
        return_logits=True,
    )
    answers.add(
        "point",
        path.name,
        image,
        three,
        prompt={"points": points, "labels": labels},
        take="candidates",
        options={"multimask": "three"},
    )
answers.write()
