"""The point farthest from the background."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="point-center-edt",
    version=1,
    description="One foreground point where the distance to the background is largest.",
    source="mazurowski-lab/segment-anything-medical-evaluation@2775b73",
)
