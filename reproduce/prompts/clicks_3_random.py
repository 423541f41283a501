"""SAM-Med3D with 3 clicks: first deep inside, then anywhere in the error."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-3-random",
    version=1,
    description="A click deep inside the mask, then 2 anywhere in the error.",
    source="arXiv 2310.15161, page 9 (in 3D there; per slice here)",
    where="upper-half-edt",
    click="random-error",
    rounds=3,
)
