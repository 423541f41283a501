"""How far two tables of statistics of the same cases lie apart.

Counts are compared exactly. Floats (predicted IoU) can differ in their last digits between
processors, numbers of threads and batches: they are the same within `ROUNDING`, and nothing that is
hashed or compared for equality depends on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reproduce.statistics.schema import COUNTS, KEYS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

ROUNDING = 1e-4  # four decimals, as papers print them; float32 moves the sixth or a later one
# Largest difference of a row's Dice that still counts as the same where batch, precision or device
# differ (half of the smallest tolerance a verdict is shown at is 0.0025; these are far below it).
PARITY_DICE = 5e-4
FIDELITY_DICE = {"float32": 1e-3, "bfloat16": 5e-3, "float16": 5e-3}


@dataclass(frozen=True, slots=True)
class Difference:
    """What moved between two tables of `rows` rows.

    moved   rows with another count;  pixels  most pixels of one row that changed their place
    dice    largest difference of a row's Dice
    floats  largest difference of a row's predicted IoU, 0 where there is none
    """

    rows: int
    moved: int
    pixels: int
    dice: float
    floats: float

    @property
    def same(self) -> bool:
        """Equal counts, and floats that agree within `ROUNDING`."""
        return self.moved == 0 and self.floats <= ROUNDING

    def __str__(self) -> str:
        counts = "identical counts"
        if self.moved:
            counts = (
                f"{self.moved} of {self.rows} rows differ by up to {self.pixels} pixel(s), Dice by "
                f"up to {self.dice:.2e}"
            )
        return f"{counts}, predicted IoU within {self.floats:.0e}" if self.floats else counts


def difference(one: pa.Table, other: pa.Table) -> Difference | None:
    """What moved from one table to the other; None where they are not of the same rows."""
    import numpy as np

    if one.select(KEYS).to_pylist() != other.select(KEYS).to_pylist():
        return None
    if one.num_rows == 0:
        return Difference(0, 0, 0, 0.0, 0.0)
    before, after = _numbers(one, COUNTS), _numbers(other, COUNTS)
    # A pixel leaves one of the four counts and enters another.
    pixels = np.ceil(np.abs(after - before).sum(axis=0) / 2)
    floats = np.abs(_numbers(one, ("predicted_iou",)) - _numbers(other, ("predicted_iou",)))
    return Difference(
        rows=one.num_rows,
        moved=int((pixels > 0).sum()),
        pixels=int(pixels.max()),
        dice=float(np.abs(_dice(before) - _dice(after)).max()),
        floats=float(floats.max()),
    )


def _numbers(table: pa.Table, names: tuple[str, ...]) -> NDArray[np.float64]:
    """(columns, rows); 0 where there is none."""
    import numpy as np
    import pyarrow.compute as pc

    columns = [pc.fill_null(table[name], 0).to_numpy() for name in names]
    return np.asarray(columns, dtype=np.float64)


def _dice(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Dice of each row, 1 where neither side has a pixel."""
    import numpy as np

    tp, fp, fn, _ = counts
    total = 2 * tp + fp + fn
    dice: NDArray[np.float64] = np.divide(2 * tp, total, out=np.ones_like(tp), where=total > 0)
    return dice
