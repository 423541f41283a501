"""Prompts that somebody gives: a table (CSV), COCO boxes (JSON), masks that were drawn, words.

Places in tables are those of the file as other programs show it: x is the column, y the row, z the
plane (of a NIfTI, NRRD or MHA its third axis, of a DICOM series the slice along its normal), each
counted from 0. They are brought to the axes that the harness reads volumes in.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from catalog.errors import InputError
from reproduce.asking.replay import prompts_of
from reproduce.contracts import (
    Bring,
    Case,
    Prompt,
    PromptKind,
    PromptProfile,
    Sample,
    Scope,
)
from reproduce.ground.tables import cases_named, plain
from reproduce.predicting.drawn import MaskFolder
from reproduce.predicting.listed import Row, read_rows, read_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


T = TypeVar("T")


class AsGiven(PromptProfile):
    """Prompts that were given and not made: one round, each object by itself."""

    version = 1
    rounds = 1
    random = False
    description = "as given"
    source = "the user"

    def __init__(self, kind: PromptKind) -> None:
        self.name, self.kind = f"given-{kind}", kind

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """None are made."""
        return []

    def refine(
        self, prompt: Prompt, mask: NDArray[np.bool_], predicted: NDArray[np.bool_]
    ) -> Prompt:
        """There is one round."""
        return prompt


@dataclass(slots=True)
class Asked:
    """What is asked about a case, and what of it cannot be asked, in words."""

    prompts: list[Prompt] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Source(Protocol):
    """Where prompts come from.

    profile   None: the model takes none
    labels    classes in their order, as far as they are known before the model was asked
    problems  about what belongs to no image
    """

    profile: PromptProfile | None
    labels: list[str]
    problems: list[str]

    def mark(self, case: Case) -> str:
        """What changes where the prompts of a case change."""

    def prompts(self, sample: Sample) -> Asked:
        """What is asked about a case. Raises `InputError` where nothing can be."""


class Nothing:
    """A model that answers without prompts."""

    profile: PromptProfile | None = None

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.problems: list[str] = []

    def mark(self, case: Case) -> str:
        return "none"

    def prompts(self, sample: Sample) -> Asked:
        return Asked()


class Words:
    """The same words for every case, and for every plane where the model sees one at a time."""

    def __init__(self, words: Sequence[str], scope: Scope) -> None:
        self.profile: PromptProfile | None = AsGiven("text")
        self.labels, self.scope = list(dict.fromkeys(words)), scope
        self.problems: list[str] = []

    def mark(self, case: Case) -> str:
        return json.dumps(self.labels)

    def prompts(self, sample: Sample) -> Asked:
        planes, case = _asked_on(sample, self.scope), sample.case.id
        return Asked([Prompt(case, w, p, text=w) for p in planes for w in self.labels])


def _asked_on(sample: Sample, scope: Scope) -> Sequence[int | None]:
    """The planes that words are asked on; None: the image, or the whole stack."""
    return [None] if scope == "stack" or sample.is_image else range(sample.shape[0])


class Sentences:
    """Words of its own for every case, and on every plane where the model sees one at a time."""

    def __init__(self, path: Path, cases: Sequence[Case], scope: Scope) -> None:
        self.profile: PromptProfile | None = AsGiven("text")
        self.scope = scope
        rows = read_words(path)
        self.rows, self.problems = by_case(path, rows, cases)
        self.labels = list(dict.fromkeys(label for _, (label, _) in rows))

    def mark(self, case: Case) -> str:
        return json.dumps(self.rows.get(case.id, ()))

    def prompts(self, sample: Sample) -> Asked:
        planes, case = _asked_on(sample, self.scope), sample.case.id
        said = self.rows.get(case, ())
        return Asked([Prompt(case, label, p, text=words) for p in planes for label, words in said])


class Drawn:
    """Prompts made of masks, as a prompt profile makes them, on the grid that a release does."""

    def __init__(self, masks: MaskFolder, profile: PromptProfile, bring: Bring | None) -> None:
        self.profile: PromptProfile | None = profile
        self.masks, self.bring, self.made_by = masks, bring, profile
        self.labels, self.problems = masks.labels, list[str]()

    def mark(self, case: Case) -> str:
        return f"{self.made_by.name}/{self.made_by.version} {self.masks.mark(case.id)}"

    def prompts(self, sample: Sample) -> Asked:
        marked = self.masks.onto(sample)
        if not any(mask.any() for mask in marked.labels.values()):
            raise InputError(f"its mask in {self.masks.folder} is empty, so nothing is asked.")
        return Asked(prompts_of(marked, self.made_by, [0], self.bring))


# ------------------------------------------------------------------------------------- tables


class Table:
    """Boxes or points by case.

    scope  `plane`: the model sees one plane at a time, and a box over several is asked on each
    """

    def __init__(
        self, path: Path, kind: PromptKind, cases: Sequence[Case], scope: Scope, solid: bool
    ) -> None:
        self.profile: PromptProfile | None = AsGiven(kind)
        self.kind, self.scope, self.solid = kind, scope, solid
        rows = read_rows(path, kind)
        self.rows, self.problems = by_case(path, rows, cases)
        self.labels = list(dict.fromkeys(row.label for _, row in rows))

    def mark(self, case: Case) -> str:
        rows = self.rows.get(case.id, ())
        return repr([(r.label, r.number, r.corners, r.on, r.size) for r in rows])

    def prompts(self, sample: Sample) -> Asked:
        found = Asked()
        groups: dict[tuple[str, int, int | None], list[NDArray[np.float64]]] = {}
        signs: dict[tuple[str, int, int | None], list[int]] = defaultdict(list)
        seen: dict[tuple[str, int | None], int] = defaultdict(int)
        for row in self.rows.get(sample.case.id, ()):
            try:
                places = _on(sample, row)
                planes = self._planes(sample, places, row)
            except InputError as error:
                found.problems.append(f"{row.place}: {error}")
                continue
            number = row.number or 0
            if row.number is None and self.kind == "box":
                number = seen[row.label, planes[0]]
                for plane in planes:
                    seen[row.label, plane] = number + 1
            for plane in planes:
                own = places.copy()
                if plane is not None:
                    own[:, 0] = plane
                key = (row.label, number, plane if self.scope == "plane" else None)
                if self.kind == "box":
                    key = (row.label, number, plane)
                groups.setdefault(key, []).append(own)
                signs[key].append(int(row.on))
        for (label, number, plane), parts in groups.items():
            found.prompts += self._made(sample, label, number, plane, parts, signs)
        return found

    def _made(
        self,
        sample: Sample,
        label: str,
        number: int,
        plane: int | None,
        parts: list[NDArray[np.float64]],
        signs: Mapping[tuple[str, int, int | None], list[int]],
    ) -> list[Prompt]:
        """Prompts of one object on one plane, or on the stack."""
        import numpy as np

        at = None if sample.is_image else plane
        about: dict[str, Any] = {"label": label, "plane": at, "object_index": number}
        if self.kind == "box":
            return [Prompt(sample.case.id, box=corners, **about) for corners in parts]
        of = np.asarray(signs[label, number, plane], np.int64)
        if self.scope == "stack" and not sample.is_image:
            on = {int(part[0, 0]) for part in parts}
            about["plane"] = on.pop() if len(on) == 1 else None
        points = np.concatenate(parts)
        return [Prompt(sample.case.id, points=points, point_labels=of, **about)]

    def _planes(self, sample: Sample, places: NDArray[np.float64], row: Row) -> list[int | None]:
        """The planes that a row is asked on; None: all of the stack at once."""
        if sample.is_image:
            return [0]
        first, last = int(places[:, 0].min()), int(places[:, 0].max())
        if first == last:
            return [first]
        if self.kind != "box" or self.solid:
            return [None]
        if self.scope == "plane":
            return list(range(first, last + 1))
        raise InputError(
            f"the box goes over planes {first} to {last}, and the model is asked on one. Give the "
            "plane on which the object is largest (column z)."
        )


def by_case(
    path: Path, rows: Sequence[tuple[str, T]], cases: Sequence[Case]
) -> tuple[dict[str, list[T]], list[str]]:
    """What a list says about each case, and what it says about images that are not there."""
    names, doubtful = cases_named((image for image, _ in rows), _names(cases))
    found: dict[str, list[T]] = defaultdict(list)
    for image, row in rows:
        if image in names:
            found[names[image]].append(row)
    alone = [name for name in dict.fromkeys(i for i, _ in rows) if name not in names]
    alone = [name for name in alone if name not in doubtful]
    problems = [
        f"{path}: {len(which)} of its images {what}: {', '.join(which[:5])}"
        + (" ..." if which[5:] else "")
        for which, what in (
            (alone, "are not there"),
            (doubtful, "may be another's, by their names without folder or suffix"),
        )
        if which
    ]
    return found, problems


def _names(cases: Sequence[Case]) -> dict[str, str]:
    """What a table may call an image -> case: its id, its file below the folder, its file's name
    where no other case has it."""
    found: dict[str, str] = {}
    loose: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        found[case.id] = case.id
        loose[case.id.rpartition("/")[2]].add(case.id)
        for path in case.files.values():
            found[f"{case.id.rpartition('/')[0]}/{path.name}".lstrip("/")] = case.id
            loose[path.name].add(case.id)
    for name, of in loose.items():
        if len(of) == 1:
            found.setdefault(name, next(iter(of)))
    return {plain(name): case for name, case in found.items()}


def _on(sample: Sample, row: Row) -> NDArray[np.float64]:
    """The places of a row as (s, y, x) on the sample. Raises `InputError` for one outside it."""
    import numpy as np

    stored = _stored_shape(sample)
    depth, height, width = stored
    if row.size not in (None, (height, width)):
        assert row.size is not None
        raise InputError(
            f"it is about an image of {row.size[1]} x {row.size[0]} (columns x rows), and this one "
            f"has {width} x {height}."
        )
    places = []
    for x, y, z in row.corners:
        if z is None and depth > 1:
            raise InputError(f"no plane is named (column z), and the image has {depth}.")
        places.append([z or 0.0, y, x])
    found = np.asarray(places, np.float64)
    most = np.array([depth - 1, height, width])
    if (found < 0).any() or (found > most).any():
        what = "box" if len(places) == 2 else "point"
        told = " to ".join(
            f"({x:g}, {y:g}{'' if z is None else f', {z:g}'})" for x, y, z in row.corners
        )
        planes = f", planes 0 to {depth - 1}" if depth > 1 else ""
        raise InputError(
            f"the {what} {told} lies outside the image of {width} x {height} (columns x rows)"
            f"{planes}."
        )
    if len(places) == 2 and not (found[0, 1:] < found[1, 1:]).all():
        raise InputError(
            "the box is empty: x0 < x1 and y0 < y1 are expected (x1, y1: its last pixel, not its "
            "width and height)."
        )
    if len(places) == 2 and found[:, 1:].max() <= 1 and (found % 1).any():
        raise InputError("its corners lie between 0 and 1: pixels are expected, not fractions.")
    geometry = sample.geometry
    if geometry is None or geometry.stored is None or geometry.affine is None:
        return found
    way = np.linalg.inv(geometry.affine) @ geometry.stored
    moved = found @ way[:3, :3].T + way[:3, 3]
    moved = np.clip(np.round(moved, 6), 0, np.array(sample.shape) - 1)
    return np.stack([moved.min(axis=0), moved.max(axis=0)]) if len(moved) == 2 else moved


def _stored_shape(sample: Sample) -> tuple[int, int, int]:
    """Planes, rows and columns of the file, before it was turned."""
    import numpy as np

    geometry = sample.geometry
    if geometry is None or geometry.stored is None or geometry.affine is None:
        return sample.shape
    way = np.linalg.inv(geometry.stored) @ geometry.affine
    depth, height, width = np.rint(np.abs(way[:3, :3]) @ np.array(sample.shape)).astype(int)
    return int(depth), int(height), int(width)
