"""What we say of ourselves: benchmark results with machine and date, and every finding's code."""

from __future__ import annotations

from typing import Any

from catalog import auditing
from catalog.checks import codes
from catalog.render import charts, show
from catalog.render.output import Output
from catalog.render.pages.profiles import document, say
from catalog.render.views import Catalog

BENCHMARKS = "benchmarks/results"
#: Measured of each contender: key in the file, heading, decimals.
COLUMNS = (
    ("wall_s", "Wall time, s", 3),
    ("cpu_s", "Processor time, s", 3),
    ("peak_mib", "Peak memory, MiB", 0),
)
#: Figures of a contender against the base: key in the file, heading.
AGAINST = {"ratios": "Ratio", "cpu_ratios": "Ratio, processor", "memory": "Ratio, memory"}
#: Suites in the order of the page; others follow. Those with peers of the harness are drawn.
FIRST = (
    "encoder",
    "endtoend",
    "metrics",
    "surfaces",
    "gpu",
    "memory",
    "catalog",
    "site",
    "lighthouse",
)
DRAWN = ("encoder", "endtoend", "metrics", "surfaces", "gpu")
#: First letters of the codes, as `catalog.checks.codes` groups them.
GROUPS = {
    "B": "A record given to add, or in a form",
    "Y": "The YAML itself",
    "S": "Shape of records",
    "R": "References between records",
    "C": "Content of project files",
    "E": "Rows that authors released",
    "D": "Duplicates",
    "I": "Identifiers",
    "U": "Addresses",
    "T": "Titles",
    "A": "Authors",
    "P": "Versions",
    "V": "Vocabularies",
    "N": "Numbers",
    "K": "Scope",
    "W": "What works found",
    "X": "Texts of any field",
    "F": "Facts against facts",
    "Z": "Results and verdicts",
}


def number(value: Any, decimals: int = 2) -> str:
    """A measured value for a cell; an empty text where there is none."""
    if value is None or isinstance(value, (dict, list, bool)):
        return "" if value is None else str(value)
    if isinstance(value, (int, float)):
        return f"{value:,.{decimals}f}" if abs(value) < 1e15 else str(value)
    return str(value)


def compared(scenario: dict[str, Any]) -> dict[str, str]:
    """What a scenario says of every contender against the base, as key -> heading."""
    names = set(scenario.get("contenders", {}))
    found = [
        key
        for key, values in scenario.items()
        if key != "contenders" and isinstance(values, dict) and values and set(values) <= names
    ]
    order = [*AGAINST, *(key for key in found if key not in AGAINST)]
    return {k: AGAINST.get(k, k.replace("_", " ").capitalize()) for k in order if k in found}


def contenders(scenario: dict[str, Any]) -> list[tuple[str, list[str], list[str]]]:
    """(name, measured in the order of `COLUMNS`, figures in the order of `compared`)."""
    against = compared(scenario)
    return [
        (
            name,
            [number(found.get(key), decimals) for key, _, decimals in COLUMNS],
            [f"{scenario[key][name]:.3g}" if name in scenario[key] else "" for key in against],
        )
        for name, found in scenario.get("contenders", {}).items()
        if isinstance(found, dict)
    ]


def beside(scenario: dict[str, Any]) -> list[tuple[str, str]]:
    """What a scenario measured besides its contenders, as (name, value)."""
    kept = ("title", "contenders", *compared(scenario))
    rest = {k: v for k, v in scenario.items() if k not in kept and v not in (None, {}, [])}
    return [
        (
            name.replace("_", " ").replace(".", ", ", 1),
            f"{v:.3g}" if isinstance(v, float) else say(v),
        )
        for name, v in show.flat(rest)
    ]


def table(rows: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Objects as a table: all keys in the order of their first use."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return columns, [
        [number(v, 3) if isinstance(v, float) else say(v) for v in map(row.get, columns)]
        for row in rows
    ]


def suite(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """A result file as the page shows it; a file of any shape gives at least its facts."""
    machine = found.get("machine") or {}
    rows = found.get("rows") or [
        {"page": page, **each} for page, each in (found.get("pages") or {}).items()
    ]
    used = ("machine", "scenarios", "rows", "pages", "title", "schema", "date", "commit", "suite")
    rest = {k: v for k, v in found.items() if k not in used}
    return {
        "name": name,
        "title": found.get("title") or name,
        "date": found.get("date"),
        "commit": found.get("commit"),
        "machine": [(k.replace("_", " "), str(v)) for k, v in show.flat(machine)],
        "hardware": ", ".join(
            str(machine[k]) + unit
            for k, unit in (
                ("gpu", ""),
                ("cpu", ""),
                ("cores", " cores"),
                ("memory_gib", " GiB"),
                ("system", ""),
            )
            if machine.get(k) is not None
        ),
        "load": machine.get("load_average_1min"),
        "scenarios": [
            (
                each.get("title") or key,
                list(compared(each).values()),
                contenders(each),
                beside(each),
            )
            for key, each in (found.get("scenarios") or {}).items()
        ],
        "rows": table(rows) if rows else None,
        "facts": [(k, say(v)) for k, v in show.flat(rest)],
    }


def speed(results: dict[str, dict[str, Any]]) -> list[tuple[str, str, float]]:
    """(what is computed, who is compared, how many times faster we are), of the drawn suites.

    The base of a ratio is the peer in some suites and ourselves in others; both say how many times
    longer the peer takes.
    """
    return [
        (scenario.get("title") or key, f"{name} ({kind})" if kind else name, float(ratio))
        for suite_name in DRAWN
        for stem, kind in (
            (s, s.partition("-")[2]) for s in results if s.partition("-")[0] == suite_name
        )
        for key, scenario in (results[stem].get("scenarios") or {}).items()
        for name, ratio in (scenario.get("ratios") or {}).items()
    ]


def write(output: Output, catalog: Catalog) -> None:
    folder = catalog.registry.root / BENCHMARKS
    results = {path.stem: document(path) for path in sorted(folder.glob("*.json"))}
    # `metrics-avx512`: a suite on one kind of processor
    place = {name: at for at, name in enumerate(FIRST)}
    order = sorted(results, key=lambda name: (place.get(name.partition("-")[0], len(FIRST)), name))
    rows = speed(results)
    output.page(
        "benchmarks/",
        "benchmarks.html",
        title="Benchmarks",
        kind="page",
        description="How fast the harness and the catalog are against peers, where and when.",
        words="speed memory lighthouse ratio peers encoder metrics website",
        suites=[suite(name, results[name]) for name in order],
        chart=charts.factors(
            "speed",
            "How many times longer the peer takes",
            "Each bar is one comparison of the tables below; the axis is logarithmic.",
            rows,
        )
        if rows
        else None,
        folder=BENCHMARKS,
        columns=[title for _, title, _ in COLUMNS],
    )
    known = codes.table()
    audits = auditing.load(catalog.registry.root)
    groups: dict[str, list[dict[str, str]]] = {}
    for entry in known:
        groups.setdefault(entry["code"][0], []).append(entry)
    output.page(
        "findings/",
        "findings.html",
        title="Findings",
        kind="page",
        description="Every code that the checks of the registry may answer with, and the way out.",
        words="check doctor error code " + " ".join(c["code"] for c in known),
        groups=[(GROUPS.get(letter, letter), found) for letter, found in groups.items()],
        total=len(known),
        rate=auditing.rate(audits.values()),
        audits=audits,
    )
