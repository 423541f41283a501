"""Names of authors, taken apart as reference formats want them."""

from __future__ import annotations

from typing import NamedTuple

_PARTICLES = frozenset(
    {"al", "bin", "ben", "da", "das", "de", "del", "della", "den", "der", "des", "di", "do", "dos"}
    | {"du", "el", "ibn", "la", "le", "lo", "ten", "ter", "van", "vom", "von", "zu", "zur"}
)
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})
_GROUPS = ("consortium", "collaboration", "group", "team", "initiative", "network", "committee")


class Name(NamedTuple):
    """The parts of a personal name; a group or a single name is all `family`."""

    given: str
    particle: str
    family: str
    suffix: str
    group: bool

    @property
    def inverted(self) -> str:
        """`von Family, Jr, Given`, the form that no reader can misunderstand."""
        family = f"{self.particle} {self.family}".strip()
        return ", ".join(part for part in (family, self.suffix, self.given) if part)


def split_name(name: str) -> Name:
    """`name` as written in a byline ("Given van der Family Jr." or "Family, Given") in its parts.

    >>> split_name("Maarten van der Berg Jr.").inverted
    'van der Berg, Jr., Maarten'
    """
    if any(word in _GROUPS for word in name.casefold().split()):
        return Name("", "", name, "", True)
    if "," in name:
        parts = [part.strip() for part in name.split(",")]
        if len(parts) == 2 and parts[1].casefold() in _SUFFIXES:
            return split_name(f"{parts[0]} {parts[1]}")
        family, given = parts[0], parts[-1]
        suffix = parts[1] if len(parts) > 2 else ""
        words = family.split()
        cut = _particles(words)
        return Name(given, " ".join(words[:cut]), " ".join(words[cut:]), suffix, False)
    words = name.split()
    suffix = ""
    if len(words) > 2 and words[-1].casefold() in _SUFFIXES:
        suffix = words.pop()
    if len(words) < 2:
        return Name("", "", " ".join(words), suffix, False)
    start = len(words) - 1
    while start > 1 and words[start - 1] in _PARTICLES:
        start -= 1
    return Name(" ".join(words[:start]), " ".join(words[start:-1]), words[-1], suffix, False)


def _particles(words: list[str]) -> int:
    """How many words at the start are particles (never all of them)."""
    cut = 0
    while cut < len(words) - 1 and words[cut] in _PARTICLES:
        cut += 1
    return cut
