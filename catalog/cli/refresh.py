"""`sam4mis refresh`."""

from __future__ import annotations

import datetime
import json as json_module
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalog.cli.output import JsonOption, counted, say, write_json

if TYPE_CHECKING:
    from catalog.records import Paper
    from catalog.sources.refreshing import Outcome

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def refresh(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="IDS", help="Only these works and projects; none: all."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this service (repeatable); links checks links."),
    ] = None,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Fill gaps (nulls, cut author lists) in the files."),
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask again what the cache has.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report and write nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Ask arXiv, Crossref, OpenReview, OpenAlex, Semantic Scholar, Europe PMC, GitHub and
    Hugging Face what has changed, and check links.

    Nothing that is written in the registry is overwritten: differences go to
    build/refresh/differences.yaml and summary.md for decision. Works that came from another
    list are confirmed (--apply) where arXiv, Crossref or OpenReview say the same, else flagged.
    Figures that change by themselves (citations, stars, link health) go to
    catalog/data/volatile.json.
    A run that was stopped goes on where it was.

    \b
    Keys, where you have them, come from the environment: GITHUB_TOKEN, S2_API_KEY,
    OPENALEX_API_KEY, HF_TOKEN; SAM4MIS_MAIL names you to Crossref and OpenAlex.

    \b
    Examples:
      sam4mis refresh --dry-run medsam
      sam4mis refresh --source arxiv --source crossref --apply
      sam4mis refresh --source links
    """
    from catalog.errors import PrerequisiteError, UsageError
    from catalog.facets import unknown_value
    from catalog.registry import Registry, find_clone
    from catalog.sources import refreshing, volatile
    from catalog.sources.cache import Cache
    from catalog.sources.http import Client
    from catalog.sources.reporting import write_report
    from catalog.sources.settings import from_environment

    for name in source or []:
        if name not in refreshing.SOURCES:
            raise UsageError(unknown_value("--source", name, list(refreshing.SOURCES)))
    root = find_clone("refresh")
    registry = Registry.load(root)
    papers, projects = registry.papers, registry.projects
    if names:
        papers, projects = _chosen(names, registry)
    settings = from_environment(fresh_s=0.0) if fresh else from_environment()
    client = Client(settings, Cache(root / ".sam4mis" / "cache" / "http"))
    outcome = refreshing.Outcome()
    asking = refreshing.Asking(client, outcome, source or refreshing.SOURCES)
    figures = volatile.load(root)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    try:
        with Progress() as progress:
            if asking.sources & set(refreshing.PAPER_SOURCES):
                progress.phase("works")
                refreshing.refresh_papers(papers, asking, figures, today, progress.step)
            if asking.sources & {"github", "huggingface"}:
                progress.phase("projects")
                refreshing.refresh_projects(projects, asking, figures, today, progress.step)
            if "links" in asking.sources:
                progress.phase("links")
                urls = refreshing.links_of(papers, projects)
                keep = None if names else set(urls)
                refreshing.refresh_links(urls, asking, figures, today, progress.step, keep)
    except BaseException as stopped:
        if not dry_run:
            volatile.save(root, figures)  # what was found stays; the cache has the answers
        if isinstance(stopped, KeyboardInterrupt):
            say("Stopped; the same command goes on from here.")
        raise
    applied = filled = 0
    if not dry_run:
        volatile.save(root, figures)
        folder = write_report(root, outcome, figures, today)
        say(f"Report in {folder.relative_to(root)}/summary.md and differences.yaml")
        if apply:
            applied = _apply(root, registry.papers, outcome)
            filled = _apply_to_projects(root, outcome)
    if json:
        write_json(_data(outcome, applied, filled))
    else:
        _tell(outcome, applied, filled)
    answered = [name for name in outcome.asked if name not in outcome.failed]
    if outcome.asked and not answered:
        raise PrerequisiteError(
            "no service answered: is there a network?", "sam4mis refresh   (it goes on from here)"
        )


def _chosen(names: list[str], registry: Any) -> tuple[list[Paper], list[Any]]:
    from catalog.facets import works
    from catalog.lookup import find

    papers, projects = [], []
    all_works = works(registry)
    for name in names:
        work, project = find(name, all_works, registry.projects)
        if work:
            papers.append(work.paper)
            projects += work.projects
        elif project:
            projects.append(project)
    return papers, projects


def _apply(root: Path, read: list[Paper], outcome: Outcome) -> int:
    """Write the filled works that nobody has edited since they were read."""
    from catalog.editing import apply_edits
    from catalog.registry import load_papers

    now = {paper.id: paper for paper in load_papers(root)}
    before = {paper.id: paper for paper in read}
    ready = {id: paper for id, paper in outcome.filled.items() if now.get(id) == before[id]}
    if ready:
        apply_edits(root, replace=ready)
    if skipped := len(outcome.filled) - len(ready):
        say(f"{counted(skipped, 'work')} edited meanwhile, left alone.")
    return len(ready)


def _apply_to_projects(root: Path, outcome: Outcome) -> int:
    """Fill what is null in project files and stated as a fact; returns how many files changed."""
    from catalog.editing import update_project
    from catalog.errors import FindingsError, InputError
    from catalog.sources.comparing import fill, safe_fills

    changed = 0
    for slug, fields in safe_fills(outcome.differences).items():
        try:
            changed += update_project(root, slug, partial(fill, fields))
        except (InputError, FindingsError) as error:
            say(str(error))
    return changed


def _data(outcome: Outcome, applied: int, filled: int) -> dict[str, Any]:
    import msgspec

    return {
        "differences": [msgspec.to_builtins(found) for found in outcome.differences],
        "works_with_gaps": sorted(outcome.filled),
        "confirmed": outcome.confirmed,
        "flagged": outcome.flagged,
        "applied": applied,
        "applied_to_projects": filled,
        "moved": msgspec.to_builtins(outcome.moved),
        "failed": outcome.failed,
        "asked": outcome.asked,
    }


def _tell(outcome: Outcome, applied: int, filled: int) -> None:
    from catalog.cli.output import table

    rows = [
        (d.record, d.field, d.kind, _brief(d.ours), _brief(d.theirs), d.source)
        for d in outcome.differences
    ]
    table(("record", "field", "kind", "ours", "theirs", "source"), rows, "ours", "theirs")
    say(f"{counted(len(rows), 'difference')}, {counted(len(outcome.filled), 'work')} with gaps")
    if outcome.confirmed or outcome.flagged:
        say(
            f"second hand: {len(outcome.confirmed)} confirmed by a primary page, "
            f"{len(outcome.flagged)} flagged" + ("" if applied else " (nothing written)")
        )
    for slug, moved in outcome.moved.items():
        say(f"moved: {slug}: read at a commit of {moved.read}, pushed to on {moved.pushed}")
    if applied:
        say(f"{counted(applied, 'work')} filled in papers.yaml. Next: git diff, sam4mis check")
    if filled:
        say(f"{counted(filled, 'project')} filled in projects/. Next: git diff, sam4mis check")
    for service, why in outcome.failed.items():
        say(f"failed: {service}: {why.removeprefix(f'{service}: ')}")


def _brief(value: object) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json_module.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


class Progress(AbstractContextManager["Progress"]):
    """A bar on a terminal, a line for each phase in a log."""

    def __init__(self) -> None:
        import sys

        self._bar: Any = None
        self._task: Any = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
        self._context = self._bar or nullcontext()

    def __enter__(self) -> Progress:
        self._context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)

    def phase(self, name: str) -> None:
        """Begin to ask about `name`."""
        if self._bar is None:
            say(f"Asking about {name} ...")
        else:
            self._task = self._bar.add_task(name, total=None)

    def step(self, done: int, of: int) -> None:
        """`done` of `of` are asked about."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=of)
