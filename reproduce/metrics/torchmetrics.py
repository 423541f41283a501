"""torchmetrics DiceScore: samplewise, macro average."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="torchmetrics",
    version=1,
    title="torchmetrics DiceScore, samplewise, macro",
    source="Lightning-AI/torchmetrics@dab0333 functional/segmentation/dice.py",
    measures={"dice": Measure("dice", Empty(both=NAN, reference=0.0, predicted=0.0))},
    order=("label", "case"),
    parity="torchmetrics, float32 results to 1e-6",
    notes=(
        "Both empty is NaN since the fix of #2850 and was 1 in 1.6.0; the default average differs "
        "between versions: a claim must name both.",
    ),
)
