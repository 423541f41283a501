"""RadioActive, instances: the mean over lesions."""

from reproduce.scoring.profile import NAN, Empty, Measure, MetricProfile

PLUGIN = MetricProfile(
    name="radioactive-lesions",
    version=1,
    title="RadioActive, lesion-wise",
    source="MIC-DKFZ/radioactive@1796386 eval/crawl_all_res.py:117 lw_dice_mean",
    measures={"dice": Measure("dice", Empty(both=NAN, reference=0.0, predicted=0.0))},
    level="instance",
    order=("all",),
    notes=("Every prompted lesion is one object; its slices are summed before the formula.",),
)
