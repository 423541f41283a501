"""A tight box around the largest component."""

from reproduce.prompting.boxes import BoxProfile

PLUGIN = BoxProfile(
    name="box-largest",
    version=1,
    description="Tight box around the largest 8-connected component; x1, y1 are its last pixels.",
    source="mazurowski-lab/segment-anything-medical-evaluation@2775b73",
    per="largest",
)
