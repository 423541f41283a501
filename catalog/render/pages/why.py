"""Why numbers differ: two conventions on one prediction, a calculator, two profiles side by side.

From the files that `reproduce` leaves behind (`profiles.json`, `examples.json`), as the page of all
profiles is.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import msgspec

from catalog.registry import RESULTS
from catalog.render import charts
from catalog.render.output import Output, markup
from catalog.render.pages.pictures import kept, panels
from catalog.render.pages.profiles import document, examples, examples_of
from catalog.render.pages.runs import Drawn, pictures
from catalog.render.views import Catalog

ADDRESS = "why/"
START = (0, 1, 0)  # TP, FP, FN that the calculator begins with
EMPTY = ("both-empty", "false-positive", "missed")  # corner cases of one case with an empty mask


def scored(profile: dict[str, Any], tp: int, fp: int, fn: int) -> float | None:
    """The Dice of one case of one class under a profile, fraction; None: undefined, left out.

    Where a mask is empty it is what the profile's corner case gives, unless smoothing decides it.
    """
    dice, known = profile["measures"]["dice"], profile["values"]["dice"]
    top, bottom = dice["smooth"]
    if not top and (tp + fn == 0 or tp + fp == 0):
        corner = EMPTY[0 if tp + fp + fn == 0 else 1 if tp + fn == 0 else 2]
        value: float | None = known[corner]["value"]
        return value
    return float((2 * tp + top) / (2 * tp + fp + fn + bottom))


def calculated(profiles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row of the calculator per profile that scores a foreground class by itself."""
    rows = []
    for p in profiles:
        dice = (p.get("measures") or {}).get("dice")
        known = (p.get("values") or {}).get("dice") or {}
        if dice is None or p["background"] or any(c not in known for c in EMPTY):
            continue
        rows.append(
            {
                "id": p["id"],
                "title": p["title"],
                "corners": [known[c]["value"] for c in EMPTY],
                "smooth": dice["smooth"],
                "start": scored(p, *START),
            }
        )
    return rows


def sides(catalog: Catalog, profiles: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What may be compared, as (words, profile): profiles, then projects whose profile is known."""
    known = {p["id"] for p in profiles}
    found = [(p["id"], p["id"]) for p in profiles]
    for view in catalog.methods:
        used = {str(c.claim.protocol.metric_profile.value) for c in view.claims}
        found += [(f"{view.project.name} ({name})", name) for name in sorted(used & known)]
    return found


def furthest(profiles: list[dict[str, Any]], corners: list[str]) -> tuple[str, str] | None:
    """The two profiles that differ on most corner cases."""

    def apart(a: dict[str, Any], b: dict[str, Any]) -> int:
        x, y = a["values"]["dice"], b["values"]["dice"]
        return sum(x.get(c, {}).get("value") != y.get(c, {}).get("value") for c in corners)

    pairs = list(combinations(profiles, 2))
    if not pairs:
        return None
    a, b = max(pairs, key=lambda pair: apart(*pair))
    return a["id"], b["id"]


def beside(catalog: Catalog, example: dict[str, Any]) -> list[tuple[Drawn, str, float]]:
    """The first case of an example on the grids that it was scored on: picture, grid, value.

    From the published runs with its conventions, all else alike; [] where one is missing.
    """
    if "base" not in example:
        return []
    base = example["base"]
    grids = [base["conventions"]["grid"], example["other"]["conventions"]["grid"]]
    found = []
    for grid in dict.fromkeys(grids):
        wanted = {**base["conventions"], "grid": grid}
        value = next(c["value"] for c in example["corners"] if c["conventions"] == wanted)
        run = next(
            (
                r
                for r in catalog.runs
                if example["name"] in {e["name"] for e in examples_of(catalog, r.project)}
                and r.protocol.get("grid") == grid
                and r.protocol["adapter_options"].get("flips") == wanted["flips"]
                and wanted["threshold"] in r.protocol["thresholds"]
            ),
            None,
        )
        if run is None or not (drawn := pictures(catalog, run)):
            return []
        found.append((drawn[0], grid, value))
    return found


def write(output: Output, catalog: Catalog) -> None:
    folder = catalog.registry.root / RESULTS
    found = document(folder / "profiles.json")
    corners = found.get("corners", [])
    profiles = [p for p in found.get("profiles", []) if (p.get("values") or {}).get("dice")]
    names = [c["name"] for c in corners]
    values = {
        p["id"]: [p["values"]["dice"].get(c, {}).get("value", "n/a") for c in names]
        for p in profiles
    }
    one = {p["id"]: p["values"]["dice"].get("false-positive", {}).get("value") for p in profiles}
    high = [name for name, value in one.items() if value == 1]
    low = [name for name, value in one.items() if value == 0]
    output.page(
        ADDRESS,
        "why.html",
        title="Why numbers differ",
        kind="page",
        description="The same masks and the same prediction give different Dice scores: examples, "
        "a calculator over all metric profiles, and two conventions side by side.",
        words="dice convention calculator empty masks compare profiles metric",
        examples=[
            {**e, "beside": beside(catalog, e)}
            for e in examples(document(folder / "examples.json").get("examples", []))
        ],
        kept=[(one, panels(one, "../")) for one in kept(catalog)],
        rows=calculated(profiles),
        start=START,
        corners=corners,
        values=values,
        # `</` would end the script element that holds it
        data=markup(msgspec.json.encode(values).decode().replace("</", "<\\/")),
        sides=sides(catalog, profiles),
        chosen=furthest(profiles, names),
        profiles=profiles,
        picture=charts.pixels(
            "false-positive",
            "One prediction, no reference",
            "Ten pixels are predicted where the reference is empty.",
            12,
            7,
            [(3 + i % 5, 2 + i // 5) for i in range(10)],
        ),
        high=high,
        low=low,
        undefined=[name for name, value in one.items() if value is None],
    )
