"""MONAI with reduction mean_batch: per class over cases, then classes."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

_EMPTY = Empty(both=NAN, reference=NAN, predicted=0.0)

PLUGIN = MetricProfile(
    name="monai-mean-batch",
    version=1,
    title="MONAI, reduction mean_batch",
    source="Project-MONAI/MONAI@d388d1c monai/metrics/utils.py do_metric_reduction",
    measures={"dice": Measure("dice", _EMPTY), "iou": Measure("iou", _EMPTY)},
    order=("case", "label"),
    all_nan=0.0,
    parity="monai, float32 results to 1e-6",
    notes=("The classes MONAI leaves apart are averaged here, NaN classes left out.",),
)
