"""CVPR 2025: the planes of the object and a box on its middle one, then five clicks."""

from reproduce.prompting.boxes import BoxProfile, Jitter
from reproduce.prompting.over_planes import SolidBoxProfile

PLUGIN = SolidBoxProfile(
    name="box-solid-then-clicks",
    version=1,
    description=(
        "The first and last plane of the object with the box of its middle plane, all four sides "
        "outward by one number of 0 to 5 pixels of a 256x256 image; then five clicks, each in the"
        " middle of the largest error, missed and false voxels taken together. No adapter here "
        "takes solid boxes yet."
    ),
    source="JunMa11/CVPR-MedSegFMCompetition@748e862 get_boxes.py, CVPR25_iter_eval.py",
    middle=BoxProfile(
        "box-solid-then-clicks",
        1,
        "the box of the middle plane",
        "JunMa11/CVPR-MedSegFMCompetition@748e862 get_boxes.py",
        at=256,
        jitter=Jitter("one-out", 5),
    ),
    click="largest-joint-error-edt",
    rounds=6,
    follows="first",
)
