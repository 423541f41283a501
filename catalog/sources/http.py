"""The one way out: limits on time and bytes, polite rates, retries and a disk cache."""

from __future__ import annotations

import email.utils
import json
import time
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import requests

from catalog.sources.cache import Cache
from catalog.sources.settings import Settings

Kind = Literal["offline", "timeout", "status", "format", "too-large", "rate-limit"]
_RETRIED = {429, 500, 502, 503, 504}


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
        self._session = requests.Session()
        self._session.max_redirects = 5
        self._session.headers["User-Agent"] = settings.user_agent
        self._last: dict[str, float] = {}

    def json(
        self,
        service: str,
        path: str,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
    ) -> Any:
        """The answer to GET `<base of service><path>` as JSON; None where it says 404 or 410.

        `secrets` are parameters that are sent and stand in no message or cache. Raises
        `SourceError`.
        """
        url = self.settings.url(service) + path + (f"?{urlencode(params)}" if params else "")
        accept = {"Accept": "application/json", **(headers or {})}
        answer = self.get(service, url, accept, missing_ok=True, secrets=secrets)
        if answer.status in (404, 410):
            return None
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._odd(service, answer, "JSON") from None

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
        limits = (self.settings.connect_timeout_s, self.settings.read_timeout_s)
        deadline = time.monotonic() + self.settings.total_timeout_s
        if urlsplit(url).scheme not in ("http", "https"):
            raise SourceError(service, "format", f"is no http(s) address: {url!r}")
        try:
            with self._session.get(
                url, params=secrets, headers=headers, timeout=limits, stream=True
            ) as response:
                body = bytearray()
                for chunk in response.iter_content(65536):
                    body += chunk
                    if enough is not None and len(body) >= enough:
                        break
                    if len(body) > self.settings.limit_bytes:
                        message = f"answers more than {self.settings.limit_bytes:,} bytes ({url})"
                        raise SourceError(service, "too-large", message)
                    if time.monotonic() > deadline:
                        raise SourceError(service, "timeout", f"answers too slowly ({url})")
                answer = Answer(
                    _status(response),
                    bytes(body),
                    url if secrets else response.url,
                    response.headers.get("Content-Type", ""),
                    _moved(response),
                )
                return answer, _retry_after(response)
        except requests.Timeout:
            raise SourceError(
                service, "timeout", f"does not answer in time ({urlsplit(url).netloc})"
            ) from None
        except requests.TooManyRedirects:
            raise SourceError(service, "format", f"redirects without end ({url})") from None
        except (requests.exceptions.ContentDecodingError, requests.exceptions.InvalidURL):
            raise SourceError(service, "format", f"answer cannot be decoded ({url})") from None
        except requests.RequestException as error:
            reason = f"{urlsplit(url).netloc}: {type(error).__name__}"
            raise SourceError(service, "offline", f"cannot be reached ({reason})") from None

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
    if header.strip().isdigit():
        return float(header)
    try:
        when = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - time.time())


def _status(response: requests.Response) -> int:
    """The status; GitHub's 403 for a used-up quota is what others call 429."""
    used_up = response.headers.get("X-RateLimit-Remaining") == "0"
    return 429 if response.status_code == 403 and used_up else response.status_code


def _retry_after(response: requests.Response) -> str | None:
    """Retry-After, or GitHub's time of the next quota in its form."""
    reset = response.headers.get("X-RateLimit-Reset", "")
    if "Retry-After" not in response.headers and _status(response) == 429 and reset.isdigit():
        return str(max(0, int(int(reset) - time.time())))
    return response.headers.get("Retry-After")


def _moved(response: requests.Response) -> str | None:
    """Where permanent redirects (301, 308) led, None where there were none."""
    permanent = [step for step in response.history if step.status_code in (301, 308)]
    return response.url if permanent else None
