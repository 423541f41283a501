"""Names as addresses: slugs, and the data set that a record's words mean."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

DATASET_NAMES = Path(__file__).parent / "data" / "dataset_names.yaml"


def slug(text: str) -> str:
    """An address part: lower-case letters, digits and hyphens; `BraTS 2020` -> `brats-2020`."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "x"


def short_title(name: str) -> str:
    """The name of a data set without what a project adds: `AMOS22 val (CT+MR)` -> `AMOS22 val`."""
    return re.split(r"\s*[(;:]|, | -- ", name.strip(), maxsplit=1)[0].strip() or name.strip()


def _plain_key(name: str) -> str:
    key = slug(short_title(name))
    return key if len(key) <= 60 else key[:60].rpartition("-")[0]


@cache
def _reviewed() -> tuple[dict[str, str], dict[str, str], frozenset[str], dict[str, str]]:
    """Spelling -> data set, data set -> its title, what names none, part -> whole; as keys."""
    import yaml

    document = yaml.safe_load(DATASET_NAMES.read_text("utf-8"))
    titles = {_plain_key(title): title for title in document["same"]}
    same = {
        _plain_key(name): _plain_key(title)
        for title, names in document["same"].items()
        for name in names
    }
    within = {
        _plain_key(part): _plain_key(whole)
        for whole, parts in document.get("within", {}).items()
        for part in parts
    }
    return same, titles, frozenset(map(_plain_key, document["none"])), within


def dataset_key(name: str) -> str:
    """Address part of the data set that a name means; the same for `DSB2018` and `DSB 2018`."""
    key = _plain_key(name)
    return _reviewed()[0].get(key, key)


def dataset_title(name: str) -> str:
    """The name of a data set for readers: the reviewed one, else as written, without remarks."""
    return _reviewed()[1].get(dataset_key(name)) or short_title(name)


def whole_of(key: str) -> str | None:
    """The data set that one is a part, version or copy of, as address parts; None: of none."""
    return _reviewed()[3].get(key)


def is_dataset(name: str) -> bool:
    """Whether a name is that of one data set, and not of an organ, a mean or a list of sets."""
    return _plain_key(name) not in _reviewed()[2]
