"""PanNuke: panoptic quality of nuclei that are told apart, the mean over classes, then images."""

from __future__ import annotations

from math import inf, nextafter

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

_EMPTY = Empty(both=NAN, reference=NAN, predicted=0.0)
_ABOVE = nextafter(0.5, inf)  # an IoU of exactly 0.5 is no match
_SMALL = (0.0, 1e-6)

PLUGIN = MetricProfile(
    name="pannuke-images",
    version=1,
    title="PanNuke, nuclei matched at IoU > 0.5, mean over classes, then images",
    source=(
        "TIO-IKIM/CellViT@05097e1 cell_segmentation/utils/metrics.py: get_fast_pq, "
        "inference_cellvit_experiment_pannuke.py: dataset_metrics"
    ),
    measures={
        "pq": Measure("pq", _EMPTY, smooth=_SMALL, overlap=_ABOVE),
        "sq": Measure("sq", _EMPTY, smooth=_SMALL, overlap=_ABOVE),
        "rq": Measure("rq", _EMPTY, smooth=_SMALL, overlap=_ABOVE),
    },
    order=("label", "case"),
    parts="told",
    parity="CellViT's get_fast_pq, to 1e-12",
    notes=(
        "With the one class of all nuclei it is the bPQ that CellViT's logs print, with the five "
        "types its mPQ; the paper prints means over tissues (pannuke).",
        "rq is what the field calls DQ.",
        "An image without a nucleus (of a type) has no value and is left out, whatever was found "
        "in it.",
    ),
)
