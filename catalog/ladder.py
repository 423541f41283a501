"""The licence ladder of a release: what is stated for its weights, code, bases and training data.

Each rung shows a statement with where it was read. Nothing is inferred: permission for the weights
never follows from a licence of the code, and two texts that disagree are both shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import field

from catalog import own, reading
from catalog.converting import convert
from catalog.errors import FindingsError
from catalog.licences import LicenceClass, licence_class
from catalog.records import Licences, LicenceStatement, Project, Record, Slug

FILE = "data/licence_terms.yaml"

#: How far the authors' statements reach: they name the weights (or stand on their page), the files
#: lie in a licensed tree, only the code has a licence, nothing is stated.
Rung = Literal["weights", "files", "code", "nothing"]


class Base(Record, kw_only=True):
    """What is stated of a released model that others build on; `project`: see its statements."""

    name: str
    licence: str | None = None
    terms: str | None = None  # the name of a custom licence
    project: Slug | None = None
    names_weights: bool | None = None
    gated: bool = False
    second_hand: bool = False
    place: str | None = None
    quote: str | None = None
    note: str | None = None


class Data(Record, kw_only=True):
    """The terms of a data set. None: not looked up, or not seen."""

    name: str
    terms: str | None = None
    second_hand: bool = False
    place: str | None = None


class Terms(Record, kw_only=True):
    """`catalog/data/licence_terms.yaml`."""

    bases: dict[str, Base] = field(default_factory=dict)
    data: dict[str, Data] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the ladder for readers. `says` is None where nobody has looked or seen it."""

    of: str
    says: str | None
    place: str | None = None
    quote: str | None = None
    remark: str = ""


def terms() -> Terms:
    """What is stated of bases and data sets. Raises `FindingsError` with all that is wrong."""
    return _read(own.path(FILE))


@cache
def _read(file: Path) -> Terms:
    place = f"catalog/{FILE}"
    document = reading.parse(reading.read_text(file, place), place)
    record, findings = convert(document, (), document.data, Terms, "licence_terms")
    if record is None:
        raise FindingsError(findings)
    return record


def granting(licences: Licences) -> list[LicenceStatement]:
    """The authors' own statements that say something."""
    said = [s for s in licences.statements if s.by == "authors" and not s.second_hand]
    return [s for s in said if s.stated not in (None, "none")]


def rung(licences: Licences) -> Rung:
    """How far the authors' statements reach."""
    of = {statement.of for statement in granting(licences)}
    if "weights" in of:
        return "weights"
    return "files" if "files" in of else "code" if of else "nothing"


def commercial_class(licences: Licences) -> LicenceClass:
    """The class of the weights' licence: as a person read the statements, else by its SPDX id.

    `none` where the authors state nothing at all, `unknown` where it stays unclear.
    """
    if licences.commercial is None:
        return licence_class(licences.weights)
    answer = licences.commercial.answer
    if answer == "unclear":
        return "none" if rung(licences) == "nothing" else "unknown"
    return "commercial" if answer == "yes" else "non-commercial"


def unstated(project: Project) -> bool:
    """Whether weights are public and no statement of the authors names them or their folder."""
    status = project.weights_status
    looked = project.licences.commercial is not None
    return status == "public" and looked and rung(project.licences) in ("code", "nothing")


def ladder(project: Project) -> list[Step]:
    """The statements of a release from the weights down: project, code, bases, training data."""
    licences, known = project.licences, terms()
    of = {statement.of for statement in licences.statements}
    steps = [_step(statement) for statement in licences.statements]
    if not of & {"weights", "files"}:
        steps = [*_weights(project), *steps]
    if licences.code and "code" not in of:
        steps.append(Step("code", "no licence text" if licences.code == "none" else licences.code))
    for key in licences.base or []:
        base = known.bases[key]
        says = base.terms or base.licence
        if base.project:
            says = f"see the project {base.project}"
        covers = None if base.names_weights is None else not base.names_weights
        remark = _joined(
            base.note,
            "the text does not name the weights" if covers else None,
            "access on request" if base.gated else None,
            "second hand" if base.second_hand else None,
        )
        steps.append(Step(f"base weights: {base.name}", says, base.place, base.quote, remark))
    for key in licences.data or []:
        data = known.data[key]
        remark = "second hand" if data.second_hand else ""
        steps.append(Step(f"training data: {data.name}", data.terms, data.place, None, remark))
    return steps


def _weights(project: Project) -> list[Step]:
    """What records say of the weights where no statement about them is recorded."""
    licences = project.licences
    files = [(c.id, c.licence) for c in project.checkpoints or [] if c.licence]
    steps = [Step(f"weights ({id})", licence) for id, licence in files]
    if licences.weights:
        says = "no statement" if licences.weights == "none" else licences.weights
        steps.insert(0, Step("weights", says))
    return steps or [Step("weights", "no statement" if licences.commercial else None)]


_OF = {
    "weights": "weights",
    "files": "weights, by the tree they lie in",
    "project": "the project as a whole",
    "code": "code",
}


def _step(statement: LicenceStatement) -> Step:
    says = statement.name if statement.stated == "custom" else statement.stated
    if says == "none":
        says = "no statement"
    if statement.project:
        says = f"see the project {statement.project}"
    files = f" ({', '.join(statement.files)})" if statement.files else ""
    remark = _joined(
        statement.since and f"since {statement.since}",
        "said by a third party, no grant by the authors" if statement.by != "authors" else None,
        "second hand" if statement.second_hand else None,
        statement.note,
    )
    return Step(_OF[statement.of] + files, says, statement.place, statement.quote, remark)


def _joined(*parts: str | None) -> str:
    return "; ".join(part for part in parts if part)


def question(project: Project) -> str:
    """The text to ask the authors with, ready to copy; says what was read and where."""
    licences = project.licences
    repository = project.repository
    read = [s for s in licences.statements if s.of in ("code", "project") and s.stated != "none"]
    said = "; ".join(f"{s.stated} for the {s.of} ({s.place})" for s in read if s.by == "authors")
    commit = repository.commit[:10] if repository and repository.commit else None
    at = f" (read at commit {commit})" if commit else ""
    found = "We found no licence text for code or weights."
    if said:
        found = f"We found {said}; it does not name the weights."
    return (
        f"Title: Licence of the released weights of {project.name}\n\n"
        f"Hello, and thank you for releasing {project.name}{at}.\n\n"
        f"Under which licence are the weights, and may they be used commercially? {found} One line"
        " in the README, or the licence field of the page that holds the files, is enough.\n\n"
        "We ask for a public catalog of released models in medical image segmentation, which shows"
        " what is stated and infers nothing.\n"
    )
