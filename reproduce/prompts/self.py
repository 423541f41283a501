"""What a method prompts itself with."""

from reproduce.prompting.automatic import NoPrompt

PLUGIN = NoPrompt(
    name="self",
    version=1,
    description="No prompt from outside: the method's own first stage makes the prompts.",
    source="SAMMed: boxes of a first network; the harness gives nothing",
)
