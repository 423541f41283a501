"""Curli-quan/Slide-SAM: `core/volume_predictor.py: VolumePredictor`, its LoRA layers in place."""

import os
import sys
from types import SimpleNamespace

import cv2
import numpy as np
from authors import SMALL_SAM, Answers, definitions, never_called, weights
from made import ellipse, stack_of

never_called("trans_utils", "trans_utils.metrics", "core.loss", "datasets", "tutils", "tutils.new")
never_called("tutils.new.manager", "tutils.nn", "tutils.nn.data")
boxes = definitions("datasets/data_engine.py", "BoxPromptGenerator", Dataset=object)
sys.modules["datasets.data_engine"] = SimpleNamespace(
    BoxPromptGenerator=boxes["BoxPromptGenerator"],
    DataEngine=None,
    DataManager=None,
    PointPromptGenerator=None,
)
from core.lora_sam import LoRA_Sam  # noqa: E402
from core.volume_predictor import VolumePredictor  # noqa: E402
from modeling.build_sam3d2 import _build_sam, sam_model_registry  # noqa: E402

answers = Answers()
morphology = cv2.morphologyEx
# Their fourth argument, which newer OpenCVs refuse, is where the result would be written.
cv2.morphologyEx = lambda image, kind, kernel, *_: morphology(image, kind, kernel)


def run(part, name, stack, layout, rank, small, plane, centre=(24, 30), radii=(12, 18)):
    sam = _build_sam(**SMALL_SAM) if small else sam_model_registry["vit_b"]()
    LoRA_Sam(sam, rank, freeze_prompt_encoder=True)
    sam.load_state_dict(weights(layout))
    # Random weights are trusted by nothing: without both limits the masks are followed.
    predictor = VolumePredictor(sam.eval(), pred_iou_thresh=-1, stability_score_thresh=0)
    values = stack_of(stack).astype(np.float32)
    values = np.clip(values, -200, 400) if values.min() < -10 else np.clip(values, 0, 600)
    rows, columns = np.nonzero(ellipse(values.shape[1:], centre, radii))
    box = [columns.min(), rows.min(), columns.max(), rows.max()]
    masks = predictor.predict_volume(
        x=values, box=np.array([box]), template_slice_id=plane, return_stability=False
    )
    (y0, x0), (y1, x1) = box[1::-1], box[:1:-1]
    answers.add_stack(
        part,
        name,
        stack,
        masks[None].astype(np.float32),
        masks=masks[None],
        weights=[layout],
        options={"iou": -1, "stability": 0},
        prompts=[{"plane": plane, "box": np.array([[plane, y0, x0], [plane, y1, x1]]).tolist()}],
        take="scores",
    )


CT = {"of": "ct", "cut": [[2, 8], [180, 340], [160, 320]], "hu": [-150, 250]}
CT_NAME = "slices 2 to 7 of CT_Lesion_000001_02_01_008-023.npz cut to 160x160"
waves = {"of": "waves", "cut": [[0, 4], [0, 56], [0, 64]], "hu": [-150, 250]}
if "PEER_SMALL" not in os.environ:
    # Random weights find nothing in a small box on the CT: one round its middle, and the waves.
    run("box", CT_NAME, CT, "slide_sam", 8, False, 3, (80, 80), (76, 76))
    run("box", "waves", waves, "slide_sam", 8, False, 1)
run("small network", "waves", waves, "slide_sam_scaled", 2, True, 1)
answers.write()
