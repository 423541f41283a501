"""VISTA3D (He et al. 2024): classes of a CT, or any object by clicks; MONAI's own network."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="vista3d",
    version=1,
    title="VISTA3D",
    papers=("2406.05285",),
    source=(
        "Project-MONAI/VISTA @ f73d7c20a73b5e6371f2879e38919d71fee34cf8 "
        "vista3d/configs/infer.yaml, scripts/infer.py, "
        "scripts/validation/val_multigpu_point_{patch,iterative}.py; network: MONAI"
    ),
    prompts=("none", "point", "solid-mask"),
    dimensionality="3d",
    values="stored",
    layouts=("flat",),
    builder="reproduce.adapters.vista3d.network:build",
    preprocessing=(
        "Hounsfield units -963.8 to 1053.7 become 0-1, cut off; axes to right, anterior, superior; "
        "resampled to 1.5 mm (bilinear, corners kept); windows of 128 voxels with 0.625 of a "
        "window of overlap, logits averaged with Gaussian weights. Each class is a mask of its own "
        "(logit above 0), brought back by nearest neighbour. A clicked object is one of no class "
        "(zero-shot), its logits are brought back (bilinear); a window without a click says no. Of "
        "an object's whole mask it makes a click in each window, and asks by class and click."
    ),
    options={
        "classes": Option(
            "all",
            "names of the classes asked for, with commas between them (classes.py lists all 124); "
            "those of the data set, since each has to have a reference",
        ),
        "spacing_mm": Option(
            1.5,
            "of the resampled grid: 1.5 (infer.yaml), or 1.0 as where clicks are evaluated",
            (1.5, 1.0),
            changes={"preprocessing": {1.0: "vista3d-1.0mm"}},
        ),
        "crop": Option(
            False,
            "as the evaluation's configurations: cut to values above 0 with a margin of 10 voxels "
            "first, and to 0-1 after resampling (infer.yaml: before, and nothing is cut)",
            (False, True),
            changes={"preprocessing": {True: "vista3d-1.5mm-foreground"}},
        ),
        "called": Option(
            "",
            "NAME=CLASS of the data set's classes that have other words here, with commas between "
            "them; for clicks made in whole masks",
        ),
        "window": Option(
            128, "side of the windows in voxels (patch_size)", changes={"preprocessing": {}}
        ),
    },
    does=Conduct("vista3d-1.5mm", "gaussian-patches", answers="label", decided=0.5),
    memory_mib={"segresnet": 3084},
    agreement=(
        "Compared with the authors' own network, windows and transforms on a real CT stack (three "
        "classes in windows of 128 and of 64, two clicks, a click in each window of 96 and of 64), "
        "same seeded weights: largest logit difference 0.0e+00 (largest logit 165), largest Dice "
        "difference 0.0e+00."
    ),
)
