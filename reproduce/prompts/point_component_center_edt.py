"""A point in the middle of every component."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="point-component-center-edt",
    version=1,
    description=(
        "One point per 8-connected component where the distance to the background is largest."
    ),
    source="mazurowski-lab/segment-anything-medical-evaluation@2775b73",
    per="component",
)
