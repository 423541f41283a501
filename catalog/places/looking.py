"""Looking places up at their commits: in a local clone, else by the API of GitHub."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from catalog.errors import PrerequisiteError
from catalog.intake.bibtex import read_bibtex
from catalog.places import naming
from catalog.places.verified import Cited, Found, Looked, Verified
from catalog.records import Project
from catalog.sources import github
from catalog.sources.http import Client, SourceError


@dataclass(frozen=True, slots=True)
class Clone:
    """A commit in a clone on this machine (with or without a work tree)."""

    folder: Path
    commit: str
    paths: frozenset[str]
    source: Literal["clone", "github"] = "clone"

    @classmethod
    def at(cls, folder: Path, commit: str) -> Clone | None:
        """The commit in this clone; None where it does not have it."""
        listed = _git(folder, "ls-tree", "-r", "-z", "--name-only", commit)
        if listed is None:
            return None
        return cls(folder, commit, frozenset(filter(None, listed.decode().split("\0"))))

    def content(self, path: str) -> bytes:
        """A file as it is at the commit."""
        return _git(self.folder, "show", f"{self.commit}:{path}") or b""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A commit on GitHub."""

    client: Client
    name: str
    commit: str
    paths: frozenset[str]
    source: Literal["clone", "github"] = "github"

    @classmethod
    def at(cls, client: Client, name: str, commit: str) -> Hosted | None:
        """The commit; None where GitHub has none or shows only a part of it.

        Raises `SourceError`.
        """
        paths = github.paths_at(client, name, commit)
        return None if paths is None else cls(client, name, commit, frozenset(paths))

    def content(self, path: str) -> bytes:
        """A file as it is at the commit. Raises `SourceError`."""
        return github.file_at(self.client, self.name, self.commit, path)


Tree = Clone | Hosted


def wanted(projects: Iterable[Project], verified: Verified) -> dict[str, dict[str, None]]:
    """Paths that nobody has looked up yet, by `owner/name@commit`.

    A project's own commit is wanted without a path where its README was not read.
    """
    missing: dict[str, dict[str, None]] = {}
    for project in projects:
        own = naming.key(project.repository) if project.repository else None
        if own and (own not in verified.commits or verified.commits[own].cites is None):
            missing.setdefault(own, {})
        for place in naming.places(project):
            repository = naming.belongs_to(place, project)
            key = naming.key(repository) if repository else None
            if key and not (key in verified.commits and place.path in verified.commits[key].files):
                missing.setdefault(key, {})[place.path] = None
    return missing


def clone_of(folder: Path, name: str) -> Path | None:
    """The clone of `owner/name` below a folder: `owner/name`, `name`, with or without `.git`."""
    for path in (name, name.partition("/")[2]):
        for end in ("", ".git"):
            if (found := folder / f"{path}{end}").is_dir():
                return found
    return None


def look_up(tree: Tree, paths: Iterable[str], date: str, known: Looked | None) -> Looked:
    """What stands at these paths of a tree, added to what was known of the commit."""
    looked = Looked(date=date, source=tree.source, files=dict(known.files) if known else {})
    looked.cites = cited(tree)
    for path in paths:
        looked.files[path] = _look(tree, path)
    return looked


def cited(tree: Tree) -> list[Cited]:
    """The published works that the README of a tree asks to cite, by its BibTeX entries."""
    found = []
    for path in sorted(p for p in tree.paths if p.casefold() == "readme.md"):
        drafts, _ = read_bibtex(tree.content(path).decode("utf-8", "replace"), path)
        for draft in drafts:
            version = draft.version
            if version.venue and version.kind != "preprint":
                found.append(
                    Cited(
                        title=draft.title,
                        venue=version.venue,
                        date=version.date,
                        line=draft.line,
                    )
                )
    return found


def _look(tree: Tree, path: str) -> Found:
    """Lines of a file; `*` stands for any characters, what lies in an archive is judged by it."""
    archive, inside, _ = path.partition(".zip/")
    matching = path if path in tree.paths else f"{archive}.zip" if inside else path
    if matching in tree.paths:
        return 0 if inside else lines(tree.content(matching))
    if any(file.startswith(path.rstrip("/") + "/") for file in tree.paths):
        return "folder"
    if "*" in path and any(fnmatch(file, path) for file in tree.paths):
        return "folder"
    return sorted(file for file in tree.paths if file.endswith("/" + path.rpartition("/")[2]))


def lines(content: bytes) -> int:
    r"""How many lines a file has; the last one counts without a line end too.

    >>> lines(b"a\nb"), lines(b"a\nb\n"), lines(b"")
    (2, 2, 0)
    """
    return content.count(b"\n") + (not content.endswith(b"\n") and content != b"")


def verify(
    projects: Sequence[Project], verified: Verified, clones: Path | None, client: Client, date: str
) -> dict[str, str]:
    """Look up every place that nobody has looked up yet; `verified` is added to.

    `clones`: a folder of clones, asked first. Returns why a commit could not be seen, by its
    `owner/name@commit`; GitHub is left alone once it cannot be reached.
    """
    failed: dict[str, str] = {}
    offline: str | None = None
    for key, paths in wanted(projects, verified).items():
        name, _, commit = key.partition("@")
        folder = clone_of(clones, name) if clones else None
        tree: Tree | None = Clone.at(folder, commit) if folder else None
        try:
            if tree is None and offline is None:
                tree = Hosted.at(client, name, commit)
            if tree is not None:
                verified.commits[key] = look_up(tree, paths, date, verified.commits.get(key))
            else:
                failed[key] = offline or "neither a clone nor GitHub has this commit"
        except SourceError as error:
            failed[key] = str(error)
            if error.kind in ("offline", "rate-limit"):
                offline = str(error)
    return failed


def _git(folder: Path, *arguments: str) -> bytes | None:
    git = shutil.which("git")
    if git is None:
        raise PrerequisiteError("clones are read with git, which is not here", "install git")
    done = subprocess.run(  # noqa: S603 - arguments from records are a commit and a path of its tree
        [git, "-C", str(folder), *arguments], capture_output=True, check=False
    )
    return done.stdout if done.returncode == 0 else None
