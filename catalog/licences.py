"""What a licence allows, from its SPDX expression."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal

LicenceClass = Literal["commercial", "non-commercial", "none", "unknown"]

# Licences of this field that allow commercial use under their conditions (source: the SPDX list and
# the licences' own texts). Whatever is not known to allow it is not counted as allowing it.
_COMMERCIAL = frozenset(
    {
        *("MIT", "MIT-0", "ISC", "Zlib", "Unlicense", "CC0-1.0", "0BSD", "Apache-2.0", "BSL-1.0"),
        *("BSD-2-Clause", "BSD-3-Clause", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-4.0", "MPL-2.0"),
        *("GPL-2.0", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0", "GPL-3.0-only"),
        *("GPL-3.0-or-later", "AGPL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later", "LGPL-2.1"),
        *("LGPL-3.0", "LGPL-3.0-only", "LGPL-3.0-or-later", "EPL-2.0", "ECL-2.0", "Artistic-2.0"),
    }
)
_KNOWN = {identifier.casefold() for identifier in _COMMERCIAL}
_NON_COMMERCIAL = re.compile(
    r"\bNC\b|non-?commercial|research[- ]only|PolyForm-Noncommercial|Commons-Clause", re.I
)
_ORDER: tuple[LicenceClass, ...] = ("commercial", "non-commercial", "unknown", "none")


def licence_class(expression: str | None) -> LicenceClass:
    """The class of an SPDX expression: `none` is "looked for, no licence stated", None is unknown.

    Of alternatives (OR) the most permissive counts, of joined licences (AND) the strictest. What
    is no expression is judged by its words.

    >>> licence_class("MIT OR CC-BY-NC-4.0"), licence_class("(MIT OR ISC) AND CC-BY-NC-4.0")
    ('commercial', 'non-commercial')
    """
    if expression is None or not expression.strip():
        return "unknown"
    text = expression.strip()
    if _ONE.fullmatch(text):  # most are one identifier, which needs no parser
        return _class_of_one(text)
    tree = _parsed(text)
    return _class_of_one(text) if tree is None else _class_of(tree)


_ONE = re.compile(r"[\w.+-]+")


def _class_of(tree: Any) -> LicenceClass:
    from license_expression import AND, OR

    if isinstance(tree, AND | OR):
        choose = max if isinstance(tree, AND) else min
        return choose(map(_class_of, tree.args), key=_ORDER.index)
    return _class_of_one(str(tree))


def _class_of_one(text: str) -> LicenceClass:
    """One licence, with its exception where it has one (which may forbid what it allows)."""
    if text.casefold() == "none":
        return "none"
    if _NON_COMMERCIAL.search(re.sub(r"[\s_]+", "-", text)):
        return "non-commercial"
    name = re.split(r"(?i)\s+with\s+", text)[0]
    return "commercial" if name.casefold() in _KNOWN else "unknown"


@cache
def _parsed(expression: str) -> Any:
    """The tree of an expression; None for what is none."""
    from license_expression import ExpressionError, Licensing

    try:
        return Licensing().parse(expression)
    except ExpressionError:
        return None


def known_expression(expression: str) -> tuple[str | None, str | None]:
    """What is wrong with an SPDX expression, and the nearest identifier; (None, None): nothing.

    `none` ("looked for, no licence stated") and `LicenseRef-...` may stand in one.

    >>> known_expression("MIT AND LicenseRef-Commons-Clause"), known_expression("MTI")[1]
    ((None, None), 'MIT')
    """
    from rapidfuzz.distance import OSA

    spdx, tree = _spdx(), _parsed(expression)
    if tree is None:
        return "licences are joined by AND, OR and WITH", None
    names = [key for symbol in tree.symbols for key in re.split(r"\s+WITH\s+", str(symbol))]
    for name in names:
        if name.startswith("LicenseRef-") or (name == "none" and len(names) == 1):
            continue
        if name.casefold() not in spdx:
            nearest = min(sorted(spdx), key=lambda known: OSA.distance(name.casefold(), known))
            return f"{name!r} is no licence of SPDX", spdx[nearest]
    return None, None


@cache
def _spdx() -> dict[str, str]:
    """Identifiers of SPDX, deprecated ones too: in lower case -> as spelled."""
    from license_expression import get_spdx_licensing

    symbols = get_spdx_licensing().known_symbols.values()
    names = [name for symbol in symbols for name in (symbol.key, *symbol.aliases)]
    return {name.casefold(): name for name in names}


def spelled(identifier: str) -> str | None:
    """An identifier in SPDX's spelling, however a service writes it; None where it is not known.

    >>> spelled("apache-2.0"), spelled("cc-by-nc-4.0"), spelled("other")
    ('Apache-2.0', 'CC-BY-NC-4.0', None)
    """
    return _spdx().get(identifier.casefold())
