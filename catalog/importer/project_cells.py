"""The code and data cells of `rows.md`: every link, and what it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import InputError
from catalog.importer.project_text import repository_name

if TYPE_CHECKING:
    from catalog.importer.project_facts import Facts

_LINK = re.compile(r"\]\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class CodeCell:
    """One link of the last column(s) of `rows.md`.

    `kind` is `repository` (then `project` is a slug) or what the page is: `project-page`,
    `web-tool`, `dataset-page`. `reason` says why, in words.
    """

    row: int
    url: str
    kind: str
    project: str | None
    reason: str


def links(path: Path) -> list[tuple[int, str]]:
    """`(line, address)` of every link after the title column, in file order."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    found = []
    for number, line in enumerate(lines, 1):
        if line.startswith("|"):
            cells = line.strip().strip("|").split("|")
            found += [(number, url) for cell in cells[3:] for url in _LINK.findall(cell)]
    return found


def code_cells(path: Path, facts: Facts) -> list[CodeCell]:
    """Every link of the code column. Raises `InputError` listing those nobody has decided about."""
    cells, undecided = [], []
    for row, url in links(path):
        name = repository_name(url)
        decided = facts.identity["cells"].get(url)
        if name:
            main = facts.main_repository(name)
            aside = "" if main == name else f", another address of {main}"
            cells.append(
                CodeCell(row, url, "repository", facts.slug(main), f"repository {name}{aside}")
            )
        elif decided:
            cells.append(CodeCell(row, url, decided["kind"], None, decided["reason"]))
        else:
            undecided.append(f"{path.name}:{row}: {url}")
    if undecided:
        raise InputError(
            "links of the list that are no repository and have no decision in "
            "catalog/data/project_identity.yaml (cells):\n" + "\n".join(undecided)
        )
    return cells
