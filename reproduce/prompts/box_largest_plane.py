"""A tight box on the plane where the object has the most pixels."""

from reproduce.prompting.boxes import BoxProfile
from reproduce.prompting.key_planes import KeyPlaneProfile

PLUGIN = KeyPlaneProfile(
    name="box-largest-plane",
    version=1,
    description="A tight box around the object on the plane with most of it.",
    source="sam4mis; planes as in mazurowski-lab/segment-anything2-medical-evaluation@1d72cc1",
    where="largest",
    asks=BoxProfile("box-largest-plane", 1, "a tight box", "sam4mis"),
)
