"""11yxk/SAM-LST: `utils.py: test_single_volume` with `SAM_LST` and the released file's layout.

The release's own test never loads that file; its constructor reads two others, which are left out.
"""

import numpy as np
import torch
from authors import (
    CT,
    OUT,
    SMALL_SAM,
    Answers,
    never_called,
    probe_of,
    read_volume,
    weights,
    without_cuda,
)

never_called("icecream")
without_cuda()
import my_sam_LST  # noqa: E402 - the release's, after Tensor.cuda is out of the way
import utils  # noqa: E402
from segment_anything.build_sam import _build_sam, sam_model_registry  # noqa: E402
from torchvision.models import resnet18  # noqa: E402

answers = Answers("sam_lst", strip="module.")
my_sam_LST.resnet18 = lambda **_: resnet18()


def network(layout, **sizes):
    """Their network with seeded weights; `sizes`: other ones than ViT-B's at 512 px."""
    builder = _build_sam if sizes else sam_model_registry["vit_b"]
    my_sam_LST.sam_model_registry = {
        "vit_b": lambda **given: builder(**given | {"checkpoint": None} | sizes)
    }
    found = torch.nn.DataParallel(my_sam_LST.SAM_LST())
    found.load_state_dict(weights(layout), strict=True)
    return found.eval()


with np.load(CT) as content:
    image = (content["imgs"][[7]] / 255).astype(np.float32)
    truth = (content["gts"][[7]] > 0).astype(np.float32)
seen = []
for layout, side, sizes in (
    ("sam_lst", 512, {}),
    ("sam_lst_scaled", 128, SMALL_SAM | {"image_size": 128}),
):
    model = network(layout, **sizes)

    def watched(*arguments, model=model):
        found = model(*arguments)
        seen.append((arguments[0][0], found["masks"][0]))
        return found

    watched.eval = model.eval
    for part, name, cut in (
        ("whole", f"slice 7 of {CT.name} (512x512)", np.s_[:]),
        ("cut", "slice 7 cut to 380x470", np.s_[:, 60:440, 30:500]),
    ):
        utils.test_single_volume(
            torch.from_numpy(image[cut].copy())[None],
            torch.from_numpy(truth[cut].copy())[None],
            watched,
            8,
            True,
            [side, side],
            [224, 224],
            str(OUT),
            f"{layout}_{part}",
            1,
        )
        pixels, masks = seen.pop()
        answers.add(
            "none" if side == 512 else "scaled",
            name,
            image[cut][0],
            masks,
            weights=[layout],
            input=pixels,
            label_map=read_volume(f"{layout}_{part}_pred.nii.gz")[0],
            take="logits",
            **(probe_of(CT, "slice 7 of 0-1") if part == "whole" else {}),
        )
answers.write()
