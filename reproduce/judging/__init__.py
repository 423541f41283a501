"""Whether what lies in `reproduce/results` can be what a run left there.

`examine` derives everything that a result says from its statistics and its inputs, and refuses by
name what disagrees. Nothing of `reproduce.running` imports this package.
"""
