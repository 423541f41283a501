"""TransUNet and its family (SAMed, H-SAM, SAM-LST): calculate_metric_percase."""

from reproduce.scoring.profile import Empty, Measure, MetricProfile

_EMPTY = Empty(both=0.0, reference=1.0, predicted=0.0)

PLUGIN = MetricProfile(
    name="transunet",
    version=1,
    title="TransUNet family (SAMed, H-SAM)",
    source="hitachinsk/SAMed utils.py:101 calculate_metric_percase, test.py:35-44",
    measures={
        "dice": Measure("dice", _EMPTY),
        "hd95": Measure(
            "hd95",
            Empty(both=0.0, reference=0.0, predicted=0.0),
            surface="edge/unit/3d",
            surface_2d="edge/unit/2d",
            percentile="linear",
        ),
    },
    order=("case", "label"),
    notes=(
        "A prediction where the reference is empty scores 1, two empty masks score 0.",
        "Whole volumes at the original in-plane size; distances in voxels.",
        "medpy is only called where both masks are non-empty, so its version does not matter.",
    ),
)
