"""Medical-SAM-Adapter: the mean over five thresholds, smoothed."""

from reproduce.scoring.profile import Empty, Measure, MetricProfile

_FORMULA = Empty(None, None, None)

PLUGIN = MetricProfile(
    name="medical-sam-adapter",
    version=1,
    title="Medical-SAM-Adapter, five thresholds",
    source="MedicineToken/Medical-SAM-Adapter utils.py:489,1031, function.py:236",
    measures={
        "dice": Measure("dice", _FORMULA, smooth=(1e-4, 1e-4)),
        "iou": Measure("iou", _FORMULA, smooth=(1e-6, 1e-6)),
    },
    level="object",
    order=("all",),
    thresholds=(0.1, 0.3, 0.5, 0.7, 0.9),
    grid="model_input",
    notes=(
        "The reference is thresholded too (in 3D after a bilinear resize): here it is binary.",
        "Means of batches are averaged: equal to one mean where all batches are equally long.",
    ),
)
