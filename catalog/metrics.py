"""What kind of number a metric of a claim is."""

from __future__ import annotations

from catalog.records import Claim, Measurement

# 0 to 1 once divided by their scale; pq, sq and rq: panoptic quality and its two factors
FRACTIONS = frozenset({"dice", "iou", "nsd", "auc", "pq", "sq", "rq"})
LENGTHS = frozenset({"hd", "hd95", "asd", "assd"})  # mm or voxels, 0 or more
LOSSES = frozenset({"dice-ce-loss"})  # 0 or more, lower is better; no share, never beside a Dice


def is_length(metric: str) -> bool:
    """Whether a metric is a distance, in mm or voxels."""
    return metric.lower().startswith(("hd", "assd", "asd", "masd", "msd"))


def counted_over(measurement: Measurement) -> str:
    """Over how many values a mean is a mean, and why the others are not in it.

    >>> from catalog.records import Counted
    >>> over = Counted(of="case", averaged=3, left_out={"nothing predicted": 3})
    >>> counted_over(Measurement(metric="hd95", metric_profile="house/1", value=4.2, counted=over))
    '3 of 6 cases; left out: 3 nothing predicted'
    """
    counted = measurement.counted
    if counted is None:
        return _number(measurement.n_cases, "case")
    left = sum(counted.left_out.values())
    total = _number(counted.averaged + left, counted.of)
    parts = [f"{counted.averaged} of {total}" if left else total]
    if counted.of.endswith("mask"):
        parts[0] += f" of {_number(measurement.n_cases, 'case')}"
    if counted.missing:
        parts.append(f"{counted.missing} without a prediction count 0")
    if left:
        undefined = measurement.value is None and counted.averaged
        why = ", ".join(f"{number} {reason}" for reason, number in counted.left_out.items())
        parts.append(f"{'undefined because of' if undefined else 'left out:'} {why}")
    return "; ".join(parts)


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def is_share(claim: Claim) -> bool:
    """Whether a claim is a share between 0 and 1, shown in percent; a distance or loss is not."""
    other = is_length(claim.metric) or claim.metric in LOSSES
    return not other and 0 <= claim.fraction <= 1


def percent_decimals(claim: Claim) -> int:
    """Decimals of a claim once it is written in percent: as many as printed, two at most."""
    decimals = claim.decimals if claim.scale == 100 else claim.decimals - 2
    return min(max(decimals, 0), 2)
