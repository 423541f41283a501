"""What an address of a weights file is, and how it is fetched.

=========  ============================================================================
 kind       addresses
=========  ============================================================================
 http       any http(s) file: Zenodo, GitHub raw and releases, Dropbox, a group's server
 hf         Hugging Face, `https://huggingface.co/<repo>/resolve/<revision>/<path>`
 gdrive     Google Drive, whose confirmation page stands before large files (gdown reads it)
 manual     a page that only a person can get past (Baidu, SharePoint, a registration)
=========  ============================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from catalog.errors import InputError

Kind = Literal["http", "hf", "gdrive", "manual"]

# Hosts that answer programs with a page, whatever the address.
MANUAL_HOSTS = (
    "pan.baidu.com",
    "yun.baidu.com",
    "1drv.ms",
    "onedrive.live.com",
    "sharepoint.com",
    "mega.nz",
    "terabox.com",
    "aliyundrive.com",
    "alipan.com",
    "quark.cn",
    "weiyun.com",
)
DRIVE = "https://drive.google.com/uc"
HF_HOSTS = ("huggingface.co", "hf.co", "hf-mirror.com")


@dataclass(frozen=True, slots=True)
class Source:
    """One address, understood. `url` is what is requested; `note` what a person should know."""

    kind: Kind
    url: str
    given: str
    repository: str | None = None  # hf: owner/name
    revision: str | None = None  # hf
    path: str | None = None  # hf: file inside the repository
    note: str = ""

    @property
    def pinned(self) -> bool:
        """False for a Hugging Face branch or tag, which may change under the same address."""
        return self.kind != "hf" or bool(re.fullmatch(r"[0-9a-f]{40}", self.revision or ""))


def source_of(url: str) -> Source:
    """Understand an address. Raises `InputError` for anything but http(s) and `hf://`.

    >>> source_of("https://github.com/a/b/blob/main/w.pth").url
    'https://raw.githubusercontent.com/a/b/main/w.pth'
    >>> source_of("https://drive.google.com/file/d/1AbC/view?usp=sharing").url
    'https://drive.google.com/uc?id=1AbC'
    """
    if url.startswith("hf://"):
        return _hugging_face_short(url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"{url!r}: expected an address that begins with https://, http:// or hf://."
        )
    host = parts.hostname.lower().removeprefix("www.")
    path = [piece for piece in parts.path.split("/") if piece]
    if any(host == name or host.endswith("." + name) for name in MANUAL_HOSTS):
        return Source("manual", url, url, note=f"{host} lets only people download")
    if host in HF_HOSTS:
        return _hugging_face(url, path)
    if host in ("drive.google.com", "docs.google.com", "drive.usercontent.google.com"):
        return _google_drive(url, path, parse_qs(parts.query))
    if host == "github.com" and len(path) > 4 and path[2] in ("blob", "raw"):
        raw = f"https://raw.githubusercontent.com/{path[0]}/{path[1]}/{'/'.join(path[3:])}"
        return Source("http", raw, url)
    if host == "github.com" and len(path) < 6:
        return Source("manual", url, url, note="a page of GitHub, not a file")
    if host == "zenodo.org" and len(path) == 2:
        return Source("manual", url, url, note="a page of Zenodo, not a file")
    if host == "dropbox.com":
        # Everything but `dl` stays: a link that is shared by key (`rlkey`) opens only with it.
        kept = [pair for pair in parse_qsl(parts.query, True) if pair[0] != "dl"]
        query = urlencode([*kept, ("dl", "1")])
        return Source("http", urlunsplit(parts._replace(query=query, fragment="")), url)
    return Source("http", url, url)


def _hugging_face_short(url: str) -> Source:
    """`hf://owner/name@revision/path/in/repository`."""
    match = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)@([\w.-]+)/(.+)", url)
    if match is None:
        raise InputError(f"{url!r}: expected hf://owner/name@<40 hex digits>/file.")
    return _hugging_face_at(url, match[1], match[2], match[3])


def _hugging_face(url: str, path: list[str]) -> Source:
    if len(path) >= 5 and path[2] in ("resolve", "blob", "raw"):
        return _hugging_face_at(url, "/".join(path[:2]), path[3], "/".join(path[4:]))
    return Source("manual", url, url, note="a page of Hugging Face, not a file")


def _hugging_face_at(url: str, repository: str, revision: str, path: str) -> Source:
    from huggingface_hub import hf_hub_url

    return Source(
        "hf",
        hf_hub_url(repository, path, revision=revision),
        url,
        repository=repository,
        revision=revision,
        path=path,
    )


def _google_drive(url: str, path: list[str], query: dict[str, list[str]]) -> Source:
    if "folders" in path:
        return Source("manual", url, url, note="a folder of Google Drive, not a file")
    if "d" in path and path.index("d") + 1 < len(path):
        return _drive_file(url, path[path.index("d") + 1])
    if "id" in query:
        return _drive_file(url, query["id"][0])
    return Source("manual", url, url, note="a page of Google Drive, not a file")


def _drive_file(url: str, file_id: str) -> Source:
    return Source("gdrive", f"{DRIVE}?{urlencode({'id': file_id})}", url)
