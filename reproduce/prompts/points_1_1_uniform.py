"""One random point on the object, one off it."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="points-1-1-uniform",
    version=1,
    description="One foreground and one background point, every pixel equally likely.",
    source="sam4mis",
    where="uniform",
    negatives=1,
)
