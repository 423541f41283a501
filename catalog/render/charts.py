"""Charts as SVG text, drawn from data at build time.

Colours come from the style sheet (classes `s0` ... `s3`, `ink`, `grid`), so that one drawing serves
both themes. Every chart carries a title and a description; its data stand beside it as a table.
Each is as wide as a phone and grows a little where there is room: none has to be scrolled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from textwrap import wrap

from markupsafe import Markup, escape

WIDTH = 360.0  # of every chart but `pixels`, in px of its own
GROWS = 1.3  # as many times where there is room
LETTER = 6.4  # of a letter of the labels, about


def _n(value: float) -> str:
    """A coordinate without needless digits."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _svg(
    name: str, title: str, text: str, height: float, parts: list[str], width: float = WIDTH
) -> Markup:
    """The frame: role, title, description; scales with its column."""
    body = "".join(parts)
    return Markup(  # noqa: S704 - every text in `parts` went through `_text`
        f'<svg class="chart" role="img" aria-labelledby="{name}-t {name}-d" '
        f'viewBox="0 0 {_n(width)} {_n(height)}" style="max-width:{_n(GROWS * width)}px">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(text)}</desc>'
        f"{body}</svg>"
    )


def _short(text: str, room: float) -> str:
    """A label cut to the room that there is; the table beside the chart has all of it."""
    most = int(room / LETTER)
    return text if len(text) <= most else text[: most - 1] + "…"


def _broken(text: str, room: float, lines: int = 2) -> list[str]:
    """A label in as many lines as it needs, at most `lines`; the last is cut where that is few."""
    found = wrap(text, int(room / LETTER), break_long_words=False) or [""]
    return [*found[: lines - 1], _short(" ".join(found[lines - 1 :]), room)][: len(found)]


def _text(x: float, y: float, text: object, kind: str = "", anchor: str = "start") -> str:
    classes = f' class="{kind}"' if kind else ""
    side = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{_n(x)}" y="{_n(y)}"{classes}{side}>{escape(str(text))}</text>'


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return (
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0))}" height="{_n(max(height, 0))}" '
        f'class="{kind}"/>'
    )


def _line(x0: float, y0: float, x1: float, y1: float, kind: str = "grid") -> str:
    return f'<line x1="{_n(x0)}" y1="{_n(y0)}" x2="{_n(x1)}" y2="{_n(y1)}" class="{kind}"/>'


def ticks(top: float, most: int = 5) -> list[float]:
    """Round steps from 0 to at least `top`, at most `most` + 1 of them."""
    step = 10.0 ** (len(str(int(max(top, 1)))) - 1) / 10
    if top <= most:  # counts: no half works
        return [float(i) for i in range(max(int(-(-top // 1)), 1) + 1)]
    for factor in (1, 2, 5, 10, 20, 50, 100):
        if top / (step * factor) <= most:
            step *= factor
            break
    count = int(-(-top // step)) or 1
    return [step * i for i in range(count + 1)]


def legend(x: float, names: Sequence[str]) -> tuple[list[str], float]:
    """Swatches in the order of the series, in lines from the top; and where they end."""
    parts: list[str] = []
    left, y = x, 12.0
    for i, name in enumerate(names):
        wide = 14 + LETTER * len(name)
        if left > x and left + wide > WIDTH:
            left, y = x, y + 17
        parts += [_rect(left, y - 9, 10, 10, f"s{i}"), _text(left + 14, y, name)]
        left += wide + 14
    return parts, y


def stacked(
    name: str,
    title: str,
    text: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    unit: str = "",
    share: bool = False,
    height: float = 220,
) -> Markup:
    """Columns, one per label, the series on top of each other from the bottom up.

    share: the values are fractions of each column's whole and the axis is in percent.
    """
    left, bottom = 42.0, 24.0
    parts, legends = legend(0, [n for n, _ in series])
    if unit:
        legends += 18
        parts.append(_text(0, legends, unit, "dim"))
    top = legends + 22
    height += top - 34
    totals = [sum(values[i] for _, values in series) for i in range(len(labels))]
    steps = [0, 0.25, 0.5, 0.75, 1] if share else ticks(max(totals, default=1))
    scale = (height - top - bottom) / (steps[-1] or 1)
    base = height - bottom
    for step in steps:
        y = base - step * scale
        parts += [_line(left, y, WIDTH, y), _text(left - 6, y + 4, _tick(step, share), "", "end")]
    slot = (WIDTH - left) / max(len(labels), 1)
    bar = min(slot * 0.72, 54)
    for i, label in enumerate(labels):
        x, y = left + slot * i + (slot - bar) / 2, base
        for k, (_, values) in enumerate(series):
            tall = values[i] * scale
            if tall > 0:
                y -= tall
                parts.append(_rect(x, y, bar, tall, f"s{k}"))
        if not share and totals[i]:
            parts.append(_text(x + bar / 2, y - 4, f"{totals[i]:g}", "n", "middle"))
        parts.append(_text(x + bar / 2, height - 8, label, "", "middle"))
    return _svg(name, title, text, height, parts)


def _tick(step: float, share: bool) -> str:
    return f"{100 * step:.0f} %" if share else f"{step:g}"


def bars(
    name: str,
    title: str,
    text: str,
    rows: Sequence[tuple[str, float, str]],
    *,
    whole: float | None = None,
) -> Markup:
    """Horizontal bars: (label, value, what to write at its end), both texts over their bar.

    whole: what the values are shares of; a full line is the whole then, and the rest of each is
    drawn faintly. None: the values are shares of nothing, and the longest bar fills the line
    """
    tall, line = 14.0, 15.0
    most = whole or max((value for _, value, _ in rows), default=1) or 1
    parts = []
    y = 0.0
    for label, value, note in rows:
        room = WIDTH - LETTER * (len(note) + 2)
        for said in _broken(label, room):
            y += line
            parts.append(_text(0, y - 2, said))
        parts.append(_text(WIDTH, y - 2, note, "n", "end"))
        if whole:
            parts.append(_rect(0, y + 3, WIDTH, tall, "rest"))
        parts.append(_rect(0, y + 3, max(WIDTH * value / most, 1), tall, "s2"))
        y += tall + 7
    return _svg(name, title, text, y, parts)


@dataclass(frozen=True, slots=True)
class Pair:
    """A claimed and a measured score, fractions; `state` is the verdict (shape and word).

    `parts`: the single values that both are medians of, drawn small above and below.
    """

    label: str
    claimed: float
    measured: float | None
    state: str
    parts: Sequence[tuple[float, float]] = ()


def dumbbell(
    name: str,
    title: str,
    text: str,
    pairs: Sequence[Pair],
    *,
    band: float = 0.01,
    names: tuple[str, str] = ("claimed", "measured"),
) -> Markup:
    """One value (hollow) against another (filled), `band` around the first; 0: none is drawn."""
    side, top, words = 12.0, 30.0, 16.0
    row = words + (34.0 if any(pair.parts for pair in pairs) else 24.0)
    values = [
        v for p in pairs for v in (p.claimed - band, p.claimed + band, p.measured) if v is not None
    ]
    values += [value for pair in pairs for both in pair.parts for value in both]
    low, high = min(values, default=0.0), max(values, default=1.0)
    pad = max((high - low) * 0.08, 0.005)
    low, high = low - pad, high + pad
    height = top + row * len(pairs) + 40

    def x(value: float) -> float:
        return side + (WIDTH - 2 * side) * (value - low) / (high - low)

    second = 16 + LETTER * len(names[0]) + 28
    third = second + LETTER * len(names[1]) + 20
    parts = [
        '<circle cx="7" cy="9" r="6.5" class="claimed"/>',
        _text(18, 13, names[0]),
        f'<circle cx="{_n(second - 10)}" cy="9" r="4" class="measured"/>',
        _text(second, 13, names[1]),
    ]
    if band:
        parts += [
            _rect(third, 4, 16, 10, "band"),
            _text(third + 20, 13, f"{names[0].removesuffix('ed')} ± {100 * band:g} points"),
        ]
    step = _step(high - low)
    mark = step * int(low / step + 1)
    while mark < high:
        parts += [
            _line(x(mark), top - 6, x(mark), height - 34),
            _text(x(mark), height - 19, f"{100 * mark:g}", "", "middle"),
        ]
        mark += step
    parts.append(_text(WIDTH, height - 4, "score, %", "dim", "end"))
    for i, pair in enumerate(pairs):
        over = top + row * i + 12
        y = top + row * i + words + (row - words) / 2
        state = pair.state.replace("-", " ")
        for one, other in pair.parts:
            parts += [
                f'<circle cx="{_n(x(one))}" cy="{_n(y - 10)}" r="2" class="claimed part"/>',
                f'<circle cx="{_n(x(other))}" cy="{_n(y + 10)}" r="2" class="measured part"/>',
            ]
        if band:
            wide = x(pair.claimed + band) - x(pair.claimed - band)
            parts.append(_rect(x(pair.claimed - band), y - 8, wide, 16, "band"))
        parts.append(f'<circle cx="{_n(x(pair.claimed))}" cy="{_n(y)}" r="6.5" class="claimed"/>')
        if pair.measured is not None:
            parts += [
                _line(x(pair.claimed), y, x(pair.measured), y, "join"),
                f'<circle cx="{_n(x(pair.measured))}" cy="{_n(y)}" r="4" class="measured"/>',
            ]
        parts += [
            _text(0, over, _short(pair.label, WIDTH - LETTER * (len(state) + 2)), "on"),
            _text(WIDTH, over, state, "n on", "end"),
        ]
    return _svg(name, title, text, height, parts)


def lines(
    name: str,
    title: str,
    text: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
) -> Markup:
    """Fractions over ordered steps, one line a series; the first half of the series is dashed."""
    left, bottom, right = 36.0, 26.0, 24.0
    parts, legends = legend(0, [n for n, _ in series])
    top = legends + 22
    height = 220 + top
    values = [v for _, line in series for v in line]
    step = _step(max(values) - min(values))
    low = step * floor(min(values) / step)
    high = step * ceil(max(values) / step)
    slot = (WIDTH - left - right) / max(len(labels) - 1, 1)

    def at(i: int, value: float) -> tuple[float, float]:
        return left + slot * i, top + (height - top - bottom) * (high - value) / (high - low)

    for k in range(round((high - low) / step) + 1):
        _, y = at(0, low + k * step)
        mark = f"{100 * (low + k * step):g}"
        parts += [_line(left, y, WIDTH - right, y), _text(left - 6, y + 4, mark, "", "end")]
    for i, label in enumerate(labels):
        parts.append(_text(at(i, low)[0], height - 6, label, "", "middle"))
    for k, (_, line) in enumerate(series):
        points = [at(i, v) for i, v in enumerate(line)]
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if k < len(series) / 2 else ""
        parts.append(f'<polyline points="{path}" class="line l{k}"{dash}/>')
        parts += [f'<circle cx="{_n(x)}" cy="{_n(y)}" r="3.5" class="s{k}"/>' for x, y in points]
    return _svg(name, title, text, height, parts)


def _step(span: float) -> float:
    """A round tick distance for a span of fractions."""
    for step in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        if span / step <= 7:
            return step
    return 0.25


def histogram(
    name: str,
    title: str,
    text: str,
    values: Sequence[float],
    *,
    bin_pp: float = 0.5,
) -> Markup:
    """Measured minus claimed in percentage points, in bins centred on 0."""
    bins: dict[int, int] = {}
    for value in values:
        key = round(100 * value / bin_pp)
        bins[key] = bins.get(key, 0) + 1
    reach = max([4, *(abs(k) for k in bins)])
    top, left, height = 16.0, 34.0, 190.0
    steps = ticks(max(bins.values(), default=1), 4)
    slot = (WIDTH - left) / (2 * reach + 1)
    scale = (height - top - 40) / steps[-1]
    base = height - 40

    def x(key: float) -> float:
        return left + slot * (key + reach)

    parts = [_rect(x(-1 / bin_pp + 0.5), top, slot * 2 / bin_pp, base - top, "band")]
    for step in steps:
        y = base - step * scale
        parts += [_line(left, y, WIDTH, y), _text(left - 6, y + 4, f"{step:g}", "", "end")]
    for key in range(-reach, reach + 1):
        if count := bins.get(key):
            parts.append(_rect(x(key) + 1, base - count * scale, slot - 2, count * scale, "s2"))
        if key % max(1, reach // 4) == 0:
            parts.append(
                _text(
                    x(key) + slot / 2,
                    base + 15,
                    f"{key * bin_pp:+g}".replace("-", "−") if key else "0",
                    "",
                    "middle",
                )
            )
    parts.append(_text(left, height - 6, "measured minus claimed, points (band: ±1)"))
    return _svg(name, title, text, height, parts)


def flow(
    name: str, title: str, text: str, steps: Sequence[tuple[str, str, Sequence[str]]]
) -> Markup:
    """A PRISMA-like flow: (box, count, [what left here ...]) from top to bottom."""
    parts: list[str] = []
    y = 4.0
    for i, (box, count, left_here) in enumerate(steps):
        under = y + 44
        parts += [
            _rect(1, y, WIDTH - 2, 44, "box"),
            _text(12, y + 19, box),
            _text(12, y + 36, count, "n"),
        ]
        lines = [line for said in left_here for line in _broken(said, WIDTH - 40, 3)]
        after = under + 18 * len(lines) + (26 if lines else 22)
        parts += [_text(40, under + 22 + 18 * k, line) for k, line in enumerate(lines)]
        if left_here:
            parts.append(_line(20, under + 18, 34, under + 18, "ink"))
        if i + 1 < len(steps) or left_here:
            parts.append(_line(20, under, 20, after if i + 1 < len(steps) else under + 18, "ink"))
        y = after
    return _svg(name, title, text, y - 10, parts)


def pixels(
    name: str,
    title: str,
    text: str,
    columns: int,
    rows: int,
    predicted: Sequence[tuple[int, int]],
    reference: Sequence[tuple[int, int]] = (),
) -> Markup:
    """A small image, pixel by pixel: the reference fills a pixel, the prediction lies inside it.

    predicted, reference  (column, row) of each pixel, from the top left
    """
    side, top = 24.0, 24.0
    parts = [
        _rect(
            side * x, top + side * y, side - 1, side - 1, "s0" if (x, y) not in reference else "s3"
        )
        for y in range(rows)
        for x in range(columns)
    ]
    parts += [
        _rect(side * x + 4, top + side * y + 4, side - 9, side - 9, "measured")
        for x, y in predicted
    ]
    parts += [_rect(0, 4, 11, 11, "measured"), _text(17, 14, "predicted")]
    parts += [_rect(100, 4, 11, 11, "s3"), _text(117, 14, f"reference: {len(reference)} pixels")]
    return _svg(name, title, text, top + side * rows, parts, side * columns)


def factors(name: str, title: str, text: str, rows: Sequence[tuple[str, str, float]]) -> Markup:
    """Horizontal bars from 1 on a logarithmic axis, under the heading of each group.

    rows  (group, label, factor above 0); bars of factors below 1 go to the left
    """
    tall, top, side = 34.0, 30.0, 12.0
    low = min(0.0, *(log10(value) for _, _, value in rows))
    high = max(1.0, *(log10(value) for _, _, value in rows))
    most = 5 if high - low < 2 else 3 if high - low < 3 else 1
    marks = [m * 10.0**e for e in range(floor(low), ceil(high)) for m in (1, 2, 5) if m <= most]
    marks = [m for m in [*marks, 10.0 ** ceil(high)] if low <= log10(m) <= high]
    scale = (WIDTH - 2 * side) / (high - low)

    def at(value: float) -> float:
        return side + (log10(value) - low) * scale

    groups = dict.fromkeys(group for group, _, _ in rows)
    said = {group: _broken(group, WIDTH) for group in groups}
    height = top + tall * len(rows) + sum(13 + 15 * len(lines) for lines in said.values()) + 6
    parts = []
    for mark in marks:
        parts += [
            _line(at(mark), top - 8, at(mark), height),
            _text(at(mark), top - 14, f"{mark:g}x", "", "middle"),
        ]
    y = top
    for group in groups:
        y += 6
        for line in said[group]:
            y += 15
            parts.append(_text(0, y, line, "n on b"))
        y += 7
        for _, label, value in (row for row in rows if row[0] == group):
            start, end = sorted((at(1), at(value)))
            told = f"{value:.3g}x"
            parts += [
                _text(0, y + 12, _short(label, WIDTH - LETTER * (len(told) + 2)), "on"),
                _text(WIDTH, y + 12, told, "n on", "end"),
                _rect(start, y + 17, max(end - start, 1), 12, "s0"),
            ]
            y += tall
    return _svg(name, title, text, height, parts)
