"""A random point in every component."""

from reproduce.prompting.points import PointProfile

PLUGIN = PointProfile(
    name="point-component-uniform",
    version=1,
    description="One point per 8-connected component, every pixel equally likely.",
    source="SAM-OCTA: one random point per component",
    where="uniform",
    per="component",
)
