"""Whether a file is whole by its own account: what its format says of its end.

A body that a server cut and called finished begins like any other. A transfer without a recorded
hash is believed only where the file says so itself.
"""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import IO, Any

from catalog.errors import InputError
from reproduce.ground.pickles import MAGIC_NUMBER, refuse_nested
from reproduce.obtaining.archives import ARCHIVES, read_through

HEADER_BYTES = 100_000_000  # of safetensors, as its library allows
ELEMENT_BYTES = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1,
    "Byte": 1, "Bool": 1, "ComplexDouble": 16, "ComplexFloat": 8, "QInt8": 1, "QUInt8": 1,
    "QInt32": 4, "Untyped": 1,
}  # fmt: skip


def damage(path: Path) -> str | None:
    """How a file of weights or an archive is cut or damaged, in a sentence; None where it is whole.

    safetensors: the header against the size. torch: the directory of the zip file and where each
    member begins and ends (checksums are not always written); before torch 1.6, every storage.
    Other pickles: the last opcode. Archives: every byte and every checksum.
    """
    from reproduce.ground.sniffing import sniff

    kind = sniff(path)
    try:
        if kind == "safetensors":
            return _safetensors(path)
        if kind == "torch":
            refuse_nested(path)
            return _torch(path)
        if kind == "pickle":
            refuse_nested(path)
            return _pickle(path)
        if kind in ARCHIVES:
            read_through(path)
    except InputError as error:
        told = str(error).removeprefix(f"{path}: ")
        return told[:1].upper() + told[1:]
    return None


def _cut(wanted: int, got: int) -> str | None:
    """The sentence for a file whose own account gives another size."""
    if wanted == got:
        return None
    return f"It is damaged: by its own account it has {wanted:,} bytes, {got:,} are here."


def _safetensors(path: Path) -> str | None:
    size = path.stat().st_size
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        text = stream.read(min(length, HEADER_BYTES))
    try:
        tensors = {name: at for name, at in json.loads(text).items() if name != "__metadata__"}
        end = max((int(at["data_offsets"][1]) for at in tensors.values()), default=0)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return "It is damaged: the header of the safetensors file cannot be read."
    return _cut(8 + length + end, size)


def _torch(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as content, path.open("rb") as stream:
            for member in content.infolist():
                stream.seek(member.header_offset)
                header = stream.read(30)
                if header[:4] != b"PK\x03\x04":
                    return f"It is damaged: its member {member.filename!r} does not begin there."
                names, extra = struct.unpack("<HH", header[26:])
                end = member.header_offset + 30 + names + extra + member.compress_size
                if end > content.start_dir:
                    return f"It is damaged: its member {member.filename!r} is cut."
    except (zipfile.BadZipFile, ValueError, OSError, struct.error, NotImplementedError) as error:
        return f"It is damaged: the zip directory at its end cannot be read ({error})."
    return None


class _Inert:
    """Stands for whatever a pickle names, and does nothing."""

    def __init__(self, *_: object, **__: object) -> None: ...
    def __call__(self, *_: object, **__: object) -> _Inert:
        return self

    def __setstate__(self, _: object) -> None: ...
    def __setitem__(self, _: object, __: object) -> None: ...
    def append(self, _: object) -> None: ...
    def extend(self, _: object) -> None: ...
    def add(self, _: object) -> None: ...
    def update(self, *_: object) -> None: ...
    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return self is other


# The unpickler in Python: the one in C takes gigabytes where a file of ten bytes says so.
class _Walk(pickle._Unpickler):
    """Reads a pickle without running anything of it; notes the storages that it refers to."""

    def __init__(self, stream: IO[bytes], storages: dict[str, int]) -> None:
        super().__init__(stream, encoding="latin-1")
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        return type(name, (_Inert,), {"__module__": module})

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError(f"extension {code}")

    def persistent_load(self, about: Any) -> Any:
        _, kind, key, *_ = about
        each = ELEMENT_BYTES[kind.__name__.removesuffix("Storage")]
        self.storages[str(key)] = each
        return _Inert()


def _pickle(path: Path) -> str | None:
    """Of torch files before 1.6: five pickles, then each storage with its number of elements."""
    size = path.stat().st_size
    storages: dict[str, int] = {}
    with path.open("rb") as stream:
        try:
            if _Walk(stream, storages).load() != MAGIC_NUMBER:
                return None  # another pickle, read to its last opcode
            for _ in range(3):
                _Walk(stream, storages).load()
            for key in _Walk(stream, storages).load():
                (count,) = struct.unpack("<q", stream.read(8))
                stream.seek(count * storages[str(key)], 1)
        except Exception as error:  # an unpickler raises whatever the bytes make of it
            return f"It is damaged: its pickles cannot be read to their end ({error})."
        return _cut(stream.tell(), size)
