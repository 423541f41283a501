"""The JSON Schemas say what the records and vocabularies say, and judge as the registry does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from catalog.records import TAG_FIELDS
from catalog.schemas import FOLDER, schemas, stale
from catalog.vocabulary import canonical, label, nearest, vocabularies


def test_the_files_are_up_to_date() -> None:
    assert stale() == [], "run: python -m catalog.schemas"


def test_the_command_writes_and_checks(tmp_path: Path) -> None:
    from catalog.schemas import write

    assert sorted(write(tmp_path)) == sorted(schemas())
    assert write(tmp_path) == []
    (tmp_path / "papers.schema.json").write_text("{}")
    assert stale(tmp_path) == ["papers.schema.json"]
    ran = subprocess.run([sys.executable, "-m", "catalog.schemas", "--check"], check=False)
    assert ran.returncode == 0
    wrong = subprocess.run(
        [sys.executable, "-m", "catalog.schemas", "--all"], capture_output=True, check=False
    )
    assert wrong.returncode == 2


@pytest.mark.parametrize("name", sorted(schemas()))
def test_every_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads((FOLDER / name).read_text("utf-8")))


def errors(name: str, document: Any) -> list[str]:
    schema = json.loads((FOLDER / name).read_text("utf-8"))
    return [
        f"{error.json_path}: {error.message}"
        for error in jsonschema.Draft202012Validator(schema).iter_errors(document)
    ]


def test_the_real_files_are_valid_and_carry_the_editor_header(root: Path) -> None:
    text = (root / "papers.yaml").read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=catalog/schemas/papers.schema.json\n")
    assert errors("papers.schema.json", yaml.load(text, yaml.CSafeLoader)) == []
    for path in sorted((root / "projects").glob("*.yaml"))[::20]:
        assert errors("project.schema.json", yaml.safe_load(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "record",
    [
        {"id": "x"},
        {"id": "x", "title": "y", "titel": "z"},
        {"id": "x", "title": 7},
        {"id": "x", "title": "y", "modalities": {"values": ["ctt"], "from": "page"}},
        {"id": "x", "title": "y", "modalities": {"values": ["ct"], "from": "guess"}},
        {"id": "x", "title": "y", "versions": [{"kind": "book"}]},
    ],
)
def test_what_the_registry_refuses_the_schema_refuses(record: dict[str, Any]) -> None:
    assert errors("papers.schema.json", {"papers": [record]})


def test_tags_offer_their_vocabulary_and_open_ones_any_text() -> None:
    def with_tag(name: str, values: Any) -> dict[str, Any]:
        tag = {"values": values, "from": "page"}
        return {"papers": [{"id": "x", "title": "y", name: tag}]}

    assert errors("papers.schema.json", with_tag("modalities", "n/a")) == []
    assert errors("papers.schema.json", with_tag("modalities", [])) == []
    for name in TAG_FIELDS:
        every = list(vocabularies()[name].terms)
        assert errors("papers.schema.json", with_tag(name, every)) == []
    assert errors("papers.schema.json", with_tag("datasets", ["A new one"])) == []


def test_vocabularies_know_their_spellings() -> None:
    assert canonical("datasets", "synapse-ct") == "Synapse"
    assert canonical("datasets", "EndoVis17") == "EndoVis 2017"
    assert canonical("datasets", "Kvasir") == "Kvasir"  # may differ from Kvasir-SEG
    assert canonical("modalities", "nowhere") == "nowhere"
    assert label("modalities", "ct") == "CT"
    assert label("modalities", "nowhere") == "nowhere"
    assert nearest("modalities", "ultra-sound") == "ultrasound"
    assert nearest("modalities", "zzzzzz") is None


def test_no_spelling_belongs_to_two_values() -> None:
    for name, vocabulary in vocabularies().items():
        owner: dict[str, str] = {}
        for value, term in vocabulary.terms.items():
            for spelling in (value, *term.aliases):
                assert owner.setdefault(spelling.casefold(), value) == value, (name, spelling)
