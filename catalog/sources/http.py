"""The one way out: limits on time and bytes, polite rates, retries and a disk cache."""

from __future__ import annotations

import email.utils
import ipaddress
import re
import socket
import time
from dataclasses import dataclass
from typing import Literal, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec
import requests
import urllib3
from requests.utils import requote_uri

from catalog.sources.cache import Cache
from catalog.sources.settings import Settings
from catalog.watching import CutSession, Watch

Kind = Literal["offline", "timeout", "status", "format", "too-large", "rate-limit"]
T = TypeVar("T")
REDIRECTS = 5
_RETRIED = {429, 500, 502, 503, 504}
_NO_ANSWER = (requests.ConnectionError, urllib3.exceptions.ProtocolError)
_IN_TIME = (requests.Timeout, urllib3.exceptions.TimeoutError)
_SECRET = ("authorization", "x-api-key")


class SourceError(Exception):
    """A service could not be asked or gave no answer that we understand.

    `kind` tells a missing network from a busy service from an odd answer; `status` is the HTTP
    status where there was one.
    """

    def __init__(self, service: str, kind: Kind, message: str, status: int | None = None) -> None:
        self.service, self.kind, self.status = service, kind, status
        super().__init__(f"{service}: {message}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `url`: where the last redirect led; `moved`: the permanent target, if any."""

    status: int
    body: bytes
    url: str
    content_type: str
    moved: str | None = None
    cached: bool = False


class Client:
    """Asks services under one set of settings. Not to be shared between threads."""

    def __init__(self, settings: Settings, cache: Cache | None = None) -> None:
        self.settings = settings
        self.cache = cache
        self._session = _Session()
        self._session.headers["User-Agent"] = settings.user_agent
        self._last: dict[str, float] = {}

    def ask(
        self,
        service: str,
        path: str,
        kind: type[T],
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
    ) -> T | None:
        """The answer to GET `<base of service><path>`, JSON that fits the struct `kind`.

        None where the service says 404 or 410. `secrets` are parameters that are sent and stand in
        no message or cache. Raises `SourceError`; an answer that does not fit is not kept.
        """
        url = self.settings.url(service) + path + (f"?{urlencode(params)}" if params else "")
        accept = {"Accept": "application/json", **(headers or {})}
        answer = self.get(service, url, accept, missing_ok=True, secrets=secrets)
        if answer.status in (404, 410):
            return None
        try:
            return msgspec.json.decode(answer.body, type=kind, strict=False)
        except msgspec.ValidationError as error:
            problem = self._odd(service, answer, f"another form: {error}")
        except (msgspec.MsgspecError, ValueError, RecursionError):
            problem = self._odd(service, answer, "JSON")
        if self.cache:
            self.cache.drop(url)
        raise problem

    def get(
        self,
        service: str,
        url: str,
        headers: dict[str, str] | None = None,
        *,
        missing_ok: bool = False,
        secrets: dict[str, str] | None = None,
    ) -> Answer:
        """The answer to GET `url`, from the cache while fresh. Raises `SourceError`."""
        if self.cache and (kept := self.cache.read(url, self.settings.fresh_s)):
            return Answer(*kept, cached=True)
        for attempt in range(self.settings.retries + 1):
            final = attempt == self.settings.retries
            self._wait_for_turn(service)
            try:
                answer, retry_after = self._once(service, url, headers or {}, secrets or {})
            except SourceError as error:
                if final or error.kind not in ("offline", "timeout"):
                    raise
                if error.kind == "offline":
                    del self._last[service]  # nothing arrived there: no turn was used
                time.sleep(self._backoff(attempt))
                continue
            if answer.status in _RETRIED and not final:
                self._sleep_before_retry(service, answer.status, retry_after, attempt)
                continue
            break
        if answer.status == 200 or (answer.status in (404, 410) and missing_ok):
            if self.cache:
                kept_answer = (answer.status, answer.body, answer.url, answer.content_type)
                self.cache.write(url, kept_answer, answer.moved)
            return answer
        kind: Kind = "rate-limit" if answer.status == 429 else "status"
        raise SourceError(service, kind, f"answers HTTP {answer.status} ({url})", answer.status)

    def probe(self, service: str, url: str) -> Answer:
        """The answer to GET `url` whatever its status, with at most 64 kB of its body; no cache.

        Not HEAD, which many servers answer wrongly. Raises `SourceError` where nothing answers.
        """
        for attempt in range(2):
            self._wait_for_turn(service)
            try:
                headers = {"Range": "bytes=0-65535"}
                answer, _ = self._once(service, url, headers, {}, enough=65536)
                return answer
            except SourceError as error:
                if attempt or error.kind not in ("offline", "timeout"):
                    raise
                time.sleep(self._backoff(0))
        raise AssertionError("unreachable")  # the loop returns or raises

    def _once(
        self,
        service: str,
        url: str,
        headers: dict[str, str],
        secrets: dict[str, str],
        enough: int | None = None,
    ) -> tuple[Answer, str | None]:
        """One request with the redirects it leads to, all within one time limit."""
        host = urlsplit(url).netloc
        self._session.forget_closed()
        watch = Watch(self._session, self.settings.total_timeout_s)
        try:
            with watch.looking():
                return self._followed(service, url, headers, secrets, enough)
        except SourceError:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            if watch.why:
                told = SourceError(service, "timeout", f"answers too slowly ({url})")
            elif isinstance(error, _IN_TIME):
                told = SourceError(service, "timeout", f"does not answer in time ({host})")
            elif isinstance(error, _NO_ANSWER):
                reason = f"{host}: {type(error).__name__}"
                told = SourceError(service, "offline", f"cannot be reached ({reason})")
            else:
                told = SourceError(service, "format", f"answer cannot be decoded ({url})")
        raise told

    def _followed(
        self,
        service: str,
        url: str,
        headers: dict[str, str],
        secrets: dict[str, str],
        enough: int | None,
    ) -> tuple[Answer, str | None]:
        at, permanent = url, False
        inside = _is_inside(url)  # a server of one's own may redirect to itself
        limits = (self.settings.connect_timeout_s, self.settings.read_timeout_s)
        for _ in range(REDIRECTS + 1):
            if urlsplit(at).scheme not in ("http", "https"):
                raise SourceError(service, "format", f"is no http(s) address: {at!r}")
            if at != url and not inside and _is_inside(at):
                message = f"redirects to an address inside this network: {at!r} ({url})"
                raise SourceError(service, "format", message)
            if _origin(at) != _origin(url):  # no key for another host
                headers = {k: v for k, v in headers.items() if k.lower() not in _SECRET}
            params = secrets if at == url else None
            with self._session.get(
                at, params=params, headers=headers, timeout=limits, stream=True
            ) as response:
                if target := self._session.target(response):
                    permanent |= response.status_code in (301, 308)
                    at = urljoin(at, requote_uri(target))
                    continue
                answer = Answer(
                    _status(response),
                    self._body(service, url, response, enough),
                    at,
                    response.headers.get("Content-Type", ""),
                    at if permanent else None,
                )
                return answer, _retry_after(response)
        raise SourceError(service, "format", f"redirects without end ({url})")

    def _body(
        self, service: str, url: str, response: requests.Response, enough: int | None
    ) -> bytes:
        body = bytearray()
        # read1 gives what has arrived, so that a slow answer is seen as it comes
        while piece := response.raw.read1(65536, decode_content=True):
            body += piece
            if enough is not None and len(body) >= enough:
                break
            if len(body) > self.settings.limit_bytes:
                message = f"answers more than {self.settings.limit_bytes:,} bytes ({url})"
                raise SourceError(service, "too-large", message)
        return bytes(body)

    def _wait_for_turn(self, service: str) -> None:
        interval = self.settings.interval_s(service)
        since = time.monotonic() - self._last.get(service, float("-inf"))
        if since < interval:
            time.sleep(interval - since)
        self._last[service] = time.monotonic()

    def _sleep_before_retry(
        self, service: str, status: int, retry_after: str | None, attempt: int
    ) -> None:
        """Wait as long as the service asks, else longer each time; give up on too long a wait."""
        asked = retry_after_s(retry_after)
        if asked is not None and asked > self.settings.longest_wait_s:
            message = f"answers HTTP {status} and asks to wait {asked:.0f} s"
            raise SourceError(service, "rate-limit", message, status)
        time.sleep(self._backoff(attempt) if asked is None else asked)

    def _backoff(self, attempt: int) -> float:
        return float(self.settings.backoff_s * 2**attempt)

    def _odd(self, service: str, answer: Answer, expected: str) -> SourceError:
        got = answer.content_type.split(";")[0] or "something else"
        message = f"expected {expected}, got {got} beginning {answer.body[:40]!r} ({answer.url})"
        return SourceError(service, "format", message, answer.status)


def retry_after_s(header: str | None) -> float | None:
    """Seconds that a Retry-After header asks for (a number or a date); None: it does not say."""
    if not header:
        return None
    if re.fullmatch(r"[0-9]{1,9}", header.strip()):
        return float(header)
    try:
        when = email.utils.parsedate_to_datetime(header).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, when - time.time())


class _Session(CutSession):
    """Follows no redirect by itself: where one leads is looked at first."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None

    def target(self, response: requests.Response) -> str | None:
        """Where a response leads, as its header says it; None: it is no redirect."""
        return super().get_redirect_target(response)


def _origin(url: str) -> tuple[str, str]:
    return urlsplit(url).scheme, urlsplit(url).netloc


def _is_inside(url: str) -> bool:
    """Whether an address is one of this machine or of a network that is not public."""
    parts = urlsplit(url)
    try:
        return not ipaddress.ip_address(parts.hostname or "").is_global
    except ValueError:
        pass  # a name
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return False  # no address at all: asking will tell
    return not all(ipaddress.ip_address(str(each[4][0])).is_global for each in found)


def _status(response: requests.Response) -> int:
    """The status; GitHub's 403 for a used-up quota is what others call 429."""
    used_up = response.headers.get("X-RateLimit-Remaining") == "0"
    return 429 if response.status_code == 403 and used_up else response.status_code


def _retry_after(response: requests.Response) -> str | None:
    """Retry-After, or GitHub's time of the next quota in its form."""
    reset = response.headers.get("X-RateLimit-Reset", "")
    limited = _status(response) == 429 and re.fullmatch(r"[0-9]{1,12}", reset)
    if "Retry-After" not in response.headers and limited:
        return str(max(0, int(int(reset) - time.time())))
    return response.headers.get("Retry-After")
