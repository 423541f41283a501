"""nnInteractive (Isensee et al. 2025): clicks, boxes and lassos in volumes, by its own package."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="nninteractive",
    version=1,
    title="nnInteractive",
    papers=("2503.08373",),
    source=(
        "MIC-DKFZ/nnInteractive @ 154d9c6bdd887f1140419e26d7e8b173926cddd7 "
        "nnInteractive/inference/inference_session.py (run: the package nninteractive 2.6)"
    ),
    prompts=("point", "box", "mask", "solid-mask"),
    dimensionality="3d",
    values="stored",
    layouts=("network_weights", "file/plans.json", "file/inference_session_class.json"),
    files=("weights", "plans.json", "inference_session_class.json"),
    extra="nninteractive",
    builder="reproduce.adapters.nninteractive.session:build",
    preprocessing=(
        "None but the package's own: mean 0 and deviation 1 of the part that is not 0, nothing "
        "resampled; patches of the plans' size around what was said last, zoomed out up to four "
        "times where the answer reaches the border, then refined in patches. Each click, box (on "
        "one plane) or mask (a lasso on one plane) is given on its own and answered, boxes and "
        "masks before clicks, as in its viewer; what it then says is given back to it. A mask over "
        "several planes is its initial segmentation, made better first."
    ),
    options={
        "zoom": Option(
            True,
            "whether it looks at more where the answer reaches the border (do_autozoom)",
            (True, False),
            changes={"preprocessing": {}},
        ),
        "configuration": Option(
            "3d_fullres_ps192_bs24",
            "of the plans; that of the released file",
            changes={"preprocessing": {}},
        ),
        "overlap": Option(
            "kept",
            "voxels that several objects claim: kept by each, or only by the first in the order of "
            "the classes (predict_btcv.py of ucsdbiag/Prompt-Robustness-MedSegFMs)",
            ("kept", "first"),
            changes={"postprocessing": {"first": "first-label-kept"}},
        ),
    },
    does=Conduct("nninteractive-autozoom", answers="label"),
    memory_mib={},
    agreement=(
        "Compared with the authors' session of version 2.5, with its own loader, on 16 real CT "
        "slices with the full network (a box), on those and a made volume with small ones (clicks, "
        "a box with a click, a lasso, zoomed and not), same seeded weights: largest difference "
        "0.0e+00 of a mask, largest Dice difference 0.0e+00. Where it refines it draws places from "
        "numpy's numbers of the process, which it does not seed; here they are seeded before each "
        "step, there for the comparison."
    ),
)
