"""A list of works with its sources, in a small form of our own (YAML), as drafts.

    works:
    - title: ...                        # as the list prints it
      source: {repository: owner/name, commit: <40 hex>, file: README.md, line: 544}
      authors: [Ada Lovelace, ...]      # null or left out: not known
      year: 2026
      kind: conference                  # as for versions; preprint where left out
      ids: {arxiv: '2607.07240'}        # as versions have them
      scope: in                         # borderline: into the queue, with `reason`
    excluded:                           # looked at and left out, remembered with the reason
    - {title: ..., ids: {}, reason: ..., file: README.md, line: 463}

Everything but title and source may be left out; the classes below name the rest. What is null is
not known. Every version is second hand; nothing is suggested, tags are those that the list states.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from msgspec import field

from catalog import identifiers, venues
from catalog.addresses import clean_url
from catalog.converting import convert
from catalog.decided import Venues
from catalog.errors import Finding, FindingsError, UsageError
from catalog.intake.draft import Draft
from catalog.intake.versions import page_of
from catalog.reading import Document, parse
from catalog.records import Ids, Inclusion, Record, SecondHand, Tag, Version, to_builtins
from catalog.text import clean

Kind = Literal["preprint", "workshop", "conference", "journal", "thesis", "report", "unknown"]


_ORIGIN = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40}):(.+)")


def origin_of(text: str) -> tuple[str, str, str]:
    """`owner/name@<commit>:<path>` taken apart. Raises `UsageError` where it is something else."""
    found = _ORIGIN.fullmatch(text)
    if not found:
        raise UsageError(f"--from {text}: expected owner/name@<40 hex digits>:<path>.")
    return found[1], found[2], found[3]


class Place(Record, kw_only=True):
    """A line of a file of a repository at a commit; without them, the repository at the commit."""

    repository: str
    commit: str
    file: str | None = None
    line: int | None = None
    agrees: list[str] = field(default_factory=list)
    code: str | None = None

    @property
    def address(self) -> str:
        """Its permanent address."""
        base = f"https://github.com/{self.repository}"
        if self.file is None:
            return f"{base}/tree/{self.commit}"
        line = f"#L{self.line}" if self.line else ""
        return f"{base}/blob/{self.commit}/{self.file}{line}"


class Again(Record, kw_only=True):
    """Another line of the same list about the same work."""

    file: str
    line: int
    title: str | None = None
    venue_printed: str | None = None


class Elsewhere(Record, kw_only=True):
    """A venue that the list does not print, and where it was seen."""

    venue: str
    where: str
    doi: str | None = None


class CodeSeen(Record, kw_only=True):
    """The commit at which the linked repository was seen, and how many files it had."""

    commit: str
    files: int


class ListLinks(Record, kw_only=True):
    """Addresses that the list prints for a work. `code_from`: the list that has the code."""

    paper: str | None = None
    code: str | None = None
    code_from: str | None = None
    other: list[str] = field(default_factory=list)


class Work(Record, kw_only=True):
    """One entry. `scope_from`: what was read for scope and tags, where it is not the title.

    `venue_printed`, `doubt`, `maybe_same_as` are for people; `ids_derived` has a DOI that follows
    from an address by the rule it names.
    """

    title: str
    source: Place
    name_in_list: str | None = None
    authors: list[str] | None = None
    authors_complete: bool = False
    year: int | None = None
    month: int | None = None
    kind: Kind = "preprint"
    venue: str | None = None
    venue_printed: str | None = None
    venue_seen_elsewhere: Elsewhere | None = None
    ids: Ids = field(default_factory=Ids)
    ids_derived: dict[str, str] = field(default_factory=dict)
    links: ListLinks = field(default_factory=ListLinks)
    code_seen: CodeSeen | None = None
    base_models: list[str] | None = None
    tags_from_title: dict[str, list[str]] = field(default_factory=dict)
    scope: Literal["in", "borderline"] = "in"
    scope_from: str | None = None
    reason: str | None = None
    evidence: Place | None = None
    also_in: list[Place] = field(default_factory=list)
    listed_again: list[Again] = field(default_factory=list)
    doubt: list[str] = field(default_factory=list)
    maybe_same_as: str | None = None


class Excluded(Record, kw_only=True):
    """A work that was looked at and left out."""

    title: str
    reason: str
    ids: Ids = field(default_factory=Ids)
    repository: str | None = None
    file: str | None = None
    line: int | None = None


def read_works_list(
    text: str, place: str, rules: Venues, origin: tuple[str, str] | None = None
) -> list[Draft]:
    """Drafts of all entries, the excluded ones last.

    origin: repository and commit of excluded entries that name only file and line. Raises
    `FindingsError` with everything that is wrong in the file.
    """
    document = parse(text, place)
    if not isinstance(document.data, dict) or not {"works", "excluded"} & set(document.data):
        hint = "Expected `works:` and `excluded:`, as CONTRIBUTING.md shows."
        raise FindingsError([Finding(place, 1, "", "B002", "is no list of works.", hint)])
    findings: list[Finding] = []
    drafts = [_draft(work, rules) for work in _records(document, "works", Work, findings)] + [
        _excluded(work, place, origin)
        for work in _records(document, "excluded", Excluded, findings)
    ]
    findings += [problem for draft in drafts for problem in draft.problems()]
    if findings:
        raise FindingsError(findings)
    return drafts


def _records(document: Document, key: str, shape: Any, findings: list[Finding]) -> list[Any]:
    found = []
    for number, raw in enumerate(document.data.get(key) or []):
        record, problems = convert(document, (key, number), raw, shape, f"{key}[{number}]")
        findings += problems
        if record is not None:
            found.append(record)
    return found


def _draft(work: Work, rules: Venues) -> Draft:
    versions = _versions(work, rules)
    for version in versions:
        version.second_hand = version.second_hand or SecondHand(source=work.source.address)
    draft = Draft(
        place=work.source.file or work.source.repository,
        line=work.source.line,
        title=clean(work.title),
        name=work.name_in_list,
        authors=[clean(name) for name in work.authors or []],
        complete=work.authors_complete,
        version=versions[0],
        published=versions[1:],
        sources=_sources(work),
        tags=_tags(work),
        title_aliases=[clean(again.title) for again in work.listed_again if again.title],
        inclusion=Inclusion(
            decision="include" if work.scope == "in" else "undecided", reason=work.reason
        ),
    )
    _links(draft, work.links)
    return draft


def _excluded(work: Excluded, place: str, origin: tuple[str, str] | None) -> Draft:
    sources = []
    if work.repository:
        sources = [f"https://github.com/{work.repository}"]
    elif origin and work.file:
        listed = Place(repository=origin[0], commit=origin[1], file=work.file, line=work.line)
        sources = [listed.address]
    version = Version(kind="preprint" if work.ids.arxiv else "unknown", ids=work.ids)
    return Draft(
        place=work.file or place,
        line=work.line,
        title=clean(work.title),
        authors=[],
        complete=False,
        version=version,
        sources=sources,
        tags={},
        inclusion=Inclusion(decision="exclude", reason=work.reason),
    )


def _versions(work: Work, rules: Venues) -> list[Version]:
    """The versions that an entry tells of, oldest first: preprint, published, seen elsewhere."""
    ids = Ids(**to_builtins(work.ids))
    ids.doi = ids.doi or work.ids_derived.get("doi")
    page = page_of(work.links.paper, ids)
    of_preprint = work.kind == "preprint" or venues.is_preprint(ids.doi)
    mine = Ids(arxiv=ids.arxiv)
    if of_preprint:
        names = ("openreview", *(("doi",) if venues.is_preprint(ids.doi) else ()))
        for name in names:
            setattr(mine, name, getattr(ids, name))
            setattr(ids, name, None)
    ids.arxiv = None
    versions = []
    year = str(work.year) if work.year else None
    if mine != Ids() or work.kind == "preprint":
        date = identifiers.arxiv_month(mine.arxiv) if mine.arxiv else year
        alone = page if mine == Ids() else None
        versions.append(Version(kind="preprint", ids=mine, date=date, url=alone))
    if work.kind != "preprint":
        kind, venue = _published(work, ids.doi, page, year or "", rules)
        date = venues.year_of(venue) or year
        version = Version(kind=kind, ids=ids, venue=venue, date=date, url=page)
        versions.append(version)
    elif ids != Ids():
        found, kind = venues.venue_of_doi(ids.doi or "", "", rules)
        venue = (found or "").strip() or None
        versions.append(Version(kind=kind, ids=ids, venue=venue))
    if seen := work.venue_seen_elsewhere:
        versions.append(_seen(seen, work, rules))
    return versions


def _published(
    work: Work, doi: str | None, page: str | None, year: str, rules: Venues
) -> tuple[Kind, str | None]:
    """Kind and venue as stated; where neither is, what the DOI or the address shows by itself."""
    if work.kind != "unknown" or work.venue:
        return work.kind, venues.spelled(work.venue, rules) if work.venue else None
    if doi:
        venue, kind = venues.venue_of_doi(doi, year, rules)
    else:
        venue, kind = venues.venue_of_address(page or "", year, rules)
    return kind, venue


def _seen(seen: Elsewhere, work: Work, rules: Venues) -> Version:
    where = f"{seen.where}: {work.evidence.address}" if work.evidence else seen.where
    kind = venues.venue_of_doi(seen.doi, "", rules)[1] if seen.doi else "unknown"
    return Version(
        kind=venues.kind_of(seen.venue, rules) if kind == "unknown" else kind,
        ids=Ids(doi=seen.doi),
        venue=venues.spelled(seen.venue, rules),
        date=venues.year_of(seen.venue),
        second_hand=SecondHand(source=where),
    )


def _tags(work: Work) -> dict[str, Tag]:
    """The tags that the list states, with what it says they rest on."""
    rests: Any = "title"
    if work.scope_from:
        words = work.scope_from.casefold()
        listed = words.startswith(("name in the list", "two lists", "title and"))
        rests = "abstract" if words.startswith("abstract") else "list" if listed else "page"
    tags = {
        name: Tag(values=values, provenance=rests) for name, values in work.tags_from_title.items()
    }
    if work.base_models:
        tags["base_models"] = Tag(values=work.base_models, provenance=rests)
    return tags


def _sources(work: Work) -> list[str]:
    found = [work.source.address]
    for again in work.listed_again:
        place = Place(
            repository=work.source.repository,
            commit=work.source.commit,
            file=again.file,
            line=again.line,
        )
        found.append(place.address)
    found += [place.address for place in work.also_in]
    if work.evidence:
        found.append(work.evidence.address)
    repository = identifiers.github(work.links.code or "")
    if work.code_seen and repository:
        found.append(f"https://github.com/{repository}/tree/{work.code_seen.commit}")
    return list(dict.fromkeys(found))


def _links(draft: Draft, links: ListLinks) -> None:
    """Addresses by what they are; what is none is left out and told."""
    for url in (links.code, *links.other):
        if not url:
            continue
        try:
            address = clean_url(url)
        except ValueError:
            draft.left_out[f"link {len(draft.left_out) + 1}"] = url
            continue
        if repository := identifiers.github(address):
            draft.code.append(f"https://github.com/{repository}")
        elif re.search(r"//huggingface\.co/datasets/|//zenodo\.org/", address):
            draft.links.setdefault("data", []).append(address)
        elif url == links.code and identifiers.huggingface(address):
            draft.code.append(address)
        else:
            draft.links.setdefault("page", []).append(address)
    draft.code = list(dict.fromkeys(draft.code))
