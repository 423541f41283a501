"""Image embeddings on disk, shared by prompts, seeds, classes and runs.

Keyed by (checkpoint, preprocessing, image): sha256 of the weights, the model's `preprocessing_id`,
sha256 of the pixels. A tensor, or a dataclass, mapping, list or tuple of tensors and plain values,
is stored with `torch.save` and read back with `weights_only=True`.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import shutil
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reproduce.contracts import Model
from reproduce.running.files import write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEEP_FREE_BYTES = 4 << 30  # never fill the disk with what can be computed again


class EmbeddingCache:
    """Embeddings of one checkpoint in one folder. Reads what is there, writes what is new."""

    def __init__(self, folder: Path, checkpoint_sha256: str, model: Model, device: str) -> None:
        self.folder = folder / checkpoint_sha256[:16] / model.preprocessing_id()[:32]
        self.device = device
        self.hits = 0
        self.misses = 0

    def encode(self, model: Model, images: Sequence[NDArray[np.uint8]]) -> list[Any]:
        """As `model.encode`, going through the encoder only with images never seen before."""
        paths = [self._path(image) for image in images]
        found: dict[int, Any] = {}
        for i, path in enumerate(paths):
            stored = self._read(path)
            if stored is not None:
                found[i] = stored
        new = [i for i in range(len(images)) if i not in found]
        self.hits += len(found)
        self.misses += len(new)
        if new:
            for i, embedding in zip(new, model.encode([images[i] for i in new]), strict=True):
                found[i] = embedding
                self._write(paths[i], embedding)
        return [found[i] for i in range(len(images))]

    def _path(self, image: NDArray[np.uint8]) -> Path:
        digest = hashlib.sha256(repr((image.shape, str(image.dtype))).encode())
        digest.update(image.tobytes())
        name = digest.hexdigest()
        return self.folder / name[:2] / f"{name}.pt"

    def _read(self, path: Path) -> Any:
        import torch

        try:
            return _unpack(torch.load(path, map_location=self.device, weights_only=True))
        except FileNotFoundError:
            return None
        except Exception:  # a damaged entry is made again
            path.unlink(missing_ok=True)
            return None

    def _write(self, path: Path, embedding: Any) -> None:
        import torch

        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        torch.save(_pack(embedding), buffer)
        if shutil.disk_usage(path.parent).free - buffer.tell() < KEEP_FREE_BYTES:
            return
        write_atomic(path, buffer.getvalue())


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
