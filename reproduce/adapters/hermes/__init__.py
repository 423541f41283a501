"""Hermes-R (Gao et al. 2024): one 3D network for the tasks of eleven data sets; no prompt."""

from reproduce.adapters.hermes.tasks import TASKS
from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="hermes",
    version=1,
    title="Hermes-R",
    papers=("2306.02416",),
    source=(
        "yhygao/universal-medical-image-segmentation @ 033e16aed8bba5f185a0e2f3f12f2ad0c12bd453 "
        "inference/inference3d.py, dataset_conversion, training/dataset/dim3"
    ),
    prompts=("none",),
    dimensionality="3d",
    values="stored",
    layouts=("ema_model_state_dict", "model_state_dict", "flat"),
    builder="reproduce.adapters.hermes.network:build",
    preprocessing=(
        "Axes to left, posterior, superior; resampled to 1.5 mm with SimpleITK (B-spline within "
        "planes, then the nearest plane); CT cut off at -991 and 500 HU, others at their 2nd and "
        "98th percentile; mean 0 and deviation 1; padded with 0 to 128 voxels. The release also "
        "cuts the volume around its reference, which is not known here. Windows of 128 voxels half "
        "a window apart, their probabilities averaged; back by linear interpolation (the release "
        "scores at 1.5 mm)."
    ),
    options={
        "task": Option(
            "bcv",
            "data set whose classes and modality are asked for",
            tuple(TASKS),
            changes={"preprocessing": dict.fromkeys(TASKS, "hermes-1.5mm")},
        ),
        "classes": Option(
            "",
            "names of that data set's labels in their order, with commas between them; where left "
            "out: label 1, label 2 ...",
            changes={},
        ),
        "window": Option(
            128, "side of the windows in voxels (window_size)", changes={"preprocessing": {}}
        ),
    },
    does=Conduct("hermes-1.5mm", "hermes-windows-averaged", answers="probability"),
    memory_mib={"resunet": 4448},
    agreement=(
        "Compared with the authors' network, windows and steps to 1.5 mm on a made volume with a "
        "network of half the width, same seeded weights: largest difference 1.9e-05 of a "
        "probability, largest Dice difference 0.0e+00."
    ),
)
