"""The folder for a pull request: results as they are committed, and the text of the request.

A result that would say `lower` of a work of the field is laid apart until its authors have been
told (`catalog.waiting`).
"""

from __future__ import annotations

import datetime
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catalog.cli.rows import in_percent
from catalog.errors import FindingsError
from catalog.files import write_whole
from catalog.records import Claim, Project, Result, Verdict
from catalog.registry import AGAIN, RESULTS, Registry
from catalog.render.readme import cell
from catalog.waiting import first_run, held
from reproduce.ground import wording
from reproduce.judging.examining import examine
from reproduce.judging.verdict import RULE, judge, stored_values
from reproduce.planning.campaign import Planned
from reproduce.running.engine import publish

TEXT = "pull-request.md"
HELD = "held"  # beside what is sent: results that wait


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run of a campaign. `result` None: it was not made, for `reason`."""

    planned: Planned
    result: Result | None = None
    folder: Path | None = None
    reason: str | None = None


@dataclass(slots=True)
class Contribution:
    """A folder that was written.

    folders, sent  of the results in it
    waits  claim -> the folder of its result, which is laid apart, and why
    """

    folder: Path
    folders: list[Path] = field(default_factory=list)
    sent: list[Result] = field(default_factory=list)
    judged: list[tuple[Claim, Verdict, Result]] = field(default_factory=list)
    waits: dict[str, tuple[Path, str]] = field(default_factory=dict)


def contribute(
    registry: Registry, outcomes: Sequence[Outcome], folder: Path, today: datetime.date
) -> Contribution:
    """Write the folder anew from the complete results of a campaign.

    Raises `FindingsError` for a result that is not what a run left: one that was edited.
    """
    if folder.is_dir():
        shutil.rmtree(folder)
    made = Contribution(folder)
    for outcome in outcomes:
        result, run = outcome.result, outcome.folder
        if result is None or run is None or result.status != "complete" or not result.claims:
            continue
        judged = [
            (project, claim, judge(claim, result, project=project, values=values))
            for project, claim in _claims(registry, result)
            for values in (stored_values(registry, claim, result, run),)
        ]
        waits = {
            verdict.claim: why
            for project, claim, verdict in judged
            for first in (first_run(verdict.claim, [*registry.results, result]),)
            if (why := held(project, claim, verdict.state, today, first)) is not None
        }
        target = publish(run, folder / (HELD if waits else _place(registry, result)))
        if findings := examine(target):
            shutil.rmtree(target)
            raise FindingsError(findings)
        made.waits |= {claim: (target, why) for claim, why in waits.items()}
        if not waits:
            made.folders.append(target)
            made.sent.append(result)
            made.judged += [(claim, verdict, result) for _, claim, verdict in judged]
    if made.sent:
        write_whole(folder / TEXT, text(made, outcomes).encode())
    return made


def _place(registry: Registry, result: Result) -> str:
    """Where a result is sent: beside the others, or as a repeat where the run is published."""
    published = (registry.root / RESULTS / result.run).is_dir()
    return f"{AGAIN}/{result.by}" if published else RESULTS


def _claims(registry: Registry, result: Result) -> list[tuple[Project, Claim]]:
    return [
        (project, claim)
        for project in registry.projects
        for claim in project.claims
        if f"{project.slug}/{claim.id}" in result.claims
    ]


def text(made: Contribution, outcomes: Sequence[Outcome]) -> str:
    """The text of the request, as Markdown."""
    by = next(result.by for result in made.sent)
    lines = [
        f"# {title(made)}",
        "",
        f"Released weights were run by `{by}`; what they gave, and what `{RULE}` makes of it:",
        "",
        "| claim | printed | measured | state | class | run |",
        "|---|---|---|---|---|---|",
    ]
    for claim, verdict, result in made.judged:
        cells = (
            verdict.claim,
            in_percent(claim, claim.fraction),
            in_percent(claim, verdict.measured),
            verdict.state,
            verdict.comparability,
            wording.short_id(result.run),
        )
        lines.append("| " + " | ".join(cell(text or "-") for text in cells) + " |")
    lines += ["", "## Where they were run", ""]
    lines += [f"- {where}" for where in dict.fromkeys(map(_machine, made.sent))]
    lines += ["", "## How", ""]
    lines += [f"    {command}" for command in dict.fromkeys(r.command for r in made.sent)]
    lines += [
        "",
        "Each folder holds `result.json` (inputs by hash, environment, measurements), "
        "`statistics.parquet` (the counts of every case) and `prompts.json` where the model took "
        "prompts. Every measurement is computed again from the statistics before a verdict rests "
        "on it; no code comes with this request.",
    ]
    if missing := [(o.planned.name, o.reason) for o in outcomes if o.reason is not None]:
        lines += ["", "## Not in it", ""]
        lines += [f"- {cell(name)}: {cell(reason, 300)}" for name, reason in missing]
    return "\n".join(lines) + "\n"


def title(made: Contribution) -> str:
    """The title of the request."""
    number = len(made.judged)
    what = f"{number} claim{'' if number == 1 else 's'}"
    projects = sorted({result.project for result in made.sent})
    return f"Results for {what} of {', '.join(projects)}"


def _machine(result: Result) -> str:
    """Card or processor, system, and the code that ran."""
    around = result.environment
    harness = around.get("harness") or {}
    commit = str(harness.get("commit") or "unknown")[:12]
    changed = ", with changes that are not committed" if harness.get("dirty") else ""
    parts = [
        str(around.get("gpu") or around.get("cpu") or "an unknown processor"),
        str(around.get("platform") or "an unknown system"),
        f"torch {(around.get('packages') or {}).get('torch') or 'unknown'}",
        f"sam4mis at commit {commit}{changed}",
    ]
    return ", ".join(cell(part) for part in parts)


def steps(made: Contribution, root: Path) -> list[str]:
    """The commands that send it, to be typed in the clone."""
    folder = made.folder
    try:
        folder = folder.resolve().relative_to(root.resolve())
    except ValueError:
        folder = folder.resolve()
    branch = f"results-{made.folder.name}"
    names = [path.relative_to(made.folder).as_posix() for path in made.folders]
    return [
        f"git switch --create {shlex.quote(branch)}",
        f"cp -r {shlex.quote(str(folder))}/reproduce .",
        "sam4mis reproduce verify && sam4mis build --readme-only",
        f"git add README.md {RESULTS}/verdicts.json {RESULTS}/verdict-log.json {' '.join(names)}",
        f"git commit -m {shlex.quote(title(made))}",
        f"git push --set-upstream origin {shlex.quote(branch)}",
        f"gh pr create --title {shlex.quote(title(made))} "
        f"--body-file {shlex.quote(f'{folder}/{TEXT}')}",
    ]
