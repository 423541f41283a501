"""Ask servers that misbehave: the whole file, or answer, or a message, and it ends.

Each try is a script of acts, one a request, over HTTP, through a proxy or over TLS, where some
handshakes go wrong too. Then the server is honest, and `fetch` gets the file. A third of the tries
ask a service of the catalog instead (`answering`).
"""

from __future__ import annotations

import functools
import os
import shutil
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain, repeat
from pathlib import Path
from random import Random
from unittest import mock

from catalog.errors import Sam4misError
from catalog.records import Checkpoint
from reproduce.obtaining import files as obtaining
from reproduce.obtaining import sources, transfer
from reproduce.obtaining.budget import Budget
from reproduce.obtaining.weights import obtain, record_lines

from . import answering
from .handshakes import BAD, Handshakes
from .hosts import ACTS, Acts, files, parts_of
from .serving import Handler, serving

SMALL = Budget(
    whole_s=4.0, window_s=0.4, tries=3, real_bytes=1000, pause_s=0.0, patience_s=0.5,
    largest_gib=0.002,
)  # fmt: skip
LARGE = Budget(pause_s=0.0, largest_gib=0.002)
ENDS_S = 120.0  # far beyond every budget: what has not ended by then has no end
NAMES = ("/w", "/uc?id=w")  # a file of a host; one of Google Drive, behind pages


class Attack:
    def __init__(self, scratch: Path, stack: ExitStack) -> None:
        self.scratch = scratch
        self.handshakes = Handshakes(scratch)
        trusted = str(self.handshakes.trusted)
        stack.enter_context(mock.patch.dict(os.environ, REQUESTS_CA_BUNDLE=trusted))

    def __call__(self, random: Random) -> str | None:
        if random.random() < 0.35:
            return answering.attack(self.scratch / "answers", random)
        script = [random.choice(ACTS) for _ in range(random.randrange(1, 5))]
        shaken: list[str] = []
        if random.random() < 0.3:
            shaken = random.choices(["good", *BAD], [len(BAD), *[1] * len(BAD)], k=4)
        return attack(self.scratch / "cache", random, script, self.handshakes, shaken)


def attack(
    cache: Path,
    random: Random,
    script: list[str],
    handshakes: Handshakes | None = None,
    shaken: Sequence[str] = (),
) -> str | None:
    """Try one script, the last act for ever; what broke, or None.

    shaken  handshakes of the connections over TLS, the last for ever; () without TLS
    """
    kind, content, other = files(random)
    name = random.choice(NAMES)
    proxied = not shaken and random.random() < 0.2
    told = f"{kind}{' through a proxy' * proxied} at {name}: {', then '.join(script)}"
    told += f", over TLS: {', then '.join(shaken)}" if shaken else ""
    shutil.rmtree(cache, ignore_errors=True)
    acts = Acts(content, other, random)
    with serving() as (address, does), mock.patch.dict(os.environ, SAM4MIS_CACHE=str(cache)):
        url = f"{address}{name}"
        if name != "/w":
            url = "https://drive.google.com/file/d/w/view"
        if proxied:  # asks this server for an address of another
            os.environ |= {"http_proxy": address, "no_proxy": ""}
            address = "http://127.0.0.2"
            url = url if name != "/w" else f"{address}/w"
        if handshakes is not None and shaken:
            address = address.replace("http", "https", 1)
            url = url if name != "/w" else f"{address}/w"
            ahead = chain(shaken, repeat(shaken[-1]))
            does.shake = lambda connection: getattr(handshakes, next(ahead))(connection)
        coming = chain(script, repeat(script[-1]))

        def act(asked: Handler) -> None:
            getattr(acts, next(coming))(asked)

        at = f"{address}{name}" if proxied else name
        does.acts = {at: act, f"{address}/w" if proxied else "/w": act}
        record = Checkpoint(id="w", urls=[url])
        with mock.patch.object(sources, "DRIVE", f"{address}/uc"):
            broke = _once(record, SMALL, (content, other))
            if broke is None and (left := parts_of(cache)) and not _known(left):
                broke = f"left {left}"
            does.acts = dict.fromkeys(does.acts, acts.honest)
            does.shake = handshakes.good if handshakes is not None and shaken else None
            if broke is None and (broke := _once(record, LARGE, (content, other), needed=True)):
                broke = f"afterwards, from an honest server: {broke}"
    return f"{told}: {broke}" if broke else None


def _known(left: list[str]) -> bool:
    """A part has its note, or is none."""
    return all(name.endswith(".from") or f"{name}.from" in left for name in left)


def _once(
    record: Checkpoint, budget: Budget, whole: tuple[bytes, ...], needed: bool = False
) -> str | None:
    """Fetch once in a thread, so that what never ends is seen."""
    found: list[str | None] = []

    def run() -> None:
        download = functools.partial(transfer.download, budget=budget)
        with mock.patch.object(obtaining, "download", download):
            try:
                path = obtain("p", record, quiet=True)
                right = path.read_bytes() in whole
                found.append(None if right else f"accepted {path.stat().st_size} bytes")
            except Sam4misError as error:
                offered = record_lines(record)
                found.append(f"refused: {error}" if needed else offered and "offers a hash")
            except Exception as error:
                found.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(ENDS_S)
    return found[0] if found else "never ends"
