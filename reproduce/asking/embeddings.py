"""Image embeddings on disk, shared by prompts, seeds, classes and runs.

Keyed by all that makes them: weights, precision, processor and threads (`maker_key`), the model's
`preprocessing_id`, and the pixels of the whole batch that goes through the encoder together. So a
run gives the same whether it finds them here or makes them. A tensor, or a dataclass, mapping, list
or tuple of tensors and plain values, is stored with `torch.save` and read back with
`weights_only=True`.

The folder never grows beyond a limit ($SAM4MIS_EMBEDDINGS_GIB, 20 unless set): what was not used
for the longest time goes first. Any number of processes share it. One that finds an entry gone
makes it again; only one at a time makes room.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import os
import shutil
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from catalog.errors import UsageError
from catalog.files import lock, write_whole
from reproduce.contracts import Model, Plane, PlaneModel
from reproduce.ground.provenance import arithmetic
from reproduce.runs.spec import RunSpec

KEEP_FREE_BYTES = 4 << 30  # never fill the disk with what can be computed again
LIMIT = "SAM4MIS_EMBEDDINGS_GIB"
LIMIT_GIB = 20.0
ROOM = 0.9  # of the limit is left filled when room is made, so that it is not made for every entry
LOOK_EVERY = 0.05  # of the limit: bytes a process writes before it looks at the folder again


def limit_bytes() -> int:
    """The most that embeddings may take on disk. Raises `UsageError` where the setting is none."""
    named = os.environ.get(LIMIT, str(LIMIT_GIB))
    try:
        gib = float(named)
        if not 0 <= gib < float("inf"):
            raise ValueError
    except ValueError:
        raise UsageError(
            f"{LIMIT}={named}: expected a number of GiB, 0 or more (0: keep no embeddings)."
        ) from None
    return int(gib * 2**30)


def entries(root: Path) -> list[tuple[float, int, Path]]:
    """(when it was used last, bytes, file) of every embedding below a folder, the oldest first.

    Entries that another process removes meanwhile are left out.
    """
    found = []
    for path in root.glob("*/*/*/*.pt"):
        with contextlib.suppress(FileNotFoundError):
            facts = path.stat()
            found.append((facts.st_mtime, facts.st_size, path))
    return sorted(found)


def make_room(root: Path, limit: int) -> int:
    """Remove what was not used for the longest time until `ROOM` of the limit is left, if there is
    more than the limit. Returns the bytes removed; 0 also where another process is at it."""
    with lock(root / ".making-room.lock", 0) as mine:
        if not mine:
            return 0
        found = entries(root)
        size = sum(entry[1] for entry in found)
        if size <= limit:
            return 0
        removed = 0
        for _, own, path in found:
            if size - removed <= ROOM * limit:
                break
            path.unlink(missing_ok=True)
            removed += own
        return removed


def maker_key(spec: RunSpec, device: str) -> str:
    """64 hex digits over everything but the images and their preprocessing that can change a digit
    of an embedding: weights, adapter, precision, and what computes on this machine."""
    makers = [checkpoint.sha256 for checkpoint in spec.checkpoints]
    makers += [spec.adapter, str(spec.adapter_version), spec.precision, *arithmetic(device)]
    return hashlib.sha256(" ".join(makers).encode()).hexdigest()


class EmbeddingCache:
    """Embeddings of one maker in one folder. Reads what is there, writes what is new.

    limit  bytes that the embeddings of all checkpoints below `folder` may take together
    """

    def __init__(
        self,
        folder: Path,
        maker: str,
        model: Model,
        device: str,
        limit: int | None = None,
    ) -> None:
        self.root = folder
        self.folder = folder / maker[:16] / model.preprocessing_id()[:32]
        self.device = device
        self.limit = limit_bytes() if limit is None else limit
        self.unseen = self.limit  # bytes written since the folder was looked at; look at once
        self.hits = 0
        self.misses = 0

    def encode(self, model: PlaneModel, planes: Sequence[Plane]) -> list[Any]:
        """As `model.encode` of one batch: all of it is read, or all goes through the encoder."""
        paths = self._paths(planes)
        stored = [embedding for path in paths if (embedding := self._read(path)) is not None]
        if len(stored) == len(planes):
            self.hits += len(planes)
            return stored
        self.misses += len(planes)
        made = model.encode(planes)
        for path, embedding in zip(paths, made, strict=True):
            self._write(path, embedding)
        return made

    def _paths(self, planes: Sequence[Plane]) -> list[Path]:
        """One file an image, named by its place in the batch and the pixels of all of them."""
        batch = hashlib.sha256()
        for plane in planes:
            batch.update(repr((plane.image.shape, str(plane.image.dtype))).encode())
            batch.update(plane.image.tobytes())
        names = [
            hashlib.sha256(batch.digest() + str(place).encode()).hexdigest()
            for place in range(len(planes))
        ]
        return [self.folder / name[:2] / f"{name}.pt" for name in names]

    def _read(self, path: Path) -> Any:
        import torch

        try:
            found = _unpack(torch.load(path, map_location=self.device, weights_only=True))
        except FileNotFoundError:
            return None
        except Exception:  # a damaged entry is made again
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used now: the last to go
        return found

    def _write(self, path: Path, embedding: Any) -> None:
        import torch

        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        torch.save(_pack(embedding), buffer)
        size = buffer.tell()
        if size > ROOM * self.limit:
            return
        if shutil.disk_usage(path.parent).free - size < KEEP_FREE_BYTES:
            return
        write_whole(path, buffer.getvalue())
        self.unseen += size
        if self.unseen >= LOOK_EVERY * self.limit:
            make_room(self.root, self.limit)
            self.unseen = 0


def _pack(value: Any) -> Any:
    """Plain containers and tensors only, so that no code is needed to read them back."""
    import torch

    if isinstance(value, torch.Tensor):
        # A view of a batch would drag the whole batch to disk.
        return value.detach().clone().cpu()
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        content = {f.name: _pack(getattr(value, f.name)) for f in fields(value)}
        return {"__dataclass__": f"{kind.__module__}:{kind.__qualname__}", "fields": content}
    if isinstance(value, tuple):
        return {"__tuple__": [_pack(item) for item in value]}
    if isinstance(value, list):
        return [_pack(item) for item in value]
    if isinstance(value, dict):
        return {key: _pack(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"an embedding holds a {type(value).__name__}; set `cacheable = False`")


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "__tuple__" in value:
        return tuple(_unpack(item) for item in value["__tuple__"])
    if "__dataclass__" in value:
        module, _, name = value["__dataclass__"].partition(":")
        if not module.startswith("reproduce."):
            raise ValueError(f"{module}: only classes of this package are stored")
        kind = getattr(importlib.import_module(module), name)
        return kind(**{key: _unpack(item) for key, item in value["fields"].items()})
    return {key: _unpack(item) for key, item in value.items()}
