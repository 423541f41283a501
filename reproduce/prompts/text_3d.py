"""The class's name, once for a volume."""

from reproduce.prompting.automatic import NamePrompt

PLUGIN = NamePrompt(
    name="text-3d",
    version=1,
    description=(
        "The name of the class as the data set calls it, once for every volume and class, present "
        "or not; for models that take a volume whole."
    ),
    source="SAT evaluate.py asks by the names of classes",
    scope="stack",
)
