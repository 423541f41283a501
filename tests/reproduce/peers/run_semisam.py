"""YichiZhang98/SemiSAM: `code_semisam+/test_3D_util.py: test_single_case` with its network."""

import math
import os
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional
from authors import Answers, weights, without_cuda
from made import stack_of

os.chdir("code_semisam+")
sys.path.insert(0, str(Path.cwd()))
from networks.unet_3D import unet_3D  # noqa: E402

without_cuda()
answers = Answers()
source = Path("test_3D_util.py").read_text("utf-8")
start = source.index("def test_single_case")
# Its averaged softmax beside the labels.
source = source[start : source.index("def cal_metric")].replace(
    "return label_map", "return label_map, score_map"
)
space = {"np": np, "torch": torch, "F": torch.nn.functional, "math": math}
exec(compile(source, "test_3D_util.py", "exec"), space)


def run(part, name, stack, layout, side, **sizes):
    network = unet_3D(n_classes=2, in_channels=1, **sizes)
    network.load_state_dict(weights(layout))
    values = stack_of(stack).astype(np.float32).transpose(2, 1, 0)
    label, scores = space["test_single_case"](
        network.eval(), values, side // 2, side // 2, (side,) * 3, num_classes=2
    )
    answers.add_stack(
        part,
        name,
        stack,
        scores[None, 1:].transpose(0, 1, 4, 3, 2),
        masks=label[None].transpose(0, 3, 2, 1) == 1,
        weights=[layout],
        options={} if side == 128 else {"window": side},
        take="scores",
    )


REAL = {"of": "brats", "cut": [[20, 80], [10, 150], [10, 130]]}
if "PEER_SMALL" not in os.environ:
    run("none", "BraTS2021_01646 (60x140x120 voxels)", REAL, "semisam", 128)
waves = {"of": "waves", "cut": [[0, 5], [0, 40], [0, 56]], "hu": [-2, 2]}
run("small network", "waves", waves, "semisam_scaled", 32, feature_scale=16)
answers.write()
