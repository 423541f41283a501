"""A tight box on the middle plane of the object."""

from reproduce.prompting.boxes import BoxProfile
from reproduce.prompting.key_planes import KeyPlaneProfile

PLUGIN = KeyPlaneProfile(
    name="box-middle-plane",
    version=1,
    description="A tight box around the object on the middle one of its planes.",
    source="sam4mis; planes as in mazurowski-lab/segment-anything2-medical-evaluation@1d72cc1",
    where="middle",
    asks=BoxProfile("box-middle-plane", 1, "a tight box", "sam4mis"),
)
