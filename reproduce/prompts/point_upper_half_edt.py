"""RITM: anywhere deep inside the mask."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="point-upper-half-edt",
    version=1,
    description=(
        "One point, uniform among pixels deeper than half of the largest distance to background."
    ),
    source="RITM sampling, SAM-Med3D@f3de1fa first clicks",
    where="upper-half-edt",
)
