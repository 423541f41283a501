"""Our own profile: the one under which runs of different methods may be compared."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

_EMPTY = Empty(both=NAN, reference=0.0, predicted=0.0)

PLUGIN = MetricProfile(
    name="house",
    version=1,
    title="House",
    source="sam4mis",
    level="case",
    order=("case", "label"),
    selection="argmax-predicted-iou",
    measures={
        "dice": Measure("dice", _EMPTY),
        "iou": Measure("iou", _EMPTY),
        "nsd": Measure(
            "nsd",
            _EMPTY,
            surface="surfel/header/3d",
            surface_2d="surfel/header/2d",
            tolerance=2.0,
        ),
        "hd95": Measure(
            "hd95",
            Empty(both=NAN, reference=NAN, predicted=NAN),
            surface="surfel/header/3d",
            surface_2d="surfel/header/2d",
            combine="max",
        ),
        "auc": Measure("auc", Empty(None, None, None)),
    },
    notes=(
        "Per case at original resolution, cases averaged per class, classes averaged.",
        "Both empty is undefined and left out; a false positive on an empty case scores 0; "
        "a missing case scores 0.",
    ),
)
