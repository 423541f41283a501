"""The first foreground pixel in scan order."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="point-first",
    version=1,
    description="One point: the first foreground pixel in scan order.",
    source="sam4mis: argwhere(mask)[0], seen in scripts of the field",
    where="first",
)
