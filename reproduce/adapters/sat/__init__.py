"""SAT (Zhao et al. 2023): structures of a volume by stored embeddings of their names."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="sat",
    version=1,
    title="SAT (Nano, Pro)",
    papers=("2312.17183",),
    source=(
        "zhaoziheng/SAT @ 5676be5a62f5cd517264b948c6198e38ddfeb0e2 model/maskformer.py, "
        "data/inference_dataset.py, evaluate/inference_engine.py: inference"
    ),
    prompts=("none", "text"),
    dimensionality="3d",
    values="stored",
    layouts=("model_state_dict/module", "flat"),
    files=("the network's file",),
    brought=("embeddings of the names: text.<name> (768,) each",),
    builder="reproduce.adapters.sat.network:build",
    preprocessing=(
        "Axes to right, anterior, superior; resampled to 1x1x3 mm (MONAI, bilinear), cut to what "
        "is above 0; CT cut off at -500 and 1000 HU, others at their percentiles 0.5 and 99.5; "
        "mean 0 and deviation 1; windows of 288x288x96 voxels half a window apart, filled up with "
        "0, their probabilities averaged with a Gaussian; back bilinearly (the release stores the "
        "resampled grid). The text encoder is not run: what it makes of a name in small letters, "
        "with its modality, is a second file (torch.save or safetensors) with one tensor a name, "
        "whose hash is kept with a run. Without prompts all names of that file are asked for."
    ),
    options={
        "classes": Option(
            "all",
            "names asked for where no prompt names them, with commas, of those that the file holds",
        ),
        "modality": Option(
            "ct",
            "of the volumes; anything but CT is cut off by percentiles",
            ("ct", "mri", "pet", "us"),
            changes={"preprocessing": dict.fromkeys(("mri", "pet", "us"), "sat-patches-288-96")},
        ),
        "window": Option(
            "288,288,96",
            "right, anterior, superior, multiples of 32",
            changes={"preprocessing": {}},
        ),
    },
    does=Conduct("sat-patches-288-96", "gaussian-patches", answers="probability"),
    memory_mib={"nano": 10317},
    agreement=(
        "Compared with the authors' Maskformer (Nano), steps and windows on 16 real CT slices with "
        "the full network (windows of 64x64x32 voxels for time), and on a made volume with small "
        "networks of Nano and Pro, seeded embeddings in place of their text encoder's, same seeded "
        "weights: largest difference 7.4e-06 of a probability, largest Dice difference 0.0e+00."
    ),
)
