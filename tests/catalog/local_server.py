"""A web server on this machine that answers as a test tells it to."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Reply:
    """One answer. `cut`: close after half of the body; `sleep_s`: wait before answering."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    gzipped: bool = False
    cut: bool = False
    sleep_s: float = 0.0
    endless: bool = False


@dataclass
class Asked:
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


Answering = Callable[[Asked], Reply | None]


class LocalServer:
    """Routes by the start of the path, longest first; a list of replies is given out in turn."""

    def __init__(self) -> None:
        self.routes: dict[str, list[Reply] | Answering] = {}
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def do_HEAD(self) -> None:
                server.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        asked = Asked(handler.command, parts.path, parse_qs(parts.query), dict(handler.headers))
        with self.lock:
            self.asked.append(asked)
            reply = self._reply(asked)
        time.sleep(reply.sleep_s)
        body = gzip.compress(reply.body) if reply.gzipped else reply.body
        try:
            handler.send_response(reply.status)
            handler.send_header("Content-Type", reply.content_type)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            if reply.gzipped:
                handler.send_header("Content-Encoding", "gzip")
            if not reply.endless:
                handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            if handler.command == "HEAD":
                return
            if reply.endless:
                while True:
                    handler.wfile.write(b"x" * 65536)
            handler.wfile.write(body[: len(body) // 2] if reply.cut else body)
        except OSError:
            pass
        if reply.cut:
            handler.close_connection = True

    def _reply(self, asked: Asked) -> Reply:
        for prefix in sorted(self.routes, key=len, reverse=True):
            if not asked.path.startswith(prefix):
                continue
            route = self.routes[prefix]
            if callable(route):
                found = route(asked)
                if found is not None:
                    return found
                continue
            return route.pop(0) if len(route) > 1 else route[0]
        return Reply(b'{"error": "no such route"}', status=404)

    def count(self, prefix: str) -> int:
        return sum(asked.path.startswith(prefix) for asked in self.asked)


@contextmanager
def running() -> Iterator[LocalServer]:
    """A server in a thread of its own."""
    server = LocalServer()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()
