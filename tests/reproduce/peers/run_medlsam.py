"""openmedlab/MedLSAM: its inference scripts as they are, on files; GPUs and half precision off."""

import os
import random
import sys
from pathlib import Path

import nibabel
import numpy as np
import scipy.ndimage
import torch
from authors import OUT, SMALL_SAM, Answers, read_volume, saved, without_cuda
from made import stack_of, supports_of

build_sam = sys.modules["MedSAM.segment_anything.build_sam"]  # a function has the same name
without_cuda()
torch.nn.Module.cuda = torch.nn.Module.half = lambda self, *_: self
torch.Tensor.half = lambda self: self
np.NaN = np.nan
scipy.ndimage.morphology = scipy.ndimage
from MedLAM import Anatomy_detection  # noqa: E402

answers = Answers()
CONFIG = """[data]
support_image_ls = {out}/support_image.txt
support_label_ls = {out}/support_label.txt
query_image_ls = {out}/query_image.txt
query_label_ls = {out}/query_label.txt
gt_slice_threshold = 10
fg_class = [1,2]
bbox_mode = {mode}
slice_interval = {interval}
seg_save_path = {out}/found
seg_png_save_path = {out}/drawn
[vit]
net_type = vit_b
[weight]
medlam_load_path = {medlam}
vit_load_path = {sam}
"""


def listed(name, arrays, affines):
    """Files and the list of them that the release reads."""
    paths = []
    for number, (array, affine) in enumerate(zip(arrays, affines, strict=True)):
        paths.append(str(OUT / f"{name}_{number}.nii.gz"))
        nibabel.save(nibabel.Nifti1Image(array, affine), paths[-1])
    (OUT / f"{name}.txt").write_text("\n".join(paths), "utf-8")


def run(part, name, stack, spacing, supports, layouts, mode, interval=2):
    shown = supports_of(supports)
    affines = [shown[f"support.{n}.affine"].numpy() for n in range(len(supports))]
    for kind in ("image", "label"):
        arrays = [shown[f"support.{n}.{kind}"].numpy() for n in range(len(supports))]
        listed(f"support_{kind}", arrays, affines)
    values = stack_of(stack).transpose(2, 1, 0)
    place = [np.diag([*spacing[::-1], 1.0])]
    listed("query_image", [values], place)
    # Every slice holds both classes: of one without, the release loses the whole case.
    reference = np.ones(values.shape, np.int16)
    reference[values.shape[0] // 2 :] = 2
    listed("query_label", [reference], place)
    medlam, sam = (saved(layout) for layout in layouts)
    config = OUT / "test.txt"
    config.write_text(
        CONFIG.format(out=OUT, mode=mode, interval=interval, medlam=medlam, sam=sam), "utf-8"
    )
    script = f"MedLSAM_{mode}_Inference.py"
    sys.argv = [script, "-c", str(config)]
    random.seed(2023)
    np.random.seed(2023)
    text = Path(script).read_text("utf-8").replace("cuda:0", "cpu")
    # Its `result` folder lies beside the script.
    space = {"__name__": "__main__", "__file__": str(OUT / script)}
    exec(compile(text, script, "exec"), space)
    masks = np.stack([read_volume(f"found/test_query_image_0_0_cl{n}.nii.gz") for n in (1, 2)])
    # Boxes lie on SAM's input by now. The first class that is asked on a slice, last box.
    given, scores = space["corner_cor_dic"], []
    for z in sorted(space["imgs"]):
        for boxes in given.values():
            there = [box for box in boxes if box[0][0] <= z <= box[1][0]]
            if there:
                (_, y0, x0), (_, y1, x1) = there[-1]
                box = np.array([x0 - 10, y0 - 10, x1 + 10, y1 + 10])
                found = space["finetune_model_predict"](
                    space["imgs"][z], box, space["sam_trans"], space["sam_model_tune"]
                )
                scores.append(found[1])
                break
    print(part, mode, {k: np.array(v).tolist() for k, v in given.items()}, masks.sum((2, 3)))
    answers.add_stack(
        part,
        name,
        stack,
        np.stack(scores),
        masks=masks.astype(bool),
        weights=list(layouts),
        strip="module.",
        spacing=spacing,
        supports=supports,
        options={"boxes": {"SPL": "parts", "WPL": "whole"}[mode]},
        take="grid",
    )


def of(cut, mm, name="waves"):
    return {"of": name, "cut": cut, "hu": [-1000, 1500], "mm": mm}


if "PEER_SMALL" not in os.environ:
    ct = {"of": "ct", "cut": [[0, 15], [100, 400], [100, 400]], "hu": [-1000, 1000]}
    run(
        "none",
        "CT_Lesion_000001_02_01_008-023 (15x300x300, one example)",
        ct,
        [5.0, 0.8, 0.8],
        [ct | {"cut": [[1, 16], [110, 390], [90, 380]], "mm": [-0.8, -0.8, 5.0]}],
        ["medlam", "sam_vit_b"],
        "WPL",
    )
large = Anatomy_detection.MedLAM
Anatomy_detection.MedLAM = lambda **given: large(**given | {"base_chns": 1})
plain = build_sam._build_sam
build_sam._build_sam = lambda checkpoint=None, **_: plain(checkpoint=checkpoint, **SMALL_SAM)
waves = {"of": "waves", "cut": [[0, 5], [0, 96], [0, 120]], "hu": [-1000, 1500]}
shown = [
    of([[0, 5], [4, 84], [8, 108]], [-1.3, -1.3, 15.0]),
    of([[0, 5], [10, 96], [0, 101]], [1.2, -1.4, 14.0]),
]
for mode, some in (("SPL", shown[:1]), ("WPL", shown)):
    run(
        "small network",
        "waves",
        waves,
        [14.0, 1.5, 1.5],
        some,
        ["medlam_scaled", "sam_small_1024"],
        mode,
    )
answers.write()
