"""SAM-Med3D since 2024: full grid, last click, classes averaged."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

_EMPTY = Empty(both=NAN, reference=0.0, predicted=0.0)

PLUGIN = MetricProfile(
    name="sam-med3d-new",
    version=1,
    title="SAM-Med3D, new evaluation",
    source="uni-medical/SAM-Med3D@f3de1fa utils/metric_utils.py",
    measures={
        "dice": Measure("dice", _EMPTY),
        "nsd": Measure(
            "nsd",
            _EMPTY,
            surface="surfel/header/3d",
            surface_2d="surfel/header/2d",
            tolerance=1.0,
        ),
    },
    order=("case", "label"),
    notes=("Scored on the full original grid; the model still sees a crop around the target.",),
)
