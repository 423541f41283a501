"""From a claim to the run that could answer it, and what is lacking here to make it."""
