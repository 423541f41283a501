"""SAM-Med2D with 5 points: first anywhere on the mask, then anywhere in the error."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-5-uniform-error",
    version=1,
    description=(
        "One foreground point, every pixel of the mask equally likely, then 4 rounds of one point "
        "anywhere in the error, with the last mask fed back."
    ),
    source="OpenGVLab/SAM-Med2D@bfd2b93 test.py (iter_point), utils.py:69-205 (there unseeded)",
    where="uniform",
    click="random-error",
    rounds=5,
)
