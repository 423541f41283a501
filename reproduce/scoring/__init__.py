"""Statistics and a metric profile make scores."""

from reproduce.scoring.engine import Scores, metric_profile, score
from reproduce.scoring.profile import Empty, Measure, MetricProfile, ReferenceFilter

__all__ = [
    "Empty",
    "Measure",
    "MetricProfile",
    "ReferenceFilter",
    "Scores",
    "metric_profile",
    "score",
]
