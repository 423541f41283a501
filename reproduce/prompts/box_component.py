"""A tight box around every component."""

from reproduce.prompting.boxes import BoxProfile

PLUGIN = BoxProfile(
    name="box-component",
    version=1,
    description="Tight box around each 8-connected component; x1, y1 are its last pixels.",
    source="mazurowski-lab/segment-anything-medical-evaluation@2775b73",
    per="component",
)
