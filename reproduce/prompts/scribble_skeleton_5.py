"""A scribble along the middle of the object, as five points."""

from reproduce.prompting.lines import LineProfile

PLUGIN = LineProfile(
    name="scribble-skeleton-5",
    version=1,
    description=(
        "Five points evenly along the longest way through the skeleton of the largest component."
    ),
    source=(
        "sam4mis, after halleewong/ScribblePrompt@182c449 "
        "scribbleprompt/interactions/scribbles.py: CenterlineScribble (there warped and broken up"
        " at random)"
    ),
    line="skeleton",
)
