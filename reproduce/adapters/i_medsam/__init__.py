"""I-MedSAM (Wei et al. 2023): SAM ViT-B at 384 px with an implicit decoder, asked by a box."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="i-medsam",
    version=1,
    title="I-MedSAM",
    papers=("2311.17081",),
    source="ucwxb/I-MedSAM @ 07aac158215ca864eac158aba4dfde2d7e56d194 main.py, dataset.py",
    prompts=("box",),
    layouts=("flat", "model"),
    files=("SAM checkpoint (vit_b)", "I-MedSAM file (model_best.pth)"),
    builder="reproduce.adapters.i_medsam.network:build",
    plane="reproduce.adapters.i_medsam.network:prompt_plane",
    preprocessing=(
        "Squashed to 384x384 with OpenCV (bilinear), divided by 255, no mean and deviation. The "
        "decoder is asked at every pixel of a square of label_size pixels (grid model_input), or "
        "of the image (grid original). An eighth of the pixels is decoded once more: those where "
        "two passes differ most, but without dropout they are equal, and which ones are taken is "
        "left to torch.topk on equal values. The release's scripts compute in float16."
    ),
    options={
        "image_size": Option(
            384, "side of the network's input in pixels", changes={"preprocessing": {}}
        ),
        "label_size": Option(
            384,
            "side of the square that masks are brought to (bilinear), where boxes are taken from "
            "all that is touched, only whole pixels count as the object, and masks are decoded",
        ),
    },
    does=Conduct("i-medsam-384-unit"),
    memory_mib={"vit_b": 976},
    agreement=(
        "Compared with the authors' code on 6 predictions of real images (theirs at full size and "
        "with a smaller encoder), same seeded weights: largest logit difference 4.8e-06 (largest "
        "logit 17.3), largest Dice difference 0.0e+00."
    ),
)
