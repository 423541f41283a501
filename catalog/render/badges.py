"""Badges: one static SVG per project, at most 2 kB, `k of n claims` and never one boolean."""

from __future__ import annotations

from html import escape

from catalog.render.views import ProjectView

LEFT = "sam4mis"


def _text(view: ProjectView) -> str:
    prefix = {"control": "control: ", "selftest": "self-test: "}.get(view.project.kind, "")
    return prefix + view.badge


def _width(text: str) -> int:
    """Room for a text of 11 px Verdana-like type, generous on purpose."""
    return round(6.6 * len(text)) + 12


def badge_text_width(view: ProjectView) -> int:
    """Width of the whole badge in px."""
    return _width(LEFT) + _width(_text(view))


def badge(view: ProjectView) -> bytes:
    """The badge of a project as SVG with a title for screen readers."""
    text = _text(view)
    a, b = _width(LEFT), _width(text)
    fill = "#0b6e75" if view.states.get("reproduced") else "#57606a"
    said = escape(f"{LEFT}: {text}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{a + b}" height="20" role="img" '
        f'aria-label="{said}"><title>{said}</title>'
        f'<rect width="{a + b}" height="20" rx="3" fill="#24292f"/>'
        f'<path d="M{a} 0h{b - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{a}z" fill="{fill}"/>'
        f'<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" '
        f'font-size="11"><text x="{a / 2:g}" y="14" textLength="{a - 12}">{LEFT}</text>'
        f'<text x="{a + b / 2:g}" y="14" textLength="{b - 12}">{escape(text)}</text></g></svg>\n'
    ).encode()
