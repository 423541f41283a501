"""A scribble along the middle of the object on its largest plane, as five points."""

from reproduce.prompting.key_planes import KeyPlaneProfile
from reproduce.prompting.lines import LineProfile

PLUGIN = KeyPlaneProfile(
    name="scribble-largest-plane",
    version=1,
    description=(
        "Five points evenly along the longest way through the skeleton of the object, on the "
        "plane with most of it."
    ),
    source="sam4mis, as scribble-skeleton-5",
    where="largest",
    asks=LineProfile(
        "scribble-largest-plane", 1, "the line", "scribble-skeleton-5", line="skeleton"
    ),
)
