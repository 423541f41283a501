"""The middle of all foreground pixels in scan order."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="point-middle",
    version=1,
    description="One point: the middle entry of the list of foreground pixels in scan order.",
    source="xianlin7/SAMUS: middle of argwhere",
    where="middle",
)
