"""One file over HTTP: resumed where it was cut, never larger than expected, never a web page.

pooch, which the rest of the field uses, starts again from zero after a cut; weights of several
gigabytes on university lines need better, so the transfer is ours and everything around it
(Hugging Face addresses and tokens, Google Drive's pages) is the libraries'.

A partial file has a note beside it: the address it came from, the validator of the content (a
strong ETag, else Last-Modified) and its whole size. Without its note, or without a validator, or
where the server now says another one, it is begun anew: two halves of two files never meet.
"""

from __future__ import annotations

import contextlib
import math
import re
import shutil
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import msgspec
import requests
import urllib3

from catalog import json_in
from catalog.errors import InputError
from catalog.files import DiskFullError, disk_full_told, write_whole
from catalog.watching import CutSession, Watch
from reproduce.ground.limits import gib_named
from reproduce.ground.progress import progress
from reproduce.obtaining.budget import Budget

PIECE = 1 << 20
LOOK_BYTES = 64 << 20  # received between two looks at the free space
TIMEOUT_S = (15, 60)  # connect, between two pieces
RESERVE_BYTES = 256 << 20  # left free on the disk besides the file
MEGABYTE = 1_000_000
LARGEST = "SAM4MIS_FETCH_GIB"
LARGEST_GIB = 16.0
PAGES = 3  # that one host may put before a file
PAGE_BYTES = 1 << 20
CUTS = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)
PAGE = (b"<!doctype html", b"<html", b"<head", b"<script")
Passed = Callable[[str], str]


class UnreachableError(InputError):
    """Not one byte came from a host, however often it was asked."""


class CutError(Exception):
    """The connection ended before the file did; asking for the rest may help, after `wait_s`."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Note(msgspec.Struct, frozen=True):
    """What a partial file belongs to. `total`: bytes of the whole file, None: not known."""

    url: str
    validator: str | None
    total: int | None


def note_of(part: Path) -> Path:
    """Where the note of a partial file lies."""
    return part.with_name(f"{part.name}.from")


def discard(part: Path) -> None:
    """Remove a partial file and its note."""
    part.unlink(missing_ok=True)
    note_of(part).unlink(missing_ok=True)


def download(
    url: str,
    part: Path,
    *,
    expected_bytes: int | None = None,
    headers: Mapping[str, str] | None = None,
    name: str | None = None,
    quiet: bool = False,
    budget: Budget | None = None,
    passed: Passed | None = None,
) -> None:
    """Fetch `url` into `part`, going on where an earlier attempt left off.

    `name` is what the progress bar and messages call the file. `passed` makes of a page that the
    host puts before the file (Google Drive's confirmation) the address behind it.

    Raises `UnreachableError` where not one byte came, else `InputError`: the answer is not 200/206
    (404: the link is dead), is a web page, is larger or smaller than `expected_bytes`, does not fit
    on the disk, or breaks the budget. What was received stays in `part` for the next try, except
    where it is wrong.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    budget = budget or Budget()
    with CutSession() as session:
        watch = Watch(session, budget.whole_s, budget.window_s, budget.least_bytes_s)
        asked = _Asked(url, part, expected_bytes, headers or {}, name or url, quiet, passed)
        _Transfer(asked, budget, watch, session).run()


@dataclass(frozen=True, slots=True)
class _Asked:
    url: str
    part: Path
    expected: int | None
    headers: Mapping[str, str]
    name: str
    quiet: bool
    passed: Passed | None


@dataclass(slots=True)
class _Transfer:
    asked: _Asked
    budget: Budget
    watch: Watch
    session: requests.Session
    note: Note = field(init=False)

    @property
    def have(self) -> int:
        """Bytes that are here."""
        return self.asked.part.stat().st_size if self.asked.part.is_file() else 0

    def run(self) -> None:
        best, fruitless = self.have, 0
        while True:
            came = self.watch.received
            try:
                if not self._complete():
                    with self.watch.looking():
                        self._attempt()
                return
            except CutError as cut:
                came = self.watch.received - came
                new = self.have - best
                real = new >= self.budget.real_bytes and 2 * new >= came
                best, fruitless = max(best, self.have), 0 if real else fruitless + 1
                if fruitless >= self.budget.tries:
                    raise self._given_up(cut) from cut
                wait = self.budget.pause_s * fruitless if cut.wait_s is None else cut.wait_s
            if wait > self.budget.patience_s:
                raise InputError(
                    f"{self.asked.url}: the host asks to come again in {math.ceil(wait / 60)} "
                    f"minutes. {self._kept()}"
                )
            time.sleep(wait)

    def _kept(self) -> str:
        return f"{self.have:,} bytes are kept. Give the same command again later" + (
            "; it goes on from there." if self.have else "."
        )

    def _given_up(self, cut: CutError) -> InputError:
        url, tries = self.asked.url, self.budget.tries
        if self.have:
            return InputError(
                f"{url}: the connection was cut {tries} times ({cut}); {self._kept()}"
            )
        return UnreachableError(
            f"{url}: no byte came in {tries} tries ({cut}). Is this machine connected "
            "to the network? Give the same command again later."
        )

    def _complete(self) -> bool:
        """Look at what an earlier try left: True where it is the whole file already."""
        part, url = self.asked.part, self.asked.url
        self.note = Note(url, None, None)
        with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
            self.note = json_in.decoded(note_of(part).read_bytes(), Note)
        if not part.is_file():
            return False
        fits = self.note.url == url and self.asked.expected in (None, self.note.total)
        if fits and self.note.total == self.have:
            return True
        if not fits or self.note.validator is None or self.have == 0:
            discard(part)
        return False

    def _attempt(self) -> None:
        url, have = self.asked.url, self.have
        # Bytes as they are on the server: a compressed answer has other offsets and another hash.
        headers = {**self.asked.headers, "Accept-Encoding": "identity"}
        if have and self.note.validator:
            headers |= {"Range": f"bytes={have}-", "If-Range": self.note.validator}
        try:
            with self._answer(url, headers) as answer:
                if answer.status_code == 416 and have:
                    discard(self.asked.part)
                    raise CutError("the kept part does not fit the file on the server")
                _check_status(url, answer)
                if answer.status_code == 200:
                    have = 0  # the server sends everything again, or the file has changed
                self._receive(answer, have, self._whole_size(answer, have))
        except CUTS as error:
            self._told()
            if isinstance(first := _innermost(error), ssl.SSLCertVerificationError):
                raise InputError(
                    f"{url}: the server's certificate cannot be verified ({first}). "
                    "Nothing was downloaded."
                ) from error
            raise CutError(type(error).__name__) from error
        except (requests.RequestException, ValueError) as error:  # a redirect to no address
            self._told()
            raise InputError(f"{url}: {type(error).__name__}: {error}") from error

    def _told(self) -> None:
        """Raise what the watch found, if anything: it is behind whatever else was raised."""
        if self.watch.why == "slow":
            raise CutError(f"less than {self.budget.least_bytes_s:,} bytes a second came")
        if self.watch.why == "whole":
            raise InputError(
                f"{self.asked.url}: not finished after {self.budget.whole_s / 3600:.3g} hours. "
                f"{self._kept()}"
            )

    def _answer(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        """The answer with the file, behind the pages that the host puts before it."""
        for _ in range(PAGES + 1):
            answer = self.session.get(url, headers=headers, stream=True, timeout=TIMEOUT_S)
            page = answer.headers.get("Content-Type", "").startswith("text/html")
            if self.asked.passed is None or answer.status_code != 200 or not page:
                return answer
            with answer:
                text = bytearray()
                while len(text) < PAGE_BYTES and (piece := answer.raw.read1(PAGE_BYTES)):
                    text += piece
            self._told()
            url = self.asked.passed(text.decode("utf-8", "replace"))
        raise InputError(
            f"{self.asked.url}: {PAGES + 1} pages came in a row and no file. Open the address in a "
            "browser and download the file there."
        )

    def _whole_size(self, answer: requests.Response, have: int) -> int | None:
        """Bytes of the whole file as the server says. Raises `CutError`, begins anew, where what
        it sends does not continue what is here."""
        if answer.status_code == 200:
            length = answer.headers.get("Content-Length", "")
            return int(length) if length.isdecimal() else None
        found = re.fullmatch(
            r"bytes (\d{1,18})-\d+/(\d{1,18}|\*)", answer.headers.get("Content-Range", "")
        )
        total = None if found is None or found[2] == "*" else int(found[2])
        strong = (self.note.validator or "").startswith('"')
        known = self.note.total in (None, total)
        validator = answer.headers.get("ETag" if strong else "Last-Modified")
        same = validator == self.note.validator or (validator is None and not strong)
        if found is None or int(found[1]) != have or (have and not (same and known)):
            discard(self.asked.part)
            raise CutError("what the server sent does not continue the part that was kept")
        return total

    def _receive(self, answer: requests.Response, have: int, announced: int | None) -> None:
        url, part, expected = self.asked.url, self.asked.part, self.asked.expected
        if expected is not None and announced not in (None, expected):
            discard(part)
            raise InputError(
                f"{url}: expected {expected:,} bytes, the server offers {announced:,}. "
                "The file was replaced, or the address now leads elsewhere."
                + _page_hint(answer.headers.get("Content-Type", ""))
            )
        size = announced if announced is not None else expected
        _check_space(part, (size or 0) - have)
        if have == 0 and self.have:
            discard(part)
        write_whole(note_of(part), msgspec.json.encode(Note(url, _validator(answer), size)))
        at = self._write(answer, have, size)
        self._told()
        if size is not None and at < size:
            raise CutError(f"{at:,} of {size:,} bytes")
        write_whole(note_of(part), msgspec.json.encode(Note(url, _validator(answer), at)))

    def _write(self, answer: requests.Response, at: int, size: int | None) -> int:
        """Append what arrives to the part; returns its bytes then."""
        part, name = self.asked.part, self.asked.name
        whole = None if size is None else max(1, size // MEGABYTE)
        most = self._most() if size is None else size
        looked = at
        with (
            disk_full_told(part),
            part.open("ab") as stream,
            progress(name, whole, "MB", at // MEGABYTE, self.asked.quiet) as bar,
        ):
            # read1 gives what has arrived, so that a cut loses nothing
            while piece := answer.raw.read1(PIECE):
                self.watch.received += len(piece)
                if at == 0:
                    _refuse_page(self.asked.url, piece, name)
                if at + len(piece) > most:
                    stream.close()
                    discard(part)
                    raise self._too_large(size, most)
                stream.write(piece)
                bar.advance((at + len(piece)) // MEGABYTE - at // MEGABYTE)
                at += len(piece)
                if at - looked >= LOOK_BYTES:
                    looked = at
                    _check_space(part, 1)
        return at

    def _most(self) -> int:
        named = self.budget.largest_gib
        return int((gib_named(LARGEST, LARGEST_GIB) if named is None else named) * 2**30)

    def _too_large(self, size: int | None, most: int) -> InputError:
        if size is not None:
            return InputError(
                f"{self.asked.url}: expected {size:,} bytes, the server sends more. Stopped."
            )
        return InputError(
            f"{self.asked.url}: more than {most:,} bytes came, and neither the record nor the "
            f"server says how large the file is. Nothing was kept. If it is that large: export "
            f"{LARGEST}={math.ceil(2 * most / 2**30)}"
        )


def _innermost(error: BaseException) -> BaseException:
    """The first cause of an error, without the layers that passed it on."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _validator(answer: requests.Response) -> str | None:
    """What says that the content is the same: a strong ETag, else when it was changed last."""
    etag = answer.headers.get("ETag", "")
    return etag if etag.startswith('"') else answer.headers.get("Last-Modified")


def _check_status(url: str, answer: requests.Response) -> None:
    if answer.status_code in (200, 206):
        return
    if answer.status_code >= 500 or answer.status_code == 429:
        raise CutError(f"HTTP {answer.status_code}", _wait(answer.headers.get("Retry-After")))
    meaning = {
        401: "a login is needed: accept the terms on the page and set a token (HF_TOKEN)",
        403: "the host refuses: the file is gated or the quota is used up",
        404: "the link is dead",
        410: "the file was removed",
    }.get(answer.status_code, "unexpected")
    raise InputError(f"{url}: HTTP {answer.status_code}, {meaning}.")


def _wait(said: str | None) -> float | None:
    """Seconds that Retry-After asks for, a number or a date; None where it says neither."""
    if said is None:
        return None
    if re.fullmatch(r"\d{1,9}", said):
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _refuse_page(url: str, head: bytes, name: str) -> None:
    start = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(PAGE):
        raise InputError(
            f"{url}: expected the file {name}, got an HTML page (a login, a quota or a "
            "confirmation page). Open the address in a browser and download the file there."
        )


def _page_hint(kind: str) -> str:
    return " It answers with an HTML page." if kind.startswith("text/html") else ""


def _check_space(part: Path, needed: int) -> None:
    """Raise `DiskFullError` unless so many bytes fit beside the reserve."""
    free = shutil.disk_usage(part.parent).free
    if needed > 0 and free < needed + RESERVE_BYTES:
        raise DiskFullError(
            f"{part.parent}: {needed:,} bytes are needed, {free:,} are free (256 MiB stay free). "
            "What was received is kept. Free some space, or set SAM4MIS_CACHE to a larger disk."
        )
