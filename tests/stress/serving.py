"""A server on this machine that cuts, lies and redirects as it is told."""

from __future__ import annotations

import functools
import hashlib
import http.server
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from reproduce.obtaining import transfer
from reproduce.obtaining.budget import Budget

quiet_download = functools.partial(
    transfer.download, quiet=True, budget=Budget(pause_s=0.0, whole_s=300.0)
)


# Makes a connection one over TLS; None where that goes wrong.
Shake = Callable[[socket.socket], ssl.SSLSocket | None]


class Behaviour:
    """What the server does with a path, and what it was asked."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.cut_after: dict[str, list[int]] = {}  # bytes sent before each cut, one per request
        self.redirect: dict[str, str] = {}
        self.status: dict[str, int] = {}
        self.ignore_range: set[str] = set()
        self.hide_length: set[str] = set()
        self.chunked: set[str] = set()  # made while it is sent, as archives of repositories are
        self.asked: list[tuple[str, str | None]] = []
        self.acts: dict[str, Callable[[Handler], None]] = {}  # what else it may do; "*": elsewhere
        self.shake: Shake | None = None  # what comes before a request over TLS; None: no TLS


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behaviour: Behaviour, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.behaviour = behaviour
        self.gone = threading.Event()  # set when serving ends: slow answers end with it

    def finish_request(self, request: Any, client_address: Any) -> None:
        """As it is, or over TLS, in the thread of the connection."""
        if self.behaviour.shake is None:
            super().finish_request(request, client_address)
        elif (secure := self.behaviour.shake(request)) is not None:
            with secure:
                super().finish_request(secure, client_address)

    def handle_error(self, *about: Any) -> None:
        """A client that goes away is no error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
            super().handle_error(*about)


class Handler(http.server.BaseHTTPRequestHandler):
    behaviour: Behaviour
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        does = self.behaviour
        wanted = self.headers.get("Range")
        does.asked.append((self.path, wanted))
        if act := does.acts.get(self.path, does.acts.get("*")):
            self.close_connection = True
            with suppress(OSError):  # the other side has gone
                act(self)
            return
        if self.path in does.redirect:
            self.send_response(302)
            self.send_header("Location", does.redirect[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if (status := does.status.get(self.path)) or self.path not in does.content:
            self.send_response(status or 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = does.content[self.path]
        start = 0
        if wanted and self.path not in does.ignore_range:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        rest = content[start:]
        if self.path in does.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            cut = does.cut_after[self.path].pop(0) if does.cut_after.get(self.path) else None
            for at in range(0, len(rest) if cut is None else cut, 4096):
                piece = rest[at : at + 4096]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            if cut is not None:
                self.connection.shutdown(2)
                return
            self.wfile.write(b"0\r\n\r\n")
            return
        if self.path not in does.hide_length:
            self.send_header("Content-Length", str(len(rest)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.send_header("ETag", '"' + hashlib.sha256(content).hexdigest()[:8] + '"')
        self.end_headers()
        if does.cut_after.get(self.path):
            self.wfile.write(rest[: does.cut_after[self.path].pop(0)])
            self.wfile.flush()
            self.connection.shutdown(2)
            return
        self.wfile.write(rest)


@contextmanager
def serving() -> Iterator[tuple[str, Behaviour]]:
    """The address of a running server, and what it does."""
    behaviour = Behaviour()
    handler = type("Bound", (Handler,), {"behaviour": behaviour})
    with Server(behaviour, ("127.0.0.1", 0), handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}", behaviour
        http_server.gone.set()
        http_server.shutdown()


__all__ = ["Behaviour", "quiet_download", "serving"]
