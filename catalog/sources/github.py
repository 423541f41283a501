"""GitHub: what a repository says of itself, and what its files tell of code and weights."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from msgspec import Struct

from catalog.sources.http import Client, SourceError
from catalog.text import clean

SERVICE = "github"
_WEIGHTS = (".pth", ".pt", ".ckpt", ".safetensors", ".onnx", ".pth.tar")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as GitHub describes it. `moved_to`: its present name if it was renamed.

    `licence` is an SPDX id, "none" where GitHub found no licence file, None where it found one that
    it does not know. `code`: inference, training, training+inference, empty; None: files not seen.
    `weights_files`: paths of weights inside the repository.
    """

    name: str
    moved_to: str | None
    archived: bool
    pushed_at: str | None
    stars: int | None
    forks: int | None
    licence: str | None
    code: str | None
    weights_files: tuple[str, ...]


class _Licence(Struct):
    spdx_id: str | None = None


class _Answer(Struct):
    full_name: str
    default_branch: str | None = None
    archived: bool | None = None
    pushed_at: str | None = None
    stargazers_count: int | None = None
    forks_count: int | None = None
    license: _Licence | None = None


class _Entry(Struct):
    path: str
    type: str | None = None


class _Tree(Struct):
    tree: list[_Entry]
    truncated: bool | None = None


class _Commit(Struct):
    sha: str


T = TypeVar("T")


def read(client: Client, name: str) -> Repository | None:
    """The repository `owner/name`; None where there is none. Raises `SourceError`."""
    found = _ask(client, f"/repos/{name}", _Answer)
    if found is None:
        return None
    full_name = clean(found.full_name)
    paths = _paths(client, full_name, found.default_branch or "HEAD")
    return Repository(
        name=name,
        moved_to=full_name if full_name.casefold() != name.casefold() else None,
        archived=bool(found.archived),
        pushed_at=found.pushed_at and clean(found.pushed_at),
        stars=found.stargazers_count,
        forks=found.forks_count,
        licence=_licence(found.license),
        code=code_ladder(paths) if paths is not None else None,
        weights_files=tuple(p for p in paths or () if p.lower().endswith(_WEIGHTS)),
    )


def _paths(client: Client, name: str, branch: str) -> list[str] | None:
    """Paths of all files; [] for an empty repository (GitHub answers 409), None where not seen.

    `branch` may be a commit.
    """
    try:
        answer = _ask(client, f"/repos/{name}/git/trees/{branch}", _Tree, {"recursive": "1"})
    except SourceError as error:
        if error.status == 409:
            return []
        raise
    if answer is None or answer.truncated:
        return None
    return [clean(entry.path) for entry in answer.tree if entry.type == "blob"]


def paths_at(client: Client, name: str, commit: str) -> list[str] | None:
    """Paths of all files at a commit; None where it is not there or too large to be listed.

    Raises `SourceError`.
    """
    return _paths(client, name, commit)


def newest_commit(client: Client, name: str) -> str | None:
    """The commit of the default branch; None where there is no repository. Raises `SourceError`."""
    found = _ask(client, f"/repos/{name}/commits/HEAD", _Commit)
    return found.sha if found else None


def file_at(client: Client, name: str, commit: str, path: str) -> bytes:
    """A file as it is at a commit, up to our limit of bytes. Raises `SourceError`."""
    url = f"{client.settings.url(SERVICE)}/repos/{name}/contents/{quote(path)}?ref={commit}"
    return client.get(SERVICE, url, _headers(client, "application/vnd.github.raw+json")).body


def code_ladder(paths: list[str]) -> str:
    """What the names of the files promise: empty, inference, training or training+inference.

    A name is a sign, not a proof: what it gives is proposed, never written by itself.
    """
    code = [p.lower() for p in paths if p.lower().endswith((".py", ".ipynb", ".m", ".cpp", ".sh"))]
    if not code:
        return "empty"
    names = [path.rpartition("/")[2] for path in code]
    training = any(re.search(r"train|finetune|fine_tune", name) for name in names)
    using = any(re.search(r"infer|predict|test|eval|demo", name) for name in names)
    if training:
        return "training+inference" if using else "training"
    return "inference"


def _ask(
    client: Client, path: str, kind: type[T], params: dict[str, str] | None = None
) -> T | None:
    return client.ask(SERVICE, path, kind, params, _headers(client, "application/vnd.github+json"))


def _headers(client: Client, accept: str) -> dict[str, str]:
    headers = {"Accept": accept, "X-GitHub-Api-Version": "2022-11-28"}
    if token := client.settings.keys.get(SERVICE):
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _licence(found: _Licence | None) -> str | None:
    if found is None:
        return "none"
    return None if found.spdx_id in (None, "NOASSERTION") else clean(found.spdx_id)
