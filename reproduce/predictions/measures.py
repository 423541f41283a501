"""Which measures of a profile these files allow, and why others are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from catalog.errors import InputError, UsageError
from reproduce.predictions.request import Request
from reproduce.scoring.needs import surface_of
from reproduce.scoring.profile import Measure, MetricProfile
from reproduce.statistics.surface import SurfaceSpec


@dataclass(slots=True)
class Choice:
    """Measures that are scored, and for others why they are not (only where none was named)."""

    scored: list[str]
    left_out: dict[str, str] = field(default_factory=dict)


def chosen(
    profile: MetricProfile, request: Request, axes: int, spacing_mm: Sequence[float] | None
) -> Choice:
    """The measures named, or all that can be taken.

    axes, spacing_mm  of the masks: 2 or 3, and the size of a pixel or None

    Raises `UsageError` for a name that the profile does not have, `InputError` for one that these
    files do not allow.
    """
    unknown = [name for name in request.metrics if name not in profile.measures]
    if unknown:
        raise UsageError(
            f"metric profile {profile.id} has no {', '.join(map(repr, unknown))}; it has "
            f"{', '.join(profile.measures)}."
        )
    names = request.metrics or tuple(profile.measures)
    why = {n: _why_not(profile, n, request, axes, spacing_mm) for n in names}
    left_out = {name: reason for name, reason in why.items() if reason}
    found = Choice([name for name in names if name not in left_out], left_out)
    if left_out and (request.metrics or not found.scored):
        name, reason = next(iter(left_out.items()))
        raise InputError(f"{profile.id} {name}: {reason}")
    return found


def _why_not(
    profile: MetricProfile,
    name: str,
    request: Request,
    axes: int,
    spacing_mm: Sequence[float] | None,
) -> str | None:
    measure = profile.measures[name]
    if measure.kind == "auc" and request.kind != "probability":
        return "needs probability maps (--kind probability)."
    if (measure.rounds or profile.rounds) == "area":
        return "an area under click rounds, and files hold one answer."
    if measure.surface and surface_of(measure, axes) is None:
        return f"is not defined for masks of {axes} axes."
    if spacing_mm is None and _needs_spacing(measure, axes):
        return (
            "distances are in mm, and these files do not say how large a pixel is. Say it: "
            "--spacing 0.5 (mm), or --spacing 1 to count in pixels."
        )
    return None


def _needs_spacing(measure: Measure, axes: int) -> bool:
    surface = surface_of(measure, axes)
    return surface is not None and SurfaceSpec.parse(surface).spacing in ("header", "reversed")
