"""What a licence allows, from its SPDX expression."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

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
    r"\bNC\b|non-?commercial|research[- ]only|PolyForm-Noncommercial", re.I
)
_ORDER: tuple[LicenceClass, ...] = ("commercial", "non-commercial", "unknown", "none")


def licence_class(expression: str | None) -> LicenceClass:
    """The class of an SPDX expression: `none` is "looked for, no licence stated", None is unknown.

    Of alternatives (OR) the most permissive counts, of joined licences (AND) the strictest.

    >>> licence_class("MIT OR CC-BY-NC-4.0"), licence_class("MIT AND CC-BY-NC-4.0")
    ('commercial', 'non-commercial')
    """
    if expression is None or not expression.strip():
        return "unknown"
    text = expression.strip().strip("()")
    if text.casefold() == "none":
        return "none"
    if " OR " in text:
        return min(map(licence_class, text.split(" OR ")), key=_ORDER.index)
    if " AND " in text:
        return max(map(licence_class, text.split(" AND ")), key=_ORDER.index)
    text = text.split(" WITH ")[0].strip("() ")
    if _NON_COMMERCIAL.search(text.replace("_", "-")):
        return "non-commercial"
    return "commercial" if text.casefold() in _KNOWN else "unknown"


def known_expression(expression: str) -> tuple[str | None, str | None]:
    """What is wrong with an SPDX expression, and the nearest identifier; (None, None): nothing.

    `none` ("looked for, no licence stated") and `LicenseRef-...` may stand in one.

    >>> known_expression("MIT AND LicenseRef-Commons-Clause"), known_expression("MTI")[1]
    ((None, None), 'MIT')
    """
    from rapidfuzz.distance import OSA

    spdx, parts = _spdx(), re.split(r"[\s()]+", expression.strip())
    for part in parts:
        if part.upper() in ("AND", "OR", "WITH", "") or part.startswith("LicenseRef-"):
            continue
        if part.casefold() not in spdx and (part != "none" or len(parts) > 1):
            nearest = min(sorted(spdx), key=lambda known: OSA.distance(part.casefold(), known))
            return f"{part!r} is no licence of SPDX", spdx[nearest]
    if re.fullmatch(_SHAPE, " ".join(expression.replace("(", " ( ").replace(")", " ) ").split())):
        return None, None
    return "licences are joined by AND, OR and WITH", None


# One identifier, or several joined; brackets may stand around any of them.
_SHAPE = r"(?:\( )*[^()\s]+(?: \))*(?: (?:AND|OR|WITH) (?:\( )*[^()\s]+(?: \))*)*"


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
    if identifier.casefold() in _KNOWN:
        return next(name for name in _COMMERCIAL if name.casefold() == identifier.casefold())
    creative = re.fullmatch(r"(?i)cc-by(-nc)?(-sa|-nd)?-[1-4]\.0", identifier)
    return identifier.upper() if creative else None


def commercial_ok(expression: str | None) -> bool | None:
    """Whether commercial use is allowed; None: not known. No licence stated means not allowed."""
    kind = licence_class(expression)
    return None if kind == "unknown" else kind == "commercial"
