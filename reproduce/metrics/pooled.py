"""Pixels of all cases in one pool (lwnet and most retinal-vessel papers)."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="pooled",
    version=1,
    title="Pooled pixels",
    source="agaldran/lwnet@ce72ddab analyze_results.py",
    level="dataset",
    order=("label",),
    measures={
        "dice": Measure("dice", Empty(both=NAN, reference=0.0, predicted=0.0)),
        "auc": Measure("auc", Empty(None, None, None)),
        "iou": Measure("iou", Empty(both=NAN, reference=0.0, predicted=0.0)),
    },
    notes=("Large objects and large images weigh more; there is no spread over cases.",),
)
