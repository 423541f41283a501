"""MedSAM baseline script: every side 20 pixels out, on the 1024 grid."""

from reproduce.prompting.boxes import BoxProfile, Jitter

PLUGIN = BoxProfile(
    name="box-out-20-1024",
    version=1,
    description="Tight box, every side 20 pixels outward, measured on a 1024x1024 image.",
    source="bowang-lab/MedSAM@d71e8a1 comparisons/SAM/infer_SAM_2D_npz.py: bbox_shift=20",
    at=1024,
    jitter=Jitter("fixed-out", 20),
)
