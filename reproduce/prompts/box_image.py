"""The whole image as a box."""

from reproduce.prompting.boxes import BoxProfile

PLUGIN = BoxProfile(
    name="box-image",
    version=1,
    description="The box is the whole image, for every mask that is not empty.",
    source="DeSAM-B (yifangao112/DeSAM): whole-image box",
    per="image",
)
