"""A point deep in the object on the middle plane where it is seen."""

from reproduce.prompting.key_planes import KeyPlaneProfile
from reproduce.prompting.points import PointProfile

PLUGIN = KeyPlaneProfile(
    name="point-middle-plane",
    version=1,
    description=(
        "A point farthest from the background in the largest component, on the middle plane of "
        "the object."
    ),
    source="mazurowski-lab/segment-anything2-medical-evaluation@1d72cc1 prompt_funcs.py",
    where="middle",
    asks=PointProfile(
        "point-middle-plane", 1, "one point", "prompt_mode 1", where="center-l2-5", per="largest"
    ),
)
