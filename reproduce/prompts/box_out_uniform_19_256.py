"""LVM-Med: every side 0 to 19 pixels out, on the 256 grid."""

from reproduce.prompting.boxes import BoxProfile, Jitter

PLUGIN = BoxProfile(
    name="box-out-uniform-19-256",
    version=1,
    description="Tight box, every side outward by its own 0 to 19 pixels of a 256x256 image.",
    source="duyhominhnguyen/LVM-Med dataloader/dataset.py:9-52",
    at=256,
    jitter=Jitter("uniform-out", 19),
)
