"""What a transfer may take, and the watch that ends it.

The time limit of a socket starts anew with every byte, so that one byte a minute holds it for ever.
This one looks at the whole: what is read of status lines, headers, lengths of chunks and answers of
proxies takes time and brings nothing.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import requests
from requests.adapters import HTTPAdapter

Why = Literal["whole", "slow"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What one transfer may take, all its tries together.

    whole_s      from the first request to the last byte
    window_s     over which the rate is taken; one that brings less than `least_bytes_s` a second
                 ends the try
    tries        in a row without progress. Progress is real where at least `real_bytes` came, and
                 half of what came was not here before
    pause_s      before the next try, times the tries without progress
    patience_s   the longest that a host may ask to wait (Retry-After)
    largest_gib  of a file whose size neither the record nor the server says; None:
                 $SAM4MIS_FETCH_GIB
    """

    whole_s: float = 24 * 3600.0
    window_s: float = 60.0
    least_bytes_s: int = 1024
    tries: int = 5
    real_bytes: int = 64 << 10
    pause_s: float = 1.0
    patience_s: float = 600.0
    largest_gib: float | None = None


class Watch:
    """Looks at one transfer, and cuts its connections where it breaks the budget.

    received  bytes of content so far, counted by who reads them
    why       what was broken, None as long as nothing is
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.end = time.monotonic() + budget.whole_s
        self.received = 0
        self.why: Why | None = None
        self._opened: list[Any] = []

    def session(self) -> requests.Session:
        """A session whose connections this watch can cut."""
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(self._opened))
        return session

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look as long as what is inside runs; `why` says afterwards what became of it."""
        self.why = None
        done = threading.Event()
        looker = threading.Thread(target=self._look, args=(done,), daemon=True)
        looker.start()
        try:
            yield
        finally:
            done.set()
            looker.join()

    def _look(self, done: threading.Event) -> None:
        least = self.budget.window_s * self.budget.least_bytes_s
        while self.why is None:
            before = self.received
            left = self.end - time.monotonic()
            if done.wait(max(0.0, min(self.budget.window_s, left))):
                return
            if time.monotonic() >= self.end:
                self.why = "whole"
            elif self.received - before < least:
                self.why = "slow"
        while True:  # a redirect may open another one meanwhile
            for connection in tuple(self._opened):
                _cut(connection)
            if done.wait(0.05):
                return


def _cut(connection: Any) -> None:
    wire = connection.wire or connection.sock
    if wire is None:  # still looking its host up, or closed
        return
    with contextlib.suppress(OSError):
        # of the socket below TLS: its own `shutdown` drops the state that a reader is busy with
        socket.socket.shutdown(wire, socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """Notes the connections it opens: `wire` is the socket, also once only the answer holds it."""

    def __init__(self, opened: list[Any]) -> None:
        self._noted = opened
        super().__init__()
        self._note(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        if not known:
            self._note(manager)
        return manager

    def _note(self, manager: Any) -> None:
        manager.pool_classes_by_scheme = {
            scheme: _noting(pool, self._noted)
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }


def _noting(pool: Any, opened: list[Any]) -> Any:
    """A class of pools like `pool` whose connections are put into `opened`."""

    def connect(self: Any) -> None:
        opened.append(self)
        pool.ConnectionCls.connect(self)
        self.wire = self.sock

    connection = type("Connection", (pool.ConnectionCls,), {"wire": None, "connect": connect})
    return type("Pool", (pool,), {"ConnectionCls": connection})
