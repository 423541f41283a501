"""Fact files and decisions, read once: everything the projects are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catalog.importer.project_biomedparse import biomedparse_claims
from catalog.importer.project_methods import method_readings
from catalog.importer.project_reading import (
    DATA,
    Reading,
    read_strings,
    read_yaml,
    repository_readings,
)
from catalog.importer.project_text import slugify
from catalog.records import Claim

_DATED = re.compile(r"snapshot: ([0-9a-f]{40})\s+# (\d{4}-\d\d-\d\d)")


@dataclass(slots=True)
class Facts:
    """Everything the projects are made of."""

    identity: dict[str, Any]
    cards: dict[str, list[str]]
    decisions: dict[str, Any]
    worded: dict[str, Any]  # project_traps.yaml
    conventions: dict[str, dict[str, str]]
    readings: list[Reading]
    texts: dict[str, Any]  # record -> the record with every scalar as text
    measured: dict[str, list[Claim]] = field(default_factory=dict)  # slug -> claims from tables

    def main_repository(self, name: str) -> str:
        """The repository a release goes by: follows `same_as`, ignoring case."""
        aliases = {k.casefold(): v for k, v in self.identity["same_as"].items()}
        return str(aliases.get(name.casefold(), name))

    def slug(self, repository: str) -> str:
        """Slug of a release by its main repository."""
        known = {k.casefold(): v for k, v in self.identity["slugs"].items()}
        return str(known.get(repository.casefold()) or slugify(repository.split("/")[1]))

    def slug_of(self, reading: Reading) -> str:
        """Slug of the release a reading is about."""
        decided = self.identity["methods"].get(reading.record)
        if decided:
            return str(decided["slug"])
        return self.slug(self.main_repository(str(reading.repository)))


def commit_dates(path: Path) -> dict[str, str]:
    """Commit -> date; `methods3d.yaml` has it in comments (`snapshot: <commit>  # 2025-09-21`)."""
    return dict(_DATED.findall(path.read_text("utf-8")))


def load_facts(facts_dir: Path) -> Facts:
    """Read the three fact files and the decisions. Raises `InputError` for what cannot be read."""
    names = ("projects.yaml", "methods2d.yaml", "methods3d.yaml")
    repositories, two_d, three_d = (read_yaml(facts_dir / name) for name in names)
    texts = [read_strings(facts_dir / name) for name in names]
    identity = read_yaml(DATA / "project_identity.yaml")
    fixed = identity["checkpoint_ids"]
    readings = [
        *method_readings(two_d, three_d, fixed),
        *repository_readings(repositories, fixed),
    ]
    dates = commit_dates(facts_dir / names[2])
    for reading in readings:
        reading.commit_date = reading.commit_date or dates.get(str(reading.commit))
    return Facts(
        identity=identity,
        cards=read_yaml(DATA / "project_cards.yaml"),
        decisions=read_yaml(DATA / "project_claims.yaml"),
        worded=read_yaml(DATA / "project_traps.yaml"),
        conventions=read_yaml(DATA / "protocol_conventions.yaml")["conventions"],
        readings=readings,
        texts={record["repo"]: record for record in texts[0]}
        | {record["id"]: record for half in texts[1:] for record in half["methods"]},
        measured=biomedparse_claims(facts_dir.parent / "real" / "biomedparse"),
    )
