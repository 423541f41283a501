"""A scribble along the contour of the object, as five points."""

from reproduce.prompting.lines import LineProfile

PLUGIN = LineProfile(
    name="scribble-contour-5",
    version=1,
    description=(
        "Five points evenly along the line round the largest component at half of its depth."
    ),
    source=(
        "sam4mis, after halleewong/ScribblePrompt@182c449 "
        "scribbleprompt/interactions/scribbles.py: ContourScribble (there warped and broken up at"
        " random)"
    ),
    line="contour",
)
