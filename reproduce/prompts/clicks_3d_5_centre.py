"""Five clicks in 3D, each in the middle of the largest error."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-3d-5-centre",
    version=1,
    description="The voxel deepest in the object, then four times in the largest error, in 3D.",
    source="sam4mis, after JunMa11/CVPR-MedSegFMCompetition@748e862 CVPR25_iter_eval.py",
    where="center-edt",
    click="largest-error-edt",
    rounds=5,
    follows="first",
    scope="stack",
)
