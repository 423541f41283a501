"""RadioActive: five points along a line drawn through the planes."""

from reproduce.prompting.over_planes import InterpolatedProfile

PLUGIN = InterpolatedProfile(
    name="points-3d-5-line",
    version=1,
    description=(
        "A line through the middle of the object on five planes, told as five points evenly along"
        " it, its ends left out."
    ),
    source=(
        "MIC-DKFZ/radioactive@1796386 src/radioa/prompts/prompter.py: "
        "FivePointsFromCenterCropped3DVolumePrompter"
    ),
    kind="point",
    planes=5,
    joined=5,
)
