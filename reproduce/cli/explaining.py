"""An explanation in words: first what makes the difference, then what else would move it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.cli.output import say, sheet
from catalog.cli.rows import in_percent
from catalog.errors import InputError, PrerequisiteError
from reproduce.cli.telling import signed
from reproduce.ground import wording
from reproduce.judging.explain import walk

if TYPE_CHECKING:
    from catalog.records import Claim, Project
    from catalog.registry import Registry
    from reproduce.judging.explain import Effect, Explanation, Setting, Space

NEAR_THRESHOLDS = 2  # shown on each side of the one that was used
MOST_MATCHES = 5
Rows = list[tuple[str, str]]


def tell(
    name: str, claim: Claim, space: Space, found: Explanation, *, given: bool, everything: bool
) -> None:
    """Print an explanation; arguments as for `sections`."""
    told, hidden = sections(claim, space, found, given=given, everything=everything)
    sheet(name, told)
    for note in found.notes:
        say(f"\n{note[:1].upper()}{note[1:]}.")
    if hidden:
        say(f"\n{hidden} (--all shows them).")


def groups(
    registry: Registry, project: Project, target: float | None, depth: int
) -> list[tuple[str, Rows]]:
    """The claims of a project under what explains them, or what stands against a search."""
    from reproduce.judging.searching import search

    found: dict[str, Rows] = {}
    for claim in project.claims:
        printed = in_percent(claim, claim.fraction) or ""
        try:
            _, told = search(registry, project, claim, target, depth)
        except PrerequisiteError:
            why = (
                f"blocked: {claim.reason}" if claim.state == "blocked" else "no run of it is stored"
            )
            found.setdefault(why, []).append((claim.id, printed))
            continue
        best = (told.matches or told.nearest)[:1]
        changed = best[0].changed_from(told.base.conventions) if best else {}
        if told.matches and not changed:
            group = "as claimed: the stated conventions give the printed number"
        elif told.matches:
            group = f"the printed number comes with {wording.settings(changed)}"
        else:
            group = "no convention that was tried gives the printed number"
        measured = f"as claimed {_number(claim, told.base.value)}"
        found.setdefault(group, []).append((claim.id, f"{printed}, {measured}"))
    return [*found.items()]


def sections(
    claim: Claim, space: Space, found: Explanation, *, given: bool, everything: bool
) -> tuple[list[tuple[str, Rows]], str]:
    """An explanation under headings, and in words what was left out.

    given       the target is the user's own number, not the printed one
    everything  every effect and every match, instead of the few that say most
    """
    used = {key: value for key, value in found.base.conventions.items() if key != "metric"}
    rows: Rows = [("target", _number(claim, found.target))]
    if given:
        rows.append(("claimed", _number(claim, claim.fraction)))
    rows.append(("as claimed", f"{_number(claim, found.base.value)} ({wording.settings(used)})"))
    told = [("numbers", rows)]
    best = (found.matches or found.nearest)[:1]
    if best and best[0].changed_from(found.base.conventions):
        told.append(_attribution(claim, space, found, best[0]))
    told.append(_settings(claim, found, everything))
    alone, hidden = _alone(claim, found, everything)
    told.append(("each convention changed alone, largest change first", alone))
    return [section for section in told if section[1]], hidden


def _number(claim: Claim, value: float | None) -> str:
    return "undefined" if value is None else in_percent(claim, value) or "undefined"


def _points(claim: Claim, change: float) -> str:
    if (in_percent(claim, claim.fraction) or "").endswith("%"):
        return f"{signed(100 * change)} points"
    return signed(change, claim.decimals)


def _attribution(
    claim: Claim, space: Space, found: Explanation, setting: Setting
) -> tuple[str, Rows]:
    """The share of each convention in the way from what was claimed to a setting."""
    base = found.base.conventions
    try:
        steps, _ = walk(space, base, setting.conventions)
    except InputError:  # some setting in between has no stored run: nothing can be shared out
        return "", []
    rows = [
        (
            wording.name(step.convention),
            f"{_points(claim, step.share)} ({_word(step.convention, step.used)} -> "
            f"{_word(step.convention, step.instead)})",
        )
        for step in steps
    ]
    total = sum(step.share for step in steps)
    title = f"what makes the difference of {_points(claim, total)}"
    if not setting.matches:
        title += f" to the nearest setting, {_number(claim, setting.value)}"
    return title, rows


def _word(convention: str, value: object) -> str:
    known = wording.GRIDS.get(str(value)) if convention == "grid" else None
    return known or wording.value(value)


def _settings(claim: Claim, found: Explanation, everything: bool) -> tuple[str, Rows]:
    base = found.base.conventions
    chosen = found.matches or found.nearest
    shown = chosen if everything else chosen[:MOST_MATCHES]
    rows = [
        (
            _number(claim, setting.value),
            wording.settings(setting.changed_from(base)) or "as claimed",
        )
        for setting in shown
    ]
    if len(chosen) > len(shown):
        rows.append(("more", f"{len(chosen) - len(shown)} other settings (--all shows them)"))
    tried = f"of {found.tried} settings tried"
    if found.matches:
        give = "gives" if len(found.matches) == 1 else "give"
        return f"{len(found.matches)} {tried} {give} the target's digits", rows
    return f"none {tried} gives the target's digits; the nearest", rows


def _alone(claim: Claim, found: Explanation, everything: bool) -> tuple[Rows, str]:
    """Rows of effects, and in words what was left out. What gives one value is one row."""
    scored = [effect for effect in found.effects if effect.value is not None]
    thresholds = [effect for effect in scored if effect.convention == "threshold"]
    near = thresholds if everything else _near(thresholds, found)
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for effect in scored:
        if (effect.convention == "threshold" and effect not in near) or effect.change is None:
            continue
        key = (
            effect.convention,
            _number(claim, effect.value),
            _points(claim, effect.change),
        )
        grouped.setdefault(key, []).append(_word(effect.convention, effect.instead))
    rows = [
        (wording.name(convention), f"{change}, to {value} ({_few(instead, everything)})")
        for (convention, value, change), instead in grouped.items()
    ]
    left = len(thresholds) - len(near)
    return rows, f"{left} more thresholds were tried" if left else ""


def _near(effects: Sequence[Effect], found: Explanation) -> list[Effect]:
    """The thresholds next to the one used, and those of the settings that give the target."""
    used = found.base.conventions.get("threshold")
    if not isinstance(used, int | float):
        return list(effects)
    wanted = {setting.conventions.get("threshold") for setting in found.matches[:MOST_MATCHES]}
    below = sorted((e for e in effects if e.instead < used), key=lambda e: -e.instead)
    above = sorted((e for e in effects if e.instead > used), key=lambda e: e.instead)
    near = below[:NEAR_THRESHOLDS] + above[:NEAR_THRESHOLDS]
    return [e for e in effects if e in near or e.instead in wanted]


def _few(names: Sequence[str], everything: bool) -> str:
    if everything or len(names) <= 3:
        return ", ".join(names)
    return f"{', '.join(names[:3])} and {len(names) - 3} more"
