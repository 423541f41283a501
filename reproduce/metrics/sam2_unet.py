"""SAM2-UNet: the mean over all 256 grey values as thresholds."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

# `value >= k` of the grey values k = 0 ... 255 is `value / 255 > (k - 1) / 255`.
_EMPTY = Empty(both=NAN, reference=0.0, predicted=0.0)

PLUGIN = MetricProfile(
    name="sam2-unet",
    version=1,
    title="SAM2-UNet meandice (PySODMetrics, dynamic)",
    source="WZH0120/SAM2-UNet@01598e5 eval.py:22-90; lartpang/PySODMetrics fmeasurev2.py",
    measures={"dice": Measure("dice", _EMPTY), "iou": Measure("iou", _EMPTY)},
    level="slice",
    order=("all",),
    thresholds=tuple((k - 1) / 255 for k in range(256)),
    score_bins=255,
    nan="poison",
    parity="pysodmetrics 1.4.3, to 1e-12",
    notes=(
        "The map is stretched to 0-255 per image and stored as grey values before it is scored: "
        "it is those values that must be counted (probability grey / 255, 255 score bins).",
        "The lowest threshold makes everything foreground. Where the reference is empty the "
        "original reads memory that was never written; here that is NaN.",
    ),
)
