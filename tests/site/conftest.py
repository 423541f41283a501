"""The site, built once from the real registry, served with gzip, and Debian's Chromium."""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from catalog.files import lock
from catalog.render.build import build

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # no name but this machine's
]
HANG_MS = 300_000  # only ends what hangs: a busy machine takes its time
expect.set_options(timeout=HANG_MS)
NewPage = Callable[..., Page]
PACKED = (".html", ".js", ".css", ".json", ".svg", ".xml", ".txt", ".csv")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Static files, packed as any host packs them."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir() and self.path.split("?")[0].endswith("/"):
            path = path / "index.html"
        if not path.is_file() or path.suffix not in PACKED:
            super().do_GET()
            return
        body = gzip.compress(path.read_bytes(), 6, mtime=0)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the browser went on to another page
            self.wfile.write(body)


class Server:
    """A folder served on this machine; `url` ends in a slash."""

    def __init__(self, folder: Path) -> None:
        handler = functools.partial(Handler, directory=str(folder))
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def copy_registry(root: Path, target: Path) -> Path:
    """A registry of its own: the files that people and runs write, and the site's sources."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / "papers.yaml", target)
    shutil.copytree(root / "projects", target / "projects")
    shutil.copytree(root / "reproduce/results", target / "reproduce/results")
    shutil.copytree(root / "reproduce/evidence", target / "reproduce/evidence")
    shutil.copytree(root / "site", target / "site")
    shutil.copytree(root / "benchmarks/results", target / "benchmarks/results")
    return target


@pytest.fixture(scope="session")
def registry_root(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the real registry with the site built in it, once for all workers; only read."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    target, done = folder / "site" / "clone", folder / "site" / "built"
    with lock(folder / "site.lock"):
        if not done.exists():
            day = os.environ.get("SOURCE_DATE_EPOCH")
            report = build(copy_registry(root, target))
            assert report.site == "built"
            assert os.environ.get("SOURCE_DATE_EPOCH") == day, "it is of that build alone"
            done.touch()
    return target


@pytest.fixture(scope="session")
def built(registry_root: Path) -> Path:
    """The folder that a host would serve."""
    return registry_root / "build/site"


@pytest.fixture(scope="session")
def server(built: Path) -> Iterator[str]:
    served = Server(built)
    yield served.url
    served.close()


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve another folder until the tests end; gives its address."""
    opened: list[Server] = []

    def more(folder: Path) -> str:
        opened.append(Server(folder))
        return opened[-1].url

    yield more
    for served in opened:
        served.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.is_file():
        pytest.skip(f"no {CHROMIUM}: the tests of the site need Debian's chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=FLAGS, timeout=HANG_MS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Pages in a context of their own, with Playwright's options of contexts. Nothing that they ask
    for lies beyond this machine."""
    made: list[BrowserContext] = []
    asked: list[str] = []

    def make(**options: Any) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(HANG_MS)
        context.on("request", lambda request: asked.append(request.url))
        made.append(context)
        return context.new_page()

    yield make
    for context in made:
        context.close()
    here = ("http://127.0.0.1:", "data:", "blob:", "about:")
    assert [address for address in asked if not address.startswith(here)] == []


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
