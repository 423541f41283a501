"""Ask a service of the catalog that misbehaves: an answer, or a message, and it ends.

Afterwards the service is honest, what is in the cache is of another day, and the answer comes.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from catalog.sources import links
from catalog.sources.cache import Cache
from catalog.sources.http import Client, SourceError
from catalog.sources.settings import SERVICES, Settings

from .fuzz import Asking, services
from .hosts import ACTS, Acts, head
from .mutating import of_json
from .serving import Handler, serving

ENDS_S = 120.0  # far beyond every limit: what has not ended by then has no end
KEY = "hush-hush"
DAYS = (1, -400, 1e300, float("nan"), "soon", None)
WAITS = ("0", "9" * 9, "9" * 30, "-1", "soon", "\u00b2".encode().decode("latin-1"), "1e9", "")


class Odd(Acts):
    """What a service may do beside what any host may."""

    def __init__(self, content: bytes, random: Random, elsewhere: str) -> None:
        super().__init__(content, b"{}", random)
        self.elsewhere = elsewhere

    def leads_elsewhere(self, asked: Handler) -> None:
        """To another host, which is told no key."""
        status = self.random.choice((301, 302, 303, 307, 308))
        head(asked, status, Location=f"{self.elsewhere}/x", Content_Length=0)

    def is_used_up(self, asked: Handler) -> None:
        wait = self.random.choice(WAITS)
        named = {"X_RateLimit_Reset": wait, "X_RateLimit_Remaining": self.random.choice("0x")}
        head(asked, self.random.choice((403, 429)), Content_Length=0, **named)

    def has_another_form(self, asked: Handler) -> None:
        body = of_json(self.content, self.random) if self.content[:1] != b"<" else b"<feed/>"
        head(asked, 200, Content_Length=len(body))
        asked.wfile.write(body)


ODD = ("leads_elsewhere", "is_used_up", "has_another_form")
LINK: Asking = (
    "a listed page",
    b"<!doctype html>",
    lambda c: links.check(c, f"{c.settings.url('github')}/page", None, "2026-11-29").state,
)


def attack(folder: Path, random: Random, script: Sequence[str] = ()) -> str | None:
    """Try one script (() draws one), the last act for ever; what broke, or None."""
    name, content, ask = random.choice((*services(), LINK))
    script = script or random.choices((*ACTS, *ODD, *ODD), k=random.randrange(1, 4))
    shutil.rmtree(folder, ignore_errors=True)
    with serving() as (address, does), serving() as (elsewhere, other):
        heard: list[str] = []

        def hear(asked: Handler) -> None:
            heard.append(f"{asked.path} {asked.headers}")
            head(asked, 200, Content_Length=2)
            asked.wfile.write(b"{}")

        other.acts["*"] = hear
        acts = Odd(content, random, elsewhere)
        settings = Settings(
            urls={service: f"{address}/{service}" for service in SERVICES if service != "links"},
            keys=dict.fromkeys(SERVICES, KEY),
            polite=0.0,
            retries=2,
            backoff_s=0.0,
            longest_wait_s=0.1,
            total_timeout_s=0.4,
        )
        coming = iter(script)
        does.acts["*"] = lambda asked: getattr(acts, next(coming, script[-1]))(asked)
        broke = _once(Client(settings, Cache(folder)), ask)[1]
        _aged(folder, random.choice(DAYS))
        does.acts["*"] = acts.honest
        patient = Client(Settings(urls=settings.urls, polite=0.0, retries=0), Cache(folder))
        found, why = _once(patient, ask, needed=True)
        if broke is None and why is not None:
            broke = f"afterwards, when it is honest: {why}"
        if broke is None and found in (None, "failing", "blocked"):
            broke = f"afterwards, when it is honest: {found}"
        if any(KEY in request for request in heard):
            broke = "another host was told the key"
    return f"{name}: {', then '.join(script)}: {broke}" if broke else None


def _once(client: Client, ask: object, needed: bool = False) -> tuple[object, str | None]:
    """What is found and what broke, asked in a thread, so that what never ends is seen."""
    found: list[tuple[object, str | None]] = []

    def run() -> None:
        try:
            found.append((ask(client), None))  # type: ignore[operator]
        except SourceError as error:
            found.append((None, f"refused: {error}" if needed else None))
        except Exception as error:
            found.append((None, f"{type(error).__name__}: {error}"))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(ENDS_S)
    return found[0] if found else (None, "never ends")


def _aged(folder: Path, days: object) -> None:
    """What is in the cache was kept under another clock, or says no time at all."""
    for path in folder.rglob("*"):
        if path.is_file():
            first, _, body = path.read_bytes().partition(b"\n")
            when = time.time() + days * 86400 if isinstance(days, int | float) else days
            path.write_bytes(json.dumps(json.loads(first) | {"time": when}).encode() + b"\n" + body)
