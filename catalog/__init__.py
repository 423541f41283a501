"""The registry half of sam4mis: records, identifiers, checks, rendering, the command line.

Nothing in this package imports torch, and nothing in it imports `reproduce`.
"""

__version__ = "0.1.0"
