"""Works that are not listed yet: from arXiv and from other lists, scored, queued."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from catalog.duplicates import DuplicateIndex, decided_pairs
from catalog.errors import Finding, FindingsError
from catalog.intake.draft import Draft
from catalog.intake.markdown_list import read_markdown_list
from catalog.records import Record
from catalog.registry import Registry
from catalog.sources import github
from catalog.sources.http import Client, SourceError
from catalog.sources.screening import Candidate, Remembered, Screening, keys, names_of
from catalog.standing import taken_back

QUERY = "catalog/data/discovery_query.yaml"


class Rule(Record, kw_only=True):
    """One pattern and what it adds to a candidate's score."""

    pattern: str
    where: Literal["title", "abstract", "any"] = msgspec.field(name="in")
    weight: int
    why: str


class OtherList(Record, kw_only=True):
    """A list of works that somebody else keeps, in Markdown. `sections`: words of headings."""

    repository: str
    file: str
    sections: list[str] = msgspec.field(default_factory=list)


class QueryFile(Record, kw_only=True):
    """`catalog/data/discovery_query.yaml`."""

    models: list[str]
    fields: list[str]
    lists: list[OtherList] = msgspec.field(default_factory=list)
    threshold: int
    scores: list[Rule]


@dataclass(frozen=True)
class Query:
    """The query with its patterns compiled. `digest`: 12 hex digits of the file's sha256."""

    file: QueryFile
    digest: str

    @cached_property
    def patterns(self) -> list[tuple[Rule, re.Pattern[str]]]:
        return [(rule, re.compile(rule.pattern)) for rule in self.file.scores]

    def between(self, since: str, until: str) -> str:
        """In arXiv's language: works submitted from `since` to `until` (`YYYY-MM-DD`, included)."""
        first, last = since.replace("-", ""), until.replace("-", "")

        def one_of(words: list[str]) -> str:
            return " OR ".join(f'{field}:"{word}"' for word in words for field in ("ti", "abs"))

        asked = f"({one_of(self.file.models)}) AND ({one_of(self.file.fields)})"
        return f"{asked} AND submittedDate:[{first}0000 TO {last}2359]"

    def finds(self, title: str, abstract: str) -> bool:
        """Whether the search would: one of the models and one of the fields, as words in a row."""
        text = f" {' '.join(re.findall(r'[a-z0-9]+', f'{title} . {abstract}'.casefold()))} "

        def has(words: list[str]) -> bool:
            rows = (" ".join(re.findall(r"[a-z0-9]+", word.casefold())) for word in words)
            return any(f" {row} " in text for row in rows)

        return has(self.file.models) and has(self.file.fields)

    def score(self, title: str, abstract: str) -> tuple[int, list[str]]:
        """Sum of the weights of the rules that match, and their reasons."""
        texts = {"title": title, "abstract": abstract, "any": f"{title}\n{abstract}"}
        matched = [r for r, pattern in self.patterns if pattern.search(texts[r.where])]
        return sum(rule.weight for rule in matched), [rule.why for rule in matched]


def load_query(root: Path) -> Query:
    """The query of the registry in `root`, else the one that comes with the program.

    Raises `FindingsError` where it is broken.
    """
    from catalog import reading

    path = root / QUERY
    if path.is_file():
        text = reading.read_text(path, QUERY)
    else:
        text = files("catalog").joinpath("data", "discovery_query.yaml").read_text("utf-8")
    document = reading.parse(text, QUERY)
    try:
        query = Query(
            msgspec.convert(document.data, QueryFile),
            hashlib.sha256(text.encode()).hexdigest()[:12],
        )
        _ = query.patterns
    except (msgspec.ValidationError, re.error) as error:
        hint = "See the comments at the top of the file."
        raise FindingsError([Finding(QUERY, None, "", "S001", str(error), hint)]) from None
    return query


class Sieve:
    """Tells what is new among drafts, from one source after the other; each work counts once."""

    def __init__(self, registry: Registry, screening: Screening, query: Query, today: str) -> None:
        self.query, self.today = query, today
        self._index = DuplicateIndex(registry.papers, decided_pairs())
        self._remembered = Remembered.of(screening)
        self._seen: set[str] = set()

    def sift(self, drafts: Iterable[Draft]) -> tuple[list[Candidate], Counter[str]]:
        """New candidates, best first, and counts: `found` is the sum of `known`,
        `decided_before`, `queued_before`, `below_threshold` and `queued`."""
        fresh: list[Candidate] = []
        counts: Counter[str] = Counter()
        for draft in drafts:
            paper = draft.to_paper(set(), self.today)
            names = names_of(paper) or keys(paper)  # the title, where nothing else names it
            if not self._seen.isdisjoint(names):
                continue
            self._seen.update(names)
            counts["found"] += 1
            if self._remembered.decision_on(paper):
                counts["decided_before"] += 1
            elif self._remembered.waits(paper):
                counts["queued_before"] += 1
            elif isinstance(judged := self._judge(draft), str):
                counts[judged] += 1
            else:
                counts["queued"] += 1
                fresh.append(judged)
        return sorted(fresh, key=lambda c: (-c.score, c.id)), counts

    def _judge(self, draft: Draft) -> Candidate | Literal["known", "below_threshold"]:
        paper = draft.to_paper(set(), self.today)
        matches = self._index.matches(paper)
        if any(match.level in ("identifier", "title") for match in matches):
            return "known"
        score, why = self.query.score(draft.title, draft.abstract)
        if score < self.query.file.threshold:
            return "below_threshold"
        if notice := taken_back(paper):
            why = [*why, f"{notice.kind}, says {notice.source}"]
        return Candidate(
            record=paper,
            score=score,
            why=why,
            found=self.today,
            looks_like=matches[0].paper_id if matches else None,
            abstract=draft.abstract,
        )


def entries_of(client: Client, other: OtherList) -> tuple[str, list[Draft]]:
    """Where a list of somebody else is now (`owner/name@<commit>:<file>`), and its entries.

    Raises `SourceError`, `FindingsError` where nothing in it is an entry.
    """
    commit = github.newest_commit(client, other.repository)
    if commit is None:
        raise SourceError(github.SERVICE, "status", f"has no {other.repository}", 404)
    place = f"{other.repository}@{commit}:{other.file}"
    content = github.file_at(client, other.repository, commit, other.file)
    return place, read_markdown_list(content.decode("utf-8", "replace"), place, other.sections)
