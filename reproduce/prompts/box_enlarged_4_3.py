"""Box enlarged about its middle."""

from reproduce.prompting.boxes import BoxProfile, Jitter

PLUGIN = BoxProfile(
    name="box-enlarged-4-3",
    version=1,
    description=(
        "Tight box with both sides times 100/75 about its middle, not rounded, cut at the image."
    ),
    source="vpulab/gbt-sam@edac4db utils.py:131-160 (CalculateBoxes), INSTRUCTIONS.md: overlap 75",
    jitter=Jitter("scaled", share=100 / 75),
    clip="size",
)
