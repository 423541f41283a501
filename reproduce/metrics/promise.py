"""ProMISe: surface Dice of a tumour within 5 mm."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="promise",
    version=1,
    title="ProMISe, surface within 5 mm",
    source="MedICL-VU/ProMISe@8c9803f promise/src/processor/tester.py:162-167; surface-distance",
    measures={
        "nsd": Measure(
            "nsd",
            Empty(both=NAN, reference=0.0, predicted=0.0),
            surface="surfel/header/3d",
            tolerance=5.0,
        ),
    },
    order=("case", "label"),
    notes=("Every case of the released lists has a tumour.",),
)
