"""CVPR 2024 MedSAM on Laptop: labels 1 to the largest present, rounded per case."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

_EMPTY = Empty(both=NAN, reference=0.0, predicted=0.0)

PLUGIN = MetricProfile(
    name="cvpr24",
    version=1,
    title="CVPR 2024 challenge",
    source="bowang-lab/MedSAM@b042d247 evaluation/compute_metrics.py",
    measures={
        "dice": Measure("dice", _EMPTY),
        "nsd": Measure(
            "nsd",
            _EMPTY,
            surface="surfel/header/3d",
            surface_2d="surfel/unit/expand",
            tolerance=2.0,
            dice_gate=0.2,
        ),
    },
    labels="one-to-max",
    order=("label", "case"),
    nan="poison",
    decimals=4,
    notes=(
        "A label number that a case skips is NaN and makes the case, and the mean, NaN.",
        "NSD is 0 where the Dice of the case is 0.2 or less.",
        "2D masks go through the 3D routine as one slice with spacing 1: both flat faces count as "
        "surface, which lifts the NSD.",
        "The spacing is applied in the order it is stored in the npz.",
    ),
)
