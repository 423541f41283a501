"""The class's name, for every class."""

from reproduce.prompting.automatic import NamePrompt

PLUGIN = NamePrompt(
    name="text",
    version=1,
    description=(
        "The name of the class as the data set calls it, for every class, present or not; "
        "sentences around the name are the adapter's business."
    ),
    source="SimTxtSeg test.py asks by the names of classes",
)
