"""Metric profiles side by side: what each gives on the same corner cases.

Reads only the files that `reproduce` leaves behind (`profiles.json`, `published/*.json` in its
results); without them the page says so. Worked examples (`examples.json`) are for other pages.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from catalog.registry import RESULTS, generated
from catalog.render.output import Output
from catalog.render.views import Catalog

#: Parts of a profile shown as facts, in this order.
FACTS = (
    "level",
    "average",
    "order",
    "labels",
    "slice_set",
    "grid",
    "thresholds",
    "selection",
    "rounds",
    "missing",
    "nan",
    "all_nan",
    "background",
    "reference_filter",
    "decimals",
    "parity",
)


#: Measures in showing order, and how they are written.
NAMES = {"dice": "Dice", "iou": "IoU", "nsd": "NSD", "hd95": "HD95", "assd": "ASSD", "auc": "AUC"}


def document(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty where there is none."""
    return generated(path, dict[str, Any]) or {}


def matrix(
    profiles: list[dict[str, Any]], corners: list[dict[str, Any]], measure: str
) -> list[Any]:
    """(profile, [a cell per corner case]) of the profiles that have the measure."""
    rows = []
    for profile in profiles:
        values = (profile.get("values") or {}).get(measure)
        if values:
            rows.append((profile, [values.get(c["name"], {}) for c in corners]))
    return rows


def usual(rows: list[Any], k: int) -> float | None:
    """The most frequent value of a corner case: what stands out differs from it."""
    counts = Counter(values[k].get("value") for _, values in rows if "value" in values[k])
    return counts.most_common(1)[0][0] if counts else None


def say(value: Any) -> str:
    """A setting in words for a table cell."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def examples(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Worked examples as (title, what it rests on, table, shares of a difference)."""
    shown = []
    for example in found:
        rows = []
        for row in example.get("rows", []):
            words = [f"{k}: {say(v)}" for k, v in row.items() if k not in ("value", "oracle")]
            rows.append(
                (", ".join(words) + (" (oracle)" if row.get("oracle") else ""), row.get("value"))
            )
        for name in ("base", "other"):
            if name in example:
                words = [
                    f"{k.replace('_', ' ')} {say(v)}"
                    for k, v in example[name]["conventions"].items()
                ]
                rows.append((", ".join(words), example[name]["value"]))
        shares = [
            (s["convention"].replace("_", " "), say(s["used"]), say(s["instead"]), s["share"])
            for s in example.get("shares", [])
        ]
        shown.append({**example, "table": rows, "parts": shares})
    return shown


def examples_of(catalog: Catalog, project: str) -> list[dict[str, Any]]:
    """Worked examples that rest on a project: what they rest on begins with its slug."""
    found = document(catalog.registry.root / RESULTS / "examples.json").get("examples", [])
    return [
        e for e in found if f"{e.get('rests_on', '')} ".startswith((f"{project} ", f"{project}'s "))
    ]


def write(output: Output, catalog: Catalog) -> None:
    folder = catalog.registry.root / RESULTS
    known = document(folder / "profiles.json")
    profiles, corners = known.get("profiles", []), known.get("corners", [])
    present = {m for p in profiles for m in p.get("values") or {}}
    measures = sorted(
        present, key=lambda m: (m not in NAMES, list(NAMES).index(m) if m in NAMES else 0, m)
    )
    tables = []
    for measure in measures:
        rows = matrix(profiles, corners, measure)
        used = [k for k in range(len(corners)) if any("value" in v[k] for _, v in rows)]
        tables.append(
            (
                measure,
                [corners[k] for k in used],
                [(p, [(v[k], usual(rows, k)) for k in used]) for p, v in rows],
            )
        )
    published = [
        (path.stem, document(path)) for path in sorted((folder / "published").glob("*.json"))
    ]
    output.page(
        "profiles/",
        "profiles.html",
        title="Metric profiles",
        kind="page",
        description="What each way of computing Dice, IoU and NSD gives on the same corner cases.",
        words=" ".join(p["id"] for p in profiles) + " dice iou nsd empty masks convention why",
        tables=tables,
        dices=sum("dice" in (p.get("values") or {}) for p in profiles),
        profiles=profiles,
        facts=FACTS,
        say=say,
        published=published,
    )
