"""What one service says of one work."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.intake.draft import Draft


@dataclass(slots=True)
class Sighting:
    """A work as `service` describes it. `figures` are volatile: they go to the cache file only."""

    service: str
    draft: Draft
    figures: dict[str, int] = field(default_factory=dict)
