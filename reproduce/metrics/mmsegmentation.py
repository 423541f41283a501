"""mmsegmentation mDice, mIoU: pixels of the whole data set, background included."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

_EMPTY = Empty(both=NAN, reference=0.0, predicted=0.0)

PLUGIN = MetricProfile(
    name="mmsegmentation",
    version=1,
    title="mmsegmentation mDice, mIoU",
    source="open-mmlab/mmsegmentation mmseg/evaluation/metrics/iou_metric.py",
    measures={"dice": Measure("dice", _EMPTY), "iou": Measure("iou", _EMPTY)},
    level="dataset",
    background=True,
    order=("label",),
    notes=("The background is a class of the mean: with one foreground class it is half of it.",),
)
