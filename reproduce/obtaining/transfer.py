"""One file over HTTP: resumed where it was cut, never larger than expected, never a web page.

pooch, which the rest of the field uses, starts again from zero after a cut; weights of several
gigabytes on university lines need better, so the transfer is ours and everything around it
(Hugging Face addresses and tokens, Google Drive) is the libraries'.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import requests
import urllib3

from catalog.errors import InputError
from catalog.files import disk_full_told
from reproduce.running.progress import progress

PIECE = 1 << 20
ATTEMPTS = 5
TIMEOUT_S = (15, 60)  # connect, between two pieces
RESERVE_BYTES = 256 << 20  # left free on the disk besides the file
MEGABYTE = 1_000_000
UNTRUSTED = (requests.exceptions.SSLError, urllib3.exceptions.SSLError)
CUTS = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)
PAGE = (b"<!doctype html", b"<html", b"<head", b"<script")


class UnreachableError(InputError):
    """Not one byte came from a host, however often it was asked."""


class CutError(Exception):
    """The connection ended before the file did; asking for the rest may help."""


def download(
    url: str,
    part: Path,
    *,
    expected_bytes: int | None = None,
    headers: Mapping[str, str] | None = None,
    name: str | None = None,
    quiet: bool = False,
    pause_s: float = 1.0,
) -> None:
    """Fetch `url` into `part`, going on where an earlier attempt left off.

    `name` is what the progress bar and messages call the file.

    Raises `UnreachableError` where not one byte came, else `InputError`: the answer is not 200/206
    (404: the link is dead), is a web page, is larger or smaller than `expected_bytes`, does not fit
    on the disk, or is cut `ATTEMPTS` times without progress. What was received stays in `part` for
    the next try, except where it is wrong.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    without_progress = 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        try:
            _attempt(url, part, expected_bytes, headers or {}, name or url, quiet)
            return
        except CutError as cut:
            after = part.stat().st_size if part.is_file() else 0
            without_progress = 0 if after > before else without_progress + 1
            if without_progress >= ATTEMPTS:
                if after:
                    raise InputError(
                        f"{url}: the connection was cut {ATTEMPTS} times ({cut}); {after:,} bytes "
                        "are kept. Give the same command again later; it goes on from there."
                    ) from cut
                raise UnreachableError(
                    f"{url}: no byte came in {ATTEMPTS} tries ({cut}). Is this machine connected "
                    "to the network? Give the same command again later."
                ) from cut
            time.sleep(pause_s * without_progress)


def _attempt(
    url: str,
    part: Path,
    expected: int | None,
    headers: Mapping[str, str],
    name: str,
    quiet: bool,
) -> None:
    have = part.stat().st_size if part.is_file() else 0
    validator = part.with_name(part.name + ".etag")
    asked = dict(headers)
    # Bytes as they are on the server: a compressed answer has other offsets and another hash.
    asked["Accept-Encoding"] = "identity"
    if have:
        asked["Range"] = f"bytes={have}-"
        if validator.is_file():
            asked["If-Range"] = validator.read_text("utf-8")
    try:
        with requests.get(url, headers=asked, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == 416:
                _out_of_range(part, have, expected, answer)
                return
            _check_status(url, answer)
            if answer.status_code == 200 and have:
                have = 0  # the server sends everything again, or the file has changed
            elif answer.status_code == 206:
                _check_range(url, answer, have)
            etag = answer.headers.get("ETag", "")
            if etag and not etag.startswith("W/"):
                validator.write_text(etag, "utf-8")
            else:
                validator.unlink(missing_ok=True)
            _receive(url, answer, part, have, expected, name, quiet)
    except UNTRUSTED as error:
        raise InputError(
            f"{url}: the server's certificate cannot be verified ({_innermost(error)}). Nothing "
            "was downloaded."
        ) from error
    except CUTS as error:
        raise CutError(type(error).__name__) from error
    except requests.RequestException as error:  # a redirect out of http(s), a malformed address
        raise InputError(f"{url}: {type(error).__name__}: {error}") from error
    validator.unlink(missing_ok=True)


def _innermost(error: BaseException) -> str:
    """The first cause of an error, without the layers that passed it on."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error)


def _check_status(url: str, answer: requests.Response) -> None:
    if answer.status_code in (200, 206):
        return
    if answer.status_code >= 500 or answer.status_code == 429:
        raise CutError(f"HTTP {answer.status_code}")
    meaning = {
        401: "a login is needed: accept the terms on the page and set a token (HF_TOKEN)",
        403: "the host refuses: the file is gated or the quota is used up",
        404: "the link is dead",
        410: "the file was removed",
    }.get(answer.status_code, "unexpected")
    raise InputError(f"{url}: HTTP {answer.status_code}, {meaning}.")


def _check_range(url: str, answer: requests.Response, have: int) -> None:
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != have:
        raise InputError(
            f"{url}: asked for the file from byte {have:,}, the server sent "
            f"{answer.headers.get('Content-Range')!r}. Delete the .part file and try again."
        )


def _out_of_range(part: Path, have: int, expected: int | None, answer: requests.Response) -> None:
    """416: we have everything already, or more than there is."""
    found = re.match(r"bytes \*/(\d+)", answer.headers.get("Content-Range", ""))
    total = int(found[1]) if found else expected
    if total is not None and have == total:
        return
    part.unlink(missing_ok=True)
    raise CutError("the kept part does not fit the file on the server")


def _receive(
    url: str,
    answer: requests.Response,
    part: Path,
    have: int,
    expected: int | None,
    name: str,
    quiet: bool,
) -> None:
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length and length.isdecimal() else None
    if expected is not None and total is not None and total != expected:
        part.unlink(missing_ok=True)
        raise InputError(
            f"{url}: expected {expected:,} bytes, the server offers {total:,}. "
            "The file was replaced, or the address now leads elsewhere."
            + _page_hint(answer.headers.get("Content-Type", ""))
        )
    size = total if total is not None else expected
    whole = None if size is None else max(1, size // MEGABYTE)
    _check_space(part, (size or 0) - have)
    at = have
    with (
        disk_full_told(part),
        part.open("r+b" if have else "wb") as stream,
        progress(name, whole, "MB", have // MEGABYTE, quiet) as bar,
    ):
        if have:
            stream.seek(have)
            stream.truncate()
        # read1 gives what has arrived, so that a cut loses nothing
        while piece := answer.raw.read1(PIECE):
            if at == 0:
                _refuse_page(url, piece, name)
            if expected is not None and at + len(piece) > expected:
                stream.close()
                part.unlink(missing_ok=True)
                raise InputError(
                    f"{url}: expected {expected:,} bytes, the server sends more. Stopped."
                )
            stream.write(piece)
            bar.advance((at + len(piece)) // MEGABYTE - at // MEGABYTE)
            at += len(piece)
    if size is not None and at < size:
        raise CutError(f"{at:,} of {size:,} bytes")


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
    free = shutil.disk_usage(part.parent).free
    if needed > 0 and free < needed + RESERVE_BYTES:
        raise InputError(
            f"{part.parent}: {needed:,} bytes are needed, {free:,} are free (256 MiB stay free). "
            "Nothing was downloaded. Free some space, or set SAM4MIS_CACHE to a larger disk."
        )
