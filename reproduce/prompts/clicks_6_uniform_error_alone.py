"""RadioActive: as clicks-6-uniform-error, but each click is said alone."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-6-uniform-error-alone",
    version=1,
    description=(
        "One foreground point of the plane, each pixel equally likely, then five rounds of one "
        "point anywhere in the error, with the last mask fed back instead of the earlier points."
    ),
    source=(
        "MIC-DKFZ/radioactive@1796386 src/radioa/prompts/interactive_prompter.py: "
        "twoD1PointUnrealisticInteractivePrompterNoPrevPoint, five iterations "
        "(experiments_runner.py)"
    ),
    where="uniform",
    click="random-error",
    keeps=False,
    rounds=6,
)
