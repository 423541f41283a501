"""A short, seeded part of `python -m tests.stress fuzz`: damaged files are read or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from stress import __main__ as stress

from catalog.intake.csl import read_csl


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged pictures
def test_damaged_files_and_answers_are_read_or_refused(tmp_path: Path) -> None:
    assert stress.main(["fuzz", "--seed", "17", "--tries", "200", "--out", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    "field",
    ['"issued": {"date-parts": [[2024, 1, "\\u00b2"]]}', '"update-to": 1e30', '"update-to": [3]'],
)
def test_what_the_fuzzer_found(field: str) -> None:
    drafts, findings = read_csl(f'[{{"type": "article", "title": "T", {field}}}]', "x")
    assert (len(drafts), findings) == (1, [])
