"""Tight boxes around up to three components."""

from reproduce.prompting.boxes import BoxProfile

PLUGIN = BoxProfile(
    name="box-largest-3",
    version=1,
    description="Tight boxes around the three largest 8-connected components, largest first.",
    source="mazurowski-lab/segment-anything-medical-evaluation@2775b73",
    per="largest-3",
)
