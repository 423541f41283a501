"""jiesihu/Neuroverse3D: its network and the steps of `Inference.py` that lead to it."""

import os
import random

import numpy as np
import torch
from authors import Answers, definitions, weights
from made import context_of, stack_of
from neuroverse3D.models.neuroverse3D import Neuroverse3D

answers = Answers()
space = {"F": torch.nn.functional}
resizer = definitions("Inference.py", "VolumeResizer", **space)["VolumeResizer"]
unit = definitions("utils/dataloading.py", "normalize_3d_volume")["normalize_3d_volume"]


def run(part, name, stack, context, layout, widths, side):
    network = Neuroverse3D(
        in_channels=1,
        out_channels=1,
        stages=len(widths),
        dim=3,
        inner_channels=widths,
        conv_layers_per_stage=2,
    )
    network.load_state_dict({k.removeprefix("net."): v for k, v in weights(layout).items()})
    network.eval()
    random.seed(0)
    resize = resizer(ROI=(side,) * 3)
    shown = context_of(context)
    images, labels = (
        resize.resize(shown[f"context.{kind}"][:, None].float())[None]
        for kind in ("images", "labels")
    )
    volume = torch.from_numpy(stack_of(stack).astype(np.float32).transpose(2, 1, 0).copy())
    given = resize.resize(volume[None, None])
    mask = torch.zeros_like(given)
    answered = []
    for number in sorted(torch.unique(labels).int().tolist()):
        with torch.no_grad():
            found = network(unit(given), unit(images), unit((labels == number).float()), l=2)
        mask[found > 0.5] = number
        answered.append(found)
    whole = resize.recover(mask)[0, 0].numpy().transpose(2, 1, 0)
    numbers = [n for n in sorted(torch.unique(labels).int().tolist()) if n]
    answers.add_stack(
        part,
        name,
        stack,
        answered[1][0],
        masks=np.stack([whole == n for n in numbers]),
        weights=[layout],
        strip="net.",
        context=context,
        options={} if side == 128 else {"side": side},
        take="grid",
    )


REAL = {"of": "brats", "cut": [[40, 70], [30, 130], [30, 120]]}
SHOWN = [{"of": "brats", "cut": [[s, s + 30], [20, 120], [25, 115]]} for s in (30, 45, 60)]
if "PEER_SMALL" not in os.environ:
    # A cube of 64 voxels instead of 128 for time.
    run(
        "none",
        "BraTS2021_01646 (30x100x90 voxels, three examples of it)",
        REAL,
        SHOWN,
        "neuroverse3d",
        [32, 64, 128, 256, 512],
        64,
    )
waves = {"of": "waves", "cut": [[0, 5], [0, 40], [0, 56]]}
shown = [{"of": "waves", "cut": [[0, 5], [n, n + 40], [n, n + 56]]} for n in (8, 20, 31)]
run("small network", "waves", waves, shown, "neuroverse3d_scaled", [8, 16, 32, 64, 128], 32)
answers.write()
