"""RadioActive: the sides of the solid box on every plane of the object."""

from reproduce.prompting.over_planes import InterpolatedProfile

PLUGIN = InterpolatedProfile(
    name="box-solid-sliced",
    version=1,
    description=(
        "On every plane of the object the sides of its solid box, one past its last pixels."
    ),
    source=(
        "MIC-DKFZ/radioactive@1796386 src/radioa/prompts/prompter.py: "
        "BoxPer2dSliceFrom3DBoxPrompter"
    ),
    kind="box",
    planes=None,
)
