"""Scores as one page to look at: no script, nothing from elsewhere, so that it can be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from msgspec import Struct

from catalog.metrics import counted_over, is_length
from catalog.records import Interval, Measurement

STYLE = """
:root { color-scheme: light dark; --line: #8886; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }
.notice { border: 1px solid var(--line); padding: .5rem .75rem; font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: start; padding: .5rem 0; color: inherit; opacity: .8; }
th, td { padding: .25rem .75rem .25rem 0; text-align: start; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: end; }
figure { margin: 1.5rem 0; } img { max-width: 100%; height: auto; display: block; }
.bad { color: var(--bad); }
"""


class Difference(Struct, kw_only=True):
    """How much larger a measure is under one model than under another on the same cases.

    interval  of the difference, cases (or patients) drawn again for both at once; None: none
    """

    metric: str
    first: str
    second: str
    value: float | None
    subgroup: dict[str, str] = {}
    interval: Interval | None = None

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high


def document(title: str, parts: Sequence[str]) -> str:
    """A whole page of these parts, which are HTML."""
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"<main>\n{body}\n</main>\n</html>\n"
    )


def scores_page(
    title: str,
    lead: str,
    columns: Mapping[str, Sequence[Measurement]],
    differences: Sequence[Difference] = (),
    notes: Sequence[str] = (),
) -> str:
    """Measures as rows, models (or the one set of predictions) as columns, then the differences.

    lead  what has to be known first;  columns  name -> its measurements, of groups too
    """
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="notice">{escape(lead)}</p>']
    if notes:
        parts.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>")
    keys = list(dict.fromkeys(_key(m) for column in columns.values() for m in column))
    for subgroup in dict.fromkeys(key[1] for key in keys):
        name = ", ".join(f"{column} {value}" for column, value in subgroup) or "All cases"
        chosen = [key for key in keys if key[1] == subgroup]
        parts.append(f"<h2>{escape(name)}</h2>")
        parts.append(_scores(name, columns, chosen))
        mine = [d for d in differences if tuple(d.subgroup.items()) == subgroup]
        if mine:
            parts.append(_differences(name, mine))
    methods = {m.interval.method for c in columns.values() for m in c if m.interval}
    if methods:
        parts.append(f"<p>Intervals of 95 %: {escape('; '.join(sorted(methods)))}.</p>")
    return document(title, parts)


Key = tuple[str, tuple[tuple[str, str], ...], str]


def _key(measured: Measurement) -> Key:
    return measured.metric, tuple(measured.subgroup.items()), measured.metric_profile


def shown(metric: str, value: float | None) -> str:
    """A number of a measure: a share in percent, a length in mm."""
    if value is None:
        return "undefined"
    if metric == "mcc":  # from -1 to 1: a correlation, no share
        return f"{value:.4f}"
    return f"{value:.2f} mm" if is_length(metric) else f"{100 * value:.2f} %"


def between(metric: str, interval: Interval | None) -> str:
    """The ends of an interval in the unit of the measure; "": there is none."""
    if interval is None:
        return ""
    if metric == "mcc":
        return f"{interval.low:.4f} to {interval.high:.4f}"
    if is_length(metric):
        return f"{interval.low:.2f} to {interval.high:.2f}"
    return f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"


def _scores(caption: str, columns: Mapping[str, Sequence[Measurement]], keys: Sequence[Key]) -> str:
    head = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in columns)
    lines = []
    for key in keys:
        cells = []
        for column in columns.values():
            found = next((m for m in column if _key(m) == key), None)
            if found is None:
                cells.append('<td class="number">not measured</td>')
                continue
            told = between(found.metric, found.interval)
            cells.append(
                f'<td class="number"><b>{shown(found.metric, found.value)}</b>'
                f"{f'<br>{told}' if told else ''}<br>{escape(counted_over(found))}</td>"
            )
        lines.append(
            f'<tr><th scope="row">{escape(key[0])}<br>{escape(key[2])}</th>{"".join(cells)}</tr>'
        )
    return _table(f"Scores: {caption}", f'<th scope="col">measure</th>{head}', lines)


def _differences(caption: str, differences: Sequence[Difference]) -> str:
    lines = [
        f'<tr><th scope="row">{escape(d.metric)}</th><td>{escape(d.first)} less '
        f'{escape(d.second)}</td><td class="number">{_signed(d)}</td>'
        f'<td class="number">{between(d.metric, d.interval) or "none"}</td>'
        f"<td>{'yes' if d.decided else 'no'}</td></tr>"
        for d in differences
    ]
    names = ("measure", "models", "difference", "95 % interval", "apart from 0")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    return _table(f"Model against model on the same cases: {caption}", head, lines)


def _signed(difference: Difference) -> str:
    if difference.value is None:
        return "undefined"
    if difference.metric == "mcc":
        return f"{difference.value:+.4f}"
    if is_length(difference.metric):
        return f"{difference.value:+.2f} mm"
    return f"{100 * difference.value:+.2f} points"


def _table(caption: str, head: str, lines: Sequence[str]) -> str:
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )
