"""GBT-SAM: Dice of every slice at five thresholds on raw logits, mean over slices, then cases."""

from math import exp

from reproduce.scoring.profile import Empty, Measure, MetricProfile

LOGITS = (0.1, 0.3, 0.5, 0.7, 0.9)

PLUGIN = MetricProfile(
    name="gbt-sam",
    version=1,
    title="GBT-SAM, five thresholds on logits",
    source="vpulab/gbt-sam@edac4db utils.py:578-610,1092-1140 (eval_seg), function.py:386-470",
    measures={"dice": Measure("dice", Empty(None, None, None), smooth=(1e-4, 1e-4))},
    level="slice",
    order=("slice", "case", "label"),
    thresholds=tuple(1 / (1 + exp(-logit)) for logit in LOGITS),
    notes=(
        "A slice with nothing in reference and prediction counts as 1; the release counts the "
        "slices of the volume as it cuts it.",
        "The thresholds are the probabilities of the logits 0.1, 0.3, 0.5, 0.7 and 0.9.",
    ),
)
