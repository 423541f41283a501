"""The class's name, for classes that are there."""

from reproduce.prompting.automatic import NamePrompt

PLUGIN = NamePrompt(
    name="class-presence",
    version=1,
    description=(
        "The name of the class, only for classes that are in the reference: which ones is told by "
        "the answer (flagged as oracle)."
    ),
    source="wenxi-yue/SurgicalSAM surgicalSAM/inference.py",
    present_only=True,
)
