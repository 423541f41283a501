"""Whether a run, or a plan, answers a claim, and the verdict.

Before any verdict `examine` derives everything that a result says from its statistics and its
inputs, and refuses by name what disagrees. Nothing here imports what plans or runs.
"""
