"""The controlled words of claims: what lies between a checkpoint and a number.

`catalog/data/protocol_words.yaml` has them with their meanings; what else is known is left behind
by `reproduce` (profiles, data sets and their splits), which the catalog never imports.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from catalog import own, reading
from catalog.converting import convert
from catalog.errors import FindingsError
from catalog.records import Record

FILE = "data/protocol_words.yaml"


class Words(Record, kw_only=True):
    """Word -> meaning for each field of a protocol; splits; data sets that no reader reads."""

    preprocessing: dict[str, str]
    postprocessing: dict[str, str]
    mask_selection: dict[str, str]
    grid: dict[str, str]
    threshold: dict[str, str]
    precision: dict[str, str]
    prompt_profile: dict[str, str]
    metric_profile: dict[str, str]
    splits: dict[str, str]
    datasets: list[str]


def words() -> Words:
    """All words, of the registry that is worked on where it has a file of its own.

    Raises `FindingsError` with everything that is wrong in it.
    """
    return _read(own.path(FILE))


@cache
def _read(file: Path) -> Words:
    place = f"catalog/{FILE}"
    document = reading.parse(reading.read_text(file, place), place)
    record, findings = convert(document, (), document.data, Words, "protocol_words")
    if record is None:
        raise FindingsError(findings)
    return record
