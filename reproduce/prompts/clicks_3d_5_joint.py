"""CVPR 2025 without a box: five clicks, each in the middle of the largest error."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-3d-5-joint",
    version=1,
    description=(
        "Five clicks in 3D, each in the middle of the largest error, missed and false voxels "
        "taken together; the first in the middle of the largest part of the object."
    ),
    source="JunMa11/CVPR-MedSegFMCompetition@748e862 CVPR25_iter_eval.py, cases without boxes",
    where="center-joint",
    click="largest-joint-error-edt",
    rounds=5,
    follows="first",
    scope="stack",
)
