"""Words of claims that nobody knows, licences, where hashes come from, and who printed a number.

Every word is compared with what runs and adapters say, so one that stands nowhere would compare
with nothing: it is refused with the nearest that is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from catalog.checks.seen import Told
from catalog.licences import known_expression
from catalog.protocol_words import Words, words
from catalog.records import OWN, Checkpoint, Claim, Project, ProtocolField, RunOptions

WORDS = "catalog/data/protocol_words.yaml"
CANDIDATE = re.compile(r"candidate:\d+")
PINNED = re.compile(r"([\w.-]+/[\w.-]+)@[0-9a-f]{40}:.+")
BEFORE_OWNERS = frozenset({"api", "repos", "models", "datasets", "spaces"})
OF_NOBODY = frozenset({("file", "d"), ("drive", "folders"), ("ndownloader", "files")})


@dataclass(frozen=True, slots=True)
class Readable:
    """What `reproduce` can do, by the files it leaves behind. None: this registry has none.

    prompts   profiles as `name/version`
    datasets  readers -> their splits
    options   readers -> the options they have
    labels    readers -> their classes; none where the folder says which there are
    """

    prompts: frozenset[str] | None
    datasets: Mapping[str, frozenset[str]] | None
    options: Mapping[str, frozenset[str]]
    labels: Mapping[str, frozenset[str]]


def check(project: Project, readable: Readable, printers: frozenset[str]) -> Iterator[Told]:
    """Problems of one project. `printers`: ids of works and projects that may print a number."""
    known = words()
    for name in ("code", "weights"):
        yield from _licence(("licences", name), getattr(project.licences, name))
    for number, checkpoint in enumerate(project.checkpoints or []):
        where = ("checkpoints", number)
        yield from _licence((*where, "licence"), checkpoint.licence)
        for path, message, hint in _hash_sources(project, checkpoint):
            yield "C016", (*where, *path), f"checkpoint {checkpoint.id!r}: {message}", hint
    for number, claim in enumerate(project.claims):
        told = [*_words(claim, known, readable), *_printed(project, claim, printers)]
        for code, path, message, hint in told:
            yield code, ("claims", number, *path), f"claim {claim.id!r}: {message}", hint


def _words(claim: Claim, known: Words, readable: Readable) -> Iterator[Told]:
    path: tuple[str | int, ...]
    for name in Words.__struct_fields__:
        if name in ("splits", "datasets", "metric_profile"):
            continue
        field: ProtocolField = getattr(claim.protocol, name)
        allowed = set(getattr(known, name))
        if name == "prompt_profile":
            if readable.prompts is None:
                continue
            allowed |= readable.prompts
        if not _is_word(name, field.value, allowed):
            path = ("protocol", name, "value")
            yield "C013", path, _unknown(name, field.value), _nearest(str(field.value), allowed)
    if readable.datasets is None:
        return
    readers = set(readable.datasets)
    plugin = (claim.run or RunOptions()).dataset_plugin
    for path, value, allowed in (
        (("dataset",), claim.dataset, readers | set(known.datasets)),
        (("run", "dataset_plugin"), plugin, readers),
    ):
        if value is not None and value not in allowed:
            yield "C014", path, _unknown(str(path[-1]), value), _nearest(value, allowed)
    # Where the data set is a typing error, its reader is not known: any reader's split will do.
    reader = plugin or claim.dataset or ""
    own = readable.datasets.get(reader)
    if own is None and claim.dataset not in known.datasets:
        own = frozenset().union(*readable.datasets.values())
    yield from _options(claim, readable.options.get(reader, frozenset()), reader in readers)
    yield from _classes(claim, readable.labels.get(reader, frozenset()))
    splits = set(known.splits) | (own or frozenset())
    if claim.split is not None and claim.split not in splits:
        yield "C014", ("split",), _unknown("split", claim.split), _nearest(claim.split, splits)


def _options(claim: Claim, options: frozenset[str], read: bool) -> Iterator[Told]:
    """Options that the reader of a claim's data does not have; `read`: there is a reader."""
    named: list[tuple[tuple[str | int, ...], str]] = [
        (("run", "dataset"), name) for name in (claim.run or RunOptions()).dataset
    ]
    if claim.set is not None and read:
        named.append((("set",), "set"))
    for path, name in named:
        if name not in options:
            hint = f"Options: {', '.join(sorted(options)) or 'none'}."
            yield "C014", path, _unknown("data set option", name), hint


def _classes(claim: Claim, known: frozenset[str]) -> Iterator[Told]:
    """Classes that the data set does not have, where its reader lists those it has, and the claim
    makes no others of its numbers."""
    renamed = (claim.run or RunOptions()).labels
    twice = sorted({v for v in renamed.values() if list(renamed.values()).count(v) > 1})
    for value in twice:
        which = ", ".join(repr(name) for name, v in renamed.items() if v == value)
        hint = "Each class of the model is one of the data set's."
        yield "C020", ("run", "labels"), f"{which} are all {value!r}", hint
    if "labels" in (claim.run or RunOptions()).dataset:
        return
    named: list[tuple[tuple[str | int, ...], str | None]] = [(("label",), claim.label)]
    named += [(("run", "labels", k), v) for k, v in (claim.run or RunOptions()).labels.items()]
    for path, name in named:
        if known and name is not None and name not in known:
            hint = f"Classes: {', '.join(sorted(known))}."
            yield "C020", path, _unknown("class", name), hint


def _is_word(name: str, value: Any, allowed: set[str]) -> bool:
    if value is None:
        return True
    if name == "threshold" and isinstance(value, int | float) and not isinstance(value, bool):
        return 0 <= value <= 1
    if name == "mask_selection" and CANDIDATE.fullmatch(str(value)):
        return True
    return isinstance(value, str) and value in allowed


def _licence(path: tuple[str | int, ...], expression: str | None) -> Iterator[Told]:
    if expression is None:
        return
    wrong, nearest = known_expression(expression)
    if wrong is not None:
        hint = f"Nearest: {nearest!r}. " if nearest else ""
        hint += "An SPDX expression, LicenseRef-<name> for what SPDX lacks, or none."
        yield "C015", path, f"{expression!r}: {wrong}", hint


def _hash_sources(
    project: Project, checkpoint: Checkpoint
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Sources that cannot be what they say: `authors` in no repository of the project, `host` or
    `fetched` at no address of the checkpoint."""
    if checkpoint.sha256_from and checkpoint.sha256 is None:
        yield ("sha256_from",), "says where a sha256 was read and has none", "Add `sha256:`."
    for number, source in enumerate(checkpoint.sha256_from):
        if source.by == "fetched" and source.place not in checkpoint.urls:
            hint = "Only a file from one of the recorded `urls` is the released one."
            path = ("sha256_from", number, "place")
            yield path, f"fetched from {source.place!r}, which is none of its addresses", hint
        elif source.by == "host" and not _same_host(source.place, checkpoint.urls):
            hint = "Give the file's own page at that host; `others` where it is another's."
            yield (
                ("sha256_from", number),
                f"the host's own, and {source.place!r} is on none of the hosts of its addresses",
                hint,
            )
        elif source.by == "authors" and not _of_authors(project, source.place):
            hint = "<owner>/<name>@<commit>:<path> of a recorded repository; else `others`."
            yield (
                ("sha256_from", number),
                f"the authors', and {source.place!r} is in no repository of the project",
                hint,
            )


def _same_host(place: str, addresses: Iterable[str]) -> bool:
    """Whether an address is of the host of one of others, and of the same owner or record there:
    on a host of many (`huggingface.co/owner/name`, `zenodo.org/records/1`) the path begins with
    the same two parts; behind words that stand before every owner, such as `api`. What comes
    later may be called like anybody."""
    read = urlsplit(place)
    return any(
        read.hostname and read.hostname == address.hostname and _owner(read) == _owner(address)
        for address in map(urlsplit, addresses)
    )


def _owner(address: SplitResult) -> tuple[list[str], str]:
    """Whose a page of a host is: two parts of its path; three, and the query, where they name no
    owner (`drive.google.com/file/d/ID`, `uc?id=ID`)."""
    parts = [part for part in address.path.split("/") if part]
    while parts and parts[0] in BEFORE_OWNERS:
        parts = parts[1:]
    if len(parts) < 2:
        return parts, address.query
    return parts[: 3 if tuple(parts[:2]) in OF_NOBODY else 2], ""


def _of_authors(project: Project, place: str) -> bool:
    """Whether a place lies in a repository of the project; the self-test's weights lie here."""
    if project.slug == "selftest":
        return True
    own = [project.repository, *(project.further_repositories or [])]
    names = {"/".join(r.url.removesuffix(".git").split("/")[-2:]).casefold() for r in own if r}
    pinned = PINNED.fullmatch(place)
    return pinned is not None and pinned[1].casefold() in names


def _printed(project: Project, claim: Claim, printers: frozenset[str]) -> Iterator[Told]:
    if claim.printed_by is None:
        hint = "`own`: the project it is about printed it; else the work or project that did."
        yield "C017", ("printed_by",), "who printed the number is not said", hint
    elif claim.printed_by == OWN:
        named = re.match(r"([\w.-]+/[\w.-]+)@", claim.source.version or "")
        own = (project.repository.url if project.repository else "").casefold().rstrip("/")
        if named and not own.removesuffix(".git").endswith(f"/{named[1].casefold()}"):
            message = f"printed by its own project, and its source is {named[1]}"
            yield "C017", ("printed_by",), message, "Name the work or project that printed it."
    elif claim.printed_by not in printers:
        message = f"there is no work or project {claim.printed_by!r}"
        yield "C017", ("printed_by",), message, _nearest(claim.printed_by, printers)


def _unknown(field: str, value: object) -> str:
    return f"unknown {field.replace('_', ' ')} {value!r}"


def _nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`; there always is one, and it may be far off."""
    from rapidfuzz.distance import JaroWinkler

    best = max(sorted(known), key=lambda k: JaroWinkler.normalized_similarity(word, k))
    return f"Nearest: {best!r}. A new word is defined in {WORDS} first."
