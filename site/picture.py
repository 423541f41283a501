"""Take the picture of the README from the built site: `make picture`.

Needs a Chromium or Chrome. The weekly workflow takes it again, so that it shows today's records.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

SITE = Path(__file__).resolve().parent
BUILT = SITE.parent / "build" / "site"
PAGE = "find/?modality=ultrasound"
PICTURE = SITE / "docs" / "assets" / "screenshot.png"
SIZE = (1280, 800)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 120


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Requests are no news."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main() -> int:
    """0, or 3 where something is missing."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or not (BUILT / "index.html").is_file():
        what = "no Chromium is here" if browser is None else "there is no site: sam4mis build"
        print(f"picture: {what}", file=sys.stderr)  # noqa: T201 - it speaks
        return 3
    handler = functools.partial(Quiet, directory=str(BUILT))
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        tempfile.TemporaryDirectory() as scratch,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        taken = Path(scratch) / "screenshot.png"
        command = [
            browser,
            "--headless=new",
            "--no-sandbox",
            "--hide-scrollbars",
            f"--user-data-dir={scratch}/profile",
            f"--window-size={SIZE[0]},{SIZE[1]}",
            "--virtual-time-budget=10000",  # the page's own clock: its scripts are done
            f"--screenshot={taken}",
            f"http://127.0.0.1:{server.server_port}/{PAGE}",
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)  # noqa: S603
        server.shutdown()
        shutil.copyfile(taken, PICTURE)
    print(f"wrote {PICTURE.relative_to(SITE.parent)}", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
