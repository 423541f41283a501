"""Polyp-SAM (Li et al. 2023): SAM fine-tuned on polyps, one tight box over all foreground."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="polyp-sam",
    version=2,
    title="Polyp-SAM",
    papers=("2305.00293",),
    source=(
        "ricklisz/Polyp-SAM @ 81d59fd12f83b16b7a66b8163ee305db42b2a4b0 scripts/evaluate_all.ipynb"
    ),
    prompts=("box",),
    untrained=("point",),
    layouts=("part/image_encoder", "part/prompt_encoder", "part/mask_decoder"),
    files=(
        "img_enc_best_dice_model_DL.pth",
        "prompt_enc_best_dice_model_DL.pth",
        "dec_best_dice_model_DL.pth",
    ),
    builder="reproduce.adapters.polyp_sam.network:build",
    preprocessing=(
        "Channels in OpenCV's order (BGR); longest side to 1024 with Pillow, then squashed to "
        "1024x1024 with OpenCV (bilinear), divided by 255; no mean and deviation, no padding."
    ),
    options={
        "channels": Option(
            "bgr",
            "order of the channels the network sees",
            ("bgr", "rgb"),
            changes={"preprocessing": {}},
        )
    },
    does=Conduct("polyp-sam-1024-bgr-unit"),
    memory_mib={"vit_b": 591},
    agreement=(
        "Compared with the authors' code on 2 predictions of real images, same seeded weights: "
        "largest logit difference 2.0e-06 (largest logit 2.6), largest Dice difference 1.2e-08."
    ),
)
