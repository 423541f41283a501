"""Get the data of a dataset plugin: downloaded and checked, or unpacked from what the user has.

A folder of the data set is there only after the hash was checked: of the archive, or of its
content where the archive is packed anew for every request (a repository at a commit). Archives are
not kept once they are unpacked, except those that a person brought.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.files import DiskFullError, disk_full_told
from reproduce.contracts import Archive, Dataset
from reproduce.ground import wording
from reproduce.ground.places import held, manual_folder, partial_folder, writable
from reproduce.ground.reading import sha256_of
from reproduce.obtaining.archives import unpack
from reproduce.obtaining.sources import source_of

UNPACKING = ".unpacking."


@dataclass(frozen=True, slots=True)
class Obtained:
    """What became, or would become, of one archive.

    sha256  of the archive as it was read, or as it is recorded; None: it was not read and none is
    """

    file: str
    status: str
    sha256: str | None = None


def archives_of(dataset: Dataset, split: str | None = None) -> tuple[Archive, ...]:
    """The archives a split needs (None: every split). Raises `UsageError` for an unknown one."""
    if split is not None and split not in dataset.splits:
        raise UsageError(
            f"{dataset.name} has no split {split!r}; known: {', '.join(dataset.splits)}"
        )
    declared: tuple[Archive, ...] = dataset.archives
    return tuple(a for a in declared if split is None or not a.splits or split in a.splits)


def downloadable(archive: Archive) -> bool:
    """Whether a program gets past one of its addresses."""
    return any(source_of(url).kind != "manual" for url in archive.urls)


def can_fetch(dataset: Dataset, split: str | None = None) -> bool:
    """Whether everything that a split needs can be downloaded."""
    archives = archives_of(dataset, split)
    return bool(archives) and all(map(downloadable, archives))


def status_of(archive: Archive, root: Path) -> str:
    """Where an archive would come from, in words."""
    if not missing(archive, root):
        return "here"
    if dropped(archive) is not None:
        return "in the folder for files got by hand"
    if not downloadable(archive):
        return f"by hand: put {archive.file} into {manual_folder()}"
    url = next(url for url in archive.urls if source_of(url).kind != "manual")
    return f"would be downloaded from {wording.host(url)} ({wording.size(archive.bytes)})"


def obtain(
    dataset: Dataset,
    root: Path,
    split: str | None = None,
    given: Sequence[Path] = (),
    quiet: bool = False,
) -> list[Obtained]:
    """Put what a split needs below `root`; what is there already stays as it is.

    given  archives that the user has, matched by hash, else by name

    Raises `PrerequisiteError` with the access steps where only a person can get the data, and for a
    folder that cannot be written; `InputError` for a file that is not what was recorded. Nothing
    half unpacked is ever taken for data; what a killed process left is removed by the next one.
    """
    archives = archives_of(dataset, split)
    if not archives:
        raise PrerequisiteError(
            f"{dataset.name}: the tool does not know where to get {dataset.title}. {dataset.access}"
        )
    own = _matched(dataset, archives, given)
    if is_here(dataset, root, split):
        return [Obtained(archive.file, "was here") for archive in archives]
    root = root.resolve()
    remedy = "Set SAM4MIS_DATA to a folder of yours, or name one with fetch-data --to."
    with disk_full_told(root), writable(root, remedy):
        root.mkdir(parents=True, exist_ok=True)
    beside = root.parent / f".{root.name}.lock"
    found = []
    with held(beside if os.access(root.parent, os.W_OK) else root / ".lock", dataset.name):
        for old in root.glob(f"{UNPACKING}*"):
            shutil.rmtree(old, ignore_errors=True)
        for archive in archives:
            if not missing(archive, root):
                found.append(Obtained(archive.file, "was here"))
                continue
            found.append(_one(dataset, archive, root, own.get(archive.file), quiet))
    return found


def missing(archive: Archive, root: Path) -> list[str]:
    """Folders (or files) of an archive that are not below `root`."""
    return [target for target in archive.folders.values() if not (root / target).exists()]


def is_here(dataset: Dataset, root: Path, split: str | None = None) -> bool:
    """Whether nothing of the archives that a split needs is missing below `root`."""
    return not any(missing(archive, root) for archive in archives_of(dataset, split))


def dropped(archive: Archive) -> Path | None:
    """The archive where a user put it, under any name: found by its hash."""
    folder = manual_folder()
    if not folder.is_dir() or (archive.sha256 is None and archive.md5 is None):
        return None
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith(".") and _is(archive, path):
            return path
    return None


def _is(archive: Archive, path: Path) -> bool:
    """Whether a file has the recorded hash."""
    kind, wanted = ("sha256", archive.sha256) if archive.sha256 else ("md5", archive.md5)
    about = path.stat()
    if wanted is None or archive.bytes not in (None, about.st_size):
        return False
    return _hashed(path, kind, about.st_size, about.st_mtime_ns) == wanted


@lru_cache(maxsize=256)
def _hashed(path: Path, kind: str, size: int, changed: int) -> str:
    """Hash of a file as it is now: files of gigabytes are asked about for every archive."""
    from reproduce.obtaining.files import md5_of

    return sha256_of(path) if kind == "sha256" else md5_of(path)


def _matched(
    dataset: Dataset, archives: Sequence[Archive], given: Sequence[Path]
) -> dict[str, Path]:
    """File name of an archive -> the user's file for it."""
    matched: dict[str, Path] = {}
    for path in given:
        if not path.is_file():
            raise PrerequisiteError(f"--archive {path}: no such file on this machine.")
        fits = next((a for a in archives if _is(a, path)), None) or next(
            (a for a in archives if a.file == path.name), None
        )
        if fits is None:
            known = ", ".join(a.file for a in archives)
            raise InputError(
                f"--archive {path}: neither by its hash nor by its name one of the files of "
                f"{dataset.name}: {known}."
            )
        if fits.file in matched:
            raise UsageError(
                f"--archive {path}: {fits.file} of {dataset.name} was given already, as "
                f"{matched[fits.file]}. Name one of the two."
            )
        matched[fits.file] = path
    return matched


def _one(dataset: Dataset, archive: Archive, root: Path, own: Path | None, quiet: bool) -> Obtained:
    # Imported here: these bring the network libraries, which listing data sets does not need.
    from reproduce.obtaining.files import PACKED, FailedError, difference, first_good, key_of
    from reproduce.obtaining.transfer import discard

    path = own or dropped(archive)
    if path is not None:
        if problem := difference(archive, path, PACKED):
            raise InputError(f"{path}: not the file {archive.file} of {dataset.name}. {problem}")
        sha256 = sha256_of(path)
        _unpack(dataset, archive, path, root)
        return Obtained(archive.file, f"unpacked from {path}", sha256)
    if not downloadable(archive):
        raise PrerequisiteError(
            f"{dataset.name}: {archive.file} can only be got by a person. {dataset.access}\n"
            f"Or leave the files as they come in {manual_folder()}, or name them: they are found "
            "by their hash, checked and unpacked:",
            _by_hand(dataset),
        )
    partial = partial_folder()
    with held(partial / f"{key_of(archive)}.lock", archive.file):
        try:
            source, part = first_good(archive, partial, PACKED, quiet)
        except FailedError as failed:
            raise PrerequisiteError(
                f"{dataset.name}: {archive.file} could not be downloaded:\n{failed}\n"
                f"{dataset.access} Or get this one file in a browser and give it to the tool:",
                _by_hand(dataset, archive),
            ) from failed
        sha256 = sha256_of(part)
        try:
            _unpack(dataset, archive, part, root)
        except DiskFullError:
            raise  # the archive is as it should be and need not come again
        except InputError:
            discard(part)
            raise
        discard(part)
    return Obtained(archive.file, f"downloaded from {wording.host(source.url)}", sha256)


def _by_hand(dataset: Dataset, *archives: Archive) -> str:
    """The command that takes archives a user has."""
    files = " ".join(f"--archive {a.file}" for a in archives or archives_of(dataset))
    return f"sam4mis reproduce fetch-data {dataset.name} {files}"


def _unpack(dataset: Dataset, archive: Archive, path: Path, root: Path) -> None:
    """Unpack beside the goal, check, and only then move each folder to its place."""
    working = Path(tempfile.mkdtemp(dir=root, prefix=UNPACKING))
    try:
        inside = working / "all"
        unpack(path, inside)
        kept = {
            target: _find(inside, wanted, archive, dataset)
            for wanted, target in archive.folders.items()
        }
        if archive.content is not None:
            got, count = content_sha256(kept)
            if got != archive.content:
                raise InputError(
                    f"{dataset.name}: {archive.file} does not hold what was recorded: expected "
                    f"content with sha256 {archive.content}, got {got} ({count} files). "
                    "Nothing was kept. Its owners may have changed the data: see the data set's "
                    "page, and report it if the address in the plugin is pinned to a commit."
                )
        for target in missing(archive, root):
            (root / target).parent.mkdir(parents=True, exist_ok=True)
            with disk_full_told(root):
                kept[target].replace(root / target)
    finally:
        shutil.rmtree(working, ignore_errors=True)


def _find(inside: Path, wanted: str, archive: Archive, dataset: Dataset) -> Path:
    """A folder or file of an unpacked archive by its path; a first part `*` is any folder."""
    first, _, rest = wanted.partition("/")
    tops = sorted(p for p in inside.iterdir() if p.is_dir()) if first == "*" else [inside / first]
    places = [place for top in tops if (place := top / rest if rest else top).exists()]
    if len(places) != 1:
        here = ", ".join(sorted(p.name for p in inside.iterdir())[:8])
        raise InputError(
            f"{dataset.name}: {archive.file} has no {wanted} (at the top: {here or 'nothing'}). "
            f"Nothing was kept. {dataset.access}"
        )
    return places[0]


def content_sha256(kept: Mapping[str, Path]) -> tuple[str, int]:
    """(hash, number of files) of folders and files by the path they have below the data set's.

    The same as `find <folders> -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` there.
    """
    lines = {
        os.fsencode(name): f"{sha256_of(path)}  {name}\n"
        for target, place in kept.items()
        for name, path in _files(target, place)
    }
    text = "".join(lines[name] for name in sorted(lines))
    return hashlib.sha256(os.fsencode(text)).hexdigest(), len(lines)


def _files(target: str, place: Path) -> Iterator[tuple[str, Path]]:
    if place.is_file():
        yield target, place
        return
    for path in place.rglob("*"):
        if path.is_file():
            yield str(PurePosixPath(target, path.relative_to(place).as_posix())), path
