"""Works on arXiv that are not listed yet: asked for with the kept query, scored, queued."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from catalog.duplicates import DuplicateIndex, decided_pairs
from catalog.errors import Finding, FindingsError
from catalog.records import Paper, Record
from catalog.registry import Registry
from catalog.sources import arxiv_
from catalog.sources.http import Client
from catalog.sources.screening import Candidate, Remembered, Screening, Search
from catalog.sources.sighting import Sighting
from catalog.standing import taken_back

QUERY = "catalog/data/discovery_query.yaml"


class Rule(Record, kw_only=True):
    """One pattern and what it adds to a candidate's score."""

    pattern: str
    where: Literal["title", "abstract", "any"] = msgspec.field(name="in")
    weight: int
    why: str


class QueryFile(Record, kw_only=True):
    """`catalog/data/discovery_query.yaml`."""

    query: str
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
        """The query for works submitted from `since` to `until` (`YYYY-MM-DD`, both included)."""
        first, last = since.replace("-", ""), until.replace("-", "")
        words = " ".join(self.file.query.split())
        return f"({words}) AND submittedDate:[{first}0000 TO {last}2359]"

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


def discover(
    client: Client,
    registry: Registry,
    screening: Screening,
    query: Query,
    since: str,
    until: str,
    today: str,
) -> tuple[list[Candidate], Search]:
    """New candidates, best first, and the counts of the search. Raises `SourceError`.

    Every record found is counted once: known, decided before, queued before, below the threshold
    or queued.
    """
    index = DuplicateIndex(registry.papers, decided_pairs())
    remembered = Remembered.of(screening)
    counts = dict.fromkeys(("known", "decided_before", "queued_before", "below_threshold"), 0)
    fresh: dict[str, Candidate] = {}
    seen: set[str] = set()
    for sighting in arxiv_.by_query(client, query.between(since, until), None):
        arxiv = sighting.draft.version.ids.arxiv
        if arxiv is None or arxiv in seen:
            continue
        seen.add(arxiv)
        paper = sighting.draft.to_paper(set(), today)
        if remembered.decision_on(paper):
            counts["decided_before"] += 1
        elif remembered.waits(paper):
            counts["queued_before"] += 1
        else:
            state, candidate = _judge(sighting, paper, index, query, today)
            if candidate is None:
                counts[state] += 1
            else:
                fresh[arxiv] = candidate
    search = Search(
        date=today,
        since=since,
        until=until,
        query=query.digest,
        found=len(seen),
        queued=len(fresh),
        **counts,
    )
    return sorted(fresh.values(), key=lambda c: (-c.score, c.id)), search


def _judge(
    sighting: Sighting, paper: Paper, index: DuplicateIndex, query: Query, today: str
) -> tuple[str, Candidate | None]:
    """What becomes of a record that was never seen before."""
    draft = sighting.draft
    matches = index.matches(paper)
    if any(match.level in ("identifier", "title") for match in matches):
        return "known", None
    score, why = query.score(draft.title, draft.abstract)
    if score < query.file.threshold:
        return "below_threshold", None
    if notice := taken_back(paper):
        why = [*why, f"{notice.kind}, says {notice.source}"]
    return "queued", Candidate(
        record=paper,
        score=score,
        why=why,
        found=today,
        looks_like=matches[0].paper_id if matches else None,
        abstract=draft.abstract,
    )
