"""What a server does that a transfer must survive: one act for each request, drawn or named.

An act writes a whole answer, or the part of one, to the connection of a request. `Acts.ACTS` names
them; `drawn` makes a script of some, for one request after the other.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from .serving import Handler

Act = Callable[[Handler], None]
ENDLESS = 20_000  # pieces, were nobody to stop it: more than any budget of a test


def etag(content: bytes) -> str:
    return '"' + hashlib.sha256(content).hexdigest()[:8] + '"'


def start_of(asked: Handler) -> int:
    """The first byte that a request asks for."""
    wanted = asked.headers.get("Range", "bytes=0-")
    return int(wanted.removeprefix("bytes=").split("-")[0])


def head(asked: Handler, status: int, **headers: object) -> None:
    """Status line and headers; `_` in a name is a hyphen."""
    asked.send_response(status)
    for name, value in headers.items():
        asked.send_header(name.replace("_", "-"), str(value))
    asked.end_headers()


class Acts:
    """A server that has `content`, and had, or will have, `other` at the same address."""

    def __init__(self, content: bytes, other: bytes, random: Random) -> None:
        self.content, self.other, self.random = content, other, random

    def _some(self, content: bytes) -> bytes:
        return content[: self.random.randrange(len(content))]

    def _ranged(self, asked: Handler, content: bytes, tag: str, **more: object) -> bytes:
        """The head of an honest answer; returns the body that belongs to it."""
        start = start_of(asked) if asked.headers.get("If-Range") == tag else 0
        if not 0 < start < len(content):
            head(asked, 200, Content_Length=len(content), ETag=tag, **more)
            return content
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        size = len(content) - start
        head(asked, 206, Content_Length=size, Content_Range=span, ETag=tag, **more)
        return content[start:]

    # ------------------------------------------------------------------------------ ordinary

    def honest(self, asked: Handler) -> None:
        asked.wfile.write(self._ranged(asked, self.content, etag(self.content)))

    def cut(self, asked: Handler) -> None:
        asked.wfile.write(self._some(self._ranged(asked, self.content, etag(self.content))))

    def replaced(self, asked: Handler) -> None:
        asked.wfile.write(self._some(self._ranged(asked, self.other, etag(self.other))))

    def last_modified_only(self, asked: Handler) -> None:
        changed = "Sun, 01 Nov 2026 10:00:00 GMT"
        head(asked, 200, Content_Length=len(self.content), Last_Modified=changed)
        asked.wfile.write(self._some(self.content))

    def weak_validator(self, asked: Handler) -> None:
        head(asked, 200, Content_Length=len(self.content), ETag='W/"1"')
        asked.wfile.write(self._some(self.content))

    # ------------------------------------------------------------------- of parts and ranges

    def ignores_range_and_cuts(self, asked: Handler) -> None:
        head(asked, 200, Content_Length=len(self.content), ETag=etag(self.content))
        asked.wfile.write(self._some(self.content))

    def mixes(self, asked: Handler) -> None:
        """206 of another file, with its own validator."""
        start = start_of(asked)
        span = f"bytes {start}-{len(self.other) - 1}/{len(self.other)}"
        rest = self.other[start:]
        head(asked, 206, Content_Length=len(rest), Content_Range=span, ETag=etag(self.other))
        asked.wfile.write(rest)

    def other_range(self, asked: Handler) -> None:
        span = f"bytes 7-{len(self.content) - 1}/{len(self.content)}"
        head(asked, 206, Content_Range=span, ETag=etag(self.content))
        asked.wfile.write(self.content[7:])

    def short_range(self, asked: Handler) -> None:
        start = start_of(asked)
        rest = self._some(self.content[start:] or b"x")
        span = f"bytes {start}-{start + len(rest) - 1}/{len(self.content)}"
        tag = etag(self.content)
        head(asked, 206, Content_Length=len(rest), Content_Range=span, ETag=tag)
        asked.wfile.write(rest)

    def odd_range(self, asked: Handler) -> None:
        span = self.random.choice(("", "bytes */*", "bytes 0-1/" + "9" * 40, "lines 1-2/3"))
        head(asked, 206, Content_Range=span, ETag=etag(self.content))
        asked.wfile.write(self.content)

    def never_satisfied(self, asked: Handler) -> None:
        said = self.random.choice((f"bytes */{len(self.content)}", "bytes */0", "", "bytes */x"))
        head(asked, 416, Content_Range=said, Content_Length=0)

    # ------------------------------------------------------------------------------ of ends

    def cut_unseen(self, asked: Handler) -> None:
        """No size and no validator: the end of the connection is the end of the file."""
        head(asked, 200, Connection="close")
        asked.wfile.write(self._some(self.content))

    def cut_and_called_whole(self, asked: Handler) -> None:
        rest = self._some(self.content)
        head(asked, 200, Content_Length=len(rest), ETag=etag(rest))
        asked.wfile.write(rest)

    def chunks_cut(self, asked: Handler) -> None:
        head(asked, 200, Transfer_Encoding="chunked")
        rest = self._some(self.content)
        asked.wfile.write(f"{len(rest):x}\r\n".encode() + rest + b"\r\n")
        asked.wfile.write(
            self.random.choice((b"", b"0\r\n\r\n", b"zz\r\n", b"-5\r\n", b"ffffffff\r\n"))
        )

    def endless(self, asked: Handler) -> None:
        head(asked, 200, Connection="close")
        for _ in range(ENDLESS):
            asked.wfile.write(self.content[:8] + bytes(1 << 20))

    def endless_chunks(self, asked: Handler) -> None:
        head(asked, 200, Transfer_Encoding="chunked")
        for _ in range(ENDLESS):
            asked.wfile.write(b"100000\r\n" + bytes(1 << 20) + b"\r\n")

    def larger_than_said(self, asked: Handler) -> None:
        size = self.random.choice((len(self.content) + 1, 10**15, "9" * 5000, "-1", "x"))
        head(asked, 200, Content_Length=size, ETag=etag(self.content))
        asked.wfile.write(self.content)

    # ------------------------------------------------------------------------------ of time

    def _drip(self, asked: Handler, piece: bytes) -> None:
        while True:  # until the other side has enough
            asked.wfile.write(piece)
            asked.server.gone.wait(0.02)
            if asked.server.gone.is_set():
                return

    def drips(self, asked: Handler) -> None:
        head(asked, 200, Content_Length=10**8, ETag=etag(self.content))
        self._drip(asked, self.content[:1])

    def drips_headers(self, asked: Handler) -> None:
        asked.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        self._drip(asked, b"a")

    def drips_chunk_lengths(self, asked: Handler) -> None:
        head(asked, 200, Transfer_Encoding="chunked")
        asked.wfile.write(b"5;x=")
        self._drip(asked, b"a")

    def goes_on_for_ever(self, asked: Handler) -> None:
        self._drip(asked, b"HTTP/1.1 100 Continue\r\n\r\n")

    def is_silent(self, asked: Handler) -> None:
        asked.server.gone.wait(30)

    def busy(self, asked: Handler) -> None:
        when = self.random.choice(
            ("0", "999999999", "9" * 30, "-1", "soon", "Sun, 01 Nov 2099 10:00:00 GMT", "")
        )
        head(asked, self.random.choice((429, 503)), Retry_After=when, Content_Length=0)

    # -------------------------------------------------------------------------- of anything

    def page(self, asked: Handler) -> None:
        text = b"<!doctype html><html><form id='download-form' action='/w'></form></html>"
        head(asked, 200, Content_Type="text/html", Content_Length=len(text))
        asked.wfile.write(text)

    def refuses(self, asked: Handler) -> None:
        status = self.random.choice((204, 301, 400, 401, 403, 404, 410, 418, 500, 502))
        head(asked, status, Content_Length=0)

    def leads_away(self, asked: Handler) -> None:
        where = self.random.choice(
            ("/w", "file:///etc/passwd", "http://.x/", "http://[::1", "//", "ftp://a/b", "\x7f",
             "http://127.0.0.1:1/x", "http://" + "a" * 300 + "/")
        )  # fmt: skip
        head(asked, 302, Location=where, Content_Length=0)

    def talks_nonsense(self, asked: Handler) -> None:
        asked.wfile.write(
            self.random.choice(
                (b"", b"\0" * 99, b"HTTP/9.9 abc\r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n",
                 b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500, b"HTTP/1.1 200\r\na" + b"a" * 70_000,
                 b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")
            )
        )  # fmt: skip


ACTS = sorted(name for name, act in vars(Acts).items() if callable(act) and name[0] != "_")


# --------------------------------------------------------------------------------------- files


def _legacy(tensor: object) -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save({"w": tensor}, stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


def files(random: Random) -> tuple[str, bytes, bytes]:
    """A kind of released file, and two of that kind with other content, some 100 kB large."""
    import torch
    from safetensors.torch import save

    def noise() -> bytes:
        return random.randbytes(100_000 + random.randrange(1000))

    def tensor() -> torch.Tensor:
        return torch.frombuffer(bytearray(noise()), dtype=torch.uint8)

    def zipped(name: str = "w.pth") -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(name, noise())
        return stream.getvalue()

    def tarred() -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            member = tarfile.TarInfo("w.pth")
            member.size = len(content := noise())
            archive.addfile(member, io.BytesIO(content))
        return stream.getvalue()

    def torched() -> bytes:
        stream = io.BytesIO()
        torch.save({"w": tensor()}, stream)
        return stream.getvalue()

    makers: dict[str, Callable[[], bytes]] = {
        "safetensors": lambda: save({"w": tensor()}),
        "torch": torched,
        "legacy torch": lambda: _legacy(tensor()),
        "zip": zipped,
        "tar.gz": tarred,
    }
    kind = random.choice(sorted(makers))
    return kind, makers[kind](), makers[kind]()


def parts_of(cache: Path) -> list[str]:
    """What was begun and is not finished."""
    return sorted(path.name for path in (cache / "partial").glob("*.part*"))
