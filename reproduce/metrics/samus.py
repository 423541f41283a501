"""SAMUS: smoothed Dice per image."""

from reproduce.scoring.profile import Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="samus",
    version=1,
    title="SAMUS, per image",
    source="xianlin7/SAMUS evaluation code: smoothing 1e-5 above and below, per image",
    measures={"dice": Measure("dice", Empty(None, None, None), smooth=(1e-5, 1e-5))},
    level="slice",
    order=("all",),
    grid="model_input",
)
