"""MA-SAM (Chen et al. 2023): windows of five slices, adapters that mix them, no prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="ma-sam",
    version=1,
    title="MA-SAM",
    papers=("2309.08842",),
    source=(
        "cchen-cc/MA-SAM @ 0c3cd90e0f8e49c1d9885637b414157375594e8a MA-SAM/test.py, "
        "MA-SAM/sam_fact_tt_image_encoder.py"
    ),
    prompts=("none",),
    layouts=("flat", "lora"),
    dimensionality="3d",
    values="stored",
    files=("SAM checkpoint (vit_h, vit_l or vit_b)", "MA-SAM file (FacT, adapters, decoder)"),
    builder="reproduce.adapters.ma_sam.network:build",
    preprocessing=(
        "Windows of five slices, end slices repeated; -200 to 250 HU to 0-255, the training set's "
        "mean and deviation, then 0-1 by the window's extremes; cubic zoom to 512, the channel "
        "three times. Softmax added up over the windows of a slice, argmax."
    ),
    options={
        "image_size": Option(
            512, "side of the network's input (--img_size)", changes={"preprocessing": {}}
        ),
        "stored": Option(
            "las",
            "how the files lie that the release's script turns by its own rule "
            "(util_script_btcv.py): las shows slices with anterior up and right on the right, ras "
            "with right on the left. Which one BTCV's are was not seen",
            ("las", "ras"),
            {"preprocessing": {"ras": "ma-sam-5-slices-512"}},
        ),
    },
    does=Conduct("ma-sam-5-slices-512", "windows-averaged", answers="label"),
    memory_mib={"vit_b": 929},
    agreement=(
        "Compared with the authors' code on a window of 5 real CT slices (ViT-B; a small network "
        "as the files lie both ways), same seeded weights: largest logit difference 1.0e-05 "
        "(largest logit 2.5), largest Dice difference of a class 0.0e+00."
    ),
)
