"""What one transfer may take; `catalog.watching` ends it where it takes more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """What one transfer may take, all its tries together.

    whole_s      from the first request to the last byte
    window_s     over which the rate is taken; one that brings less than `least_bytes_s` a second
                 ends the try
    tries        in a row without progress. Progress is real where at least `real_bytes` came, and
                 half of what came was not here before
    pause_s      before the next try, times the tries without progress
    patience_s   the longest that a host may ask to wait (Retry-After)
    largest_gib  of a file whose size neither the record nor the server says; None:
                 $SAM4MIS_FETCH_GIB
    """

    whole_s: float = 24 * 3600.0
    window_s: float = 60.0
    least_bytes_s: int = 1024
    tries: int = 5
    real_bytes: int = 64 << 10
    pause_s: float = 1.0
    patience_s: float = 600.0
    largest_gib: float | None = None
