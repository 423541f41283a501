"""CVPR 2025 interactive: five clicks, the area under their scores."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile, Rounds

_EMPTY = Empty(both=NAN, reference=0.0, predicted=0.0)


def _nsd(rounds: Rounds) -> Measure:
    return Measure(
        "nsd",
        _EMPTY,
        surface="surfel/header/3d",
        surface_2d="surfel/unit/expand",
        tolerance=2.0,
        dice_gate=0.2,
        rounds=rounds,
    )


PLUGIN = MetricProfile(
    name="cvpr25",
    version=1,
    title="CVPR 2025 interactive challenge",
    source="JunMa11/CVPR-MedSegFMCompetition@748e862 CVPR25_iter_eval.py",
    measures={
        "dice": Measure("dice", _EMPTY, rounds="last"),
        "dice_auc": Measure("dice", _EMPTY, rounds="area"),
        "nsd": _nsd("last"),
        "nsd_auc": _nsd("area"),
    },
    labels="in-reference",
    order=("label", "case"),
    missing="omit",
    notes=(
        "The area is the trapezoid under the last five rounds and is not divided: at most 4.",
        "A class that only the prediction has is ignored; a failed case is left out.",
        "Without a box, round 0 must be there and empty: it counts as a score of 0.",
    ),
)
