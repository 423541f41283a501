"""Why a number is what it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sam4mis.beginning import begin

if TYPE_CHECKING:
    from reproduce.judging.explain import Explanation


def explain(
    claim: str,
    *,
    target: float | None = None,
    depth: int = 1,
    root: str | Path | None = None,
) -> Explanation:
    """Which conventions give a printed number, and by how much each moves it.

    A search over stored counts: nothing is predicted again. What it finds was *found by search*:
    it makes a claim comparable in class C at best.

    claim
        `project/claim`.
    target
        Another number than the printed one, as a fraction; a share may be given in percent.
    depth
        How many conventions are changed at once, 0 to 3; each more tries many more settings.
    root
        As in `load`.

    The answer has `target`, `base` (the claim's own conventions and what they give), `matches`
    (settings that give the printed digits, fewest changes first), `nearest` (the closest where
    none matches), `effects` (each convention changed alone, largest change first; `change` is a
    fraction) and `tried` (how many settings were scored).

    Raises `Sam4misError` where no run of the claim is stored, or for a claim that is not there.

    >>> found = explain("lwnet/validation-dice")
    >>> round(found.target, 4), round(found.base.value, 4), found.base.matches
    (0.8096, 0.8096, True)
    >>> {effect.convention for effect in found.effects} >= {"metric", "threshold", "grid"}
    True
    """
    begin("explain")
    from reproduce.judging.searching import search
    from sam4mis.registry import load

    catalog = load(root)
    project = catalog.project(claim.partition("/")[0])
    return search(catalog.registry, project, catalog.claim(claim), target, depth)[1]
