"""Write README tables and the website: collect in memory, write what changed, run MkDocs."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catalog import own
from catalog.errors import FindingsError, InputError, PrerequisiteError
from catalog.files import lock, write_whole
from catalog.registry import PAPERS, Registry
from catalog.render import card, machine, readme
from catalog.render.mkdocs import BUILT, pages_built
from catalog.render.output import Output, Settings
from catalog.render.pages import WRITERS
from catalog.render.views import Catalog
from catalog.results import unexamined
from catalog.shipped import stamp_of

SITE = "site"
DOCS = "build/docs"
LOCK = "build/.lock"


@dataclass(slots=True)
class Report:
    """What a build did. `changed`: generated files written or removed, relative to the root."""

    pages: int = 0
    files: int = 0
    changed: list[str] = field(default_factory=list)
    readme: str = "unchanged"  # unchanged, written, stale, absent
    readme_bytes: int = 0
    site: str = "not built"  # not built, built, up to date
    pages_built: int = 0  # pages that MkDocs wrote: all, or those that changed
    seconds: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, for `--json`."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def record_lines(root: Path) -> dict[str, int]:
    """Line of each work's record in papers.yaml, counted from 1."""
    lines: dict[str, int] = {}
    for number, line in enumerate((root / PAPERS).read_text("utf-8").splitlines(), 1):
        if found := re.match(r"\s*(?:- )?id: ['\"]?([\w.-]+)['\"]?\s*$", line):
            lines.setdefault(found[1], number)
    return lines


def settings(root: Path) -> Settings:
    """Addresses from site/mkdocs.yml (which reads SAM4MIS_* variables) and the data's commit."""
    from mkdocs.utils.yaml import yaml_load

    config: dict[str, Any] = {}
    path = root / SITE / "mkdocs.yml"
    if path.is_file():
        with path.open("rb") as file:
            config = yaml_load(file)
    extra = config.get("extra") or {}
    site = config.get("site_url") or None
    return Settings(
        site_url=site.rstrip("/") + "/" if site else None,
        repo_url=(extra.get("repo_url") or "").rstrip("/") or None,
        branch=extra.get("branch") or "main",
        commit=stamp_of(root).commit,
    )


def generate(catalog: Catalog, known: Settings) -> Output:
    """Everything of the site that is made from the registry. Pure: same input, same bytes."""
    output = Output(known)
    with own.of(catalog.registry.root):
        for write in WRITERS:
            write(output, catalog)
        machine.write(output, catalog)
        output.files["assets/social.png"] = card.draw(catalog)
    return output


def _sync(folder: Path, wanted: dict[str, bytes]) -> list[str]:
    """Make `folder` hold exactly `wanted` (path -> content), touching only what differs."""
    changed = []
    present: set[str] = set()
    if folder.is_dir():
        for base, _, names in os.walk(folder):
            present.update(os.path.relpath(os.path.join(base, n), folder) for n in names)  # noqa: PTH118 - twice as fast on 20,000 files
    for path in sorted(present - wanted.keys()):
        (folder / path).unlink()
        changed.append(path)
    made: set[Path] = set()
    for path, content in wanted.items():
        target = folder / path
        if (
            path in present
            and target.stat().st_size == len(content)
            and target.read_bytes() == content
        ):
            continue
        if target.parent not in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.add(target.parent)
        target.write_bytes(content)
        changed.append(path)
    return changed


def build(
    root: Path,
    *,
    registry: Registry | None = None,
    check: bool = False,
    readme_only: bool = False,
    site: bool = True,
    dry_run: bool = False,
    config: Path | None = None,
) -> Report:
    """Write README tables and the site of the registry in `root`; used by `build` and `serve`.

    check      write nothing; raise `InputError` if the README's tables are not up to date
    site       run MkDocs too (False: only README and build/docs)
    dry_run    write nothing, only report what would change
    config     another mkdocs.yml than site/mkdocs.yml (its docs_dir must be build/docs)
    """
    report = Report()
    clock = time.perf_counter()
    registry = registry or Registry.load(root)
    if changed := unexamined(root):  # a number on a page is one that was examined
        raise FindingsError(changed)
    catalog = Catalog(registry, record_lines(root))
    report.seconds["load"] = time.perf_counter() - clock

    _readme(root, catalog, report, write=not (check or dry_run))
    if check:
        if report.readme == "stale":
            raise InputError(
                "README.md: its tables are not what the registry gives (expected the output of "
                "`sam4mis build`, got older text). Run: sam4mis build --readme-only"
            )
        return report
    if readme_only:
        return report

    clock = time.perf_counter()
    output = generate(catalog, settings(root))
    wanted = {
        path.relative_to(root / SITE / "docs").as_posix(): path.read_bytes()
        for path in sorted((root / SITE / "docs").rglob("*"))
        if path.is_file()
    }
    machine.search_index(output, catalog, wanted)
    wanted |= output.pages | output.files
    report.pages, report.files = len(output.pages), len(output.files)
    report.seconds["generate"] = time.perf_counter() - clock
    if dry_run:
        return report
    with _alone(root):
        clock = time.perf_counter()
        report.changed = _sync(root / DOCS, wanted)
        report.seconds["write"] = time.perf_counter() - clock
        if site:
            clock = time.perf_counter()
            config = config or root / SITE / "mkdocs.yml"
            report.site, report.pages_built = pages_built(root, config, wanted, catalog.newest)
            report.seconds["mkdocs"] = time.perf_counter() - clock
    return report


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the build's lock: two builds in one folder would delete each other's pages.

    Raises `PrerequisiteError` at once where another build of this clone is running.
    """
    path = root / LOCK
    with lock(path, 0) as mine:
        if not mine:
            raise PrerequisiteError(
                f"{path}: another build of this clone is writing {DOCS} and {BUILT}; "
                "this one wrote nothing there.",
                "when it has finished: sam4mis build",
            )
        yield


def _readme(root: Path, catalog: Catalog, report: Report, *, write: bool) -> None:
    path = root / "README.md"
    if not path.is_file():
        report.readme = "absent"
        return
    before = path.read_text("utf-8")
    after = readme.update(before, catalog, settings(root))
    report.readme_bytes = len(after.encode())
    if after == before:
        return
    report.readme = "written" if write else "stale"
    if write:
        write_whole(path, after.encode())
