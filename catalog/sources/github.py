"""GitHub: what a repository says of itself, and what its files tell of code and weights."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

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


def read(client: Client, name: str) -> Repository | None:
    """The repository `owner/name`; None where there is none. Raises `SourceError`."""
    found = _ask(client, f"/repos/{name}")
    if found is None:
        return None
    if not isinstance(found, dict) or "full_name" not in found:
        raise SourceError(SERVICE, "format", "expected an object with `full_name`")
    full_name = clean(str(found["full_name"]))
    branch = str(found.get("default_branch") or "HEAD")
    paths = _paths(client, full_name, branch)
    return Repository(
        name=name,
        moved_to=full_name if full_name.casefold() != name.casefold() else None,
        archived=found.get("archived") is True,
        pushed_at=_text(found.get("pushed_at")),
        stars=_number(found.get("stargazers_count")),
        forks=_number(found.get("forks_count")),
        licence=_licence(found.get("license")),
        code=code_ladder(paths) if paths is not None else None,
        weights_files=tuple(p for p in paths or () if p.lower().endswith(_WEIGHTS)),
    )


def _paths(client: Client, name: str, branch: str) -> list[str] | None:
    """Paths of all files; [] for an empty repository (GitHub answers 409), None where not seen.

    `branch` may be a commit.
    """
    try:
        answer = _ask(client, f"/repos/{name}/git/trees/{branch}", {"recursive": "1"})
    except SourceError as error:
        if error.status == 409:
            return []
        raise
    tree = answer.get("tree") if isinstance(answer, dict) else None
    if not isinstance(tree, list) or answer.get("truncated"):
        return None
    blobs = (item for item in tree if isinstance(item, dict) and item.get("type") == "blob")
    return [clean(str(item.get("path", ""))) for item in blobs]


def paths_at(client: Client, name: str, commit: str) -> list[str] | None:
    """Paths of all files at a commit; None where it is not there or too large to be listed.

    Raises `SourceError`.
    """
    return _paths(client, name, commit)


def file_at(client: Client, name: str, commit: str, path: str) -> bytes:
    """A file as it is at a commit, up to the 1 MB that GitHub gives. Raises `SourceError`."""
    found = _ask(client, f"/repos/{name}/contents/{quote(path)}", {"ref": commit})
    content = found.get("content") if isinstance(found, dict) else None
    if not isinstance(content, str) or found.get("encoding") != "base64":
        raise SourceError(SERVICE, "format", f"expected the content of {path} as base64")
    return base64.b64decode(content)


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


def _ask(client: Client, path: str, params: dict[str, str] | None = None) -> Any:
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    if token := client.settings.keys.get(SERVICE):
        headers["Authorization"] = f"Bearer {token}"
    return client.json(SERVICE, path, params, headers)


def _licence(found: Any) -> str | None:
    if found is None:
        return "none"
    spdx = found.get("spdx_id") if isinstance(found, dict) else None
    return None if spdx in (None, "NOASSERTION") else clean(str(spdx))


def _text(value: Any) -> str | None:
    return clean(value) if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
