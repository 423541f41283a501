"""After a small change only what changed is made again; the site is that of a whole build."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from catalog.errors import InputError
from catalog.render.mkdocs import BUILT, STAMP, pages_built

CONFIG = """\
site_name: s
site_url: https://example.org/
docs_dir: ../build/docs
site_dir: ../build/site
theme: {name: mkdocs, custom_dir: overrides}
plugins: []
nav: [{Home: index.md}, {About: about.md}]
not_in_nav: /papers/
validation: {links: {not_found: warn}}
strict: true
"""
PAGES = {
    "index.md": b"# Home\n\n[one](papers/one.md)\n",
    "about.md": b"# About\n",
    "papers/one.md": b"# One\n\n## A heading\n",
    "papers/two.md": b"# Two\n",
    "data.json": b"[1]",
}


def made(root: Path, wanted: dict[str, bytes], template: str = "") -> tuple[str, int]:
    """Build as `sam4mis build` does: write the documents that differ, then the site."""
    for path, content in wanted.items():
        file = root / "build/docs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.is_file() or file.read_bytes() != content:
            file.write_bytes(content)
    for file in (root / "build/docs").rglob("*.*"):
        if file.relative_to(root / "build/docs").as_posix() not in wanted:
            file.unlink()
    (root / "site/overrides").mkdir(parents=True, exist_ok=True)
    (root / "site/overrides/main.html").write_text('{% extends "base.html" %}' + template)
    (root / "site/mkdocs.yml").write_text(CONFIG)
    return pages_built(root, root / "site/mkdocs.yml", wanted, "2026-11-29")


def tree(root: Path) -> dict[str, bytes]:
    site = root / BUILT
    return {p.relative_to(site).as_posix(): p.read_bytes() for p in site.rglob("*") if p.is_file()}


def test_only_changed_pages_are_made_again_and_the_site_is_that_of_a_whole_build(
    tmp_path: Path,
) -> None:
    root = tmp_path / "again"
    assert made(root, PAGES) == ("built", 4)
    assert made(root, PAGES) == ("up to date", 0)
    untouched = root / BUILT / "papers/two/index.html"
    os.utime(untouched, (1, 1))  # dates of files decide nothing that is wrong
    two = untouched.read_bytes()
    changed = PAGES | {"papers/one.md": b"# One, renamed\n", "data.json": b"[2]"}
    assert made(root, changed) == ("built", 1)
    assert untouched.read_bytes() == two
    added = changed | {"papers/three.md": b"# Three\n\n[one](one.md)\n"}
    assert made(root, added) == ("built", 1)
    whole = tmp_path / "whole"
    assert made(whole, added) == ("built", 5)
    assert tree(root) == tree(whole)


def test_what_all_pages_share_makes_all_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, PAGES)
    assert made(tmp_path, PAGES, "<!-- new -->") == ("built", 4)
    monkeypatch.setenv("SAM4MIS_REPO_URL", "https://example.org/r")
    assert made(tmp_path, PAGES, "<!-- new -->") == ("built", 4)
    (tmp_path / STAMP).write_bytes(b"an older form")
    assert made(tmp_path, PAGES, "<!-- new -->") == ("built", 4)
    shutil.rmtree(tmp_path / BUILT)
    assert made(tmp_path, PAGES, "<!-- new -->") == ("built", 4)


def test_a_page_that_went_is_missed_where_it_is_linked_and_a_file_goes(tmp_path: Path) -> None:
    made(tmp_path, PAGES)
    without = {path: content for path, content in PAGES.items() if path != "data.json"}
    assert made(tmp_path, without) == ("built", 0)
    assert "data.json" not in tree(tmp_path)
    del without["papers/two.md"]
    assert made(tmp_path, without) == ("built", 3)
    assert "papers/two/index.html" not in tree(tmp_path)
    del without["papers/one.md"]
    with pytest.raises(InputError, match="strict mode"):
        made(tmp_path, without)
    assert not (tmp_path / STAMP).exists()  # the next one makes all again
    assert made(tmp_path, PAGES) == ("built", 4)


def test_a_changed_page_with_a_broken_link_is_refused(tmp_path: Path) -> None:
    made(tmp_path, PAGES)
    with pytest.raises(InputError, match="strict mode"):
        made(tmp_path, PAGES | {"papers/two.md": b"[gone](gone.md)\n"})
