"""MkDocs over what was generated: every page, or after a small change only the pages that changed.

A page is what its Markdown, the configuration and the theme make of it: titles in the navigation
stand in `mkdocs.yml`, no page shows another's text, and there is no plugin. So a page whose
Markdown is the same stays as it is; only whether its links to headings of other pages still lead
somewhere is left to the next whole build. `build/site.stamp` remembers what pages were made of.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec

from catalog.configuration import made_for
from catalog.errors import InputError, PrerequisiteError
from catalog.files import write_whole

BUILT = "build/site"
STAMP = "build/site.stamp"
OVERRIDES = "site/overrides"


class Stamp(msgspec.Struct):
    """What the site was made of. `frame`: what all pages share; `files`: content, path by path."""

    frame: str
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Change:
    """How the files differ from those of the site. `whole`: all pages are made anew."""

    whole: bool
    changed: list[str]
    removed: list[str]


def pages_built(
    root: Path, config: Path, wanted: Mapping[str, bytes], newest: str
) -> tuple[Literal["built", "up to date"], int]:
    """Build the site of `build/docs`, which holds `wanted`; how many pages were written.

    newest   day of the data, `YYYY-MM-DD`, with which MkDocs dates its sitemap

    Raises `InputError` where MkDocs refuses a page, `PrerequisiteError` where it is not installed.
    """
    try:
        from mkdocs.commands.build import build
        from mkdocs.config import load_config
        from mkdocs.exceptions import Abort, ConfigurationError
    except ImportError as error:  # pragma: no cover - a broken installation
        raise PrerequisiteError("MkDocs is not installed here.", "pip install .") from error
    now = Stamp(_frame(root, config), {p: _digest(content) for p, content in wanted.items()})
    change = _change(root, now)
    if not (change.whole or change.changed or change.removed):
        return "up to date", 0
    (root / STAMP).unlink(missing_ok=True)
    with _dated(newest), _warnings_told():
        try:
            loaded = load_config(config_file=str(config), strict=True)
            if not change.whole:
                _forget(loaded.docs_dir, loaded.site_dir, [*change.changed, *change.removed])
            build(loaded, dirty=not change.whole)
        except (Abort, ConfigurationError) as error:
            raise InputError(f"{config}: MkDocs could not build the site: {error}") from error
    write_whole(root / STAMP, msgspec.json.encode(now))
    made = now.files if change.whole else change.changed
    return "built", sum(path.endswith(".md") for path in made)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _frame(root: Path, config: Path) -> str:
    """What every page depends on: configuration, templates, settings, versions."""
    digest = hashlib.sha256()
    for source in [config, *sorted((root / OVERRIDES).rglob("*"))]:
        if source.is_file():
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    settings = sorted((k, v) for k, v in os.environ.items() if k.startswith("SAM4MIS_"))
    versions = [version(name) for name in ("mkdocs", "mkdocs-material")]
    digest.update(repr((settings, versions)).encode())
    return digest.hexdigest()


def _change(root: Path, now: Stamp) -> _Change:
    """How the files differ. A page that went is looked for in all others' links: all are made."""
    try:
        before = msgspec.json.decode((root / STAMP).read_bytes(), type=Stamp)
    except (OSError, msgspec.DecodeError):
        return _Change(True, [], [])
    removed = sorted(before.files.keys() - now.files.keys())
    whole = (
        before.frame != now.frame
        or any(path.endswith(".md") for path in removed)
        or not (root / BUILT / "index.html").is_file()
    )
    changed = [path for path, digest in now.files.items() if before.files.get(path) != digest]
    return _Change(whole, changed, removed)


def _forget(docs: str, site: str, paths: list[str]) -> None:
    """Take away what the site has of these files: MkDocs makes what is not there."""
    from mkdocs.structure.files import File

    for path in paths:
        file = File(path, docs, site, use_directory_urls=True)
        Path(file.abs_dest_path).unlink(missing_ok=True)


@contextmanager
def _dated(newest: str) -> Iterator[None]:
    """MkDocs dates its sitemap; the date of the data keeps the same registry at the same bytes.

    The date is of this build, and of nothing else that this process dates.
    """
    from datetime import UTC, datetime

    day = os.environ.get("SOURCE_DATE_EPOCH")
    if made_for() is None:
        midnight = datetime.fromisoformat(newest).replace(tzinfo=UTC)
        os.environ["SOURCE_DATE_EPOCH"] = str(int(midnight.timestamp()))
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # an advertisement; the versions are locked
    try:
        yield
    finally:
        if day is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = day


@contextmanager
def _warnings_told() -> Iterator[None]:
    """Warnings of MkDocs on stderr, but for the one that a partial build is partial."""
    logger, building = logging.getLogger("mkdocs"), logging.getLogger("mkdocs.commands.build")
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)

    def known(record: logging.LogRecord) -> bool:
        return "'dirty' build" not in record.getMessage()

    logger.addHandler(handler)
    building.addFilter(known)
    logger.propagate = False
    try:
        yield
    finally:
        building.removeFilter(known)
        logger.removeHandler(handler)
