"""Words of its own for each image, from a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import InputError, PrerequisiteError
from reproduce.contracts import Case, Sample
from reproduce.predicting.folder import Asked, _prompted
from reproduce.predicting.given import Sentences

CASES = [Case(name, {"image": Path(f"images/{name}.png")}) for name in ("a", "b", "c")]


def asked(source: Sentences, number: int, planes: int = 1) -> list[tuple[str, int | None, str]]:
    values = np.zeros((planes, 4, 4), np.float32)
    sample = Sample.of_volume(CASES[number], values, {})
    return [(p.label, p.plane, str(p.text)) for p in source.prompts(sample).prompts]


def test_sentences_as_authors_release_them(tmp_path: Path) -> None:
    path = tmp_path / "testing.json"
    path.write_text(json.dumps({"a.png": "A round mass. ", "b": "A scan.", "z.png": "Nobody."}))
    source = Sentences(path, CASES, "stack")
    assert source.labels == ["object"]
    assert asked(source, 0) == [("object", None, "A round mass.")]
    assert asked(source, 1) == [("object", None, "A scan.")]
    assert asked(source, 2) == []  # told by case: it has no prompt
    assert source.problems == [f"{path}: 1 of its images are not there: z.png"]
    assert source.mark(CASES[0]) != source.mark(CASES[1])


def test_a_table_names_classes_and_is_asked_on_every_plane(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text('image,text,label\na,"a mass, round",tumour\na,the liver,\n')
    source = Sentences(path, CASES, "plane")
    assert source.labels == ["tumour", "object"]
    assert asked(source, 0, planes=2) == [
        ("tumour", 0, "a mass, round"),
        ("object", 0, "the liver"),
        ("tumour", 1, "a mass, round"),
        ("object", 1, "the liver"),
    ]


@pytest.mark.parametrize(
    ("name", "held", "told"),
    [
        ("a.csv", "image,words\na,b\n", "expected the columns image and text"),
        ("a.csv", "image,text\na,\n", "none for a"),
        ("a.json", '{"a": 3, "b": "x"}', "none for a"),
        ("a.json", "[1]", "a.json"),
    ],
)
def test_what_holds_no_words_is_told(name: str, held: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(held)
    with pytest.raises(InputError, match=told):
        Sentences(tmp_path / name, CASES, "stack")


def test_words_and_files_are_told_apart(tmp_path: Path) -> None:
    there = tmp_path / "w.json"
    there.write_text("{}")
    common = {"target": "x", "images": tmp_path, "out": tmp_path}
    assert _prompted(Asked(**common, text=("liver",))) == ("text", ("liver",))
    assert _prompted(Asked(**common, text=(str(there),))) == ("text", there)
    with pytest.raises(PrerequisiteError, match="no such file"):
        _prompted(Asked(**common, text=(str(tmp_path / "gone.csv"),)))
