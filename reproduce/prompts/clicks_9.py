"""Nine clicks into the error of the first mask."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-9",
    version=1,
    description=(
        "A click on a pixel farthest from the background, then eight on a pixel deepest in the "
        "error of the first mask candidate; clicks add up, no mask is fed back."
    ),
    source=(
        "mazurowski-lab/segment-anything-medical-evaluation@2775b73 prompt_gen_and_exec_v1.py:"
        "338-414"
    ),
    where="center-l2-5",
    click="deepest-error-l2-5",
    rounds=9,
    follows="first",
    feeds=False,
)
