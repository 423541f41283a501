"""RadioActive: anywhere on the object of a plane, then five times anywhere in the error."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-6-uniform-error",
    version=1,
    description=(
        "One foreground point of the plane, each pixel equally likely, then five rounds of one "
        "point anywhere in the error, with the last mask fed back; earlier points are said again."
    ),
    source=(
        "MIC-DKFZ/radioactive@1796386 src/radioa/prompts/interactive_prompter.py: "
        "twoD1PointUnrealisticInteractivePrompterWithPrevPoint, five iterations "
        "(experiments_runner.py)"
    ),
    where="uniform",
    click="random-error",
    keeps=True,
    rounds=6,
)
