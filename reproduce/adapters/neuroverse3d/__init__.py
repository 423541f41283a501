"""Neuroverse3D (Hu et al. 2025): classes of a volume by examples that are shown with it."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="neuroverse3d",
    version=1,
    title="Neuroverse3D",
    papers=("2503.02410",),
    source=(
        "jiesihu/Neuroverse3D @ 02a007b302e3d4f71ef8f6864b241b7f9c3125a0 Inference.py: "
        "run_model_according_to_task, neuroverse3D/models/neuroverse3D.py"
    ),
    prompts=("none",),
    dimensionality="3d",
    values="stored",
    layouts=("state_dict/net", "flat"),
    files=("neuroverse3D.ckpt",),
    brought=("the examples: context.images and context.labels, each (N, x, y, z)",),
    builder="reproduce.adapters.neuroverse3d.network:build",
    preprocessing=(
        "Column by column first, as files stored to right, anterior, superior; to 128x128x128 by "
        "nearest neighbour, whatever the spacing, and its range to 0-1; so are the examples. One "
        "question a class, foreground above 0.5; later labels lie over earlier ones; back by "
        "nearest neighbour. The examples are a second file (torch.save or safetensors) with two "
        "tensors, whose hash is kept with a run: other examples give another score."
    ),
    options={
        "classes": Option(
            "",
            "names of the examples' labels above 0 in their order, with commas between them; where "
            "left out: label 1, label 2 ... as the numbers are",
            changes={},
        ),
        "side": Option(128, "of the network's cube in voxels (ROI)", changes={"preprocessing": {}}),
    },
    does=Conduct("neuroverse3d-128", "pasted-by-label", answers="label", decided=0.5),
    memory_mib={"unet": 4668},
    agreement=(
        "Compared with the authors' network and steps on a made volume and three examples with a "
        "small network, same seeded weights: largest difference 4.8e-07 of the answer, largest "
        "Dice difference 0.0e+00."
    ),
)
