"""Edits of the registry's files: atomic, one writer at a time, comments and order kept.

    append_record(root, paper)              # the diff is the one record
    replace_record(root, "medsam", paper)   # the diff is the fields that changed
    apply_edits(root, append=[...], replace={"medsam": paper})   # many, in one write
    update_project(root, "medsam", change)  # `change` alters the file's data

Each edit takes the lock, reads the file, changes its text, reads the changed part back and only
then replaces the file as a whole. A kill at any moment leaves the old or the new file.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from catalog import reading
from catalog.blocks import Items
from catalog.editing import extents
from catalog.editing.dump import dump_record
from catalog.editing.patching import patched
from catalog.errors import Finding, FindingsError, InputError
from catalog.files import lock, write_whole
from catalog.loading import keep_papers
from catalog.records import Paper, Project
from catalog.registry import PAPERS, PROJECTS, load_papers

__all__ = [
    "append_record",
    "apply_edits",
    "changed_project",
    "dump_record",
    "edit_lock",
    "replace_record",
    "update_project",
    "update_record",
    "write_papers",
]
LOCK = ".sam4mis/edit.lock"
LOCK_WAIT_S = 60.0


@contextmanager
def edit_lock(root: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold the registry's edit lock.

    Raises `InputError` where another process keeps it for `wait_s` seconds or the folder cannot
    be written.
    """
    path = root / LOCK
    with contextlib.ExitStack() as stack:
        try:
            mine = stack.enter_context(lock(path, wait_s))
        except OSError as error:
            raise InputError(
                f"{path}: cannot lock the registry: {error.strerror}; nothing was changed."
            ) from error
        if not mine:
            raise InputError(
                f"{path}: another sam4mis has been editing for {wait_s:.0f} s; nothing was "
                "changed. Try again when it has finished."
            )
        yield


def update_project(root: Path, slug: str, change: Callable[[dict[str, Any]], None]) -> bool:
    """Change the data of `projects/<slug>.yaml` under the lock; whether anything changed.

    Raises `InputError` where the file cannot be edited by a program, `FindingsError` where it
    cannot be read, and whatever `change` raises.
    """
    place = f"{PROJECTS}/{slug}.yaml"
    with edit_lock(root):
        before = reading.read_text(root / place, place)
        after = changed_project(before, place, change)
        if after != before:
            write_whole(root / place, after.encode())
        return after != before


def changed_project(text: str, place: str, change: Callable[[dict[str, Any]], None]) -> str:
    """The text of a project file after `change` altered its data; new fields in their order."""
    data = copy.deepcopy(reading.parse(text, place).data)
    change(data)
    rank = {name: number for number, name in enumerate(Project.__struct_encode_fields__)}
    ordered = dict(sorted(data.items(), key=lambda pair: rank.get(pair[0], len(rank))))
    return patched(text, ordered, place)


def append_record(root: Path, paper: Paper) -> None:
    """Put a new work at the end of `papers.yaml`.

    Raises `FindingsError` where the id is taken (also as an alias) or the file has problems, and
    `InputError` where it cannot be written; the file is then untouched.
    """
    apply_edits(root, append=[paper])


def replace_record(root: Path, id: str, paper: Paper) -> None:
    """Change the work `id` to `paper`. Raises as `append_record`, and for an unknown id."""
    apply_edits(root, replace={id: paper})


def update_record(root: Path, id: str, change: Callable[[Paper], Paper]) -> Paper:
    """Change a work by a function of what it is now, under the lock; returns what was written.

    Use this where the change depends on the present content: another process may have edited the
    record since it was loaded.
    """
    with edit_lock(root):
        papers = load_papers(root)
        current = next((paper for paper in papers if paper.id == id), None)
        if current is None:
            raise _unknown(id)
        changed = change(current)
        write_papers(root, papers, [], {id: changed})
        return changed


def apply_edits(
    root: Path,
    *,
    append: Sequence[Paper] = (),
    replace: Mapping[str, Paper] | None = None,
) -> str:
    """Append and replace works in one write. Returns the new text of the file."""
    with edit_lock(root):
        return write_papers(root, load_papers(root), list(append), dict(replace or {}))


def _unknown(id: str) -> FindingsError:
    return FindingsError([Finding(PAPERS, None, id, "R001", f"there is no work {id!r}")])


def write_papers(
    root: Path, papers: list[Paper], append: list[Paper], replace: dict[str, Paper]
) -> str:
    """Append and replace works of `papers`, which the file holds. Call inside `edit_lock`."""
    text = (root / PAPERS).read_bytes().decode("utf-8")
    after, edited = edit_text(text, papers, append, replace)
    if edited != text:
        content = edited.encode("utf-8")
        write_whole(root / PAPERS, content)
        keep_papers(root, content, after)
    return edited


def edit_text(
    text: str, papers: list[Paper], append: list[Paper], replace: dict[str, Paper]
) -> tuple[list[Paper], str]:
    """The works and the text after an edit; pure. `papers` is what `text` reads as.

    Raises `FindingsError` for an id that is taken or unknown, and `InputError` where the file is
    laid out in a way that cannot be edited safely.
    """
    index = {paper.id: number for number, paper in enumerate(papers)}
    if missing := [id for id in replace if id not in index]:
        raise _unknown(missing[0])
    _refuse_taken_ids(papers, append, replace)
    spans = Items(text)
    if len(spans) != len(papers):
        raise InputError(
            f"{PAPERS}: {len(papers)} works were read but {len(spans)} begin with a dash in one "
            "column; put each record's dash in the same column and try again. Nothing was changed."
        )
    after = list(papers)
    edited = text
    for id, paper in sorted(replace.items(), key=lambda pair: -index[pair[0]]):
        number = index[id]
        if paper == papers[number]:
            continue
        item = spans[number]
        block = extents.replaced(text, item, papers[number], paper)
        around = [*spans.block(number - 1), block, *spans.block(number + 1)]
        expected = [*papers[max(number - 1, 0) : number], paper, *papers[number + 1 : number + 2]]
        _verify("".join(around), expected)
        edited = edited[: item.start] + block + edited[item.end :]
        after[number] = paper
    if append:
        before = Items(edited) if replace else spans
        last = before.block(len(after) - 1)
        edited, blocks = extents.appended(edited, append, spans.indent)
        _verify("".join([*last, blocks]), [*after[-1:], *append])
        after += append
    return after, edited


def _verify(block: str, expected: list[Paper]) -> None:
    if not extents.reads_as(block, expected):
        raise InputError(
            f"{PAPERS}: the edited text would not read back as intended "
            f"({', '.join(paper.id for paper in expected)}); nothing was changed."
        )


def _refuse_taken_ids(papers: list[Paper], append: list[Paper], replace: dict[str, Paper]) -> None:
    owner: dict[str, str] = {}
    for paper in papers:
        for name in (paper.id, *paper.aliases):
            owner.setdefault(name, paper.id)
    findings = []
    seen: set[str] = set()
    for paper in append:
        if paper.id in owner or paper.id in seen:
            whose = f"of {owner[paper.id]!r}" if paper.id in owner else "twice in this edit"
            message = f"the id {paper.id!r} is taken ({whose})"
            findings.append(
                Finding(
                    PAPERS, None, f"{paper.id}.id", "D001", message, "Ids are never used twice."
                )
            )
        seen.add(paper.id)
    for id, paper in replace.items():
        if paper.id != id and id not in paper.aliases:
            message = f"the id {id!r} would become {paper.id!r} without an alias"
            findings.append(
                Finding(PAPERS, None, f"{id}.id", "D002", message, f"Add {id!r} to its aliases.")
            )
    if findings:
        raise FindingsError(findings)
