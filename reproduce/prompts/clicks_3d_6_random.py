"""RadioActive in 3D: one voxel of the object, then five times anywhere in the error."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="clicks-3d-6-random",
    version=1,
    description="A voxel anywhere in the object, then five anywhere in the error, in 3D.",
    source=(
        "MIC-DKFZ/radioactive@1796386 src/radioa/prompts/interactive_prompter.py: "
        "threeDCroppedInteractivePrompterWithPrevPoint"
    ),
    where="uniform",
    click="random-error",
    rounds=6,
    follows="first",
    scope="stack",
)
