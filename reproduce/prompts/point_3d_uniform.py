"""One voxel of the object, any."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="point-3d-uniform",
    version=1,
    description="One voxel anywhere in the object, in 3D.",
    source="uni-medical/SAM-Med3D@f3de1fa utils/infer_utils.py:13-50, num_clicks=1",
    where="uniform",
    scope="stack",
)
