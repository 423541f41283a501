"""Answers on disk, so that a refresh that was stopped goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from pathlib import Path

from catalog.files import whole

Kept = tuple[int, bytes, str, str]


class Cache:
    """One file an answer, named by the hash of its address. Safe to delete at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, url: str, fresh_s: float) -> tuple[int, bytes, str, str, str | None] | None:
        """The kept answer (status, body, url, content type, moved) if younger than `fresh_s`."""
        path = self._path(url)
        try:
            raw = path.read_bytes()
            head, _, body = raw.partition(b"\n")
            meta = json.loads(head)
            # an entry of the future was written under another clock: it says nothing of its age
            if meta["asked"] != url or not 0 <= time.time() - meta["time"] <= fresh_s:
                return None
            if len(body) != meta["bytes"]:
                return None
            return meta["status"], body, meta["url"], meta["type"], meta["moved"]
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not there, or not whole: ask again

    def write(self, url: str, answer: Kept, moved: str | None) -> None:
        """Keep an answer. A full disk or a read-only folder costs the cache, not the command."""
        status, body, final, content_type = answer
        meta = {
            "asked": url,
            "time": time.time(),
            "status": status,
            "url": final,
            "type": content_type,
            "moved": moved,
            "bytes": len(body),
        }
        content = json.dumps(meta).encode() + b"\n" + body
        with contextlib.suppress(OSError), whole(self._path(url), durable=False) as temporary:
            temporary.write_bytes(content)

    def drop(self, url: str) -> None:
        """Forget the answer of an address: it was no answer."""
        with contextlib.suppress(OSError):
            self._path(url).unlink(missing_ok=True)

    def _path(self, url: str) -> Path:
        name = hashlib.sha256(url.encode()).hexdigest()
        return self.folder / name[:2] / name
