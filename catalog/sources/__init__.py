"""Clients of public services. Each is optional; what fails is told and the rest goes on.

`http` is the one way out (time limits, byte limits, polite rates, Retry-After, disk cache); every
other module turns one service's answers into `Sighting`s.
"""

from __future__ import annotations

from pathlib import Path


def prisma_counts(root: Path) -> dict[str, dict[str, int]]:
    """Counts of the flow from records to works (see `catalog.sources.screening`)."""
    from catalog.sources.screening import prisma_counts as counts

    return counts(root)
