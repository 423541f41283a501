"""A random foreground pixel."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="point-uniform",
    version=1,
    description="One foreground point, every pixel of the mask equally likely.",
    source="Medical-SAM-Adapter, SAM-Med2D (there without a seed per case)",
    where="uniform",
)
