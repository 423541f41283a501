"""Changes of a file: of its bytes, of the tokens of a text, of the values of a JSON document."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, 1e308, "", " ", "x" * 5000, "0", "²", "\x00\x1b\u202e",
    "<script>alert(1)</script>", "{" * 300, "2024-13-45", "nan", [], [None], [[]], {}, {"a": {}},
    ["x", 3, {}], {"value": []}, "10.1/x", "https://[::1", "\ud800",
)  # fmt: skip
TOKENS = ("{", "}", "\\", "\\href", "\\input{/etc/passwd}", "$", "@", '"', "\n", "\r", "\t", "\x00",
          ",", "#", "&amp;", "TY  - ", "ER  - ", "PMID- ", "- ", ": ", "|", "&a", "*a",
          "!!python/object", "\ufeff", "\u202e", "é", "and and", "0" * 400, "[[", "]]", "%",
          "~")  # fmt: skip


# Whole files that are nothing, something else, or nested without an end.
INSTEAD = (
    *(b"", b"\n", b"0", b"null", b"[]", b"{}", b"\xff\xfe{}", bytes(1000), b"a" * 300_000),
    *(b"[" * 100_000, b"{" * 100_000, b'{"a":' + b"[" * 100_000, b'{"a":' * 50_000),
    *(b"<" * 100_000, b"<a>" * 50_000, b"- " * 5000, b"a,b\n" + b'"' * 200_000),
    b"\x80\x02})" + b"\x85" * 300_000 + b"Ns.",  # a pickle: {((((...)))): None}
)


def instead(_: bytes, random: Random) -> bytes:
    """Another file in its place."""
    return random.choice(INSTEAD)


def of_bytes(content: bytes, random: Random) -> bytes:
    """A few pieces flipped, cut, doubled, moved or put in."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(changed) + 1)
        piece = random.choice((1, 2, 4, 16, 64, max(1, len(changed) // 3)))
        match random.randrange(6):
            case 0:
                changed[at : at + piece] = bytes(
                    byte ^ random.randrange(256) for byte in changed[at : at + piece]
                )
            case 1:
                del changed[at : at + piece]
            case 2:
                changed[at:at] = changed[at : at + piece]
            case 3:
                changed[at:at] = random.randbytes(piece)
            case 4:
                changed[at : at + piece] = random.choice((b"\x00", b"\xff")) * piece
            case _:
                del changed[at:]
    return bytes(changed)


def of_text(content: bytes, random: Random) -> bytes:
    """Tokens that mean something put in, lines doubled, dropped or exchanged."""
    lines = content.decode("utf-8", "replace").splitlines(keepends=True) or [""]
    for _ in range(random.choice((1, 1, 2, 4))):
        number = random.randrange(len(lines))
        line = lines[number]
        at = random.randrange(len(line) + 1)
        match random.randrange(5):
            case 0 | 1:
                token = random.choice(TOKENS) * random.choice((1, 1, 1, 50))
                lines[number] = line[:at] + token + line[at:]
            case 2:
                lines[number : number + 1] = [line] * random.randrange(4)
            case 3:
                other = random.randrange(len(lines))
                lines[number], lines[other] = lines[other], line
            case _:
                lines[number] = line[:at]
        lines = lines or [""]
    return "".join(lines).encode("utf-8", "surrogatepass")


def of_json(content: bytes, random: Random) -> bytes:
    """One to three values of the document replaced, dropped, wrapped or doubled."""
    document = json.loads(content)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        places = list(_places(document))
        if not places:
            break
        holder, key = random.choice(places)
        match random.randrange(6):
            case 0 | 1 | 2:
                holder[key] = copy.deepcopy(random.choice(ODD))
            case 3:
                del holder[key]
            case 4:
                holder[key] = random.choice(([holder[key]], {"value": holder[key]}))
            case _:
                holder[key] = (
                    copy.deepcopy(holder[random.choice(list(holder))])
                    if isinstance(holder, dict)
                    else [holder[key]] * 3
                )
    return json.dumps(document).encode()


def _places(document: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    if isinstance(document, dict):
        found += [(document, key) for key in document]
    if isinstance(document, list):
        found += [(document, number) for number in range(len(document))]
    for holder, key in tuple(found):
        found += _places(holder[key])
    return found
