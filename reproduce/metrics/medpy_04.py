"""medpy 0.4.0 and before: two empty masks have a Dice of 0."""

from reproduce.scoring.profile import Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="medpy-0.4",
    version=1,
    title="medpy 0.4.0 and before",
    source="loli/medpy metric/binary.py dc, jc, hd95, assd (changed in e3536ce)",
    measures={
        "dice": Measure("dice", Empty(both=0.0, reference=0.0, predicted=0.0)),
        "iou": Measure("iou", Empty(both=0.0, reference=0.0, predicted=0.0)),
        "hd95": Measure(
            "hd95",
            Empty(both="error", reference="error", predicted="error"),
            surface="edge/header/3d",
            surface_2d="edge/header/2d",
            percentile="linear",
        ),
        "assd": Measure(
            "assd",
            Empty(both="error", reference="error", predicted="error"),
            surface="edge/header/3d",
            surface_2d="edge/header/2d",
            combine="mean-fraction",
        ),
    },
    order=("case", "label"),
    parity="medpy 0.4.0, bit by bit",
    notes=(
        "hd95 and assd raise an error where a mask is empty.",
        "assd is the mean of two means; since 0.5 it is one mean over both surfaces.",
    ),
)
