"""How metric and prompt profiles are named."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProfileId:
    """`name/version` of a metric or prompt profile."""

    name: str
    version: int

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"

    @classmethod
    def parse(cls, text: str) -> ProfileId:
        """`house` is `house/1`; a version that is no number is 0, which no profile has."""
        name, _, version = text.partition("/")
        return cls(name, int(version or 1) if version.isdecimal() or not version else 0)
