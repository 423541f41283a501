"""Small pieces of the collectors' texts: addresses, places in code, sentences, names."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from catalog.records import Note

_URL = re.compile(r"https?://[^\s;,)\]'\"]+")
_GITHUB = re.compile(r"^(?:https?://)?(?:www\.)?github\.com/([^/\s]+)/([^/#?\s]+)", re.I)
_CODE_FILE = (
    r"(?:[\w][\w./*-]*\.(?:py|ipynb|sh|ya?ml|json|csv|txt|pkl|html|zip)|[\w/]*(?i:readme)\.md)"
)
_PLACE = re.compile(rf"(?<![\w/]){_CODE_FILE}(?::(\d+(?:[-,]\d+)*))?")
_SENTENCE = re.compile(r"(?<=[\w)\]\"'])(?<!e\.g)(?<!i\.e)\. (?=[A-Z0-9'\"_-]|\w+[._]\w)")
# The collectors' marks: X: inferred by reading code, R: a file of the repository, I: an issue,
# P: a page, 3P: a third party's listing.
_SHORTHAND = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\bGT\b", "ground truth"),
        (r"\bTRAP \(X\):", "inferred from the code:"),
        (r"\bTRAP \(", "careful ("),
        (r"\bTRAP\b:?", "careful:"),
        (r"\(X\)", "(inferred from the code)"),
        (r"\bX: ", "inferred "),
        (r"\b3P:", "third party: "),
        (r"\bI:#", "issue #"),
        (r"\bI:(?=[\w.-]+/)", ""),
        (r"\bR(?:@[\w.]+)?:(?=[\w./-])", ""),
        (r"; users angry", ""),
        (r"/root/(?=\w)", "<home>/"),  # somebody's machine
        (r"gives garbage", "gives meaningless masks"),
        (r"\bnot_seen\b", "not known"),
        (r"(?:content |blob )?(?:absent from|not part of) the (?:stored )?snapshot", "not read"),
        (r"\bsize not in snapshot", "size not known"),
        (r"\bblob is not in the snapshot", "content could not be read"),
        (r"not visible in the snapshot", "not readable"),
        (r" \((?:venue )?not in snapshot\)|,? not in snapshot(?=\)|$)", ""),  # of a venue
        (
            r"no git snapshot; read file by file, HEAD not known",
            "read file by file, commit unknown",
        ),
        (r"which has no snapshot", "which could not be read"),
        (r"no snapshot(?= and|;|$)", "the repository could not be read"),
        (r"\b(?:was|were) not seen\b", "is not known"),
        (r"\bnot seen\b", "not known"),
        (r"unanswered in excerpt", "no answer is known"),
        (r"do not join its numbers to row \d+", "its numbers are not those of the earlier paper"),
        (r"title of the row", "title"),
        (r"the title in the list is", "the title is"),
        (r"^The row's title is", "The listed title is"),
        (r"\blow trust\b", "not confirmed by a second source"),
    )
)
# Capitals that only stress a word; names and labels in capitals stay.
_STRESSED = re.compile(
    r"\b(AFTER|BEFORE|BEST|BOTH|CENTRED|EMPTY|EXPANDED|FIRST|FIVE|FIXED|LARGEST|LAST|MEDIAN|NEVER|"
    r"NO|NOTHING|NOT|ONCE|ONLY|PARTIAL|PRESENCE|PRESENT|PROBABLY|SAME|SOFT|THREE|TWICE|VOLUME|WHOLE|"
    r"WITHOUT|ALWAYS|BYTE-IDENTICAL|DO|THE|ON|TO|DEFAULTS|AROUND|CLICK|POINT|QUARTER|TRAINING|"
    r"ABSENT|ORIGINAL|IMAGE|EVERY|LOGITS|CENTER|CONFLICT|DOWN|UP|EXTRA|MASK)\b"
)
_HOSTS = (
    ("drive.google.com", "gdrive"),
    ("huggingface.co", "hf"),
    ("github.com", "github"),
    ("githubusercontent.com", "github"),
    ("zenodo.org", "zenodo"),
    ("pan.baidu.com", "baidu"),
    ("sharepoint.com", "onedrive"),
    ("owncloud.gwdg.de", "owncloud"),
    ("dl.fbaipublicfiles.com", "meta"),
    ("modelscope.cn", "modelscope"),
    ("dropbox.com", "dropbox"),
    ("wandb.ai", "wandb"),
    ("bioimage.io", "bioimage.io"),
)


def repository_name(url: str) -> str | None:
    """`owner/name` of a GitHub address, with or without scheme, without `.git`; None elsewhere.

    >>> repository_name("www.github.com/MIC-DKFZ/VoxTell")
    'MIC-DKFZ/VoxTell'
    >>> repository_name("https://github.com/ggllllll/BiASAM-.git")
    'ggllllll/BiASAM-'
    """
    match = _GITHUB.match(url.strip())
    return f"{match[1]}/{match[2].removesuffix('.git')}" if match else None


def slugify(text: str) -> str:
    """Lower case, everything else than letters and digits a single hyphen.

    >>> slugify("ZAP-2.5DSAM")
    'zap-2-5dsam'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")


def addresses(text: str) -> list[str]:
    """All http(s) addresses in a text, in order, each once, without trailing punctuation."""
    found = (match.rstrip(".") for match in _URL.findall(text))
    return list(dict.fromkeys(found))


def without_addresses(text: str) -> str:
    """What a text says beside its addresses; empty when that is nothing."""
    return re.sub(r"\s+", " ", _URL.sub("", text)).replace("()", "").strip(" ;,")


def host_of(url: str) -> str | None:
    """Short name of the place a file is kept at, or its host name."""
    name = urlsplit(url).hostname or ""
    for suffix, short in _HOSTS:
        if name == suffix or name.endswith("." + suffix):
            return short
    return name or None


def sentences(text: str) -> list[str]:
    """A note of several sentences as single ones; abbreviations inside stay together."""
    return [part.strip().rstrip(".") for part in _SENTENCE.split(text) if part.strip(" .")]


def plain(text: str) -> str:
    """A collector's note with its shorthand written out and white space made single."""
    for pattern, words in _SHORTHAND:
        text = pattern.sub(words, text)
    text = _STRESSED.sub(lambda match: match[0].lower(), text)
    return re.sub(r"\s+", " ", text).strip()


def place_in(text: str) -> tuple[str | None, str | None]:
    """First file a note names and its line(s): `(file, line)`; both None where it names none.

    >>> place_in("the branch tests for ColonDB (Test.py:314), so that set is never scored")
    ('Test.py', '314')
    """
    matches = [
        m for m in _PLACE.finditer(text) if "://" not in text[max(0, m.start() - 8) : m.start()]
    ]
    located = next((m for m in matches if m[1]), matches[0] if matches else None)
    if located is None:
        return None, None
    return located[0].split(":")[0], located[1]


def trap(text: str, commit: str | None) -> Note:
    """One plain fact about the code, with the place it names."""
    file, line = place_in(text)
    return Note(text=plain(text), file=file, line=line, commit=commit if file else None)


def traps(value: object, commit: str | None) -> list[Note]:
    """Notes of a `traps` field: a list has one fact per item, a text one per sentence."""
    if not value:
        return []
    items = [str(v) for v in value] if isinstance(value, list) else sentences(str(value))
    return [trap(item, commit) for item in items]


def also(repository: str, numbers: list[str]) -> str:
    """Further threads about the same thing, as words after a text; "" where there are none."""
    return f" (also {', '.join(f'{repository}#{n}' for n in numbers)})" if numbers else ""


def source(text: str) -> str:
    """Where a fact was seen, without the collectors' marks: an address or a repository file."""
    text = re.sub(r"^P:(?=[\w.-]+\.[a-z]+/)", "https://", text)
    return plain(text)


def issues(value: object, repository: str) -> list[Note]:
    """Upstream threads: `"#13: what it says"` of a repository, each with its full reference."""
    notes = []
    for item in value if isinstance(value, list) else []:
        numbers, _, text = str(item).partition(":")
        refs = re.findall(r"#(\d+)", numbers)
        if refs and text:
            text = plain(text) + also(repository, refs[1:])
            notes.append(Note(text=text, ref=f"{repository}#{refs[0]}"))
        else:
            notes.append(Note(text=plain(str(item))))
    return notes
