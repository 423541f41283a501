"""Windows and z-scores of the four tumour data sets of 3DSAM-adapter, ProMISe and ZAP-2.5DSAM.

med-air/3DSAM-adapter @ f4fb8f39 3DSAM-adapter/dataset/datasets.py; the others have the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reproduce.contracts import Option


@dataclass(frozen=True, slots=True)
class Window:
    """Numbers (HU) are clipped to low and high, then standardised."""

    low: float
    high: float
    mean: float
    deviation: float


DATA: Mapping[str, Window] = {
    "kits": Window(-54, 247, 59.53867, 55.457336),
    "lits": Window(-48, 163, 60.057533, 40.198017),
    "pancreas": Window(-39, 204, 68.45214, 63.422806),
    "colon": Window(-57, 175, 65.175035, 32.651197),
}
OPTION = Option(
    "kits",
    "the data set that the file was trained on, whose window and z-score are taken (--data)",
    tuple(DATA),
)
