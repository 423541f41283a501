"""How many prompts of one image go through a mask decoder together."""

from __future__ import annotations

import torch

# On a CPU few, so that the decoder's activations stay in the cache: sixteen prompts of a ViT-B take
# about 0.6 of the time in fours that they take at once, and 340 MiB less (benchmarks/NOTES.md).
TOGETHER = {"cpu": 4, "cuda": 64}


def prompts_together(device: torch.device | str) -> int:
    """Prompts that the decoder is given at once on a device of this kind."""
    return TOGETHER.get(torch.device(device).type, TOGETHER["cpu"])
