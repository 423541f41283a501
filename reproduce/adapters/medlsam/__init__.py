"""MedLSAM (Lei et al. 2023): a 3D localiser is shown examples; SAM gets a box on each slice."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="medlsam",
    version=1,
    title="MedLSAM",
    papers=("2306.14752",),
    source=(
        "openmedlab/MedLSAM @ 4144407eeb99213dba34dd5540278e26b1d76ea7 MedLSAM_SPL_Inference.py, "
        "MedLSAM_WPL_Inference.py, MedLAM/, MedSAM/auto_pre_CT.py, networks/medlam.py"
    ),
    prompts=("none",),
    dimensionality="3d",
    values="stored",
    layouts=("module", "flat"),
    files=("medlam.pth", "SAM or MedSAM ViT-B"),
    brought=("the examples: support.<n>.image, .label (x, y, z) and .affine (4, 4), n from 0",),
    builder="reproduce.adapters.medlsam.asking:build",
    preprocessing=(
        "The localiser sees CT numbers mapped to 0-1 in three pieces, at 3 mm, axes to superior, "
        "anterior, left: ten cubes of 64 voxels around the middle of the volume say where it is, "
        "then the outermost points of each class are sought in cubes around their expected places, "
        "by likeness to the examples. SAM sees the slices as the file has them, -500 to 1000 HU to "
        "0-255 over the volume (what is 0 HU becomes black), 1024x1024 (quadratic, anti-aliased), "
        "SAM's mean and deviation, and each box with 10 px around. The ten places are drawn from "
        "the release's seed anew for every volume, where it draws on from one to the next."
    ),
    options={
        "boxes": Option(
            "parts",
            "parts: up to six boxes a class along the axis, later ones over earlier ones "
            "(bbox_mode SPL, slice_interval 2); whole: one box (WPL)",
            ("parts", "whole"),
            changes={"preprocessing": {"whole": "medlsam-1024-one-box"}},
        ),
        "slices": Option(
            "all",
            "all: every slice in a box; labelled: of these only slices with more than 10 labelled "
            "pixels, as the release's evaluation reads them off the reference (own images have "
            "none, so every slice)",
            ("all", "labelled"),
            changes={"postprocessing": {"labelled": "labelled-slices-only"}},
        ),
        "classes": Option(
            "",
            "names of the examples' labels above 0 in their order, with commas between them; where "
            "left out: label 1, label 2 ... as the numbers are",
            changes={},
        ),
        "half": Option(
            True,
            "whether the localiser runs in half precision on a GPU, as the release's does; on a "
            "CPU it never does",
            (False, True),
        ),
    },
    does=Conduct("medlsam-1024", answers="label", decided=0.5),
    memory_mib={"vit_b": 1445},
    agreement=(
        "Compared with the authors' inference scripts, from files to masks, on a made volume with "
        "small networks, by parts and with one box, same seeded weights, without a GPU: the same "
        "boxes, largest difference 5.4e-07 of a probability, largest Dice difference 0.0e+00."
    ),
)
