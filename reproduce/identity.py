"""Which weights they were: whether a file is shown to be the one that was released.

A name proves nothing. A file is the released one where its sha256 is the recorded one, and the
record says where that was read: the authors, the host, or two others independently. A hash that
only a fetch gave counts once it stands in the record, with the address it came from.
"""

from __future__ import annotations

import re
from typing import Literal

from catalog.records import Checkpoint

INDEPENDENT = 2  # others whose hash agrees
PINNED = re.compile(r"([\w.-]+)/[\w.-]+@[0-9a-f]{40}:.+")

Answer = Literal["same", "different", "not shown"]


def identity(record: Checkpoint, sha256: str) -> tuple[Answer, str | None]:
    """Whether a file with this hash is shown to be the released one, and why not."""
    if record.sha256 is None:
        return "not shown", f"checkpoint {record.id}: nobody has recorded the released file's hash"
    if sha256 != record.sha256:
        return "different", (
            f"checkpoint {record.id}: recorded sha256 {record.sha256[:12]}..., run {sha256[:12]}..."
        )
    if shown(record):
        return "same", None
    return "not shown", (
        f"checkpoint {record.id}: the recorded hash is neither the authors' nor the host's, nor "
        "pinned by two others independently"
    )


def shown(record: Checkpoint) -> bool:
    """Whether the record's hash is known to be the released file's."""
    if record.sha256 is None:
        return False
    for source in record.sha256_from:
        if source.by in ("authors", "host"):
            return True
        if source.by == "fetched" and source.place in record.urls:
            return True
    pinned = (PINNED.fullmatch(s.place) for s in record.sha256_from if s.by == "others")
    return len({match[1].casefold() for match in pinned if match}) >= INDEPENDENT
