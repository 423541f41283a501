"""CVPR 2025 text-guided: labels of the reference, NaN left out."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="cvpr25-text",
    version=1,
    title="CVPR 2025 text-guided challenge, semantic tasks",
    source="JunMa11/CVPR-MedSegFMCompetition@748e862 CVPR25_text_eval.py",
    measures={"dice": Measure("dice", Empty(both=NAN, reference=0.0, predicted=0.0))},
    labels="in-reference",
    order=("label", "case"),
    missing=NAN,
    notes=("Instance tasks (F1 at IoU 0.5 and the Dice of matches) are not covered.",),
)
