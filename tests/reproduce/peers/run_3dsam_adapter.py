"""med-air/3DSAM-adapter: the whole of `3DSAM-adapter/test.py: main`."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import tumours
from authors import OUT, Answers, weights

os.chdir("3DSAM-adapter")
sys.path.insert(0, str(Path.cwd()))
from modeling import image_encoder, mask_decoder, prompt_encoder  # noqa: E402

answers = Answers()


def run(part, name, stack, spacing, layout, small):
    folder, label = tumours.write(stack, spacing)
    number, places = tumours.click(label, spacing)
    (OUT / "colon").mkdir(exist_ok=True)
    torch.save(tumours.state_of(weights(layout)), OUT / "colon" / "last.pth.tar")
    source = Path("test.py").read_text("utf-8")
    release = SimpleNamespace(watched=tumours.Watched(), masks=None)
    space = {"__name__": "release"}
    exec(compile(tumours.smaller(source) if small else source, "test.py", "exec"), space)

    def compared(masks, _):
        release.masks = masks
        return torch.zeros(1)

    space |= {
        "F": release.watched,
        "DiceLoss": lambda **_: compared,
        "metrics": SimpleNamespace(compute_surface_dice_at_tolerance=lambda *_: 0.0),
    }
    if small:
        space["ImageEncoderViT_3d"] = lambda **given: tumours.small_encoder(
            image_encoder.ImageEncoderViT_3d_v2,
            **given | tumours.SMALL_ENCODER | {"img_size": 128},
        )
        space["PromptEncoder"] = lambda transformer: prompt_encoder.PromptEncoder(
            transformer=prompt_encoder.TwoWayTransformer(2, 16, 8, 32), num_pos_feats=8
        )
        space["VIT_MLAHead"] = lambda img_size: mask_decoder.VIT_MLAHead_h(
            mla_channels=16, mlahead_channels=8
        )
        prompt_encoder.PromptEncoder.forward.__defaults__ = ([512, 512, 32], [4, 4, 4])
    np.random.choice = lambda *_, **__: np.array([number])
    side = 16 if small else 128
    sys.argv = ["test.py", "--data", "colon", "--snapshot_path", str(OUT), "--device", "cpu"]
    sys.argv += ["--data_prefix", folder, "--rand_crop_size", str(side)]
    space["main"]()
    answers.add_stack(
        part,
        name,
        stack,
        release.watched.last,
        masks=release.masks[0].numpy(),
        weights=[layout],
        options={"data": "colon"},
        spacing=spacing,
        prompts=[{"points": places, "labels": [1]}],
        take="scores",
    )


if "PEER_SMALL" not in os.environ:
    run("point", tumours.CT_NAME, tumours.CT, tumours.CT_MM, "sam_adapter_3d", False)
run("small network", "waves", tumours.WAVES, tumours.WAVES_MM, "sam_adapter_3d_scaled", True)
answers.write()
