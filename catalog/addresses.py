"""Web addresses: cleaned, taken apart, and what is suspicious about them."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_TRACKING = re.compile(
    r"(?i)^(?:utm_.*|fbclid|gclid|mc_[ce]id|ref|ref_src|casa_token|access_token|token|sid|"
    r"jsessionid|journalcode|via|tp|download|casatoken|spm|share|si|needaccess|seq)$"
)
_TOKEN = re.compile(r"(?i)^(?:casa_?token|access_token|token|sid|jsessionid)$")


def clean_url(url: str) -> str:
    """An http(s) address without tracking parameters, access tokens and stray punctuation.

    A missing scheme becomes https. Raises ValueError for any other scheme, control characters or
    an address without a host.
    """
    text = url.strip()
    if has_control(text) or re.search(r"\s", text):
        raise ValueError(f"not an address: {url!r} has blanks or control characters in it")
    if not re.match(r"^[A-Za-z][A-Za-z0-9+.-]*://", text):
        if re.match(r"^[A-Za-z][A-Za-z0-9+-]*:(?!\d)", text):
            raise ValueError(f"not a web address: {url!r} (only http and https)")
        text = "https://" + text.lstrip("/")
    parts = urlsplit(text)
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError(f"not a web address: {url!r} (only http and https)")
    if not parts.hostname or ("." not in parts.hostname and parts.hostname != "localhost"):
        raise ValueError(f"not a web address: {url!r} has no host")
    query = [
        (k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)
    ]
    fragment = (
        "" if parts.fragment in ("_=_", "") or parts.fragment.startswith("utm_") else parts.fragment
    )
    host = parts.hostname.lower() + (f":{parts.port}" if parts.port else "")
    return urlunsplit((parts.scheme.lower(), host, parts.path, urlencode(query), fragment))


def landing_of_pdf(url: str) -> str | None:
    """The page that describes the paper behind a PDF's address, where the rule is certain."""
    pattern = r"(https?://openaccess\.thecvf\.com/content/[^/]+(?:/[^/]+)?)/papers/([^/]+)\.pdf"
    if match := re.fullmatch(pattern, url):
        return f"{match[1]}/html/{match[2]}.html"
    return None


def token_parameters(url: str) -> list[str]:
    """Names of the parameters of an address that look like somebody's personal access token."""
    return [key for key, _ in parse_qsl(urlsplit(url).query) if _TOKEN.match(key)]


def leads_inside(url: str) -> bool:
    """Whether an http(s) address leads to this machine or one in a network of one's own.

    >>> leads_inside("http://169.254.169.254/latest"), leads_inside("http://0x7f.1/")
    (True, True)
    >>> leads_inside("https://arxiv.org/abs/2304.12306")
    False
    """
    if not re.match(r"(?i)https?://", url):
        return False
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # no address at all
        return False
    if on(host, "localhost", "local", "internal", "localdomain", "home.arpa"):
        return True
    with contextlib.suppress(OSError):  # as programs read 127.1, 0x7f000001, 2130706433
        host = socket.inet_ntoa(socket.inet_aton(host))
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return not (getattr(found, "ipv4_mapped", None) or found).is_global


def on(host: str, *domains: str) -> bool:
    """Whether a host is one of these domains or below one of them."""
    return any(host == domain or host.endswith("." + domain) for domain in domains)


def looks_like_url(text: str) -> bool:
    """Whether text is meant as an address (also without a scheme)."""
    return bool(
        re.match(r"(?i)^https?://", text)
        or re.match(r"(?i)^(?:git\+)?(?:ssh://)?git@", text)
        or re.match(r"(?i)^(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/|$|:)", text)
    )


def split(text: str) -> tuple[str, str, str]:
    """Host in lower case without `www.`, path, query; empty strings where it is no address."""
    text = text.strip()
    if not looks_like_url(text):
        return "", "", ""
    if not re.match(r"(?i)^https?://", text):
        text = "https://" + text
    try:
        parts = urlsplit(text)
        return (parts.hostname or "").removeprefix("www."), parts.path, parts.query
    except ValueError:  # e.g. a broken IPv6 host
        return "", "", ""


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def has_control(text: str) -> bool:
    """Whether text holds a control character or a line break of any kind."""
    return _CONTROL.search(text) is not None
