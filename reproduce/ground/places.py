"""Where things lie on this machine: the cache, one for all projects and processes of a user; data.

`weights/<sha256>/<file name>`: a file is there only after its hash was checked. `manual/` is where
users drop files that no program can download; they are recognised by their hash.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import platformdirs

from catalog.cli.output import say
from catalog.errors import PrerequisiteError, UsageError
from catalog.files import disk_full_told, lock

WAIT_S = 1.0  # for another process before that is told


def cache_folder() -> Path:
    """$SAM4MIS_CACHE, else the user's cache folder of the operating system.

    Raises `PrerequisiteError` where the user has none: no HOME, no entry in passwd.
    """
    if named := folder_named("SAM4MIS_CACHE"):
        return named
    try:
        folder = Path(platformdirs.user_cache_dir("sam4mis"))
    except RuntimeError:  # newer releases of platformdirs; older ones leave `~` as it is
        folder = Path("~")
    if not folder.is_absolute():
        raise PrerequisiteError(
            "this user has no home folder (HOME is not set, no entry in passwd), so there is no "
            "place for a cache. Name one:",
            "export SAM4MIS_CACHE=/tmp/sam4mis",
        )
    return folder


@contextmanager
def nothing_here() -> Iterator[None]:
    """As on a machine that has no weights and no data yet: what is said inside holds anywhere."""
    names = ("SAM4MIS_CACHE", "SAM4MIS_DATA")
    before = {name: os.environ[name] for name in names if name in os.environ}
    with TemporaryDirectory() as empty:
        os.environ.update(dict.fromkeys(names, empty))
        try:
            yield
        finally:
            for name in names:
                del os.environ[name]
            os.environ.update(before)


def folder_named(variable: str) -> Path | None:
    """The folder that an environment variable names, if any, absolute. Raises `UsageError`."""
    named = os.environ.get(variable)
    if not named:
        return None
    try:
        return Path(named).expanduser().resolve()
    except RuntimeError as error:  # a user who is not there, links in a circle
        raise UsageError(f"{variable}={named}: expected the path of a folder. {error}") from error


def partial_folder() -> Path:
    """Where files lie while they are received. Raises `PrerequisiteError` where nothing can be
    written."""
    return need_place(cache_folder() / "partial", "Set SAM4MIS_CACHE to a folder of yours.")


def need_place(folder: Path, remedy: str) -> Path:
    """The folder, made where it is not there. Raises `PrerequisiteError` with a way out where no
    file can be put into it."""
    with disk_full_told(folder), writable(folder, remedy):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def writable(folder: Path, remedy: str) -> Iterator[None]:
    """Raise `PrerequisiteError` with a way out unless what is done inside leaves a folder that
    files can be put into."""
    try:
        yield
        reason = None if os.access(folder, os.W_OK) else "it cannot be written"
    except OSError as error:
        reason = error.strerror
    if reason is not None:
        raise PrerequisiteError(
            f"{folder}: expected a folder to put files into: {reason}. {remedy}"
        )


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """One process at a time; who has to wait is told what for."""
    with lock(path, WAIT_S) as mine:
        if mine:
            yield
            return
    say(f"{what}: another process is at it; waiting until it has finished.")
    with lock(path):
        yield


def weights_folder(sha256: str) -> Path:
    """Where the file with this content lies once it was checked."""
    return cache_folder() / "weights" / sha256


def manual_folder() -> Path:
    """Where users drop downloaded files."""
    return cache_folder() / "manual"


def cached(sha256: str) -> Path | None:
    """The checked file with this content, or None."""
    folder = weights_folder(sha256)
    if not folder.is_dir():
        return None
    files = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    return files[0] if files else None


def data_folder(name: str, given: Path | None) -> Path | None:
    """Where a data set lies: --data, else $SAM4MIS_DATA/<name>, else the cache's data/<name>."""
    if given is not None:
        return given
    return next((place for place in _data_places(name) if _holds_something(place)), None)


def _holds_something(place: Path) -> bool:
    """A download that was given up leaves an empty folder, which is no data set."""
    return place.is_dir() and any(not path.name.startswith(".") for path in place.iterdir())


def data_goal(name: str) -> Path:
    """Where a data set is fetched to: where it lies already, else where it is looked for first."""
    return data_folder(name, None) or _data_places(name)[0]


def _data_places(name: str) -> list[Path]:
    places = [cache_folder() / "data" / name]
    if named := folder_named("SAM4MIS_DATA"):
        places.insert(0, named / name)
    return places
