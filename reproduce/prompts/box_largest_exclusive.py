"""SAM-Med2D at test time: the largest component, exclusive ends."""

from reproduce.prompting.boxes import BoxProfile

PLUGIN = BoxProfile(
    name="box-largest-exclusive",
    version=1,
    description=(
        "Tight box around the largest 8-connected component; x1, y1 lie one past its last pixels."
    ),
    source="OpenGVLab/SAM-Med2D@bfd2b93 utils.py, jitter 0 at test",
    per="largest",
    inclusive=False,
    clip="size",
)
