"""The columns of a statistics table as arrays, decoded once, and its counts at any threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.scoring.units import AXES, Rows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(slots=True)
class Histograms:
    """Score histograms of all rows, laid end to end.

    row, index  the row and the bin of each entry;  positive, negative  its counts
    bins        bins of each row, 0 where it has no histogram
    """

    row: NDArray[np.int64]
    index: NDArray[np.int64]
    positive: NDArray[np.float64]
    negative: NDArray[np.float64]
    bins: NDArray[np.int64]

    @classmethod
    def of(cls, column: Any) -> Histograms:
        import numpy as np
        import pyarrow.compute as pc

        whole = column.combine_chunks()
        bins = np.asarray(pc.fill_null(pc.struct_field(whole, "bins"), 0), np.int64)
        lists = pc.struct_field(whole, "index")
        lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0), np.int64)

        def flat(name: str) -> Any:
            return np.asarray(pc.list_flatten(pc.struct_field(whole, name)))

        return cls(
            row=np.repeat(np.arange(len(bins)), lengths),
            index=flat("index").astype(np.int64),
            positive=flat("positive").astype(np.float64),
            negative=flat("negative").astype(np.float64),
            bins=bins,
        )

    def counts(self, threshold: float) -> NDArray[np.float64] | None:
        """(R, 4) tp, fp, fn, tn of all rows (0 without a histogram); None: no edge of some."""
        import numpy as np

        present = np.unique(self.bins[self.bins > 0])
        edges = present * threshold
        if not len(present) or np.abs(edges - np.rint(edges)).max() > 1e-6:
            return None
        cut = np.rint(self.bins[self.row] * threshold)
        above = self.index > cut
        number = len(self.bins)
        tp = np.bincount(self.row[above], self.positive[above], number)
        fp = np.bincount(self.row[above], self.negative[above], number)
        all_positive = np.bincount(self.row, self.positive, number)
        all_negative = np.bincount(self.row, self.negative, number)
        return np.stack([tp, fp, all_positive - tp, all_negative - fp], axis=1)


class Parsed:
    """A table without failures, of one scope. `labels` fixes the codes of the class names."""

    def __init__(self, table: pa.Table, labels: Sequence[str]) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        self.table = table
        cases = sorted(set(table["case"].to_pylist()))

        def codes(column: str, names: Sequence[str]) -> NDArray[np.int64]:
            # the type is said: a list without names (every case failed) would be of type null
            known = pa.array(names, pa.string())
            return np.asarray(pc.index_in(table[column], known), dtype=np.int64)

        def numbers(column: str) -> NDArray[np.float64]:
            return np.asarray(table[column].to_numpy(zero_copy_only=False), np.float64)

        integers = ("object", "round", "candidate")
        axes = {
            "case": codes("case", cases),
            "label": codes("label", labels),
            "slice": np.asarray(table["slice"].fill_null(-1).to_numpy(), np.int64),
            **{name: np.asarray(table[name].to_numpy(), np.int64) for name in integers},
        }
        counts = np.stack([numbers(name) for name in ("tp", "fp", "fn", "tn")], axis=1)
        source = np.arange(table.num_rows)
        self.rows = Rows(cases, list(labels), axes, counts, numbers("predicted_iou"), source)
        self.thresholds = numbers("threshold")
        self._histograms: Histograms | None = None

    @property
    def histograms(self) -> Histograms:
        """Decoded when first asked for."""
        if self._histograms is None:
            self._histograms = Histograms.of(self.table["histogram"])
        return self._histograms

    @property
    def hard(self) -> bool:
        """Whether all predictions are labels, so that thresholds do not matter."""
        import numpy as np

        return bool(np.isnan(self.thresholds).all())

    def with_histograms(self) -> Rows:
        """Rows with a score histogram, at any threshold. Raises `InputError` without any."""
        hits = self.histograms.bins > 0
        if not hits.any():
            raise InputError(
                "the statistics have no score histograms, so there is no AUC. "
                "Run with score bins (a claim of AUC asks for them)."
            )
        return self.rows.take(hits)

    def at(self, threshold: float | None) -> Rows:
        """Rows at one probability threshold, and all rows of label predictions.

        threshold None: 0.5 where it was counted, else the one threshold that was. Counts at a
        threshold that was not counted come from the histograms where it is one of their edges.
        Raises `InputError` where neither has it, or only some of the predictions do.
        """
        import numpy as np

        hard = np.isnan(self.thresholds)
        values = np.unique(self.thresholds[~hard])
        if threshold is None:
            threshold = 0.5 if 0.5 in values or len(values) != 1 else float(values[0])
        hits = np.abs(self.thresholds - threshold) < 1e-9
        if hits.any() or hard.all():
            return self._complete(self.rows.take(hits | hard), threshold, values)
        counts = self.histograms.counts(threshold)
        if counts is None:
            raise InputError(
                f"statistics have no counts at threshold {threshold:g}: counted at "
                f"{', '.join(f'{v:g}' for v in values)}, and it is no edge of score histograms. "
                "Run with this threshold, or with score bins of which it is an edge."
            )
        binned = self.histograms.bins > 0
        rows = self.rows.take(binned | hard)
        rows.counts = np.where(binned[:, None], counts, self.rows.counts)[binned | hard]
        return self._complete(rows, threshold, values)

    def _complete(self, rows: Rows, threshold: float, values: NDArray[np.float64]) -> Rows:
        names = [*AXES, "candidate"]
        expected, _ = self.rows.group(names)
        got, _ = rows.group(names)
        if len(expected) != len(got):
            raise InputError(
                f"only {len(got)} of {len(expected)} predictions were counted at threshold "
                f"{threshold:g} (counted at all: {', '.join(f'{v:g}' for v in values)}). "
                "The table was put together from different runs; run them with one threshold."
            )
        return rows
