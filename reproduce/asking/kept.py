"""A data set that is read once: samples stay in memory from the prompts to the last gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reproduce.contracts import Case, Dataset, Sample, Through
from reproduce.ground.limits import gib_named

LIMIT = "SAM4MIS_KEPT_GIB"
LIMIT_GIB = 2.0


class KeptDataset(Through):
    """A data set whose samples are kept as long as there is room.

    limit  bytes that may be kept. The first cases stay, for the gates look at those; what finds no
           room is read again when it is asked for again: by the run, after its prompts were made.
    """

    def __init__(self, plugin: Dataset, limit: int) -> None:
        super().__init__(plugin)
        self.limit = limit
        self.held = 0
        self.samples: dict[str, Sample] = {}

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """As the plugin's `load`, which always gets the same options in one run."""
        if (sample := self.samples.get(case.id)) is not None:
            return sample
        sample = self.plugin.load(case, options)
        size = bytes_of(sample)
        if self.held + size <= self.limit:
            self.held += size
            self.samples[case.id] = sample
        return sample


def kept(dataset: Dataset) -> Dataset:
    """The data set with samples kept in memory, up to $SAM4MIS_KEPT_GIB (2 GiB unless set)."""
    return KeptDataset(dataset, int(gib_named(LIMIT, LIMIT_GIB) * 2**30))


def bytes_of(sample: Sample) -> int:
    """What the arrays of a sample take."""
    arrays = [sample.values, *sample.labels.values()]
    return sum(array.nbytes for array in arrays) + (
        0 if sample.valid is None else sample.valid.nbytes
    )
