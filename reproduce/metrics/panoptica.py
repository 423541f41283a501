"""panoptica: panoptic quality of matched components."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

_EMPTY = Empty(both=NAN, reference=0.0, predicted=0.0)

PLUGIN = MetricProfile(
    name="panoptica",
    version=1,
    title="panoptica, IoU matching at 0.5",
    source="BrainLesion/panoptica@b0ac3e4 panoptica_evaluator.py, edge_case_handling.py",
    measures={
        "pq": Measure("pq", _EMPTY),
        "sq": Measure("sq", Empty(both=NAN, reference=NAN, predicted=NAN)),
        "rq": Measure("rq", _EMPTY),
        "dice": Measure("dice", _EMPTY),
    },
    order=("case", "label"),
    parity="panoptica 2.1.7, to 1e-9",
    notes=("`dice` is the global binary Dice; components join over faces, edges and corners.",),
)
