"""Lighthouse, mobile, on the built site with gzip: `python -m benchmarks.lighthouse`.

Needs Node 20, Debian's chromium and the npm registry (for `npx lighthouse`), so it is no test.
Each page is scored `--runs` times and the median counts, since other work on the machine lowers
single scores. Besides the pages of the built site it scores a table of 1,000 rows, built from a
generated registry. Prints a table, writes `results/lighthouse.json` (`--quick`: one run, not
written, no generated registry) and exits 1 where a score is below its budget.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import ROOT, machine, write

VERSION = "12.8.2"
#: page -> least performance; accessibility and best practices must be 1.0 everywhere
PAGES = {
    "": 0.95,
    "papers/": 0.90,
    "find/": 0.90,
    "papers/medsam/": 0.90,
    "projects/lwnet/": 0.90,
    "verification/": 0.90,
}
RESULT = ROOT / "benchmarks/results/lighthouse.json"
ROWS, LEAST_OF_ROWS = 1000, 0.80
PARTS = ("performance", "accessibility", "best-practices", "seo")
FLAGS = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking"


class Packed(http.server.SimpleHTTPRequestHandler):
    """Static files with gzip, as any host serves them."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        body = gzip.compress(path.read_bytes(), 6, mtime=0)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Cache-Control", "max-age=86400")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The folder at an address of this machine, packed with gzip."""
    handler = functools.partial(Packed, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def score(npx: str, address: str, report: Path) -> dict[str, float]:
    """One run: category -> score, and the milliseconds that the performance rests on."""
    subprocess.run(
        [
            npx, "--yes", f"lighthouse@{VERSION}", address, "--quiet", "--output=json",
            f"--output-path={report}", f"--chrome-flags={FLAGS}",
        ],
        check=True,
        env={**os.environ, "CHROME_PATH": "/usr/bin/chromium", "NPM_CONFIG_LOGLEVEL": "error"},
    )  # fmt: skip
    found = json.loads(report.read_text())
    scores = {part: found["categories"][part]["score"] for part in PARTS}
    for name in ("largest-contentful-paint", "total-blocking-time"):
        scores[f"{name}, ms"] = round(found["audits"][name]["numericValue"])
    return scores


def page(npx: str, address: str, least: float, runs: int, report: Path) -> dict[str, Any]:
    """The medians of some runs of one page, with each run's performance."""
    each: list[dict[str, float]] = []
    failed = 0
    while len(each) < runs:
        try:
            each.append(score(npx, address, report))
        except subprocess.CalledProcessError:
            failed += 1  # Chromium did not answer in time: a busy machine, not a score
            if failed > 2:
                raise
    medians = {name: round(median(run[name] for run in each), 2) for name in each[0]}
    return {
        **medians,
        "least performance": least,
        "performance of each run": [run["performance"] for run in each],
        "reached": medians["performance"] >= least
        and min(medians["accessibility"], medians["best-practices"]) == 1,
    }


def long_table(folder: Path) -> Path:
    """A site whose table of papers has `ROWS` rows on its first page; the folder to serve."""
    from benchmarks.site import make
    from catalog.render import paging
    from catalog.render.build import build

    make(folder, ROWS)
    paging.PART = ROWS
    build(folder)
    return folder / "build/site"


def main() -> None:
    """Score each page of `PAGES` and a long table; exit 1 where one is below its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lighthouse", description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "build/site")
    parser.add_argument("--runs", type=int, default=3, help="runs of each page (default: 3)")
    parser.add_argument("--quick", action="store_true", help="one run, nothing is written")
    parser.add_argument("--only", metavar="PAGE", help="measure one page of the results again")
    parser.add_argument("--out", type=Path, help="folder for the full reports")
    arguments = parser.parse_args()
    npx = shutil.which("npx")
    if npx is None or not (arguments.site / "index.html").is_file():
        sys.exit("needs npx (Node 20) and a built site: sam4mis build")
    runs = 1 if arguments.quick else max(1, arguments.runs)
    folder = arguments.out or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    print("page\tperformance\taccessibility\tbest practices\tSEO\tbudget")

    def take(name: str, address: str, least: float) -> None:
        report = folder / f"{name.strip('/').replace('/', '-').replace(' ', '-') or 'home'}.json"
        found[name or "home"] = each = page(npx, address, least, runs, report)
        print(f"{name or 'home'}\t" + "\t".join(f"{each[p]:.2f}" for p in PARTS), end="\t")
        print("reached" if each["reached"] else f"MISSED ({least})", flush=True)

    only = None if arguments.only in (None, "home") else arguments.only
    if arguments.only and (only or "") not in PAGES:
        sys.exit(f"--only: one of home, {', '.join(name for name in PAGES if name)}")
    with served(arguments.site) as root:
        for name, least in PAGES.items():
            if arguments.only is None or name == (only or ""):
                take(name, root + name, least)
    if arguments.only:
        before = json.loads(RESULT.read_text())
        kept = {k: before[k] for k in ("title", "pages", "runs")}
        kept["pages"] |= found
        print(write("lighthouse", {**kept, "machine": machine()}))
    elif not arguments.quick:
        with (
            tempfile.TemporaryDirectory() as temporary,
            served(long_table(Path(temporary) / "clone")) as root,
        ):
            take(f"papers/ with {ROWS} rows", f"{root}papers/", LEAST_OF_ROWS)
        document = {"title": f"Lighthouse {VERSION}, mobile", "pages": found, "runs": runs}
        print(write("lighthouse", {**document, "machine": machine()}))
    sys.exit(0 if all(each["reached"] for each in found.values()) else 1)


if __name__ == "__main__":
    main()
