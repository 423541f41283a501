"""Commands that write, each with a folder of its own to work in and what it has to leave there."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import yaml

from catalog.sources import screening
from reproduce.selftest.running import WEIGHTS

from .serving import Handler, serving

ROOT = Path(__file__).resolve().parents[2]
ENDS_S = 900.0  # far beyond what any of them takes: what has not ended by then hangs
Left = dict[str, bytes]

BIB = b"""@article{a, title = {Polyps by SAM 2}, author = {Ada A and Bo B}, year = 2026,
  journal = {Medical Image Analysis}, doi = {10.1016/j.media.2026.1}}
@misc{b, title = {Liver segmentation with MedSAM}, author = {C D}, year = 2026,
  eprint = {2611.00001}, archivePrefix = {arXiv}}
"""
LIST = {
    "works": [
        {
            "title": f"{organ} segmentation with SAM",
            "authors": ["A B"],
            "ids": {"arxiv": f"2611.{number:05d}"},
            "scope": "in" if number % 2 else "borderline",
            "reason": "so said",
            "source": {"repository": "o/n", "commit": "c" * 40, "file": "R.md", "line": number},
        }
        for number, organ in enumerate(("Liver", "Heart", "Lung", "Skin"), 10)
    ]
}


class NotHereError(Exception):
    """What an attack needs is not on this machine."""


OPEN_DATA = """
from reproduce.contracts import Archive, Case
from reproduce.datasets.isic2016 import Isic2016


class Made(Isic2016):
    name = "made"
    archives = (
        Archive(
            file="made.zip",
            urls=("{url}",),
            folders={{"made": "made"}},
            sha256="{sha256}",
            splits=("test",),
            source="made here",
        ),
    )

    def cases(self, root, split, options):
        return [Case(id=p.name, files={{"image": p}}) for p in sorted(root.glob("made/*.bin"))]


PLUGIN = Made()
"""


@dataclass
class Command:
    """What is killed. `given`: makes the folder it works in; `left`: what it has to leave there.

    `runs`: how often it is given before it has nothing left to do (a work that was refreshed has
    more identifiers to ask for); `done`: the exit status of one that finds everything done.
    """

    name: str
    arguments: list[str]
    given: Callable[[Path], None]
    left: Callable[[Path], Left]
    environment: dict[str, str] = field(default_factory=dict)
    runs: int = 1
    done: int = 0

    def folder(self, at: Path) -> Path:
        """A registry of its own with what it is given."""
        shutil.rmtree(at, ignore_errors=True)
        (at / "projects").mkdir(parents=True)
        (at / "papers.yaml").write_text("papers: []\n")
        self.given(at)
        return at

    def started(self, folder: Path, program: list[str] | None = None, **options: Any) -> Started:
        """Start it in `folder`; `program` comes before its arguments, `options` are Popen's."""
        arguments = [part.replace("{}", str(folder)) for part in self.arguments]
        own = {name: text.replace("{}", str(folder)) for name, text in self.environment.items()}
        environment = os.environ | own | {
            "SAM4MIS_ROOT": str(folder),
            "SAM4MIS_CACHE": str(folder / "cache"),
            "SAM4MIS_QUICK": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        } | options.pop("env", {})  # fmt: skip
        out = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has ended
        program = program or [sys.executable, "-m", "catalog"]
        given = {"stdin": subprocess.DEVNULL, "cwd": folder, "start_new_session": True} | options
        process = subprocess.Popen(
            [*program, *arguments], stdout=out, stderr=out, env=environment, **given
        )
        return Started(process, out)


@dataclass
class Started:
    """A process with its workers, and what it says."""

    process: subprocess.Popen[bytes]
    out: Any

    def ended(self, within_s: float = ENDS_S) -> tuple[int, str]:
        """Exit status and what was said; after `within_s` it is killed with its workers."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(within_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        with self.out:
            self.out.seek(0)
            return code, self.out.read().decode(errors="replace")


def differing(found: Left, whole: Left) -> list[str]:
    """Names of what is not the same, missing or beside."""
    return sorted(name for name in found.keys() | whole if found.get(name) != whole.get(name))


def _files(folder: Path, *patterns: str) -> Left:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for pattern in patterns
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    }


def _queue(folder: Path) -> Left:
    """What waits. The count of a run says what that run found, so a second one says another."""
    queue = yaml.safe_load((folder / screening.FILE).read_text("utf-8"))["queue"]
    return {"queue": json.dumps(queue).encode()}


def _hashes(files: Left) -> Left:
    return {name: hashlib.sha256(content).digest() for name, content in files.items()}


def _measured(folder: Path, runs: str = "build/runs/*/") -> Left:
    """Of a run: its statistics, prompts and what was measured; not when and how fast."""
    left = _files(folder, f"{runs}statistics.parquet", f"{runs}prompts.json*")
    for path in folder.glob(f"{runs}result.json"):
        result = json.loads(path.read_text("utf-8"))
        kept = {name: result[name] for name in ("run", "status", "measurements", "cases")}
        left[path.parent.name] = json.dumps(kept).encode()
    return left


def commands(stack: ExitStack) -> Iterator[Command]:
    address, does = stack.enter_context(serving())
    does.content["/w.bin"] = content = Random(0).randbytes(3 << 20)

    def slowly(asked: Handler) -> None:
        """An honest host whose file takes a second."""
        begin = int(asked.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        asked.send_response(206 if begin else 200)
        asked.send_header("ETag", '"one"')
        asked.send_header("Content-Length", str(len(content) - begin))
        if begin:
            asked.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        asked.end_headers()
        for at in range(begin, len(content), 64 << 10):
            asked.wfile.write(content[at : at + (64 << 10)])
            time.sleep(0.02)

    does.acts["/w.bin"] = slowly
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(40):
            name = zipfile.ZipInfo(f"made/{number}.bin", (2026, 11, 1, 0, 0, 0))
            archive.writestr(name, Random(number).randbytes(40_000))
    does.content["/made.zip"] = packed.getvalue()

    def written(name: str, text: bytes) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            (folder / name).write_bytes(text)

        return write

    def project(folder: Path, **changes: Any) -> None:
        raw = yaml.safe_load((ROOT / "projects" / "selftest.yaml").read_text("utf-8"))
        raw |= {"papers": []} | changes
        (folder / "projects" / "selftest.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))

    def weights(folder: Path) -> None:
        digest = hashlib.sha256(content).hexdigest()
        point = {"id": "w", "urls": [f"{address}/w.bin"], "sha256": digest}
        project(folder, checkpoints=[point], claims=[])

    def open_data(folder: Path) -> None:
        url, digest = f"{address}/made.zip", hashlib.sha256(does.content["/made.zip"]).hexdigest()
        (folder / "made.py").write_text(OPEN_DATA.format(url=url, sha256=digest))

    def results(folder: Path) -> None:
        for name in ("profiles.json", "datasets.json"):
            (folder / "reproduce" / "results").mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "reproduce" / "results" / name, folder / "reproduce" / "results")
        for result in (ROOT / "reproduce" / "results").glob("lwnet-*"):
            shutil.copytree(result, folder / "reproduce" / "results" / result.name)
        shutil.copy(ROOT / "projects" / "lwnet.yaml", folder / "projects")

    def works(folder: Path) -> None:
        shutil.copytree(ROOT / "site", folder / "site")
        papers = (ROOT / "papers.yaml").read_bytes()[:20_000]
        (folder / "papers.yaml").write_bytes(papers[: papers.rindex(b"\n  - id:") + 1])

    yield Command(
        "add",
        ["add", "{}/a.bib", "--yes"],
        written("a.bib", BIB),
        lambda f: _files(f, "papers.yaml"),
        done=1,
    )
    yield Command(
        "import",
        ["import", "{}/works.yaml"],
        written("works.yaml", yaml.safe_dump(LIST).encode()),
        lambda f: _files(f, "papers.yaml") | _queue(f),
    )
    yield Command(
        "build", ["build"], works, lambda f: _hashes(_files(f, "build/site/**/*", "README.md"))
    )
    yield Command(
        "verify",
        ["reproduce", "verify"],
        results,
        lambda f: _files(f, "reproduce/results/verdict*"),
    )
    yield Command(
        "fetch",
        ["reproduce", "fetch", "selftest"],
        weights,
        lambda f: _hashes(_files(f, "cache/weights/**/*.bin")),
    )
    yield Command(
        "fetch-data",
        ["reproduce", "fetch-data", "made"],
        open_data,
        lambda f: _hashes(_files(f, "cache/data/made/**/*.bin")),
        {"SAM4MIS_PLUGINS": "{}/made.py"},
    )
    yield Command(
        "self-test",
        ["reproduce", "selftest", "--out", "{}/self"],
        project,
        lambda f: _measured(f, "self/**/"),
    )
    yield _refresh(stack)
    run = ["reproduce", "run", "selftest/phantom-dice", "--limit", "6"]
    run += ["--checkpoint", str(WEIGHTS)]
    yield Command("run", run, project, _measured)
    yield Command("two workers", [*run, "--workers", "2"], project, _measured)


def _refresh(stack: ExitStack) -> Command:
    sys.path.append(str(ROOT / "tests" / "catalog"))
    import service_answers as given
    from local_server import Reply, running

    server = stack.enter_context(running())
    server.routes["/arxiv"] = [Reply(given.arxiv_feed(given.arxiv_entry(doi="10.1038/x")))]
    server.routes["/crossref/works/"] = [
        Reply(given.crossref(given.crossref_work(DOI="10.1038/x")))
    ]
    server.routes["/semanticscholar"] = [Reply(given.semanticscholar_paper())]
    urls = {
        f"SAM4MIS_URL_{name}": f"{server.url}/{name.lower()}"
        for name in ("ARXIV", "CROSSREF", "OPENALEX", "SEMANTICSCHOLAR", "EUROPEPMC", "OPENREVIEW")
    }

    def listed(folder: Path) -> None:
        (folder / "papers.yaml").write_text(
            "papers:\n  - id: medsam\n    title: Segment anything in medical images\n"
            "    authors: [J. Ma]\n    versions:\n      - kind: preprint\n"
            "        ids: {arxiv: '2304.12306'}\n        date: '2023-04'\n        cite: true\n"
        )

    sources = [f"--source={name}" for name in ("arxiv", "crossref", "semanticscholar", "openalex")]
    return Command(
        "refresh",
        ["refresh", "--apply", *sources],
        listed,
        lambda f: _files(f, "papers.yaml", "catalog/**/*.json"),
        urls,
        runs=2,
    )
