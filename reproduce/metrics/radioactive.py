"""RadioActive, organs: Dice per case and class."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="radioactive",
    version=1,
    title="RadioActive, organs",
    source="MIC-DKFZ/radioactive@1796386 utils/analysis.py",
    measures={"dice": Measure("dice", Empty(both=NAN, reference=0.0, predicted=0.0))},
    order=("case", "label"),
)
