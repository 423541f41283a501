"""What kind of number a metric of a claim is."""

from __future__ import annotations

from catalog.records import Claim

FRACTIONS = frozenset({"dice", "iou", "nsd", "auc"})  # 0 to 1 once divided by their scale
LENGTHS = frozenset({"hd", "hd95", "asd", "assd"})  # mm or voxels, 0 or more


def is_length(metric: str) -> bool:
    """Whether a metric is a distance, in mm or voxels."""
    return metric.lower().startswith(("hd", "assd", "asd", "masd"))


def is_share(claim: Claim) -> bool:
    """Whether a claim is a share between 0 and 1, shown in percent; a distance or speed is not."""
    return not is_length(claim.metric) and 0 <= claim.fraction <= 1


def percent_decimals(claim: Claim) -> int:
    """Decimals of a claim once it is written in percent: as many as printed, two at most."""
    decimals = claim.decimals if claim.scale == 100 else claim.decimals - 2
    return min(max(decimals, 0), 2)
