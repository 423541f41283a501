"""MedSAM: per 3D case on a filtered reference, the median over cases."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile, ReferenceFilter

_EMPTY = Empty(both=NAN, reference=0.0, predicted=0.0)

PLUGIN = MetricProfile(
    name="medsam",
    version=1,
    title="MedSAM (Nature Communications), median over cases",
    source="bowang-lab/MedSAM@d71e8a1 pre_CT_MR.py, utils/SurfaceDice.py; author in #247",
    measures={
        "dice": Measure("dice", _EMPTY),
        "nsd": Measure(
            "nsd",
            _EMPTY,
            surface="surfel/reversed/3d",
            surface_2d="surfel/unit/2d",
            tolerance=2.0,
        ),
    },
    order=("label", "case"),
    average="median",
    reference_filter=ReferenceFilter(
        min_voxels_3d=1000, min_pixels_2d=100, drop_labels=("12",), drop_empty_slices=True
    ),
    notes=(
        "The reference is filtered: objects below 1000 voxels, 2D components below 100 pixels and "
        "label 12 are removed, empty slices dropped.",
        "The spacing is stored x, y, z beside arrays z, y, x and applied in the array's order.",
        "The repository has no evaluation script; the tolerance of 2 is that of its challenges.",
    ),
)
