"""TotalSegmentator: a class counts only in subjects that have it."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="totalsegmentator",
    version=1,
    title="TotalSegmentator",
    source="wasserth/TotalSegmentator@0e65a44 resources/evaluate.py",
    measures={
        "dice": Measure("dice", Empty(both=NAN, reference=NAN, predicted=0.0), smooth=(0.0, 1e-6)),
        "nsd": Measure(
            "nsd",
            Empty(both=NAN, reference=NAN, predicted=0.0),
            surface="surfel/fixed:1.5/3d",
            tolerance=3.0,
        ),
    },
    order=("case", "label"),
    notes=("NSD at 3 mm with a spacing fixed to 1.5 mm, whatever the image's is.",),
)
