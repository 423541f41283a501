"""Five clicks: the middle of the mask, then of the largest error."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-5",
    version=1,
    description=(
        "A click in the middle of the mask, then four in the middle of the largest error component."
    ),
    source="sam4mis, after CVPR25_iter_eval.py",
    click="largest-error-edt",
    rounds=5,
)
