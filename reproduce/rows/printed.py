"""A number as it is printed, and when another has its digits. Imports no numpy."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from catalog.errors import InputError
from catalog.evidence import Column, Scale
from catalog.records import Claim

NOISE = 1e-12  # of summing, of the value: nothing that anyone prints


@dataclass(frozen=True, slots=True)
class Printed:
    """A number as printed: its text, and 100 where it is in percent."""

    text: str
    scale: Scale = 1

    @property
    def value(self) -> float:
        """As a fraction (or length). Raises `InputError` for a text that is no number."""
        try:
            return float(Decimal(self.text)) / self.scale
        except InvalidOperation:
            raise InputError(f"printed {self.text!r}: expected a number.") from None

    @property
    def half(self) -> float:
        """Half a unit of the last printed digit, as a fraction."""
        exponent = Decimal(self.text).as_tuple().exponent
        return float(Decimal(5).scaleb(int(exponent) - 1)) / self.scale

    def met(self, value: float | None, rounding: float = 0.0) -> bool:
        """Whether a value has the printed digits. `rounding`: how far rounded rows may move it."""
        if value is None:
            return False
        return abs(value - self.value) <= self.half * (1 + 1e-9) + rounding + noise(self.value)


def noise(value: float) -> float:
    """How far two sums of the same numbers may be apart."""
    return NOISE * max(1.0, abs(value))


def printed_of(claim: Claim) -> Printed:
    """A claim's number as printed."""
    exact = claim.decimals > 12
    text = repr(claim.value) if exact else f"{claim.value:.{claim.decimals}f}"
    return Printed(text, claim.scale)


def rounding_of(column: Column) -> float:
    """How far a mean moves at most where rows were rounded before they were written."""
    return 0.0 if column.decimals is None else 0.5 * 10.0**-column.decimals / column.scale
