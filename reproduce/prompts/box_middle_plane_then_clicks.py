"""CVPR 2025 for models that take a box on one plane: box, then five clicks anywhere."""

from reproduce.prompting.boxes import BoxProfile
from reproduce.prompting.key_planes import KeyPlaneProfile

PLUGIN = KeyPlaneProfile(
    name="box-middle-plane-then-clicks",
    version=1,
    description=(
        "The tight box on the middle plane of the object; then five clicks in the stack, each in "
        "the middle of the largest error, missed and false voxels taken together."
    ),
    source="sam4mis, after JunMa11/CVPR-MedSegFMCompetition@748e862 CVPR25_iter_eval.py",
    where="middle",
    asks=BoxProfile("box-middle-plane-then-clicks", 1, "the tight box", "get_boxes.py"),
    click="largest-joint-error-edt",
    rounds=6,
    follows="first",
)
