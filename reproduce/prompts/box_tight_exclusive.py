"""The tight box, one pixel past the last on each axis."""

from reproduce.prompting.boxes import BoxProfile

PLUGIN = BoxProfile(
    name="box-tight-exclusive",
    version=1,
    description="Tight box around the whole mask; x1, y1 lie one past its last pixels; not moved.",
    source="MIC-DKFZ/radioactive@1796386: inclusive + 1",
    inclusive=False,
    clip="size",
)
