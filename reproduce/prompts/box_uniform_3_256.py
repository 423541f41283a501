"""LiteMedSAM training: every side within 3 pixels, on the 256 grid."""

from reproduce.prompting.boxes import BoxProfile, Jitter

PLUGIN = BoxProfile(
    name="box-uniform-3-256",
    version=1,
    description="Tight box, every coordinate moved by its own -3 to 3 pixels of a 256x256 image.",
    source="bowang-lab/MedSAM@b042d247 (LiteMedSAM) training data set",
    at=256,
    jitter=Jitter("uniform", 3),
)
