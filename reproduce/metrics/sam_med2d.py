"""SAM-Med2D: every pair of image and mask is one sample, rounded to four digits."""

from reproduce.scoring.profile import Empty, Measure, MetricProfile

_FORMULA = Empty(None, None, None)

PLUGIN = MetricProfile(
    name="sam-med2d",
    version=1,
    title="SAM-Med2D",
    source="OpenGVLab/SAM-Med2D@bfd2b93 metrics.py, test.py",
    measures={
        "dice": Measure("dice", _FORMULA, smooth=(1e-7, 1e-7), decimals=4),
        "iou": Measure("iou", _FORMULA, smooth=(1e-7, 1e-7), decimals=4),
    },
    level="object",
    order=("all",),
    selection="argmax-predicted-iou",
    upsample="logits, bilinear",
    notes=("Scored at the original size.",),
)
