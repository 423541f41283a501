"""Matrix products in float32 by the library that is quickest on this processor.

On a CPU torch multiplies float32 matrices with MKL, which keeps to AVX2 on processors of AMD even
where they have AVX-512; oneDNN, which torch brings as well, does not (`benchmarks/NOTES.md`). Which
one is taken depends on the processor alone, so that a machine always gives the same digits.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from reproduce.ground.provenance import onednn_products


@cache
def _here() -> bool:
    return onednn_products() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def by_onednn(x: Tensor) -> bool:
    """Whether products of this tensor are oneDNN's."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and _here()


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (..., K) times weight (N, K) transposed, plus bias (N,): (..., N). For inference."""
    if by_onednn(x):
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return found
    return functional.linear(x, weight, bias)
