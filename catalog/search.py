"""Search over titles (old and new), short names, authors, tags, findings and identifiers; forgives
typos.

Every word of the query must be found in a work, exactly, as the start of a word or with a typo;
digits must match exactly, because SAM-Med2D is not SAM-Med3D.

The site searches the same index (`as_data`) by the same steps in its own script: what is changed in
`Index.search` or below it is changed in `site/docs/assets/app.js` too, and
`tests/site/test_site_search.py` holds their answers side by side.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from catalog import kept
from catalog.facets import NEAR, TAG_FACETS, Work, nearest, tag_values
from catalog.reading import collector_off
from catalog.records import Paper
from catalog.registry import Registry
from catalog.text import GREEK, SPELLINGS, STOP_WORDS, fold, search_words
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
    "finding": 0.35,
    "one of many": 0.3,  # a modality of a work that names several without a list
}
_TITLES = ("short name", "title", "earlier title")
_NAMED = (*_TITLES, "identifier")
_TYPO = 78.0  # rapidfuzz ratio from which a word counts as the same with a typo
_SHORTEST_WITH_TYPO = 4
_MOST_TYPOS = 25  # known words that one mistyped word may stand for
_MANY = 200  # works from which all are indexed again rather than those that changed
_DIGITS = re.compile(r"\d+")
# What people paste instead of a name -> what of it is the identifier. Python and the script of the
# site read these patterns alike; a bare number may be a PubMed id or a year and is left alone.
IDENTIFIERS = (
    r"(?:https?://)?(?:[\w-]+\.)*arxiv\.org/\w+/(\d{4}\.\d{4,5})(?:v\d+)?(?:\.pdf)?",
    r"(?:arxiv[\s:]*)?(\d{4}\.\d{4,5})(?:v\d+)?",
    r"(?:https?://)?(?:[\w-]+\.)*doi\.org/(10\.\d{4,9}/\S+?)[.,;]?",
    r"(?:doi[\s:]*)?(10\.\d{4,9}/\S+?)[.,;]?",
    r"(?:https?://)?pubmed\.ncbi\.nlm\.nih\.gov/(\d+)/?",
    r"pmid[\s:]*(\d+)",
    r"(?:https?://)?(?:[\w-]+\.)*nih\.gov/(?:pmc/)?articles/(PMC\d+)/?",
    r"(?:https?://)?openreview\.net/\w+\?id=([\w-]+)\S*",
    r"(?:https?://)?ieeexplore\.ieee\.org/(?:abstract/)?document/(\d+)\S*",
    r"https?://\S+?/(10\.\d{4,9}/[^\s?#]+?)/?(?:[?#]\S*)?",
    r"https?://\S+/pii/(S\w+)\S*",
    r"https?://\S*nature\.com/articles/([\w-]+)\S*",
    r"(?:https?://)?(?:www\.)?(?:github|gitlab|huggingface)\.(?:com|co)/([\w.-]+/[\w.-]+?)(?:\.git)?(?:/.*)?",
)
_IDENTIFIERS = [re.compile(pattern, re.I) for pattern in IDENTIFIERS]


def asked(query: str) -> list[str]:
    """The words that are looked for: of what is a pasted identifier, the identifier's alone.

    >>> asked("https://arxiv.org/abs/2304.12306v2"), asked("SAM 2 for X-rays")
    (['2304', '12306'], ['sam2', 'xray'])
    """
    for pattern in _IDENTIFIERS:
        if found := pattern.fullmatch(query.strip()):
            return search_words(found[1])
    return search_words(query)


#: (field, text) of everything one thing may be looked for by, lightest field first.
Texts = list[tuple[str, str]]


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
    def of(all_texts: Iterable[Texts]) -> Words:
        """Read the texts of each thing, numbered as they come."""
        builder = _Builder()
        with collector_off():
            for number, texts in enumerate(all_texts):
                builder.add(number, texts)
            return Words(_packed(builder.words), _packed(builder.names))


class _Kept(msgspec.Struct):
    """An index as it is kept. `content`: what all of it was made from; `works`: what each work was,
    by its number."""

    content: str
    works: list[str]
    index: Words

    def brought_to(self, chosen: list[Work], told: list[str]) -> None:
        """Read the works again whose content is not that of `told`; all where they are many."""
        before = self.works
        size, old, new = len(_FIELDS), len(before), len(told)
        changed = {n for n in range(max(old, new)) if before[n : n + 1] != told[n : n + 1]}
        self.works = told
        if len(changed) > _MANY:
            self.index = Words.of(map(_texts, chosen))
            return
        builder = _Builder()
        for number in sorted(n for n in changed if n < new):
            builder.add(number, _texts(chosen[number]))
        for kept_now, read in (
            (self.index.words, _packed(builder.words)),
            (self.index.names, _packed(builder.names)),
        ):
            left = {w: [p for p in at if p // size not in changed] for w, at in kept_now.items()}
            kept_now.clear()
            kept_now.update((word, places) for word, places in left.items() if places)
            for word, places in read.items():
                kept_now[word] = sorted([*kept_now.get(word, ()), *places])


def _contents(chosen: list[Work]) -> list[str]:
    """Of each work, a hash of all that an index of it rests on."""
    encode = msgspec.json.Encoder().encode
    projects: dict[int, bytes] = {}  # several works may share one
    found = []
    for work in chosen:
        content = encode(work.paper)
        for project in work.projects:
            if id(project) not in projects:
                projects[id(project)] = encode(project)
            content += projects[id(project)]
        found.append(blake2b(content, digest_size=12).hexdigest())
    return found


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

    def add(self, number: int, texts: Texts) -> None:
        # lightest field first, so that a word's heaviest place stays
        for field, text in texts:
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
        kept = words or Words.of(map(_texts, all_works))
        self._words, self._names = kept.words, kept.names

    @classmethod
    def kept(cls, registry: Registry, chosen: list[Work]) -> Index:
        """As `Index(chosen)`, from the registry's cache if the same content was indexed before.

        `chosen` must follow from the registry's files alone: the selection without any filter.
        """
        if not {"papers", "projects"} <= registry.keys.keys():  # some file could not be read
            return cls(chosen)
        code = kept.key_of(*((Path(__file__).parent / name).read_bytes() for name in _READING))
        content = registry.keys["papers"] + registry.keys["projects"]
        found = kept.read(registry.root, "search", code, _Kept)
        if found is None or found.content != content:
            found = found or _Kept("", [], Words({}, {}))
            with collector_off():
                found.brought_to(chosen, _contents(chosen))
            found.content = content
            kept.write(registry.root, "search", code, found)
        return cls(chosen, found.index)

    def search(self, query: str, limit: int | None = None) -> list[Hit]:
        """The works that hold every word of `query`, best first."""
        words = asked(query)
        if not words:
            return []
        found = self._all_words(words)
        for number, field in _places(self._names.get("".join(words), [])):
            found[number] = (1.0, (field,))
        likeness = _likeness("".join(words), [self.works[n].paper for n in found])
        hits = [
            Hit(self.works[n], _rounded(0.9 * score + 0.1 * like), fields)
            for (n, (score, fields)), like in zip(found.items(), likeness, strict=True)
        ]
        hits.sort(
            key=lambda hit: (
                -hit.score,
                -(hit.work.year or 0),
                hit.work.paper.title,
                hit.work.paper.id,
            )
        )
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
                word, self._vocabulary, scorer=fuzz.ratio, score_cutoff=_TYPO, limit=_MOST_TYPOS
            ):
                if known not in near and _DIGITS.findall(known) == digits:
                    near[known] = 0.7 * score / 100
        return near

    def near(self, query: str) -> list[str]:
        """Up to three names of works that a query which finds nothing may mean."""
        return nearest(query, [work.paper.short_name or work.paper.title for work in self.works])

    def without(self, query: str) -> list[tuple[str, int]]:
        """Which word of a query that finds nothing is one too many: (word, works without it).

        What would leave more than a quarter of all is no help.
        """
        words = asked(query)
        left = ((word, words[:n] + words[n + 1 :]) for n, word in enumerate(words))
        found = [(word, len(self._all_words(rest))) for word, rest in left if rest]
        return [(word, count) for word, count in found if 0 < 4 * count <= len(self.works)][:3]

    def as_data(self, addresses: list[str], kinds: list[str]) -> dict[str, Any]:
        """The index for the site's script; `addresses` and `kinds` of the pages of its works."""
        return {
            **_shipped(self._words, self._names),
            "docs": [  # the names it is compared with stand last
                [u, k, p.title, p.short_name or "", w.year or 0, p.id, *p.title_aliases]
                for u, k, w in zip(addresses, kinds, self.works, strict=True)
                for p in (w.paper,)
            ],
        }

    @cached_property
    def _vocabulary(self) -> list[str]:
        return sorted(self._words)


def pages_data(pages: list[dict[str, str]]) -> dict[str, Any]:
    """The same for pages that are no works.

    pages  address `u`, kind `k`, title `t`; where there are any, words `w` and a short name `s`
    """
    texts = [
        [("tag", page.get("w", "")), ("title", page["t"]), ("short name", page.get("s", ""))]
        for page in pages
    ]
    read = Words.of([[(field, text) for field, text in one if text] for one in texts])
    return {
        **_shipped(read.words, read.names),
        "docs": [[p["u"], p["k"], p["t"], p.get("s", ""), 0, p["u"]] for p in pages],
    }


def _shipped(*indexes: dict[str, list[int]]) -> dict[str, dict[str, list[int]]]:
    """Words and names with their places as steps from one to the next, which pack smaller."""
    steps = (
        {word: [b - a for a, b in pairwise([0, *sorted(places)])] for word, places in index.items()}
        for index in indexes
    )
    return dict(zip(("words", "names"), steps, strict=True))


def tables() -> dict[str, Any]:
    """What the site's script needs to read a query and weigh what it finds as this module does."""
    return {
        "weights": list(_WEIGHTS.values()),
        "identifiers": IDENTIFIERS,
        "stop": sorted(STOP_WORDS),
        "spellings": SPELLINGS,
        "greek": GREEK,
        "typo": _TYPO,
        "shortest": _SHORTEST_WITH_TYPO,
        "most": _MOST_TYPOS,
        "near": NEAR,
    }


def _rounded(score: float) -> float:
    """To four decimals, halves up: what a script does too."""
    return int(score * 10000 + 0.5) / 10000


def _likeness(joined: str, papers: list[Paper]) -> list[float]:
    """How like the whole query a short name or title is (0-1): orders works with the same words."""
    from rapidfuzz import fuzz

    return [
        max(
            fuzz.ratio(joined, "".join(search_words(text)))
            for text in (paper.short_name or "", paper.title, *paper.title_aliases)
        )
        / 100
        for paper in papers
    ]


def _with(fields: tuple[str, ...], field: str) -> tuple[str, ...]:
    return fields if field in fields else (*fields, field)


def _initials(authors: list[str]) -> set[str]:
    """First letters of given names: `Y. Zhang` is Yichi Zhang."""
    return {word[0] for name in authors for word in fold(name).split()[:-1]}


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


def _texts(work: Work) -> Texts:
    """What is only looked for by its words (authors, tags, venues) comes as one text."""
    paper = work.paper
    tags = [
        said
        for name in TAG_FACETS.values()
        for value in tag_values(getattr(paper, name))
        for said in _said(name, value)
    ]
    tags += [f"{prompt} prompt" for prompt in work.values("prompt")]
    venues = [version.venue for version in paper.versions if version.venue]
    several = "multi" in tag_values(paper.modalities)
    texts = [
        ("one of many", " ".join(vocabularies()["modalities"].terms) if several else ""),
        ("finding", paper.finding.text if paper.finding else ""),
        ("venue", " ".join([*venues, str(work.year or "")])),
        ("tag", " ".join(tags)),
        ("dataset", " ".join(tag_values(paper.datasets))),
        ("author", " ".join([*paper.authors, *sorted(_initials(paper.authors))])),
    ]
    earlier = [version.title for version in paper.versions if version.title]
    texts += [("earlier title", title) for title in (*paper.title_aliases, *earlier)]
    texts.append(("title", paper.title))
    texts += [("identifier", name) for name in (paper.id, *paper.aliases)]
    for version in paper.versions:
        ids = version.ids
        values = (ids.arxiv, ids.doi, ids.pmid, ids.pmcid, ids.openreview, ids.ieee, ids.pii)
        texts += [("identifier", value) for value in values if value]
    texts += [("identifier", name) for name in _repositories(work)]
    texts += [("short name", project.name) for project in work.projects]
    texts.append(("short name", paper.short_name or ""))
    return [(field, text) for field, text in texts if text]


def _said(field: str, value: str) -> list[str]:
    """A tag as it is written, shown (without remarks) and otherwise called."""
    term = vocabularies()[field].terms.get(value)
    return [value, term.label.partition(" (")[0], *term.aliases] if term else [value]


def _repositories(work: Work) -> list[str]:
    """`owner/name` of each repository of a work: its address may be pasted."""
    addresses = [*(work.paper.links.code or []), *(work.paper.links.weights or [])]
    addresses += [project.repository.url for project in work.projects if project.repository]
    found = (_IDENTIFIERS[-1].fullmatch(address.strip()) for address in addresses)
    return list(dict.fromkeys(match[1] for match in found if match))
