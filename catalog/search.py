"""Search over titles (old and new), short names, authors, tags and identifiers; forgives typos.

Every word of the query must be found in a work, exactly, as the start of a word or with a typo;
digits must match exactly, because SAM-Med2D is not SAM-Med3D.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from catalog import kept
from catalog.facets import TAG_FACETS, Work, nearest, tag_values
from catalog.reading import collector_off
from catalog.records import Paper
from catalog.registry import Registry
from catalog.text import fold, search_words
from catalog.vocabulary import vocabularies

_READING = (
    "search.py",
    "facets.py",
    "text.py",
    "exports/citation.py",
    "data/vocabularies.yaml",
)  # what an index rests on

# weight of a word found in a field; a short name counts most, a tag least
_WEIGHTS = {
    "short name": 1.0,
    "identifier": 1.0,
    "title": 0.9,
    "earlier title": 0.85,
    "author": 0.7,
    "dataset": 0.6,
    "tag": 0.5,
    "venue": 0.4,
    "one of many": 0.3,  # a modality of a work that names several without a list
}
_TITLES = ("short name", "title", "earlier title")
_NAMED = (*_TITLES, "identifier")
_TYPO = 78.0  # rapidfuzz ratio from which a word counts as the same with a typo
_SHORTEST_WITH_TYPO = 4
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A work that was found. `score` in (0, 1]; `fields`: where the words stood, best first."""

    work: Work
    score: float
    fields: tuple[str, ...]


_FIELDS = tuple(_WEIGHTS)


class Words(msgspec.Struct):
    """Where every word, and every whole name of a work, stands.

    A place is one integer, `number of the work * len(_FIELDS) + number of the field`, so that an
    index of thousands of works is read again in milliseconds.
    """

    words: dict[str, list[int]]
    names: dict[str, list[int]]

    @staticmethod
    def of(all_works: list[Work]) -> Words:
        """Read the works."""
        builder = _Builder()
        with collector_off():
            for number, work in enumerate(all_works):
                builder.add(number, work)
            return Words(_packed(builder.words), _packed(builder.names))


def _packed(places: dict[str, dict[int, str]]) -> dict[str, list[int]]:
    code = {name: at for at, name in enumerate(_FIELDS)}
    size = len(_FIELDS)
    return {w: [n * size + code[f] for n, f in at.items()] for w, at in places.items()}


def _places(packed: list[int]) -> Iterator[tuple[int, str]]:
    for place in packed:
        number, field = divmod(place, len(_FIELDS))
        yield number, _FIELDS[field]


class _Builder:
    def __init__(self) -> None:
        self.words: defaultdict[str, dict[int, str]] = defaultdict(dict)
        self.names: defaultdict[str, dict[int, str]] = defaultdict(dict)

    def add(self, number: int, work: Work) -> None:
        # lightest field first, so that a word's heaviest place stays
        for field, text in _texts(work):
            read = search_words(text)
            folded = " ".join(read)
            for word in read:
                self.words[word][number] = field
            if field in _TITLES:
                for word in _joined(text, folded):
                    self.words[word][number] = field
            if field in _NAMED:
                for name in _full_names(field, text, folded):
                    self.names[name][number] = field


class Index:
    """Words of all works, each with the places it stands in. Built once, searched many times."""

    def __init__(self, all_works: list[Work], words: Words | None = None) -> None:
        self.works = all_works
        kept = words or Words.of(all_works)
        self._words, self._names = kept.words, kept.names

    @classmethod
    def kept(cls, registry: Registry, chosen: list[Work]) -> Index:
        """As `Index(chosen)`, from the registry's cache if the same content was indexed before.

        `chosen` must follow from the registry's files alone: the selection without any filter.
        """
        if not {"papers", "projects"} <= registry.keys.keys():  # some file could not be read
            return cls(chosen)
        code = (Path(__file__).parent / name for name in _READING)
        content = [registry.keys["papers"].encode(), registry.keys["projects"].encode()]
        key = kept.key_of(*content, *(path.read_bytes() for path in code))
        words = kept.read(registry.root, "search", key, Words)
        if words is None:
            words = Words.of(chosen)
            kept.write(registry.root, "search", key, words)
        return cls(chosen, words)

    def search(self, query: str, limit: int | None = None) -> list[Hit]:
        """The works that hold every word of `query`, best first."""
        words = search_words(query)
        if not words:
            return []
        found = self._all_words(words)
        for number, field in _places(self._names.get("".join(words), [])):
            found[number] = (1.0, (field,))
        likeness = _likeness(query, [self.works[n].paper for n in found])
        hits = [
            Hit(self.works[n], round(0.9 * score + 0.1 * like, 4), fields)
            for (n, (score, fields)), like in zip(found.items(), likeness, strict=True)
        ]
        hits.sort(key=lambda hit: (-hit.score, -(hit.work.year or 0), hit.work.paper.title))
        return hits[:limit]

    def _all_words(self, words: list[str]) -> dict[int, tuple[float, tuple[str, ...]]]:
        """Works holding all `words`: mean over the words of weight x nearness, and the fields."""
        total: dict[int, tuple[float, tuple[str, ...]]] | None = None
        for word in words:
            matched = self._one_word(word)
            if total is None:
                total = {n: (score, (field,)) for n, (score, field) in matched.items()}
            else:
                total = {
                    n: (total[n][0] + score, _with(total[n][1], field))
                    for n, (score, field) in matched.items()
                    if n in total
                }
        return {n: (score / len(words), fields) for n, (score, fields) in (total or {}).items()}

    def _one_word(self, word: str) -> dict[int, tuple[float, str]]:
        best: dict[int, tuple[float, str]] = {}
        for known, nearness in self._near(word).items():
            for number, field in _places(self._words[known]):
                score = nearness * _WEIGHTS[field]
                if score > best.get(number, (0.0, ""))[0]:
                    best[number] = (score, field)
        return best

    def _near(self, word: str) -> dict[str, float]:
        """Known words that may be meant by `word`, with a nearness in (0, 1]."""
        near = {word: 1.0} if word in self._words else {}
        digits = _DIGITS.findall(word)
        for known in self._vocabulary:
            if known != word and known.startswith(word) and len(word) > 1:
                near[known] = 0.75 + 0.2 * len(word) / len(known)
        if len(word) >= _SHORTEST_WITH_TYPO and word not in self._words:
            from rapidfuzz import fuzz, process

            for known, score, _ in process.extract(
                word, self._vocabulary, scorer=fuzz.ratio, score_cutoff=_TYPO, limit=25
            ):
                if known not in near and _DIGITS.findall(known) == digits:
                    near[known] = 0.7 * score / 100
        return near

    def near(self, query: str) -> list[str]:
        """Up to three names of works that a query which finds nothing may mean."""
        names = [work.paper.short_name or work.paper.title for work in self.works]
        return nearest(query, names)

    @cached_property
    def _vocabulary(self) -> list[str]:
        return sorted(self._words)


def _likeness(query: str, papers: list[Paper]) -> list[float]:
    """How like the whole query a short name or title is (0-1): orders works with the same words."""
    from rapidfuzz import fuzz

    asked = "".join(search_words(query))
    return [
        max(
            fuzz.ratio(asked, "".join(search_words(text)))
            for text in (paper.short_name or "", paper.title, *paper.title_aliases)
        )
        / 100
        for paper in papers
    ]


def _with(fields: tuple[str, ...], field: str) -> tuple[str, ...]:
    return fields if field in fields else (*fields, field)


def _full_names(field: str, text: str, folded: str) -> list[str]:
    """What counts as a work's whole name: short name, identifier, title, title up to a colon."""
    names = [folded.replace(" ", "")]
    head, colon, _ = text.partition(":")
    if colon and field != "identifier":
        names.append("".join(search_words(head)))
    return names


def _joined(text: str, folded: str) -> set[str]:
    """Words that hyphens or spaces cut, as one: SAM-Med2D as sammed2d; initials of a name: MSA."""
    whole = folded.replace(" ", "")
    parts = (fold(part).replace(" ", "") for part in text.split() if "-" in part)
    head = search_words(text.partition(":")[0])
    initials = "".join(word[0] for word in head) if 3 <= len(head) <= 5 else ""
    return {part for part in (*parts, whole, initials) if 1 < len(part) <= 24}


def _texts(work: Work) -> list[tuple[str, str]]:
    """(field, text) of everything a reader may look for, lightest field first.

    What is only looked for by its words (authors, tags, venues) comes as one text.
    """
    paper = work.paper
    tags = [v for name in TAG_FACETS.values() for v in tag_values(getattr(paper, name))]
    tags += [f"{prompt} prompt" for prompt in work.values("prompt")]
    venues = [version.venue for version in paper.versions if version.venue]
    several = "multi" in tag_values(paper.modalities)
    texts = [
        ("one of many", " ".join(vocabularies()["modalities"].terms) if several else ""),
        ("venue", " ".join([*venues, str(work.year or "")])),
        ("tag", " ".join(tags)),
        ("dataset", " ".join(tag_values(paper.datasets))),
        ("author", " ".join(paper.authors)),
    ]
    earlier = [version.title for version in paper.versions if version.title]
    texts += [("earlier title", title) for title in (*paper.title_aliases, *earlier)]
    texts.append(("title", paper.title))
    texts += [("identifier", name) for name in (paper.id, *paper.aliases)]
    for version in paper.versions:
        ids = version.ids
        values = (ids.arxiv, ids.doi, ids.pmid, ids.pmcid, ids.openreview, ids.ieee, ids.pii)
        texts += [("identifier", value) for value in values if value]
    texts += [("short name", project.name) for project in work.projects]
    texts.append(("short name", paper.short_name or ""))
    return [(field, text) for field, text in texts if text]
