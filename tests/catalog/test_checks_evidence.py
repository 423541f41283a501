"""Records of released rows: what `check` says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.checks import check_registry
from catalog.yaml_out import dump

RIGHT: dict[str, Any] = {
    "id": "small",
    "repository": "owner/name",
    "commit": "0" * 40,
    "rows": "cases",
    "row": "one case",
    "data_set": "made up",
    "method": "none",
    "files": [{"path": "a.csv", "sha256": "0" * 64}],
    "readers": {"rows": {"format": "csv"}},
    "checks": [{"name": "mean", "column": "dice", "printed": "0.5"}],
    "state": "agrees",
    "reason": "The mean of the rows.",
}


def told(tmp_path: Path, record: dict[str, Any]) -> list[tuple[str, str]]:
    (tmp_path / "papers.yaml").write_text("papers: []\n")
    folder = tmp_path / "reproduce" / "evidence"
    folder.mkdir(parents=True)
    (folder / "small.yaml").write_text(dump(record))
    _, findings = check_registry(tmp_path)
    for finding in findings:
        assert finding.place == "reproduce/evidence/small.yaml"
        assert finding.line is not None
    return [(f.code, f.path) for f in findings]


def test_a_record_that_is_right(tmp_path: Path) -> None:
    assert told(tmp_path, RIGHT) == []


@pytest.mark.parametrize(
    ("changed", "code", "path"),
    [
        ({"repository": "https://x.org"}, "C001", "small.repository"),
        ({"commit": "main"}, "C001", "small.commit"),
        ({"commit": None}, "C001", "small.commit"),
        ({"files": [{"path": "a", "sha256": "F" * 64}]}, "C002", "small.files[0].sha256"),
        (
            {"readers": {"rows": {"format": "lines", "rows": "("}}},
            "E001",
            "small.readers.rows.rows",
        ),
        ({"readers": {}}, "E002", "small.checks[0]"),
        (
            {"every": [{"name": "t", "printed": "no", "columns": {}}]},
            "E002",
            "small.every[0].printed",
        ),
        ({"checks": []}, "E002", "small.state"),
        ({"checks": [dict(RIGHT["checks"][0]) for _ in "12"]}, "E003", "small.checks[1].name"),
        (
            {"checks": [{"name": "m", "column": "d", "printed": "1", "parts": ["x"]}]},
            "E002",
            "small.checks[0].parts",
        ),
        ({"projects": ["nobody"]}, "R002", "small.projects[0]"),
        ({"checkpoints": {"nobody": ["w"]}}, "R005", "small.checkpoints.nobody"),
        ({"paper": "nobody"}, "R001", "small.paper"),
        ({"claims": ["nobody/none"]}, "R003", "small.claims[0]"),
        ({"id": "other"}, "R004", "id"),
        ({"rows": "pixels"}, "S004", "small.rows"),
        ({"extra": 1}, "S002", "small"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, changed: dict[str, Any], code: str, path: str
) -> None:
    assert (code, path) in told(tmp_path, RIGHT | changed)


def test_a_claim_brings_its_number(tmp_path: Path) -> None:
    check = {"name": "mean", "column": "dice", "printed": "0.5", "claim": "nobody/none"}
    codes = [code for code, _ in told(tmp_path, RIGHT | {"checks": [check]})]
    assert codes == ["E004", "R003"]
