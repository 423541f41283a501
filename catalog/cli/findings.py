"""How findings are shown: rich on a terminal, one line each in a pipe, JSON, GitHub annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from catalog.cli.output import counted, say, stdout_is_terminal, table, write, write_json
from catalog.errors import Finding, UsageError
from catalog.text import clean

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
_GITHUB = {"error": "error", "warning": "warning", "info": "notice"}


def show(findings: Sequence[Finding], form: str) -> None:
    """Findings on standard output as `text`, `json` or `github`."""
    if form == "json":
        write_json([finding.as_dict() for finding in findings])
    elif form == "github":
        write("".join(annotation(finding) + "\n" for finding in findings))
    elif stdout_is_terminal():
        _rich(findings)
    else:
        write("".join(f"{finding.severity}: {clean(str(finding))}\n" for finding in findings))


def summary(findings: Sequence[Finding], of: str) -> None:
    """One closing line on standard error."""
    counts = Counter(finding.severity for finding in findings)
    if not findings:
        say(f"{of}: no findings")
        return
    parts = [
        counted(counts[severity], severity if severity != "info" else "remark")
        for severity in ("error", "warning", "info")
        if counts[severity]
    ]
    say(f"{of}: {', '.join(parts)}")


def show_codes(wanted: str | None, *, as_json: bool) -> None:
    """What codes mean: all, or those that begin as `wanted` says (`C003`, `I001,U`).

    Raises `UsageError` for what no code begins with.
    """
    from catalog.checks.codes import CODES, described

    beginnings = codes_wanted(wanted)
    rows = [described(code) for code in CODES if code.startswith(beginnings)]
    if as_json:
        write_json(rows)
        return
    columns = ("code", "severity", "found by", "title", "explanation", "--fix")
    keys = ("code", "severity", "command", "title", "explanation", "fix")
    table(columns, [tuple(row[key] for key in keys) for row in rows], "explanation")


def codes_wanted(wanted: str | None) -> tuple[str, ...]:
    """The beginnings of codes that somebody named, `("",)` for all. Raises `UsageError`."""
    from catalog.checks.codes import CODES

    names = tuple(part.strip().upper() for part in (wanted or "").split(","))
    for name in names:
        if not any(code.startswith(name) for code in CODES):
            near = [code for code in CODES if code[:1] == name[:1]]
            known = ", ".join(near) if near else ", ".join(sorted({code[0] for code in CODES}))
            way = "All: sam4mis doctor --codes"
            raise UsageError(f"{name}: no code begins so. Known: {known}. {way}")
    return names


def annotation(finding: Finding) -> str:
    """A workflow command of GitHub Actions; its special characters are escaped."""
    stop = "." if finding.hint and finding.message[-1:].isalnum() else ""
    message = f"{finding.message}{stop} {finding.hint}".strip()
    properties = {
        "file": finding.place,
        "line": finding.line,
        "title": f"{finding.code} {finding.path}",
    }
    text = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    return f"::{_GITHUB[finding.severity]} {text}::{_data(clean(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(clean(text)).replace(":", "%3A").replace(",", "%2C")


def _rich(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    place = None
    for finding in findings:
        if finding.place != place:
            place = finding.place
            console.print(Text(place, style="bold underline"))
        line = Text()
        line.append(f"{finding.line or '-':>7} ", style="dim")
        line.append(f"{finding.code} ", style=_COLOURS[finding.severity])
        line.append(clean(finding.path), style="bold")
        line.append(f"  {clean(finding.message)}")
        if finding.hint:
            line.append("." if finding.message[-1:].isalnum() else "")
            line.append(f" {clean(finding.hint)}", style="green")
        console.print(line)
