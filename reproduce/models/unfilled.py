"""Networks without memory and without drawn numbers: weights are put in afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

_MADE = {torch.randn, torch.rand}
_DRAWN = {
    *(init.uniform_, init.normal_, init.trunc_normal_, init.kaiming_uniform_),
    *(init.kaiming_normal_, init.xavier_uniform_, init.xavier_normal_),
    *(Tensor.uniform_, Tensor.normal_),
}
_SCALED = {Tensor.mul, Tensor.mul_, Tensor.__mul__, Tensor.__rmul__}


class _NothingDrawn(TorchFunctionMode):
    """What draws for a tensor without memory, or scales one, leaves it as it is: done in earnest it
    imports torch's compiler, a second of every start."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        if func in _MADE and options.get("device") is None:
            return torch.empty(*args, **options)
        if func in _DRAWN or (func in _SCALED and isinstance(args[1], int | float)):
            given = args[0] if args else options["tensor"]
            if given.is_meta:
                return given
        return func(*args, **options)


@contextmanager
def unfilled() -> Iterator[None]:
    """Modules made within have the shapes of their tensors alone (device `meta`)."""
    with torch.device("meta"), _NothingDrawn():
        yield
