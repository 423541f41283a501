"""The self-test: everything that a real check does, offline, on phantoms, with a small shipped SAM.

Download from a local HTTP address, sha256, strict load, prompts, batches, statistics, gates, score,
verdict, page. What it proves is that the machinery works here; it says nothing about medicine.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from catalog.errors import FindingsError, InputError
from catalog.files import write_whole
from catalog.records import Checkpoint, Project, Result, Verdict
from catalog.registry import PROJECTS, RESULTS, VERDICTS, Registry
from catalog.results import digests
from reproduce.judging.examining import examine
from reproduce.judging.verdict import document, judge
from reproduce.obtaining.weights import obtain_all
from reproduce.planning.recipes import Request, build_spec, keeping, recipe
from reproduce.running.engine import Execution, execute, prepare, publish, run_folder
from reproduce.runs.spec import Placement

SLUG = "selftest"
WEIGHTS = Path(__file__).parent / "sam_phantom.safetensors"
BATCH = 4


class Outcome(Struct, kw_only=True):
    """What the self-test found. `page`: the page it wrote; None: this clone builds no pages."""

    passed: bool
    result: Result
    verdict: Verdict
    page: str | None
    downloaded_bytes: int


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Requests are no news."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine; gives the base address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _cache_at(folder: Path) -> Iterator[None]:
    """A cache of its own, so that the download really happens and the user's stays as it is."""
    before = os.environ.get("SAM4MIS_CACHE")
    os.environ["SAM4MIS_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SAM4MIS_CACHE"]
        else:
            os.environ["SAM4MIS_CACHE"] = before


def shipped_project(root: Path) -> Project:
    """The record `projects/selftest.yaml`. Raises `InputError` where it is missing."""
    project = next((p for p in Registry.load(root).projects if p.slug == SLUG), None)
    if project is None or not project.claims or not project.checkpoints:
        raise InputError(f"{root / PROJECTS / 'selftest.yaml'}: expected a claim and a checkpoint.")
    return project


def run_selftest(
    root: Path, folder: Path, weights: Path = WEIGHTS, trust: bool = False, quiet: bool = False
) -> Outcome:
    """Go the whole way in `folder` (emptied first).

    `weights` are what the local address serves; others than the shipped ones are refused by their
    hash, unless `trust` puts their hash into the record: then the verdict has to notice.
    Raises `InputError`, `PrerequisiteError`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    project = shipped_project(root)
    claim = project.claims[0]
    assert project.checkpoints is not None
    with served(weights.parent) as address, _cache_at(folder / "cache"):
        record = _record(project.checkpoints[0], f"{address}/{weights.name}", weights, trust)
        project.checkpoints[0] = record
        files = obtain_all(SLUG, [record])
    (item,) = keeping([recipe(project, claim, Request())])
    spec, prompts, _ = build_spec([item], root, files, batch=BATCH)
    run = run_folder(folder / "runs", spec)
    placement = Placement(
        data=str(root),
        checkpoints=[str(path) for path in files],
        threads=1,  # more only wait for each other on a model this small
        embeddings=str(folder / "embeddings"),
        command="sam4mis reproduce selftest",
    )
    plan = prepare(run, spec, placement, prompts)
    result = execute(run, plan, [item], Execution(quiet=quiet))
    verdict = judge(claim, result, project=project)
    return Outcome(
        passed=verdict.state == "reproduced" and result.status == "complete",
        result=result,
        verdict=verdict,
        page=_page(folder, run, project, verdict),
        downloaded_bytes=files[0].stat().st_size,
    )


def _record(shipped: Checkpoint, address: str, weights: Path, trust: bool) -> Checkpoint:
    changes: dict[str, object] = {"urls": [address]}
    if trust:
        content = weights.read_bytes()
        changes |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    return msgspec.structs.replace(shipped, **changes)


def _page(folder: Path, run: Path, project: Project, verdict: Verdict) -> str | None:
    """A registry of this one project in `folder`, and the page of its run as the site has it."""
    from catalog.render.build import generate
    from catalog.render.output import Settings
    from catalog.render.views import Catalog

    registry = folder / "registry"
    (registry / RESULTS).mkdir(parents=True)
    write_whole(registry / "papers.yaml", b"papers: []\n")
    import yaml

    text = yaml.safe_dump(msgspec.to_builtins(project), sort_keys=False)
    write_whole(registry / PROJECTS / "selftest.yaml", text.encode())
    if findings := examine(publish(run, registry / RESULTS)):
        raise FindingsError(findings)
    kept = document([verdict], digests(registry))
    write_whole(registry / VERDICTS, msgspec.json.encode(kept))
    output = generate(Catalog(Registry.load(registry)), Settings())
    for name, content in (output.pages | output.files).items():
        if name.startswith(("runs/", "projects/selftest")):
            write_whole(folder / "pages" / name, content)
    pages = sorted((folder / "pages").rglob(f"*{run.name}*/*.md")) or sorted(
        (folder / "pages").rglob(f"*{run.name}*.md")
    )
    return str(pages[0]) if pages else None
