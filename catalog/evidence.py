"""Published rows as evidence: one record a source, and what was computed from its rows.

People edit `reproduce/evidence/<source>.yaml`; `sam4mis reproduce recompute` writes
`reproduce/results/recomputed/<source>.json`. The tables themselves are never kept here: a record
names repository, commit, path and sha256, and how the rows are read.

A recomputed number says that a printed number follows from released rows. It never says that the
released weights give the rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import field

from catalog import json_in
from catalog.errors import Finding, FindingsError
from catalog.records import Record, Slug

EVIDENCE = "reproduce/evidence"
RECOMPUTED = "reproduce/results/recomputed"

#: What a row is, from what shows most to what shows least. Of `classes` and what follows, only the
#: last step of a mean can be checked.
Level = Literal["masks", "cases", "slices", "classes", "tasks", "domains", "data sets"]
LEVELS: tuple[Level, ...] = ("masks", "cases", "slices", "classes", "tasks", "domains", "data sets")

State = Literal["agrees", "differs", "not enough"]
Pattern = str  # a regular expression with named groups
Scale = Literal[1, 100]


# ------------------------------------------------------------------------------ what people write


class TableFile(Record, kw_only=True):
    """One file of the repository. `commit` only where it is not the source's."""

    path: str
    sha256: str
    bytes: int | None = None
    commit: str | None = None


class Column(Record, kw_only=True):
    """A column with values. `decimals`: digits that the rows are rounded to, where they are."""

    name: str
    metric: str | None = None
    scale: Scale = 1
    unit: str | None = None
    decimals: int | None = None
    meaning: str | None = None


class Derived(Record, kw_only=True):
    """A column made from another: what the first group of `pattern` finds in it."""

    source: str = field(name="from")
    pattern: Pattern


class Melt(Record, kw_only=True):
    """Wide to long: every column that fits one of `columns` becomes a row of its own."""

    columns: list[str]  # names or shell patterns
    part: str  # new column: which column it was
    value: str  # new column: what stood there


class Masks(Record, kw_only=True):
    """A predicted mask and its reference, counted by our own core: one row a plane, or one.

    A name is a file of the source, or `file:array` inside an npz. `label` picks one number of the
    reference; None takes everything above 0. Arrays decide, not affines.
    """

    prediction: str
    reference: str
    label: int | None = None
    planes: bool = False  # rows are planes along the first axis of a stack


class Reader(Record, kw_only=True):
    """How rows are read from files: by declaration, never by code of one source."""

    format: Literal["csv", "json", "lines", "markdown", "sheet", "masks"]
    files: list[str] = field(default_factory=lambda: ["*"])  # shell patterns over paths
    member: str | None = None  # shell pattern over the members of a zip
    path: Pattern | None = None  # its groups become columns
    # json: steps to the rows; `{name}` runs over keys and names a column. markdown: a heading of
    # the table that is meant. sheet: the name of the sheet
    at: str | None = None
    value: str | None = None  # json: column of values that stand bare
    rows: Pattern | None = None  # lines: each match is a row
    carry: list[Pattern] = field(default_factory=list)  # lines: kept for the rows that follow
    numbers: dict[str, str] = field(default_factory=dict)  # column of lists -> name of the index
    derive: dict[str, Derived] = field(default_factory=dict)
    melt: Melt | None = None
    masks: Masks | None = None
    strip: str = ""  # characters around values that are no part of them
    key: list[str] = field(default_factory=list)  # what names a row; double ones are told
    levels: list[str] = field(default_factory=list)  # columns that a mean may be taken over first
    same: str | None = None  # column whose values every file should have


class Between(Record, kw_only=True):
    """From one text to another, both included, in the order of characters."""

    start: str = field(name="from")
    end: str = field(name="to")


Wanted = str | list[str] | Between


class Common(Record, kw_only=True):
    """Only rows whose `key` stands there for every value of `over`."""

    over: str
    key: list[str]


class Aggregation(Record, kw_only=True):
    """From rows to a number: `inner` over the rows of each `by`, then `statistic` over those.

    `by` None: straight over the rows. `missing`: what a row without a value counts.
    """

    by: str | None = None
    inner: Literal["mean", "max", "last"] = "mean"
    statistic: Literal["mean", "median", "sd", "population sd"] = "mean"
    missing: Literal["left out", "0", "1"] = "left out"
    weight: str | None = None


class Check(Record, kw_only=True):
    """One number, and the rows it should follow from.

    `printed` is the text as printed; a `claim` brings its own. Neither: the value is only told.
    `search`: the rows lie in several files, and which of them were taken is not known.
    `parts`: checks of the same printed row, which must agree too.
    """

    name: str
    column: str
    reader: str | None = None  # None: the first
    claim: str | None = None  # project/claim
    printed: str | None = None
    scale: Scale = 1
    place: str | None = None
    where: dict[str, Wanted] = field(default_factory=dict)
    with_value: str | None = None  # only rows that have a value in this column too
    common: Common | None = None
    search: bool = False
    aggregation: Aggregation = field(default_factory=Aggregation)
    parts: list[str] = field(default_factory=list)
    note: str | None = None


class Every(Record, kw_only=True):
    """Every row of a printed table against the rows it should follow from.

    `match`: column of the rows -> column of the printed table. `columns`: column of the rows ->
    column of the printed table that holds its aggregate. `decimals`: of the printed table, None
    where it is not rounded.
    """

    name: str
    printed: str  # reader of the printed table
    columns: dict[str, str]
    match: dict[str, str] = field(default_factory=dict)
    reader: str | None = None
    printed_where: dict[str, Wanted] = field(default_factory=dict)
    where: dict[str, Wanted] = field(default_factory=dict)
    count: str | None = None  # column of the printed table that says over how many
    decimals: int | None = None
    scale: Scale = 1
    search: bool = False
    judged: bool = True  # False: how far apart is told, and says nothing about the rows
    aggregation: Aggregation = field(default_factory=Aggregation)
    note: str | None = None


class SameRows(Record, kw_only=True):
    """Two tables of one thing, row by row."""

    name: str
    one: str
    other: str
    key: dict[str, str]  # column of one -> column of the other
    columns: dict[str, str]
    within: float  # how far rounding alone may take them apart
    aggregation: Aggregation | None = None  # rows of `one` are brought to those of `other` first
    note: str | None = None


class Weights(Record, kw_only=True):
    """Totals whose weights are not printed: is there one set of weights, and what is each at least?

    The rows of `reader` are parts, named by `part`; `total` names the row of the totals. Where no
    table was released `registry` says which claims hold the printed parts: part -> column -> claim.
    """

    name: str
    part: str
    total: str
    columns: list[str]
    reader: str | None = None
    decimals: int = 2
    registry: dict[str, dict[str, str]] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)  # column -> project/claim
    note: str | None = None


class Source(Record, kw_only=True):
    """One source of published rows or masks: `reproduce/evidence/<id>.yaml`."""

    id: Slug
    repository: str | None = None  # owner/name on GitHub; None: none of its own
    commit: str | None = None
    commit_date: str | None = None
    licence: str | None = None
    history: str | None = None  # the files are only in the history: since when
    also_in: list[str] = field(default_factory=list)  # owner/name with the same history
    address: list[str] = field(default_factory=list)  # where files lie outside the repository
    rows: Level
    row: str
    data_set: str
    set: str | None = None
    method: str
    projects: list[str] = field(default_factory=list)
    paper: str | None = None
    checkpoints: dict[str, list[str]] = field(default_factory=dict)  # project -> checkpoints
    checkpoint_note: str | None = None
    claims: list[str] = field(default_factory=list)  # it speaks to, without rows under them
    files: list[TableFile] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    readers: dict[str, Reader] = field(default_factory=dict)
    aggregation: str | None = None
    checks: list[Check] = field(default_factory=list)
    every: list[Every] = field(default_factory=list)
    same_rows: list[SameRows] = field(default_factory=list)
    weights: list[Weights] = field(default_factory=list)
    state: State
    reason: str
    tried: list[str] = field(default_factory=list)
    needed: str | None = None
    found: str = "2026-11-29"

    @property
    def bears_on(self) -> list[str]:
        """Claims that it speaks to without rows under them, as project/claim."""
        return [*self.claims, *(c for w in self.weights for c in w.claims.values())]

    @property
    def computable(self) -> bool:
        """Whether there is anything to compute: rows, or printed parts of a printed total."""
        return bool(self.readers) or any(w.registry for w in self.weights)

    def column(self, name: str) -> Column:
        """The column's record; a plain one where none stands there."""
        return next((c for c in self.columns if c.name == name), Column(name=name))


# ------------------------------------------------------------------------------ what is computed


class TableRead(Record, kw_only=True):
    """A table as it was read; `sha256` is the recorded one, which its content had."""

    path: str
    commit: str
    sha256: str
    bytes: int


class Refused(Record, kw_only=True):
    """A value that no mask can have."""

    table: str
    row: str
    column: str
    value: float


class Rows(Record, kw_only=True):
    """What one reader found, by column: nothing there, NaN and the value 0 are three things."""

    reader: str
    rows: int
    files: int
    empty: dict[str, int] = field(default_factory=dict)
    nan: dict[str, int] = field(default_factory=dict)
    zero: dict[str, int] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # cases that some file lacks


class Tried(Record, kw_only=True):
    """One way from the rows to a number."""

    how: str
    value: float | None
    n: int
    meets: bool


class Answer(Record, kw_only=True):
    """What the rows say about one number. Fractions throughout; `printed` as it is printed."""

    name: str
    column: str
    value: float | None
    n: int
    how: str
    state: State
    claim: str | None = None
    printed: str | None = None
    scale: Scale = 1
    place: str | None = None
    row_decimals: int | None = None
    files: list[str] = field(default_factory=list)  # taken, of several
    files_left: list[str] = field(default_factory=list)  # of the same name, not taken
    interval: list[float] | None = None  # 95 %, where rows are cases
    empty: int = 0
    nan: int = 0
    zero: int = 0
    refused: int = 0
    sd: float | None = None
    reason: str | None = None
    parts: list[str] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)


class Item(Record, kw_only=True):
    """One printed value of a table that did not come out, or came out of some files only."""

    name: str
    column: str
    printed: float
    value: float | None
    n: int
    files: list[str] = field(default_factory=list)
    files_left: list[str] = field(default_factory=list)


class Whole(Record, kw_only=True):
    """What the rows say about a whole printed table, or about two tables of one thing."""

    name: str
    of: int
    agree: int
    largest_difference: float
    state: State
    how: str
    differing: list[Item] = field(default_factory=list)
    some_files: list[Item] = field(default_factory=list)  # one a name: columns have the same files
    reason: str | None = None


class Share(Record, kw_only=True):
    """Least and most that the weight of a part can be."""

    part: str
    least: float
    most: float


class Weighing(Record, kw_only=True):
    """Whether one set of weights gives all totals, and what it would have to be."""

    name: str
    columns: list[str]
    totals: list[float]
    unweighted: list[float]
    possible: bool
    shares: list[Share] = field(default_factory=list)
    claims: dict[str, str] = field(default_factory=dict)


class Recomputed(Record, kw_only=True):
    """`reproduce/results/recomputed/<source>.json`: evidence level recomputed."""

    schema: Literal["recomputed/1"]
    source: str
    record: str  # sha256 of what the record says about reading and checking
    repository: str
    rows: Level
    tables: list[TableRead]
    state: State
    reason: str | None
    read: list[Rows]
    answers: list[Answer] = field(default_factory=list)
    wholes: list[Whole] = field(default_factory=list)
    weighings: list[Weighing] = field(default_factory=list)
    content: str = ""  # sha256 of everything else in this document

    def answer(self, name: str) -> Answer:
        """The answer with this name. Raises `KeyError` where there is none."""
        found = next((a for a in self.answers if a.name == name), None)
        if found is None:
            raise KeyError(f"{self.source}: no check is called {name!r}")
        return found

    def whole(self, name: str) -> Whole:
        """The comparison with this name. Raises `KeyError` where there is none."""
        found = next((w for w in self.wholes if w.name == name), None)
        if found is None:
            raise KeyError(f"{self.source}: no comparison is called {name!r}")
        return found


# --------------------------------------------------------------------------------- reading them


def load_sources(root: Path) -> list[Source]:
    """The records of `reproduce/evidence`, by name. Raises `IncompleteError` with all problems."""
    from catalog.loading import IncompleteError, load_files

    try:
        return load_files(root, EVIDENCE, Source, lambda source: source.id)[1]
    except IncompleteError as error:
        raise IncompleteError(error.findings, error.records, []) from error


def load_recomputed(root: Path) -> list[Recomputed]:
    """What was computed from released rows, by name of the source."""
    found, findings = [], []
    for path in sorted((root / RECOMPUTED).glob("*.json")):
        try:
            found.append(json_in.decoded(path.read_bytes(), Recomputed))
        except (msgspec.DecodeError, OSError) as error:
            hint = f"sam4mis reproduce recompute {path.stem} writes it again."
            place = f"{RECOMPUTED}/{path.name}"
            findings.append(Finding(place, None, "", "S001", str(error), hint))
    if findings:
        raise FindingsError(findings)
    return found


def claim_answers(recomputed: list[Recomputed]) -> dict[str, tuple[Recomputed, Answer]]:
    """Claim as `project/id` -> the answer that released rows give; the highest level where several
    do."""
    found: dict[str, tuple[Recomputed, Answer]] = {}
    for result in sorted(recomputed, key=lambda r: (LEVELS.index(r.rows), r.source)):
        for answer in result.answers:
            if answer.claim is not None and answer.state != "not enough":
                found.setdefault(answer.claim, (result, answer))
    return found


def in_words(result: Recomputed, answer: Answer) -> str:
    """What rows say about one number, for a line of text."""
    value = "no value" if answer.value is None else f"{answer.value * answer.scale:.10g}"
    return (
        f"{answer.state}: {answer.n} {result.rows} of {result.source} give {value} ({answer.how})"
    )


def as_data(result: Recomputed, answer: Answer) -> dict[str, Any]:
    """What rows say about one number, for machines."""
    return {
        "says": answer.state,
        "source": result.source,
        "rows": result.rows,
        "value": answer.value,
        "n": answer.n,
        "interval": answer.interval,
        "how": answer.how,
    }


def as_json(result: Recomputed) -> bytes:
    """The document as it is stored: one key a line."""
    return msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"


def unsigned(result: Recomputed) -> dict[str, Any]:
    """Everything but the hash of it."""
    document: dict[str, Any] = msgspec.to_builtins(result)
    document.pop("content", None)
    return document
