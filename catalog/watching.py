"""A session whose connections can be cut, and the watch that cuts them.

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
from typing import Any, Literal

import requests
from requests.adapters import HTTPAdapter

Why = Literal["whole", "slow"]


class CutSession(requests.Session):
    """A session whose open connections another thread can cut."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: list[Any] = []
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(self._opened))

    def forget_closed(self) -> None:
        """Keep no connection that is closed; a session that lives long would collect them."""
        self._opened[:] = [each for each in self._opened if each.sock is not None]

    def cut(self) -> None:
        """End what is being sent or received; whoever waits for it gets an error at once."""
        for connection in tuple(self._opened):
            _cut(connection)


class Watch:
    """Looks at the requests of one session, and cuts them where they take more than they may.

    whole_s        from the making of this watch to the last byte
    window_s       over which the rate is taken; one that brings less than `least_bytes_s` a second
                   ends what runs
    received       bytes of content so far, counted by who reads them
    why            what was broken, None as long as nothing is
    """

    def __init__(
        self,
        session: CutSession,
        whole_s: float,
        window_s: float = float("inf"),
        least_bytes_s: int = 0,
    ) -> None:
        self.end = time.monotonic() + whole_s
        self.received = 0
        self.why: Why | None = None
        self._session = session
        self._window_s, self._least_bytes_s = window_s, least_bytes_s

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
        while self.why is None:
            before = self.received
            left = self.end - time.monotonic()
            if done.wait(max(0.0, min(self._window_s, left))):
                return
            if time.monotonic() >= self.end:
                self.why = "whole"
            elif self.received - before < self._window_s * self._least_bytes_s:
                self.why = "slow"
        while True:  # a redirect may open another one meanwhile
            self._session.cut()
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

    def new(self: Any) -> Any:
        made = pool.ConnectionCls._new_conn(self)
        self.wire = made.dup()  # TLS takes the socket itself, and gives it back after the handshake
        return made

    def connect(self: Any) -> None:
        opened.append(self)
        try:
            pool.ConnectionCls.connect(self)
        finally:
            second, self.wire = self.wire, self.sock
            if second is not None:
                second.close()

    noted = {"wire": None, "_new_conn": new, "connect": connect}
    connection = type("Connection", (pool.ConnectionCls,), noted)
    return type("Pool", (pool,), {"ConnectionCls": connection})
