"""RadioActive: the solid box of the whole object."""

from reproduce.prompting.over_planes import SolidBoxProfile

PLUGIN = SolidBoxProfile(
    name="box-solid",
    version=1,
    description="The tight box of the whole object over all its planes, its last voxels inclusive.",
    source="MIC-DKFZ/radioactive@1796386 src/radioa/prompts/prompt_3d.py: get_bbox3d",
)
