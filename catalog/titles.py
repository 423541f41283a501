"""Titles compared as readers do: without case, accents, punctuation and markup."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache


@lru_cache(maxsize=200_000)
def normal_title(title: str) -> str:
    """Words in lower case joined by blanks; `+` and digits are kept, for they tell works apart."""
    text = unicodedata.normalize("NFKD", title)
    text = "".join(char for char in text if not unicodedata.combining(char)).casefold()
    text = re.sub(r"<[^>]+>|\$|\\[a-z]+", " ", text)
    text = text.replace("&", " and ").replace("+", " plus ")
    return " ".join(re.findall(r"[^\W_]+", text))
