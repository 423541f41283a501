"""CVPR 2025: a box, then five clicks into the largest error."""

from reproduce.prompting.boxes import BoxProfile

PLUGIN = BoxProfile(
    name="box-then-clicks",
    version=1,
    description=(
        "Tight box, then five rounds of one click in the middle of the largest error component."
    ),
    source=(
        "JunMa11/CVPR-MedSegFMCompetition@748e862 CVPR25_iter_eval.py (in 3D there; per slice here)"
    ),
    rounds=6,
    click="largest-error-edt",
)
