"""RadioActive: points drawn on three planes, the others in between."""

from reproduce.prompting.over_planes import InterpolatedProfile

PLUGIN = InterpolatedProfile(
    name="points-interpolated-3",
    version=1,
    description=(
        "A point in the middle of the largest component on three planes of the object; on the "
        "planes between, the point in between."
    ),
    source=(
        "MIC-DKFZ/radioactive@1796386 src/radioa/prompts/prompter.py: "
        "ThreePointInterpolationPrompter"
    ),
    kind="point",
    planes=3,
)
