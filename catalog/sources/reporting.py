"""A refresh for people: a YAML file of differences to decide, and a summary in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from catalog.files import write_whole
from catalog.provenance import own_pages
from catalog.sources.comparing import Difference
from catalog.sources.refreshing import Outcome
from catalog.sources.screening import Candidate
from catalog.sources.volatile import Volatile
from catalog.text import clean
from catalog.yaml_out import dump

FOLDER = "build/refresh"
_HEAD = """\
# Differences between the registry and what public services say, found {today}.
# fill: ours is null or incomplete (`sam4mis refresh --apply` fills works of papers.yaml).
# differs: nothing is changed; decide, and edit the record. other-work: an identifier of ours
# leads to a work with another title.
"""
_MOST = 40  # rows of a table in the summary; the YAML file has all


def write_report(root: Path, outcome: Outcome, volatile: Volatile, today: str) -> Path:
    """Write `differences.yaml` and `summary.md` under build/refresh; returns the folder."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    data = [msgspec.to_builtins(difference) for difference in outcome.differences]
    text = dump(data, width=1000)
    write_whole(folder / "differences.yaml", (_HEAD.format(today=today) + text).encode())
    write_whole(folder / "summary.md", summary(outcome, volatile, today).encode())
    return folder


def summary(outcome: Outcome, volatile: Volatile, today: str) -> str:
    """The refresh as Markdown: what failed, what can be filled, what needs a decision."""
    kinds = Counter(difference.kind for difference in outcome.differences)
    links = Counter(link.state for link in volatile.links.values())
    lines = [
        f"## Refresh of {today}",
        "",
        f"- {len(outcome.filled)} works with gaps that can be filled ({kinds['fill']} values)",
        f"- {kinds['differs']} differences to decide",
        f"- {kinds['other-work']} identifiers that lead to a work with another title",
        "- links: " + (", ".join(f"{n} {state}" for state, n in sorted(links.items())) or "none"),
        "- asked: " + (", ".join(f"{s} {n}" for s, n in sorted(outcome.asked.items())) or "nobody"),
        "",
    ]
    if outcome.failed:
        lines += ["### Services that failed (the others were used)", ""]
        lines += [
            f"- {markdown(service)}: {markdown(why)}" for service, why in outcome.failed.items()
        ]
        lines.append("")
    if outcome.moved:
        lines += ["### Repositories that moved since they were read", ""]
        lines += ["| project | commit read of | pushed to |", "|---|---|---|"]
        lines += [
            f"| {markdown(slug)} | {moved.read} | {moved.pushed} |"
            for slug, moved in list(outcome.moved.items())[:_MOST]
        ]
        lines.append("")
    titles = {
        "other-work": "Identifiers that lead elsewhere",
        "differs": "To decide",
        "fill": "Gaps that can be filled",
    }
    for kind, title in titles.items():
        chosen = [d for d in outcome.differences if d.kind == kind]
        if chosen:
            lines += [f"### {title}", "", "| record | field | ours | theirs | source |"]
            lines += ["|---|---|---|---|---|", *map(_row, chosen[:_MOST])]
            if len(chosen) > _MOST:
                lines.append(f"\n{len(chosen) - _MOST} more in differences.yaml.")
            lines.append("")
    return "\n".join(lines)


def queue_summary(queue: Sequence[Candidate]) -> str:
    """The newest candidates as a table in Markdown with links to their pages, and how many wait.

    What was seen before is not shown again: a week's request has to be read in ten minutes.
    """
    newest = max((candidate.found for candidate in queue), default="")
    fresh = [candidate for candidate in queue if candidate.found == newest]
    lines = [f"## {len(queue)} candidates wait for a decision (`sam4mis screen`)", ""]
    if queue:
        lines += [f"{len(fresh)} were found on {newest}:", ""]
        lines += ["| candidate | score | looks like | title |", "|---|---|---|---|"]
    for candidate in fresh[:_MOST]:
        page = next(iter(own_pages(candidate.record)), None)
        link = f"[{markdown(candidate.id)}]({quote(page, safe=':/')})" if page else candidate.id
        cells = (link, str(candidate.score), markdown(candidate.looks_like or "—"))
        lines.append(f"| {' | '.join(cells)} | {markdown(candidate.record.title)} |")
    if len(fresh) > _MOST:
        lines.append(f"\n{len(fresh) - _MOST} more in catalog/data/screening.yaml.")
    return "\n".join([*lines, "", ""])


def _row(difference: Difference) -> str:
    cells = (
        difference.record,
        difference.field,
        _short(difference.ours),
        _short(difference.theirs),
        difference.source,
    )
    return "| " + " | ".join(markdown(cell) for cell in cells) + " |"


def _short(value: Any) -> str:
    if value is None:
        return "—"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 160 else text[:157] + "..."


def markdown(text: str) -> str:
    """`text` as one cell or line of Markdown in which nothing is markup, a link or a mention."""
    escaped = []
    for character in clean(text):
        if character in "\\`*_{}[]()#+!|<>~$":
            escaped.append(f"&#{ord(character)};")
        elif character in "@&":
            escaped.append({"@": "&#64;", "&": "&amp;"}[character])
        else:
            escaped.append(character)
    # GitHub turns bare addresses into links; a zero-length entity keeps them text
    return "".join(escaped).replace("://", "&#58;//").replace("www.", "www&#46;")
