"""CaiGuoHS/ZAP-2.5DSAM: the whole of `test.py: main`."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import tumours
from authors import OUT, Answers, saved, weights

sys.modules["utils.SurfaceDistance"] = surfaces = SimpleNamespace(
    compute_surface_distances=lambda *_, **__: None,
    compute_surface_dice_at_tolerance=lambda *_: 0.0,
)
import utils  # noqa: E402 - the release's

utils.SurfaceDistance = surfaces
from modeling import image_encoder_zap  # noqa: E402
from segment_anything.build_sam import _build_sam  # noqa: E402

CODE = Path.cwd()
answers = Answers()
SMALL = {
    "encoder_embed_dim": 32,
    "encoder_depth": 2,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [1],
}
# A cube of 32 voxels, and one window of it: one of 128 takes minutes.
CT = tumours.CT | {"cut": [[0, 6], [180, 220], [200, 240]]}
CT_NAME = "slices 0 to 5 of CT_Lesion_000001_02_01_008-023.npz cut to 40x40, at 5 x 0.8 x 0.8 mm"


def run(part, name, stack, spacing, layouts, small):
    folder, label = tumours.write(stack, spacing)
    voxels = np.argwhere(label == 1)
    chosen = [len(voxels) // 5, len(voxels) // 2, len(voxels) - 3]
    os.chdir(OUT)
    place = OUT / "ckpts" / "colon" / "zap_2.5dsam_3_0.2_0.8_16"
    place.mkdir(parents=True, exist_ok=True)
    own = {k.removeprefix("volume_decoder."): v for k, v in weights(layouts[1]).items()}
    torch.save({"decoder_dict": own}, place / "last.pth.tar")
    watched, kept = tumours.Watched(), SimpleNamespace()
    # Their helper has no switch for the CPU, and the size of the cube of 128 voxels in it.
    helper = (CODE / "utils/util.py").read_text("utf-8").replace('device="cuda:0"', 'device="cpu"')
    source = (CODE / "test.py").read_text("utf-8").replace("num_worker=4", "num_worker=0")
    helper = helper.replace("512/patch_size", "4").replace("512 / patch_size", "4")
    helper = helper.replace("patch_size=128", "patch_size=32")
    source = source.replace("(32, 32)", "(8, 8)").replace("(512, 512)", "(128, 128)")
    theirs = {"__name__": "helper"}
    exec(compile(helper, "util.py", "exec"), theirs)
    space = {"__name__": "release"}
    exec(compile(source, "test.py", "exec"), space)

    def compared(masks, _):
        kept.masks = masks
        return torch.zeros(1)

    space |= {"F": watched, "DiceLoss": lambda **_: compared}
    space["model_predict"] = theirs["model_predict"]
    space["sam_model_registry"] = {"vit_b": lambda checkpoint: sam(layouts[0], small)}
    watched.sigmoid = torch.sigmoid
    sizes = {"embedding_size": 8}
    if small:
        sizes |= {"depth": 2, "embed_dim": 32, "num_heads": 2, "global_attn_indexes": [1]}
        sizes["img_size"] = 96
    space["ImageEncoderViT"] = lambda **given: image_encoder_zap.ImageEncoderViT(**given | sizes)
    np.random.choice = lambda *_, **__: np.array(chosen)
    side = "32"
    sys.argv = ["test.py", "--data", "colon", "--data_dir", folder, "--device", "cpu"]
    sys.argv += ["--rand_crop_size", side, side, side]
    space["main"]()
    answers.add_stack(
        part,
        name,
        stack,
        watched.last,
        masks=kept.masks[0].numpy(),
        weights=layouts,
        options={"data": "colon", "image_size": 128},
        spacing=spacing,
        prompts=[{"points": voxels[chosen].astype(float).tolist(), "labels": [1, 1, 1]}],
        take="scores",
    )


def sam(layout, small):
    if not small:
        from segment_anything import sam_model_registry

        return sam_model_registry["vit_b"](checkpoint=saved(layout))
    # The prompt encoder's sizes are no tensors; the small encoder is read by name.
    built = _build_sam(**SMALL)
    built.image_encoder.pos_embed = torch.nn.Parameter(torch.empty(1, 6, 6, 32))
    for axis in "hw":
        table = torch.nn.Parameter(torch.empty(11, 16))
        setattr(built.image_encoder.blocks[1].attn, f"rel_pos_{axis}", table)
    built.load_state_dict(weights(layout))
    return built


if "PEER_SMALL" not in os.environ:
    run("point", CT_NAME, CT, tumours.CT_MM, ["sam_vit_b", "zap"], False)
waves = tumours.WAVES | {"cut": [[0, 5], [0, 32], [0, 90]]}
run("small network", "waves", waves, [6.0, 1.0, 0.7], ["sam_scaled", "zap"], True)
answers.write()
