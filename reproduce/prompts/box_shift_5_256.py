"""CVPR MedSegFM: the box on the 256 grid, all four sides outward by one number."""

from reproduce.prompting.boxes import BoxProfile, Jitter

PLUGIN = BoxProfile(
    name="box-shift-5-256",
    version=2,
    description=(
        "Tight box, all four sides outward by one number of 0 to 5 pixels of a 256x256 image, cut"
        " to whole pixels (version 1 moved the box as a whole)."
    ),
    source="JunMa11/CVPR-MedSegFMCompetition@748e862 get_boxes.py: mask2D_to_bbox",
    at=256,
    jitter=Jitter("one-out", 5),
)
