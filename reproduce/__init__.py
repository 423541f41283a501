"""The checking half of sam4mis: datasets, adapters, prompts, statistics, scores, verdicts.

Importing this package is cheap: torch, numpy and the readers are imported where they are used.
"""
