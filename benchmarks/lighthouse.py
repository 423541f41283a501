"""Lighthouse, mobile, on the built site with gzip: `python -m benchmarks.lighthouse`.

Needs Node 20, Debian's chromium and the npm registry (for `npx lighthouse`), so it is no test.
Prints a table and exits 1 where a score is below its budget (`--out` keeps the reports).
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
from pathlib import Path

from benchmarks.harness import ROOT

VERSION = "12.8.2"
#: page -> least performance; accessibility and best practices must be 1.0 everywhere
PAGES = {"": 0.95, "papers/": 0.90, "papers/medsam/": 0.90, "projects/lwnet/": 0.90}
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


def main() -> None:
    """Score each page of `PAGES`; exit 1 where one is below its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lighthouse", description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "build/site")
    parser.add_argument("--out", type=Path, help="folder for the full reports")
    arguments = parser.parse_args()
    npx = shutil.which("npx")
    if npx is None or not (arguments.site / "index.html").is_file():
        sys.exit("needs npx (Node 20) and a built site: sam4mis build")
    handler = functools.partial(Packed, directory=str(arguments.site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = arguments.out or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    below = 0
    print("page\tperformance\taccessibility\tbest practices\tSEO")
    for page, least in PAGES.items():
        report = folder / f"{page.strip('/').replace('/', '-') or 'home'}.json"
        subprocess.run(
            [
                npx, "--yes", f"lighthouse@{VERSION}",
                f"http://127.0.0.1:{server.server_port}/{page}", "--quiet", "--output=json",
                f"--output-path={report}", f"--chrome-flags={FLAGS}",
            ],
            check=True,
            env={**os.environ, "CHROME_PATH": "/usr/bin/chromium"},
        )  # fmt: skip
        found = json.loads(report.read_text())["categories"]
        scores = [
            found[k]["score"] for k in ("performance", "accessibility", "best-practices", "seo")
        ]
        print(f"{page or 'home'}\t" + "\t".join(f"{s:.2f}" for s in scores), flush=True)
        below += scores[0] < least or min(scores[1:3]) < 1
    server.shutdown()
    server.server_close()
    sys.exit(1 if below else 0)


if __name__ == "__main__":
    main()
