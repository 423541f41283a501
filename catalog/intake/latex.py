"""LaTeX of reference files as plain text: accents decoded, protecting braces gone.

pylatexenc reads it; the text is put together here, because that library's own drops what it does
not know without a word and fails on macros without their arguments. Nothing is executed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from catalog.text import clean

LONGEST = 20_000  # characters that are parsed; an abstract has some 2,000
DEEPEST = 50  # braces in each other
_SPECIAL = re.compile(r"[\\{}$~`']|--")
# An accent right before another one (`\~\^e`) is over what that one makes.
_ACCENT = r"\\(?:[`'^\"~=.]|[uvHcdbkr](?![A-Za-z]))"
_STACKED = re.compile(rf"({_ACCENT})\s*({_ACCENT}\s*(?:\{{[^{{}}]*\}}|\\?[^\W\d_]))")
_MARKS = {
    **{"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306"},
    **{".": "\u0307", '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323"},
    **{"c": "\u0327", "k": "\u0328", "b": "\u0331", "t": "\u0361"},
}
_SYMBOLS = {
    **{"textless": "<", "textgreater": ">", "textbar": "|", "textunderscore": "_", "\\": " "},
    **{"textasciicircum": "^", " ": " ", "newline": " ", "space": " ", "slash": "/"},
    **{name: name for name in "%&#_{}$"},
}
_NOTHING = frozenset(["relax", "xspace", "protect", "/", "-", "nobreak", "allowbreak"])


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Macros that only change how their argument looks.
_DRESS = _words(
    """
    mbox hbox text textrm textnormal textup textmd textsf texttt textbf textit textsl textsc
    emph uppercase lowercase MakeUppercase MakeLowercase textsuperscript textsubscript underline
    ensuremath mathrm mathit mathbf mathsf mathtt mathcal bf it sf tt sc em rm sl
    """
)
# Macros whose arguments are no text: names of files, keys, colours, definitions.
_NO_TEXT = _words(
    """
    input include includegraphics cite citep citet ref label def newcommand renewcommand
    providecommand usepackage noopsort color hspace vspace write immediate csname expandafter
    """
)


def to_text(latex: str) -> str:
    r"""`latex` as one clean line. A bare `%` or `&`, which LaTeX would swallow, is kept.

    >>> to_text(r"Guti{\'e}rrez \& {SAM}: 95% of {\L}ukasz")
    'Gutiérrez & SAM: 95% of Łukasz'
    """
    return read_latex(latex)[0]


def read_latex(latex: str) -> tuple[str, list[str]]:
    r"""`latex` as one clean line, and the macros in it whose meaning is not known.

    What such a macro has in braces stays as text, unless it is no text (the file of `\input`).

    >>> read_latex(r"\foo{SAM} for CT \input{x}")
    ('SAM for CT', ['\\foo', '\\input{x}'])
    """
    if not _SPECIAL.search(latex):
        return clean(latex), []
    if len(latex) > LONGEST or _depth(latex) > DEEPEST:
        return clean(_without_marks(latex[:LONGEST])), [f"{latex[:60]}..."]
    escaped = re.sub(r"(?<!\\)([%&#])", r"\\\1", latex)
    while (braced := _STACKED.sub(r"\1{\2}", escaped)) != escaped:
        escaped = braced
    reader = _Reader()
    text = reader.read(escaped)
    return clean(text), reader.unknown


def _depth(latex: str) -> int:
    """Braces in each other, whatever stands before them."""
    depth = deepest = 0
    for brace in re.findall(r"[{}]", latex):
        depth += 1 if brace == "{" else -1
        deepest = max(deepest, depth)
    return deepest


def _without_marks(latex: str) -> str:
    return re.sub(r"[\\{}$]", " ", latex)


class _Reader:
    """Puts the text of parsed LaTeX together; `unknown` are macros that it could not."""

    def __init__(self) -> None:
        self.unknown: list[str] = []

    def read(self, latex: str) -> str:
        from pylatexenc.latexwalker import LatexWalker, LatexWalkerError

        try:
            nodes, start, length = LatexWalker(latex, tolerant_parsing=True).get_latex_nodes()
        except (LatexWalkerError, RecursionError, IndexError):
            self.unknown.append(latex[:60])
            return _without_marks(latex)
        return self._all(nodes) + latex[start + length :]

    def _all(self, nodes: Sequence[Any]) -> str:
        kept = [node for node in nodes or () if node is not None]
        texts = []
        for number, node in enumerate(kept):
            before = kept[number - 1] if number else None
            if _braced([node]) and getattr(before, "macroname", None) == "href":
                # the parser does not know its arguments: the first is an address, the text follows
                self.unknown[-1] += node.latex_verbatim()
            else:
                texts.append(self._one(node))
        return "".join(texts)

    def _one(self, node: Any) -> str:
        kind = type(node).__name__
        if kind == "LatexCharsNode":
            return str(node.chars)
        if kind == "LatexSpecialsNode":
            spec = _symbols().get_specials_spec(node.specials_chars)
            return str(spec.simplify_repl if spec else node.specials_chars)
        if kind == "LatexMacroNode":
            return self._macro(node)
        if kind == "LatexEnvironmentNode":
            self.unknown.append(rf"\begin{{{node.environmentname}}}")
        return self._all(getattr(node, "nodelist", None) or ())

    def _macro(self, node: Any) -> str:
        name = str(node.macroname)
        arguments = [a for a in getattr(node.nodeargd, "argnlist", None) or () if a is not None]
        if name in _MARKS:
            return self._accent(name, node, arguments)
        if name in _SYMBOLS or name in _NOTHING:
            return _SYMBOLS.get(name, "") + self._all(arguments)
        if name in _DRESS:
            return self._all(arguments)
        if name == "enquote":
            return f"“{self._all(arguments)}”"
        spec = _symbols().get_macro_spec(name)
        known = spec.simplify_repl if spec and spec.macroname else None
        if isinstance(known, str) and "%" not in known and not arguments:
            return known
        if known is not None and (text := self._formatted(node, arguments)) is not None:
            return text
        return self._unknown(name, node, arguments)

    def _accent(self, name: str, node: Any, arguments: list[Any]) -> str:
        base = self._all(arguments)
        if not base.strip():
            self.unknown.append(node.latex_verbatim().strip())
            return base
        base = unicodedata.normalize("NFC", {"ı": "i", "ȷ": "j"}.get(base, base))
        return base[0] + _MARKS[name] + base[1:]

    def _formatted(self, node: Any, arguments: list[Any]) -> str | None:
        """What the library makes of a macro; None where a part of it would be lost.

        In text an argument without braces is what happens to follow: the macro has none.
        """
        in_math = node.parsing_state.in_math_mode
        if node.macroname in _NO_TEXT or not arguments:
            return None
        if not in_math and any(type(a).__name__ != "LatexGroupNode" for a in arguments):
            return None
        try:
            text = str(_converter().node_to_text(node))
        except (IndexError, TypeError, KeyError, AttributeError):  # an argument is missing
            return None
        parts = [_Reader()._one(argument).strip() for argument in arguments]
        plain = unicodedata.normalize("NFKC", text)  # a letter of another alphabet is that letter
        return text if all(unicodedata.normalize("NFKC", part) in plain for part in parts) else None

    def _unknown(self, name: str, node: Any, arguments: list[Any]) -> str:
        source = node.latex_verbatim().strip()
        if name in _NO_TEXT:
            # an argument without braces is what follows: it stays
            self.unknown.append(source if _braced(arguments) else f"\\{name}")
            return "" if _braced(arguments) else self._all(arguments)
        if verbatim := getattr(node.nodeargd, "verbatim_text", None):
            self.unknown.append(source)
            return str(verbatim)
        if name == "textcolor" and len(arguments) > 1 and _braced(arguments[-1:]):
            self.unknown.append(source)
            return self._all(arguments[-1:])
        self.unknown.append(f"\\{name}")
        return self._all(arguments)


def _braced(arguments: list[Any]) -> bool:
    return bool(arguments) and all(type(a).__name__ == "LatexGroupNode" for a in arguments)


@cache
def _symbols() -> Any:
    from pylatexenc.latex2text import get_default_latex_context_db

    return get_default_latex_context_db()


@cache
def _converter() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(strict_latex_spaces=True, keep_comments=False)


def split_authors(field: str) -> tuple[list[str], bool]:
    """BibTeX's author field as bylines, and whether the list is complete (no "and others").

    Raises `ValueError` with how it would be read, where names are separated by commas in a way
    that is not sure.
    """
    names = [name for name in (part.strip() for part in _separated(field)) if name]
    kept = [byline(name) for name in names if not others(name)]
    return [name for name in kept if name], not any(map(others, names))


def others(name: str) -> bool:
    """Whether a name stands for those that are not named."""
    return re.fullmatch(r"(?i)(?:and )?others|et\.? al\.?", name.strip("{} ")) is not None


def _separated(field: str) -> list[str]:
    """The names of a field: by ` and `, and where there is none by semicolons or commas."""
    names = _split_and(field)
    if len(names) > 1:
        return names
    if len(by_semicolon := _split(field, ";")) > 1:
        return by_semicolon
    parts = _split_commas(field)
    if len(parts) < 3 or "=" in field or _suffix(parts[1]):
        return names  # Family, Given or Family, Jr, Given
    if all(len(part.split()) > 1 for part in parts):
        return parts
    if len(parts) % 2 == 0 and all(_initials(part) for part in parts[1::2]):
        return [f"{family}, {given}" for family, given in zip(parts[::2], parts[1::2], strict=True)]
    raise ValueError(to_text(byline(field)))


def _suffix(part: str) -> bool:
    return (
        re.fullmatch(r"(?i)jr\.?|sr\.?|i{1,3}|iv|ph\.?d\.?|m\.?d\.?", part.strip("{} ")) is not None
    )


def _initials(part: str) -> bool:
    return re.fullmatch(r"(?:[^\W\d_]\.?[ -]?){1,4}", part) is not None


def byline(name: str) -> str:
    """One name as `Given Family`: `Family, Given` turned round, a name in braces left whole.

    Also biblatex's `family=..., given=..., prefix=...`; the number that DBLP puts behind a name
    that several people have is left out.
    """
    if name.startswith("{") and name.endswith("}") and "," not in _outside_braces(name):
        return to_text(name)
    parts = [to_text(part) for part in _split_commas(name)]
    named = dict(part.split("=", 1) for part in parts if re.match(r"[a-z]+=", part))
    if "family" in named:
        order = ("given", "prefix", "family", "suffix")
        return " ".join(named[key].strip() for key in order if named.get(key))
    if len(parts) == 2:
        return f"{parts[1]} {parts[0]}".strip()
    if len(parts) == 3:  # Family, Jr, Given
        return f"{parts[2]} {parts[0]} {parts[1]}".strip()
    return re.sub(r"(?<=\w) \d{4}$", "", to_text(name))


def _split_and(field: str) -> list[str]:
    return _split(re.sub(r"\s+", " ", field), " and ")


def _split_commas(name: str) -> list[str]:
    return [part.strip() for part in _split(name, ",")]


def _split(text: str, separator: str) -> list[str]:
    """`text` cut at `separator` (any case) outside braces."""
    parts, depth, start, at = [], 0, 0, 0
    lowered = text.casefold() if len(text.casefold()) == len(text) else text
    while at < len(text):
        if depth == 0 and lowered.startswith(separator, at):
            parts.append(text[start:at])
            at += len(separator)
            start = at
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        depth = max(depth, 0)
        at += 1
    return [*parts, text[start:]]


def _outside_braces(name: str) -> str:
    while (shorter := re.sub(r"\{[^{}]*\}", "", name)) != name:
        name = shorter
    return name
