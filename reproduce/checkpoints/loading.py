"""Reading weights safely.

safetensors where the file is one, else `torch.load(weights_only=True)`, which runs no code of the
file. What that refuses stays refused: the message lists the pickle globals that were the reason.
"""

from __future__ import annotations

import pickletools
import shlex
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.checkpoints.layouts import LAYOUTS, unwrap
from reproduce.contracts import FILE
from reproduce.ground.pickles import refuse_nested
from reproduce.ground.places import cache_folder
from reproduce.ground.sniffing import sniff
from reproduce.obtaining.archives import ARCHIVES, weights_inside

if TYPE_CHECKING:
    import torch

WAYS_OUT = (
    "Ways out: ask the authors for safetensors; look for a mirror in safetensors; or, on a machine "
    "you can throw away, load it and save the tensors with safetensors.torch.save_file, "
    "then pass that file with --checkpoint."
)


def read_state(path: Path, layout: str | None = None) -> dict[str, torch.Tensor]:
    """The state dict of one weights file, on the CPU.

    Raises `InputError` where the file is no weights file, is cut short, holds pickle globals beyond
    tensors and plain containers, or is not laid out as `layout` says.
    """
    try:
        return unwrap(read_content(path), layout, path.name)
    except RecursionError:
        raise InputError(f"{path}: refused, it nests more deeply than any weights do.") from None


def read_parts(parts: Sequence[tuple[Path, str | None]]) -> dict[str, torch.Tensor]:
    """The state dict of a release in several files, later files laid over earlier ones.

    What is no weights (a layout that takes a file whole; of a user's own, what ends in .json,
    .npz or .txt) comes as its bytes (`reproduce.contracts.FILE`).
    """
    state: dict[str, torch.Tensor] = {}
    for path, layout in parts:
        known = LAYOUTS.get(layout or "")
        if known is not None and known.whole:
            state[known.add] = _bytes_of(path)
        elif layout is None and path.suffix in (".json", ".npz", ".txt"):
            state[FILE + path.name] = _bytes_of(path)
        else:
            state.update(read_state(path, layout))
    return state


def _bytes_of(path: Path) -> torch.Tensor:
    import torch

    if not path.is_file():
        raise InputError(f"{path}: no such file, expected a file of the release.")
    return torch.frombuffer(bytearray(path.read_bytes() or b" "), dtype=torch.uint8)


def read_content(path: Path) -> Any:
    """Whatever a weights file holds, loaded without running code of the file."""
    import torch

    if not path.is_file():
        raise InputError(f"{path}: no such file, expected a checkpoint.")
    kind = sniff(path)
    if kind in ARCHIVES:
        inner = weights_inside(path)
        if (again := sniff(inner)) in ARCHIVES:
            raise InputError(f"{path}: expected weights in the archive, got {again} in it.")
        return read_content(inner)
    if kind == "safetensors":
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except Exception as error:  # the library raises its own type, not exported
            raise InputError(
                f"{path}: damaged safetensors file ({error}). {_again(path)}"
            ) from error
    if kind not in ("torch", "pickle"):
        raise InputError(
            f"{path}: expected weights (safetensors or a torch file), got {kind}. {_again(path)}"
        )
    refuse_nested(path)
    try:
        with torch.serialization.safe_globals(_inert()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises RuntimeError, UnpicklingError, EOFError, OSError ...
        found = unsafe_globals(path)
        if found:
            raise InputError(
                f"{path}: refused, loading it would run code that the file names. "
                f"Globals beyond tensors and plain containers: {', '.join(found)}. {WAYS_OUT}"
            ) from error
        raise InputError(
            f"{path}: cannot be loaded as a torch file ({type(error).__name__}: "
            f"{_first_line(error)}). {_again(path)}"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else "no message"


def _again(path: Path) -> str:
    told = f"It has {path.stat().st_size:,} bytes; compare with the release and fetch it again."
    if path.is_relative_to(cache_folder()):  # `fetch` asks for what is not here
        told += f" First remove what is here: rm {shlex.quote(str(path))}"
    return told


def _inert() -> list[Any]:
    """Stand-ins for what numbers of numpy are made with, which logs beside the weights hold: each
    is read as None, and nothing of numpy is called."""

    def scalar(*_: object) -> None: ...

    stand_ins: list[Any] = [type("dtype", (), {"__init__": scalar, "__setstate__": scalar})]
    stand_ins[0].__module__ = "numpy"
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        named: Any = FunctionType(scalar.__code__, {})
        named.__module__, named.__qualname__ = module, "scalar"
        stand_ins.append(named)
    return stand_ins


def unsafe_globals(path: Path) -> list[str]:
    """Pickle globals of a torch file that `weights_only=True` does not allow, sorted.

    New (zip) files: torch's own listing. Legacy files: the opcodes are read, nothing is run.
    """
    import torch

    try:
        with torch.serialization.safe_globals(_inert()):
            return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # legacy format or damaged: read the opcodes ourselves
        allowed = _allowed_globals()
        return sorted(name for name in _globals_by_opcode(path) if name not in allowed)


def _allowed_globals() -> set[str]:
    """Names that torch's restricted unpickler accepts."""
    from torch import _weights_only_unpickler as unpickler

    return {str(name) for name in unpickler._get_allowed_globals()} | {
        "torch.serialization.FakeObject",
        *(f"{one.__module__}.{one.__qualname__}" for one in _inert()),
    }


def _globals_by_opcode(path: Path) -> set[str]:
    """`module.name` of every GLOBAL or STACK_GLOBAL in the pickles that a file begins with."""
    found: set[str] = set()
    with path.open("rb") as stream:
        while True:
            strings: list[str] = []
            try:
                for opcode, argument, _ in pickletools.genops(stream):
                    if opcode.name == "GLOBAL":
                        found.add(str(argument).replace(" ", "."))
                    elif opcode.name == "STACK_GLOBAL" and len(strings) >= 2:
                        found.add(".".join(strings[-2:]))
                    elif isinstance(argument, str):
                        strings.append(argument)
            except Exception:  # raw tensor data, or the end
                return found
