"""Slide-SAM (Quan et al. 2024): SAM over windows of three slices, followed by its own boxes."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="slide-sam",
    version=1,
    title="Slide-SAM",
    papers=("2311.10121",),
    source=(
        "Curli-quan/Slide-SAM @ 98c6aa598724c5a62f34a9599460313b0799b3c8 core/volume_predictor.py, "
        "datasets/eval_dataloader/loader_abstract.py, test/volume_eval.py"
    ),
    prompts=("box", "point"),
    dimensionality="3d",
    values="stored",
    layouts=("flat",),
    builder="reproduce.adapters.slide_sam.network:build",
    preprocessing=(
        "Cut off at -200 and 400 (at 0 and 600 where no value is below -10); a slice and its two "
        "neighbours are the three channels, to 1024x1024 by nearest neighbour, the window's own "
        "range to 0-255, SAM's mean and deviation. The release cuts the volume to the slices with "
        "the organ first, which is not known here, and slices narrower than 260 px to 256, which "
        "is left out."
    ),
    options={
        "iou": Option(
            0.5,
            "predicted IoU that a mask has to exceed, or nothing further is followed "
            "(pred_iou_thresh); below 0: none",
            changes={"postprocessing": {}},
        ),
        "stability": Option(0.6, "the same for its stability (stability_score_thresh)", changes={}),
    },
    does=Conduct("slide-sam-1024", "slide-sam-followed", answers="label", decided=0.5),
    memory_mib={"vit_b": 577},
    agreement=(
        "Compared with the authors' VolumePredictor and its LoRA layers on a made volume with a "
        "small network, same seeded weights, one box followed both ways: largest difference "
        "0.0e+00 of a mask, largest Dice difference 0.0e+00."
    ),
)
