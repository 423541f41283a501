"""Which precision is quickest on this processor or card: measured once, kept with what it is.

What multiplies bfloat16 in hardware does SAM's encoder in it in a third to all of the time that
float32 takes; elsewhere it takes twice as long. Names of processors do not tell, so two blocks of
ViT-B are timed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import torch

from catalog import json_in
from catalog.files import write_whole
from catalog.records import Record
from reproduce.ground.places import cache_folder
from reproduce.ground.provenance import arithmetic
from reproduce.models.sam_encoder import DTYPES, FusedBlock

MARGIN = 1.15  # less than this is not worth any digit
REPEATS = 3
CANDIDATES = ("float32", "bfloat16")


class Probe(Record, kw_only=True):
    """What was measured on one machine. `on`: what decides (`provenance.arithmetic`);
    `seconds`: of the same two blocks in each precision, processor time on a CPU."""

    on: list[str]
    seconds: dict[str, float]
    chosen: str
    date: str

    def words(self) -> str:
        times = ", ".join(f"{name} {taken:.3f} s" for name, taken in self.seconds.items())
        return f"precision {self.chosen}: two blocks of ViT-B take {times} on {' '.join(self.on)}"


def quickest(device: str) -> Probe:
    """The kept measurement of this machine, or a new one, which takes a second or two."""
    on = [str(part) for part in arithmetic(device)]
    path = cache_folder() / "precision.json"
    try:
        kept = json_in.decoded(path.read_bytes(), dict[str, Probe])
    except (OSError, msgspec.MsgspecError):
        kept = {}
    key = " ".join(on)
    if key not in kept:
        seconds = measured(device)
        kept[key] = Probe(
            on=on, seconds=seconds, chosen=choice(seconds), date=f"{datetime.now(UTC):%Y-%m-%d}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(msgspec.to_builtins(kept), indent=1).encode())
    return kept[key]


def choice(seconds: dict[str, float]) -> str:
    """float32, unless another takes clearly less time."""
    best = min(seconds, key=lambda name: seconds[name])
    return best if seconds[best] * MARGIN < seconds["float32"] else "float32"


def measured(device: str) -> dict[str, float]:
    """Seconds of a windowed and a global block in each precision, the best of interleaved ones."""
    work = {name: _blocks(device, DTYPES[name]) for name in CANDIDATES}
    taken: dict[str, list[float]] = {name: [] for name in work}
    clock = time.perf_counter if device.startswith("cuda") else time.process_time
    with torch.inference_mode():
        for _ in range(REPEATS):
            for name, once in work.items():
                begun = clock()
                once()
                taken[name].append(clock() - begun)
    # the first of each wakes the library up
    return {name: round(min(times[1:]), 5) for name, times in taken.items()}


def _blocks(device: str, dtype: torch.dtype) -> Callable[[], None]:
    from segment_anything.modeling.image_encoder import Block

    pairs = []
    # a quarter of what two windowed blocks and a global one take: of the rows, of the heads
    for window, grid, heads in ((14, (28, 70), 12), (0, (64, 64), 3)):
        inside = (window, window) if window else grid
        width = 64 * heads
        with torch.random.fork_rng():
            torch.manual_seed(0)
            block = Block(width, heads, use_rel_pos=True, window_size=window, input_size=inside)
            tokens = torch.randn(1, *grid, width)
        pairs.append((FusedBlock(block.to(device).eval(), dtype), tokens.to(device)))

    def once() -> None:
        for block, tokens in pairs:
            block(tokens.clone())
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    return once
