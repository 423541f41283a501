"""MetricsReloaded, binary pairwise measures."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="metricsreloaded",
    version=1,
    title="MetricsReloaded",
    source="Project-MONAI/MetricsReloaded@cb38dfc metrics/pairwise_measures.py:743",
    measures={
        "dice": Measure("dice", Empty(both=1.0, reference=0.0, predicted=0.0)),
        "iou": Measure("iou", Empty(both=NAN, reference=0.0, predicted=0.0)),
        "nsd": Measure(
            "nsd",
            Empty(both=1.0, reference=0.0, predicted=0.0),
            surface="edge/header/3d",
            surface_2d="edge/header/2d",
            tolerance=1.0,
        ),
        "hd95": Measure(
            "hd95",
            Empty(both=0.0, reference=NAN, predicted=NAN),
            surface="edge/header/3d",
            surface_2d="edge/header/2d",
            combine="max",
            percentile="linear",
        ),
    },
    order=("case", "label"),
    parity="MetricsReloaded@cb38dfc, to 1e-9",
    notes=(
        "Both empty is 1 for Dice and NSD, NaN for IoU, in the same file.",
        "With one mask empty its NSD measures distances to a phantom corner voxel and can exceed "
        "0; here it is 0.",
    ),
)
