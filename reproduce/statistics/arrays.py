"""Arrays that are counted: tensors where a model answered, NumPy's where files were read.

What lies on the CPU is counted as a NumPy array, so that scoring files never imports torch, whose
start takes longer than counting a folder does.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    Array = NDArray[Any] | torch.Tensor


def is_tensor(array: Any) -> bool:
    """Whether it is one of torch's; imports nothing."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def on_host(array: Any) -> Any:
    """A tensor of the CPU as the NumPy array on the same memory (16-bit floats, which NumPy lacks
    in part, in float32); a NumPy array, and a tensor of another device, as they are."""
    if not is_tensor(array) or array.device.type != "cpu":
        return array
    array = array.detach()
    halved = array.is_floating_point() and array.dtype.itemsize == 2
    return (array.float() if halved else array).numpy()


def beside(array: Array, other: Array) -> Array:
    """`array` where `other` is counted: on its device, or as a NumPy array."""
    to: Any = array
    found: Array = on_host(to.to(other.device) if is_tensor(other) else to)
    return found


def on_card(array: Any) -> bool:
    """Whether it lies on a CUDA device."""
    return is_tensor(array) and array.device.type == "cuda"


def brought(array: Any) -> NDArray[Any]:
    """The same values as a NumPy array, from whatever device."""
    found: NDArray[Any] = on_host(array.cpu()) if is_tensor(array) else array
    return found


def in_float32(array: Any) -> Any:
    """The same values as 32-bit floats."""
    import numpy as np

    return array.float() if is_tensor(array) else array.astype(np.float32, copy=False)


def is_bool(array: Array) -> bool:
    """Whether it holds truth values."""
    return str(array.dtype) in ("bool", "torch.bool")


def thread_count() -> int:
    """Threads that counting may take: torch's where it is loaded, else OMP_NUM_THREADS, else the
    processors that this process may use."""
    torch = sys.modules.get("torch")
    if torch is not None:
        count: int = torch.get_num_threads()
        return count
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
