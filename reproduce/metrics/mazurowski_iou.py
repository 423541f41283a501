"""Mazurowski et al.: IoU (their variable is called dc), empty references skipped."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="mazurowski-iou",
    version=1,
    title="Segment Anything medical evaluation (IoU)",
    source=(
        "mazurowski-lab/segment-anything-medical-evaluation@2775b73 "
        "prompt_gen_and_exec_v2_allmode.py"
    ),
    measures={"iou": Measure("iou", Empty(both=NAN, reference=0.0, predicted=0.0))},
    level="slice",
    slice_set="reference-nonempty",
    order=("all",),
    notes=(
        "It is IoU, not Dice. Predictions of several boxes are joined before scoring.",
        "Mask 0 is scored, or the best by IoU with --oracle.",
    ),
)
