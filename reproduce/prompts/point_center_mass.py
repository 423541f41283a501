"""RadioActive: the pixel nearest to the mean of the largest component."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="point-center-mass",
    version=1,
    description="One point on the largest component, nearest to the mean of its pixels.",
    source="MIC-DKFZ/radioactive@1796386 src/radioa/prompts/prompter.py: CenterPointPrompter",
    where="center-mass",
    per="largest",
)
