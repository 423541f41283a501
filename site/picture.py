"""Take the picture of the README from the built site: `make picture`.

Needs Debian's chromium and playwright of the development tools.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import sys
import threading
from pathlib import Path

SITE = Path(__file__).resolve().parent
BUILT = SITE.parent / "build" / "site"
PAGE = "find/?modality=ultrasound"
PICTURE = SITE / "docs" / "assets" / "screenshot.png"
SIZE = (1280, 800)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Requests are no news."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main() -> int:
    """0, or 3 where something is missing."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None or not (BUILT / "index.html").is_file():
        what = "chromium is not here" if chromium is None else "there is no site: sam4mis build"
        print(f"picture: {what}", file=sys.stderr)  # noqa: T201 - it speaks
        return 3
    handler = functools.partial(Quiet, directory=str(BUILT))
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        sync_playwright() as driver,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        width, height = SIZE
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(f"http://127.0.0.1:{server.server_port}/{PAGE}", wait_until="networkidle")
        page.screenshot(path=PICTURE)
        browser.close()
        server.shutdown()
    print(f"wrote {PICTURE.relative_to(SITE.parent)}", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
