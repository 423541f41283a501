"""MONAI DiceMetric, SurfaceDiceMetric and HausdorffDistanceMetric with their defaults."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

_EMPTY = Empty(both=NAN, reference=NAN, predicted=0.0)

PLUGIN = MetricProfile(
    name="monai",
    version=1,
    title="MONAI, reduction mean",
    source="Project-MONAI/MONAI@d388d1c monai/metrics/meandice.py, utils.py do_metric_reduction",
    measures={
        "dice": Measure("dice", _EMPTY),
        "iou": Measure("iou", _EMPTY),
        "nsd": Measure(
            "nsd",
            Empty(both=NAN, reference=0.0, predicted=0.0),
            surface="edge/unit/3d",
            surface_2d="edge/unit/2d",
            tolerance=1.0,
        ),
        "hd95": Measure(
            "hd95",
            Empty(both=NAN, reference=NAN, predicted=NAN),
            surface="edge/unit/3d",
            surface_2d="edge/unit/2d",
            combine="max",
            percentile="linear",
        ),
    },
    order=("label", "case"),
    all_nan=0.0,
    parity="monai, float32 results to 1e-6",
    notes=(
        "ignore_empty=True: with an empty reference everything predicted is free.",
        "All NaN becomes 0. Channels count as given; include_background is True by default.",
        "Surface distances are in voxels unless a spacing is given; edge voxels count once each.",
    ),
)
