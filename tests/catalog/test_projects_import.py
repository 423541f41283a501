"""Importing code repositories: every cell accounted for, every number, and nobody's edit lost."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from catalog.errors import InputError
from catalog.importer.project_cells import links
from catalog.importer.project_claims import find, number_leaves
from catalog.importer.project_text import (
    addresses,
    host_of,
    issues,
    place_in,
    plain,
    repository_name,
    sentences,
    slugify,
    traps,
)
from catalog.importer.projects import ProjectsReport, import_projects
from catalog.records import Project
from catalog.registry import load_projects


@pytest.fixture(scope="module")
def imported(
    root: Path, listing: Path, facts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A fresh registry with the works of this one, into which everything has been imported."""
    folder = tmp_path_factory.mktemp("registry")
    shutil.copy(root / "papers.yaml", folder / "papers.yaml")
    import_projects(folder, listing, facts)
    return folder


@pytest.fixture(scope="module")
def projects(imported: Path) -> dict[str, Project]:
    return {p.slug: p for p in load_projects(imported)}


@pytest.fixture(scope="module")
def report(root: Path, listing: Path, facts: Path) -> ProjectsReport:
    """What an import would do to this catalog."""
    return import_projects(root, listing, facts, write=False)


def test_every_code_cell_is_accounted_for(
    root: Path, listing: Path, report: ProjectsReport
) -> None:
    in_list = links(listing / "rows.md")
    assert [(c.row, c.url) for c in report.cells] == in_list
    assert len(in_list) == 192
    repositories = [c for c in report.cells if c.project]
    assert len(repositories) == 183
    assert len({str(repository_name(c.url)).casefold() for c in repositories}) == 172
    assert all(c.kind != "repository" and c.reason for c in report.cells if not c.project)
    named = {c.project for c in repositories}
    assert named <= {path.stem for path in (root / "projects").glob("*.yaml")}


def test_files_of_the_catalog_are_what_an_import_makes(report: ProjectsReport) -> None:
    """A person's edit is allowed: it is kept, and listed."""
    assert report.created == []
    assert report.uncovered == []
    assert set(report.by_hand) >= {"lwnet"}
    edited = {line.split(".")[0] for line in report.kept}
    assert len(report.unchanged) + len(report.completed) == 192
    assert edited <= set(report.unchanged) | set(report.completed)


def test_a_second_import_changes_nothing(imported: Path, listing: Path, facts: Path) -> None:
    before = {path: path.read_bytes() for path in (imported / "projects").iterdir()}
    report = import_projects(imported, listing, facts)
    assert (report.created, report.completed, report.replaced, report.kept) == ([], [], [], [])
    assert {path: path.read_bytes() for path in (imported / "projects").iterdir()} == before


def test_an_edit_stays_and_is_listed_an_empty_field_is_filled(
    imported: Path, listing: Path, facts: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "registry"
    shutil.copytree(imported, folder)
    edited, emptied = folder / "projects/samus.yaml", folder / "projects/desam.yaml"
    text = edited.read_text("utf-8").replace("name: SAMUS / AutoSAMUS", "name: SAMUS  # as cited")
    edited.write_text(text, "utf-8")
    whole = emptied.read_text("utf-8")
    line = next(text for text in whole.splitlines() if text.startswith("papers:"))
    emptied.write_text(whole.replace(line, "papers: []  # none yet"), "utf-8")
    report = import_projects(folder, listing, facts)
    assert report.kept == ["samus.name: the file differs from the facts"]
    assert edited.read_text("utf-8") == text
    assert report.completed == ["desam"]
    assert emptied.read_text("utf-8") == whole


def test_a_dry_run_writes_nothing_and_works_without_papers(
    listing: Path, facts: Path, tmp_path: Path
) -> None:
    report = import_projects(tmp_path, listing, facts, write=False)
    assert len(report.created) == 192
    assert len(report.unlinked) > 170
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_link_is_told_with_its_row(listing: Path, facts: Path, tmp_path: Path) -> None:
    text = (listing / "rows.md").read_text("utf-8")
    (tmp_path / "rows.md").write_text(
        text + "|202601|A|T|[Code](https://example.org/x)|\n", "utf-8"
    )
    with pytest.raises(InputError, match=r"rows\.md:\d+: https://example\.org/x"):
        import_projects(tmp_path, tmp_path, facts)
    assert not (tmp_path / "projects").exists()


def test_a_missing_fact_file_is_told(listing: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"projects\.yaml: cannot be read"):
        import_projects(tmp_path, listing, tmp_path)


def test_rows_link_works_and_addresses_of_one_release_are_one_project(
    projects: dict[str, Project],
) -> None:
    med2d = projects["sam-med2d"]
    assert med2d.repository is not None
    assert med2d.repository.url == "https://github.com/uni-medical/SAM-Med2D"
    assert med2d.repository.moved_to == "https://github.com/OpenGVLab/SAM-Med2D"
    assert med2d.protocol_card is not None
    assert med2d.protocol_card.commit == "bfd2b93b1158100c8abd81f61766a2de92c1c175"
    assert "sam-med2d" in med2d.papers
    assert "medical-sam-adapter" in projects
    adapters = [s for s in projects if "medical-sam-adapter" in s]
    assert adapters == ["medical-sam-adapter"]


def test_values_are_read_as_printed(projects: dict[str, Project]) -> None:
    claims = {c.id: c for c in projects["samed"].claims}
    assert claims["samed-h-synapse-dice"].value == 84.3
    assert claims["samed-h-synapse-dice"].decimals == 2  # printed 84.30
    refuge = {c.id: c for c in projects["medical-sam-adapter"].claims}
    assert (
        refuge["refuge-mobilesam-tinyvit"].value,
        refuge["refuge-mobilesam-tinyvit"].decimals,
    ) == (
        0.933,
        4,
    )
    zap = {c.id: c for c in projects["zap-2-5dsam"].claims}
    assert zap["colon-dice"].dispersion is not None
    assert zap["colon-dice"].dispersion.value == 1.11
    assert zap["colon-nsd"].value == 85.64


def test_biomedparse_means_are_claims_of_the_models_they_measure(
    projects: dict[str, Project], real: Path
) -> None:
    table = (real / "biomedparse/results/all_metrics_mean.csv").read_text("utf-8").splitlines()
    header, first = table[0].split(","), table[1].split(",")
    row = dict(zip(header, first, strict=True))
    for slug, column in (("sam", "sam_dice"), ("medsam", "medsam_dice")):
        claims = [c for c in projects[slug].claims if c.id.startswith("biomedparse-")]
        assert len(claims) == 113  # 112 tasks and the mean of the demo masks
        assert claims[-1].id == "biomedparse-demo-mean"
        assert claims[0].value == float(row[column])
        assert claims[0].n.images == int(row["support"])
        assert claims[0].source.column == column


def test_names_split_at_a_comma_come_back_whole(projects: dict[str, Project]) -> None:
    names = [d.name for d in projects["sam3d"].datasets or []]
    assert "Synapse (BTCV, 18/12)" in names
    assert "M3D-Seg (tags 0003, 9, 0012)" in [d.name for d in projects["m3d"].datasets or []]


def test_no_collectors_shorthand_is_left(imported: Path) -> None:
    left = {
        path.name
        for path in (imported / "projects").glob("*.yaml")
        if re.search(
            r"(?<![\w/])[RIXP]:[\w#]|\bGT\b(?! *(?:boxes|box)\b.*details)",
            path.read_text("utf-8").split("details:")[0],
        )
    }
    assert left == set()


# --------------------------------------------------------------------------- the small pieces


def test_repository_names() -> None:
    assert repository_name("https://github.com/YU-deep/CRISP_SAM2.git") == "YU-deep/CRISP_SAM2"
    assert repository_name("github.com/vpulab/med-sam-brain") == "vpulab/med-sam-brain"
    assert repository_name("https://zhaoziheng.github.io/MedUniSeg") is None
    assert slugify("BiASAM-") == "biasam"


def test_addresses_lose_their_punctuation() -> None:
    text = "https://a.org/x ; mirror https://b.org/y?pwd=1, (https://c.org/z)."
    assert addresses(text) == ["https://a.org/x", "https://b.org/y?pwd=1", "https://c.org/z"]
    assert [
        host_of(u) for u in ("https://drive.google.com/file/d/1", "https://x.sharepoint.com/a")
    ] == [
        "gdrive",
        "onedrive",
    ]


def test_a_note_of_sentences_becomes_single_facts_with_places() -> None:
    text = "Threshold 0.5 is on logits (a/b.py:12-14). README v1.2 says no."
    assert sentences(text) == ["Threshold 0.5 is on logits (a/b.py:12-14)", "README v1.2 says no"]
    first, second = traps(text, "c" * 40)
    assert (first.file, first.line, first.commit) == ("a/b.py", "12-14", "c" * 40)
    assert (second.file, second.commit) == (None, None)
    assert place_in("see https://x.org/a.py:3") == (None, None)


def test_issue_numbers_get_their_repository() -> None:
    (note,) = issues(["#7, #9: the score is lower"], "own/er")
    assert note.ref == "own/er#7"
    assert note.text == "the score is lower (also own/er#9)"
    assert plain("box from GT (X)") == "box from ground truth (inferred from the code)"


def test_paths_into_facts() -> None:
    tree = {"a": {"x": ["1", "2"], "y": "about 3", "note": "9"}, "b": [{"v": "4"}]}
    assert [f.text for f in find(tree, "a.x[*]")] == ["1", "2"]
    assert [f.captures for f in find(tree, "a.{x,y}")] == [("x",), ("y",)]
    assert [f.path for f in find(tree, "b.0.v")] == ["b.0.v"]
    assert list(number_leaves(tree)) == ["a.x.0", "a.x.1", "a.y", "b.0.v"]
