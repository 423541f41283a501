"""finetune-SAM: smoothed Dice of every slice."""

from reproduce.scoring.profile import Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="finetune-sam",
    version=1,
    title="finetune-SAM, per slice",
    source="mazurowski-lab/finetune-SAM utils/dsc.py",
    measures={"dice": Measure("dice", Empty(None, None, None), smooth=(1e-4, 1e-4))},
    level="slice",
    order=("all",),
    notes=("The binary variant; the multi-class one smooths by 1 and includes class 0.",),
)
