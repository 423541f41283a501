"""SAM-Med3D: first deep inside, then anywhere in the error."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-5-random",
    version=1,
    description="A click deep inside the mask, then four anywhere in the error.",
    source="uni-medical/SAM-Med3D@f3de1fa: later clicks random (in 3D there; per slice here)",
    where="upper-half-edt",
    click="random-error",
    rounds=5,
)
