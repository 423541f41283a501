"""MedICL-VU/ProMISe: `promise/src/processor/tester.py: get_final_prediction` with its networks."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import tumours
from authors import OUT, Answers, weights

os.chdir("promise")
sys.path.insert(0, str(Path.cwd()))
from src.config import config_setup  # noqa: E402
from src.models import image_encoder, mask_decoder, prompt_encoder  # noqa: E402

answers = Answers()


def run(part, name, stack, spacing, layout, small):
    folder, label = tumours.write(stack, spacing)
    number, places = tumours.click(label, spacing)
    file = OUT / f"{layout}.pth"
    torch.save(tumours.state_of(weights(layout)), file)
    if small:
        config_setup.Promise = lambda **given: tumours.small_encoder(
            image_encoder.Promise, **given | tumours.SMALL_ENCODER
        )
        config_setup.PromptEncoder = lambda transformer: prompt_encoder.PromptEncoder(
            transformer=prompt_encoder.TwoWayTransformer(2, 16, 8, 32), num_pos_feats=8
        )
        config_setup.VIT_MLAHead = lambda **_: mask_decoder.VIT_MLAHead(
            mla_channels=16, mlahead_channels=8
        )
        prompt_encoder.PromptEncoder.forward.__defaults__ = ([512, 512, 32], [4, 4, 4])
    source = Path("src/processor/tester.py").read_text("utf-8")
    space = {"__name__": "tester"}
    exec(compile(tumours.smaller(source) if small else source, "tester.py", "exec"), space)
    args = SimpleNamespace(
        **{"data": "colon", "data_dir": folder, "split": "test", "num_worker": 0, "batch_size": 1},
        **{"device": "cpu", "rand_crop_size": (16 if small else 128,) * 3, "num_prompts": 1},
        **{"use_pretrain": True, "pretrain_path": str(file)},
    )
    parts = config_setup.load_model(args, SimpleNamespace(info=lambda _: None))
    ((image, truth, _),) = config_setup.load_data_set(args, "test")
    np.random.choice = lambda *_, **__: np.array([number])
    with torch.no_grad():
        given = space["get_input"](args, image, truth)
        nets = (parts[n] for n in ("img_encoder", "prompt_encoder_list", "mask_decoder"))
        found, _ = space["get_final_prediction"](args, *given, *nets)
    answers.add_stack(
        part,
        name,
        stack,
        np.asarray(found),
        masks=np.asarray(found[0]) > 0.5,
        weights=[layout],
        options={"data": "colon"},
        spacing=spacing,
        prompts=[{"points": places, "labels": [1]}],
        take="scores",
    )


if "PEER_SMALL" not in os.environ:
    run("point", tumours.CT_NAME, tumours.CT, tumours.CT_MM, "promise", False)
run("small network", "waves", tumours.WAVES, tumours.WAVES_MM, "promise_scaled", True)
answers.write()
