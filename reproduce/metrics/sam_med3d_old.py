"""SAM-Med3D until 2024: the best click round, inside the crop around the target."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="sam-med3d-old",
    version=1,
    title="SAM-Med3D, old validation",
    source="uni-medical/SAM-Med3D@10761d1 validation.py",
    measures={"dice": Measure("dice", Empty(both=NAN, reference=0.0, predicted=0.0), decimals=4)},
    order=("all",),
    nan="poison",
    rounds="best",
    grid="crop_gt_128",
    notes=(
        "The best of all click rounds is chosen with the ground truth.",
        "Scored inside a crop of 128 voxels a side centred on the ground truth: false positives "
        "outside it cost nothing, and the reference is never empty.",
    ),
)
