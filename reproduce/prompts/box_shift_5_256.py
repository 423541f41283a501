"""One shift of 0 to 5 pixels for the whole box, on the 256 grid."""

from reproduce.prompting.boxes import BoxProfile, Jitter

PLUGIN = BoxProfile(
    name="box-shift-5-256",
    version=1,
    description=(
        "Tight box, moved as a whole by one 0 to 5 pixels of a 256x256 image, x and y alike."
    ),
    source="CVPR MedSegFM box scripts: single shift of 0-5 at W / 256",
    at=256,
    jitter=Jitter("shift", 5),
)
