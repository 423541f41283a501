"""How deep a pickle nests tuples, seen in its opcodes before anything loads it.

Python takes the hash of a tuple in a tuple in a tuple without counting: a file of a megabyte whose
key of a dictionary is nested a million times ends the process that loads it.
"""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path
from typing import IO, Any

from catalog.errors import InputError

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C  # of torch files before 1.6 (torch.serialization)
MOST_DEEP = 100  # a state dict nests three
_MARK = -1
_COUNTED = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")


def refuse_nested(path: Path) -> None:
    """Raise `InputError` where a torch file or another pickle nests tuples beyond reason, or is no
    pickle to its end. Of a zip file that is cut nothing is said: nobody loads it."""
    try:
        with path.open("rb") as stream:
            if stream.read(4) != b"PK\x03\x04":
                stream.seek(0)
                for _ in range(4 if _look(path, stream) else 0):
                    _look(path, stream)
                return
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith("data.pkl"):
                    with archive.open(name) as member:
                        _look(path, member)
    except zipfile.BadZipFile:
        return
    except (ValueError, LookupError, OSError, NotImplementedError, RuntimeError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path}: damaged, its pickle cannot be read to its end ({told})."
        ) from None


def _look(path: Path, stream: IO[bytes]) -> bool:
    """Follow the stack of one pickle: how deep tuples are nested in each thing on it. Returns
    whether torch's magic number is in it."""
    stack: list[int] = []
    memo: dict[Any, int] = {}
    magic = False
    for code, argument, _ in pickletools.genops(stream):
        magic = magic or argument == MAGIC_NUMBER
        if code.name in _COUNTED:
            memo[len(memo) if argument is None else argument] = stack[-1]
            continue
        depth = _taken(code, stack)
        if code.name.startswith("TUPLE"):
            depth = 1 + max(depth, 0)
        elif "GET" in code.name:
            depth = memo[argument]
        if depth > MOST_DEEP:
            raise InputError(
                f"{path}: refused, it nests tuples more than {MOST_DEEP} deep, which no weights do."
            )
        stack += [_MARK if code.name == "MARK" else max(depth, 0)] * len(code.stack_after)
    return magic


def _taken(code: pickletools.OpcodeInfo, stack: list[int]) -> int:
    """Take off the stack what an opcode takes; how deep the deepest of it is."""
    took = []
    own = len(code.stack_before)
    if pickletools.markobject in code.stack_before:
        own = code.stack_before.index(pickletools.markobject)  # what lies below the mark
        while (each := stack.pop()) != _MARK:
            took.append(each)
    took += [stack.pop() for _ in range(own)]
    return max(took, default=0)
