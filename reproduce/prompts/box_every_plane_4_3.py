"""GBT-SAM: a box on every plane of a volume, without size where there is nothing."""

from reproduce.prompting.boxes import BoxProfile, Jitter
from reproduce.prompting.over_planes import EveryPlaneProfile

SOURCE = "vpulab/gbt-sam@edac4db utils.py:131-175 (CalculateBoxes), INSTRUCTIONS.md: overlap 75"

PLUGIN = EveryPlaneProfile(
    name="box-every-plane-4-3",
    version=1,
    description=(
        "On every plane the tight box with both sides times 100/75 about its middle, not rounded, "
        "cut at the plane; a box of no size at the first pixel where the object is not."
    ),
    source=SOURCE,
    on=BoxProfile(
        name="box-every-plane-4-3",
        version=1,
        description="On one of the planes.",
        source=SOURCE,
        jitter=Jitter("scaled", share=100 / 75),
        clip="size",
    ),
)
