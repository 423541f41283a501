"""Three clicks in 3D, each anywhere in the error."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-3d-3-random",
    version=1,
    description="A voxel anywhere in the object, then two anywhere in the error, in 3D.",
    source="uni-medical/SAM-Med3D@f3de1fa utils/infer_utils.py:13-50, method random",
    where="uniform",
    click="random-error",
    rounds=3,
    follows="first",
    scope="stack",
)
