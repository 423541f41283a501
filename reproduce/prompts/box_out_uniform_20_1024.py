"""MedSAM training: every side 0 to 20 pixels out, on the 1024 grid."""

from reproduce.prompting.boxes import BoxProfile, Jitter

PLUGIN = BoxProfile(
    name="box-out-uniform-20-1024",
    version=1,
    description="Tight box, every side outward by its own 0 to 20 pixels of a 1024x1024 image.",
    source="bowang-lab/MedSAM@d71e8a1 train_one_gpu.py: bbox_shift=20",
    at=1024,
    jitter=Jitter("uniform-out", 20),
)
