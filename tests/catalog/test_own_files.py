"""The registry's own words and decisions hold, not those of the installed package."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from terminal import here

from catalog import own
from catalog.checks import check_registry
from catalog.decided import decisions
from catalog.errors import FindingsError
from catalog.vocabulary import FILE, canonical, label, vocabularies

PAPER = """papers:
  - id: kneesam
    title: KneeSAM
    authors: [Ada Lovelace]
    authors_complete: true
    versions:
      - {kind: preprint, ids: {arxiv: '2401.00001'}, date: '2024-01-01', cite: true}
    modalities: {values: [thermography], from: title}
"""


@pytest.fixture
def clone(tmp_path: Path, root: Path) -> Path:
    """A clone whose vocabulary of modalities has a word more."""
    (tmp_path / "papers.yaml").write_text(PAPER)
    file = tmp_path / "catalog" / FILE
    file.parent.mkdir(parents=True)
    text = (root / "catalog" / FILE).read_text("utf-8")
    before, begun, after = text.partition("  modalities:\n")
    head, terms, rest = after.partition("    terms:\n")
    term = "      thermography: {label: thermography, aliases: [infrared]}\n"
    file.write_text(before + begun + head + terms + term + rest)
    return tmp_path


def test_a_word_of_the_clone_is_known_in_the_clone_only(clone: Path, tmp_path: Path) -> None:
    _, findings = check_registry(clone)
    assert findings == []
    shutil.rmtree(clone / "catalog")
    own._path.cache_clear()
    _, findings = check_registry(clone)
    assert [f.code for f in findings] == ["V001"]
    assert "'thermography' is not in the vocabulary of modalities" in findings[0].message


def test_commands_use_the_words_of_the_root_they_are_given(clone: Path) -> None:
    ran = here(clone, "check")
    assert (ran.code, ran.out) == (0, "")
    assert here(clone, "list", "papers", "--modality", "infrared").code == 0
    with own.of(clone):
        assert canonical("modalities", "Infrared") == "thermography"
        assert label("modalities", "thermography") == "thermography"
    assert "thermography" not in vocabularies()["modalities"].terms


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("vocabularies: {", "Y001"),
        ("vocabularies: {modalities: {title: x, meaning: y, termz: {}}}", "S002"),
        ("vocabularies: {}", "S003"),
    ],
)
def test_a_broken_file_of_the_clone_is_named(clone: Path, text: str, told: str) -> None:
    (clone / "catalog" / FILE).write_text(text)
    with own.of(clone), pytest.raises(FindingsError) as caught:
        vocabularies()
    assert caught.value.findings[0].place == f"catalog/{FILE}"
    assert told in {f.code for f in caught.value.findings}
    ran = here(clone, "check")
    assert ran.code == 1
    assert f"catalog/{FILE}" in ran.out
    assert "Traceback" not in ran.err


def test_decisions_are_those_of_the_clone(clone: Path, root: Path) -> None:
    assert decisions(clone).folder == own.INSTALLED / "decisions"  # it has none
    folder = clone / "catalog" / "decisions"
    folder.mkdir()
    own._path.cache_clear()
    assert decisions(clone).folder == folder
    assert decisions(clone) is decisions(clone)


def test_outside_a_registry_the_installed_words_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAM4MIS_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert own.path(FILE) == own.INSTALLED / FILE
