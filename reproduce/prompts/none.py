"""No prompt."""

from reproduce.prompting.automatic import NoPrompt

PLUGIN = NoPrompt(
    name="none",
    version=1,
    description="No prompt: the model segments every label on its own.",
    source="sam4mis",
)
