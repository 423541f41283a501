"""Tables of a source: from the cache, a clone or a folder, else from the repository's raw address.

The hash decides what a file is, wherever it came from. A table that changed is told by name and
never used; the others are.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from catalog.errors import InputError, PrerequisiteError, Sam4misError
from catalog.evidence import Source, TableFile
from catalog.files import write_whole
from reproduce.ground.places import cache_folder, partial_folder
from reproduce.obtaining.sources import source_of
from reproduce.obtaining.transfer import UnreachableError, discard, download

MAX_BYTES = 256 << 20


@dataclass(slots=True)
class Fetched:
    """Contents by path, each with the recorded hash, and what could not be had, with the reason.

    silent  whether their host gave no answer at all, so that it was not asked for the rest
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    silent: bool = False


def fetch(source: Source, origin: Path | None = None, quiet: bool = False) -> Fetched:
    """All tables of a source. `origin`: a clone of its repository, or a folder laid out like it.

    Raises `PrerequisiteError` for an origin that is not there.
    """
    if origin is not None and not origin.is_dir():
        raise PrerequisiteError(
            f"--from {origin}: expected a clone of {source.repository}, or a folder with its "
            "files; there is no such folder."
        )
    origin = None if origin is None else clone_in(origin, source)
    found = Fetched()
    unasked = []  # once a host gave nothing at all it is not asked a hundred times more
    for file in source.files:
        if found.silent and not kept(file.sha256).is_file():
            unasked.append(file.path)
            continue
        try:
            found.contents[file.path] = _content(source, file, origin, quiet)
        except Sam4misError as error:
            found.problems[file.path] = str(error)
            found.silent = found.silent or isinstance(error, UnreachableError)
    if unasked:
        more = f" and {len(unasked) - 1} more" if len(unasked) > 1 else ""
        found.problems[unasked[0]] = f"{unasked[0]}{more}: not asked for; its host gave no answer."
    return found


def clone_in(folder: Path, source: Source) -> Path:
    """The clone of the source's repository in a folder of clones, else the folder itself.

    A clone is called `owner/name`, `owner+name` or `name`, and may have its git folder below.
    """
    for repository in filter(None, (source.repository, *source.also_in)):
        for name in (repository, repository.replace("/", "+"), repository.partition("/")[2]):
            for clone in (folder / name / "repo", folder / name):
                if _git_folder(clone):
                    return clone
    return folder


def _git_folder(folder: Path) -> bool:
    return (folder / ".git").exists() or (
        (folder / "objects").is_dir() and (folder / "HEAD").is_file()
    )


def address(source: Source, file: TableFile) -> str:
    """Where the host gives the file as it is at the recorded commit."""
    commit = file.commit or source.commit
    return f"https://github.com/{source.repository}/blob/{commit}/{quote(file.path)}"


def kept(sha256: str) -> Path:
    """Where a table lies in the cache once its hash was checked."""
    return cache_folder() / "tables" / sha256


def _content(source: Source, file: TableFile, origin: Path | None, quiet: bool) -> bytes:
    cached = kept(file.sha256)
    if cached.is_file() and _is(content := cached.read_bytes(), file):
        return content
    if origin is not None:
        content = _from(origin, source, file)
        if not _is(content, file):
            raise InputError(_changed(file, content, f"in {origin}"))
        _keep(content, file)
        return content
    part = partial_folder() / f"{file.sha256}.table"
    download(
        source_of(address(source, file)).url,
        part,
        expected_bytes=file.bytes,
        name=file.path,
        quiet=quiet,
    )
    content = part.read_bytes()
    discard(part)
    if not _is(content, file):
        raise InputError(_changed(file, content, f"at {address(source, file)}"))
    _keep(content, file)
    return content


def _is(content: bytes, file: TableFile) -> bool:
    return hashlib.sha256(content).hexdigest() == file.sha256


def _changed(file: TableFile, content: bytes, where: str) -> str:
    got = hashlib.sha256(content).hexdigest()
    return (
        f"{file.path}: the table {where} is not the recorded one (expected sha256 "
        f"{file.sha256[:12]}..., got {got[:12]}...). It is not used."
    )


def _keep(content: bytes, file: TableFile) -> None:
    """Into the cache, whole or not at all."""
    target = kept(file.sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, content)


def _from(origin: Path, source: Source, file: TableFile) -> bytes:
    """From a clone at the recorded commit, which may be in its history only; else from the folder.

    Raises `InputError` where neither has the file.
    """
    commit = file.commit or source.commit
    git = shutil.which("git")
    if git is not None and _git_folder(origin):
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [git, "-C", str(origin), "cat-file", "blob", f"{commit}:{file.path}"],
            capture_output=True,
            check=False,
        )
        if done.returncode == 0 and len(done.stdout) <= MAX_BYTES:
            return done.stdout
    path = (origin / file.path).resolve()
    if not path.is_relative_to(origin.resolve()):
        raise InputError(f"{file.path}: leaves the folder {origin}.")
    if path.is_file():
        return path.read_bytes()
    raise InputError(
        f"{file.path}: {origin} has it neither at commit {(commit or '-')[:12]} nor as a file. A "
        f"clone with all history has it: git clone https://github.com/{source.repository}"
    )
