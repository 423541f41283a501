"""nnU-Net v2: Dice per case and class; both empty is NaN; classes averaged without mercy."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

_EMPTY = Empty(both=NAN, reference=0.0, predicted=0.0)

PLUGIN = MetricProfile(
    name="nnunet",
    version=1,
    title="nnU-Net v2",
    source="MIC-DKFZ/nnUNet@0e49508 nnunetv2/evaluation/evaluate_predictions.py",
    measures={"dice": Measure("dice", _EMPTY), "iou": Measure("iou", _EMPTY)},
    order=("case", "label"),
    nan=("omit", "poison"),
    missing="omit",
    notes=(
        "Mean over cases leaves NaN out, the mean over classes does not: a class that is NaN in "
        "every case makes the result NaN.",
        "It goes through the predicted files: a case without prediction is not noticed.",
    ),
)
