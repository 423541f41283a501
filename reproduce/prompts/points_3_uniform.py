"""Three random foreground points."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="points-3-uniform",
    version=1,
    description="Three foreground points, every pixel of the mask equally likely.",
    source="OpenGVLab/SAM-Med2D@bfd2b93: 3 points",
    where="uniform",
    positives=3,
)
