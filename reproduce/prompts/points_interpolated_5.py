"""RadioActive: points drawn on five planes, the others in between."""

from reproduce.prompting.over_planes import InterpolatedProfile

PLUGIN = InterpolatedProfile(
    name="points-interpolated-5",
    version=1,
    description=(
        "A point in the middle of the largest component on five planes of the object; on the "
        "planes between, the point in between."
    ),
    source=(
        "MIC-DKFZ/radioactive@1796386 src/radioa/prompts/prompter.py: "
        "FivePointInterpolationPrompter"
    ),
    kind="point",
    planes=5,
)
