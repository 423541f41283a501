"""BiomedParse: Dice per mask at 0.5, averaged per task."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="biomedparse",
    version=1,
    title="BiomedParse, per mask",
    source="microsoft/BiomedParse@750eb40 published per-mask tables",
    measures={"dice": Measure("dice", Empty(both=NAN, reference=0.0, predicted=0.0))},
    level="object",
    order=("all",),
    notes=(
        "One task (modality, site, target) is one mean over its masks; see the re-averaged tables.",
        "Every published mask is non-empty, so that what two empty masks count is not known.",
    ),
)
