"""Finding a work that is already there.

Three levels, from certain to likely:

1. `identifier`: a version of both has the same arXiv id, DOI, PubMed, IEEE ... number;
2. `title`: the same title or former title (case, accents and punctuation aside), and first authors
   that can be the same person;
3. `similar`: nearly the same title, or the same short name, and authors that can be the same.

Digits and version marks must agree at levels 2 and 3: SAM-Med2D is not SAM-Med3D, SemiSAM+ is not
SemiSAM, however similar the names look. Pairs in `catalog/decisions/not_duplicates.yaml` were
looked at by a person and are not reported at levels 2 and 3.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

from catalog.records import Ids, Paper
from catalog.registry import Registry
from catalog.slugs import slugify, surname
from catalog.titles import normal_title

Level = Literal["identifier", "title", "similar"]
SIMILAR = 90.0  # percent of rapidfuzz's token ratio; below it chance pairs of this field appear
RAREST = 4  # words of a title by which works are brought together for comparing
_LEVELS: dict[Level, int] = {"identifier": 0, "title": 1, "similar": 2}


@dataclass(frozen=True, slots=True)
class Match:
    """A work in the registry that may be the same. `since` says when or whence it came."""

    level: Level
    paper_id: str
    reason: str
    since: str | None = None


def find_duplicates(registry: Registry, paper: Paper) -> list[Match]:
    """Works that may be the same as `paper`, surest first; the work itself is left out."""
    candidates = [other for other in registry.papers if _plausible(paper, other)]
    return DuplicateIndex(candidates, decided_pairs(registry.root)).matches(paper)


def _plausible(paper: Paper, other: Paper) -> bool:
    """A quick look: can `other` match at all? By an identifier, or by an author's surname."""
    if not paper.authors or not other.authors:
        return True
    if slugify(surname(paper.authors[0])) in _surnames(tuple(other.authors[:6])):
        return True
    if slugify(surname(other.authors[0])) in _surnames(tuple(paper.authors[:6])):
        return True
    return not identifiers_of(paper).isdisjoint(identifiers_of(other))


@lru_cache(maxsize=100_000)
def _surnames(authors: tuple[str, ...]) -> frozenset[str]:
    return frozenset(slugify(surname(name)) for name in authors)


def decided_pairs(root: Path | None = None) -> set[frozenset[str]]:
    """Pairs of ids that a person has declared different works."""
    from catalog.decided import decisions

    pairs: set[frozenset[str]] = set()
    for decision in decisions(root).not_duplicates:
        ids = decision.papers
        pairs |= {frozenset((a, b)) for i, a in enumerate(ids) for b in ids[i + 1 :]}
    return pairs


class DuplicateIndex:
    """Works by identifier, title and short name. Building it is linear in their number."""

    def __init__(self, papers: Iterable[Paper], decided: set[frozenset[str]] | None = None) -> None:
        self.papers = list(papers)
        self.decided = decided or set()
        self._keys_of: dict[str, list[tuple[tuple[str, ...], str]]] = {}

    @cached_property
    def by_identifier(self) -> dict[tuple[str, str], list[Paper]]:
        index: dict[tuple[str, str], list[Paper]] = {}
        for paper in self.papers:
            for key in identifiers_of(paper):
                index.setdefault(key, []).append(paper)
        return index

    @cached_property
    def by_title(self) -> dict[str, list[Paper]]:
        index: dict[str, list[Paper]] = {}
        for paper in self.papers:
            for title in titles_of(paper):
                index.setdefault(title, []).append(paper)
        return index

    @cached_property
    def by_short_name(self) -> dict[str, list[Paper]]:
        index: dict[str, list[Paper]] = {}
        for paper in self.papers:
            if paper.short_name:
                index.setdefault(_compact(paper.short_name), []).append(paper)
        return index

    @cached_property
    def word_counts(self) -> Counter[str]:
        """In how many titles each word stands."""
        return Counter(
            word for paper in self.papers for title in titles_of(paper) for word in _words(title)
        )

    @cached_property
    def by_block(self) -> dict[tuple[str, tuple[str, ...], str], list[Paper]]:
        """Works by (first author's surname, version marks, one of the rarest words of a title).

        Comparing every title with every other grows with the square of their number; titles that
        are 90 % alike share one of their rarest words. Under the surname "*" stand all works.
        """
        index: dict[tuple[str, tuple[str, ...], str], list[Paper]] = {}
        for paper in self.papers:
            who = _first_surname(paper)
            for key in {key for title in titles_of(paper) for key in self._keys(title)}:
                index.setdefault((who, *key), []).append(paper)
                index.setdefault(("*", *key), []).append(paper)
        return index

    def _keys(self, title: str) -> list[tuple[tuple[str, ...], str]]:
        if title not in self._keys_of:
            counts = self.word_counts
            rarest = sorted((counts[word], word) for word in _words(title) if word in counts)
            marks = version_marks(title)
            self._keys_of[title] = [(marks, word) for _, word in rarest[:RAREST]]
        return self._keys_of[title]

    def matches(self, paper: Paper) -> list[Match]:
        """As `find_duplicates`."""
        found: dict[str, Match] = {}

        def add(level: Level, other: Paper, reason: str) -> None:
            if other.id == paper.id:
                return
            if level != "identifier" and frozenset((paper.id, other.id)) in self.decided:
                return
            found.setdefault(other.id, Match(level, other.id, reason, since(other)))

        for kind, value in identifiers_of(paper):
            for other in self.by_identifier.get((kind, value), ()):
                add("identifier", other, f"both have {kind} {value}")
        for title in titles_of(paper):
            for other in self.by_title.get(title, ()):
                if compatible(paper, other):
                    add("title", other, "same title and a first author who can be the same")
        if paper.short_name:
            for other in self.by_short_name.get(_compact(paper.short_name), ()):
                if compatible(paper, other) and _same_subject(paper, other):
                    add("similar", other, f"same short name {other.short_name!r} and first author")
        for other, score in self._similar(paper):
            add("similar", other, f"titles are {score:.0f} % alike, first author can be the same")
        return sorted(found.values(), key=lambda match: _LEVELS[match.level])

    def _similar(self, paper: Paper) -> Iterator[tuple[Paper, float]]:
        from rapidfuzz import fuzz

        who = _first_surname(paper)
        own = titles_of(paper)
        candidates: dict[str, Paper] = {}
        for key in {key for title in own for key in self._keys(title)}:
            for name in (who, "") if who else ("*",):
                candidates |= {other.id: other for other in self.by_block.get((name, *key), ())}
        for other in candidates.values():
            if other.id == paper.id or not compatible(paper, other):
                continue
            best = max(
                (
                    fuzz.token_sort_ratio(a, b, score_cutoff=SIMILAR)
                    for a in own
                    for b in titles_of(other)
                    if version_marks(a) == version_marks(b)
                ),
                default=0.0,
            )
            if best >= SIMILAR:
                yield other, best


def duplicate_pairs(
    papers: list[Paper], decided: set[frozenset[str]] | None = None
) -> list[tuple[Paper, Match]]:
    """Every pair of works that may be one, each once."""
    index = DuplicateIndex(papers, decided)
    order = {paper.id: number for number, paper in enumerate(papers)}
    return [
        (paper, match)
        for paper in papers
        for match in index.matches(paper)
        if order[match.paper_id] < order[paper.id]
    ]


def identifiers_of(paper: Paper) -> set[tuple[str, str]]:
    """(kind, value) of every identifier of every version; DOIs in lower case."""
    found = set()
    for version in paper.versions:
        for kind in Ids.__struct_fields__:
            if value := getattr(version.ids, kind):
                found.add((kind, value.lower() if kind == "doi" else value))
                if kind == "doi" and value.lower().startswith("10.48550/arxiv."):
                    found.add(("arxiv", value.lower().removeprefix("10.48550/arxiv.")))
    return found


def titles_of(paper: Paper) -> list[str]:
    """The normal forms of all titles of a work, present one first."""
    titles = [paper.title, *paper.title_aliases, *(v.title for v in paper.versions if v.title)]
    return list(dict.fromkeys(map(normal_title, titles)))


def _words(normal: str) -> set[str]:
    """Words of a normalised title that tell it from others; digits are compared elsewhere."""
    return {word for word in normal.split() if len(word) > 2 and not word.isdigit()}


@lru_cache(maxsize=200_000)
def version_marks(normal: str) -> tuple[str, ...]:
    """What tells siblings apart in a normalised title: numbers, 2d and 3d, plus."""
    text = re.sub(r"(?<=\d) (?=\d{3}\b)", "", normal)  # 2,048 is 2048
    return tuple(sorted(re.findall(r"\d+d?(?![a-z])|\d+|\bplus\b", text)))


def compatible(one: Paper, other: Paper) -> bool:
    """Whether the first author of one can be the first author, or an author, of the other."""
    if not one.authors or not other.authors:
        return True
    return any(same_person(one.authors[0], name) for name in other.authors[:6]) or any(
        same_person(other.authors[0], name) for name in one.authors[:6]
    )


def same_person(one: str, other: str) -> bool:
    """Whether two bylines can name one person: the same surname, first names that agree."""
    if slugify(surname(one)) != slugify(surname(other)):
        return False
    a, b = slugify(one).split("-")[0], slugify(other).split("-")[0]
    return a[:1] == b[:1] if len(a) <= 2 or len(b) <= 2 else a == b or a[0] == b[0]


def _same_subject(one: Paper, other: Paper) -> bool:
    """Same short name is a sign only when the digits of the names agree too."""
    return version_marks(normal_title(one.short_name or "")) == version_marks(
        normal_title(other.short_name or "")
    )


def since(paper: Paper) -> str | None:
    """When or whence a work came into the registry."""
    if paper.added:
        return paper.added
    return f"the SAM4MIS list, row {paper.rows[0]}" if paper.rows else None


def _compact(name: str) -> str:
    return slugify(name).replace("-", "")


def _first_surname(paper: Paper) -> str:
    return slugify(surname(paper.authors[0])) if paper.authors else ""
