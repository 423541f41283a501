"""Five random foreground points."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="points-5-uniform",
    version=1,
    description="Five foreground points, every pixel of the mask equally likely.",
    source="OpenGVLab/SAM-Med2D@bfd2b93: 5 points",
    where="uniform",
    positives=5,
)
