"""RadioActive: boxes drawn on five planes, the others in between."""

from reproduce.prompting.over_planes import InterpolatedProfile

PLUGIN = InterpolatedProfile(
    name="boxes-interpolated-5",
    version=1,
    description=(
        "A tight box on five planes of the object, one past its last pixels; on the planes "
        "between, the box in between."
    ),
    source=(
        "MIC-DKFZ/radioactive@1796386 src/radioa/prompts/prompter.py: FiveBoxInterpolationPrompter"
    ),
    kind="box",
    planes=5,
)
