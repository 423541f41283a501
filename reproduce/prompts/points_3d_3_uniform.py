"""Three voxels of the object, any."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="points-3d-3-uniform",
    version=1,
    description="Three voxels anywhere in the object, in 3D, told at once.",
    source="CaiGuoHS/ZAP-2.5DSAM@f3c3163 test.py:160-174, num_points 3",
    where="uniform",
    positives=3,
    scope="stack",
)
