"""The import of the real list, and of lists that are broken on purpose."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from terminal import here

from catalog.checks.codes import CODES
from catalog.editing import replace_record
from catalog.errors import FindingsError, InputError
from catalog.importer.decisions import Decisions, decisions
from catalog.importer.facts import read_facts
from catalog.importer.papers import IMPORTED, import_papers
from catalog.importer.report import REPORT
from catalog.importer.rows import read_rows
from catalog.importer.works import build_works
from catalog.records import Paper
from catalog.registry import load_papers, parse_papers

FILES = ("papers.yaml", IMPORTED, REPORT)


@pytest.fixture
def copied(tmp_path: Path, root: Path) -> Path:
    """The registry's own files in a folder of their own."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="module")
def works(listing: Path) -> list[Paper]:
    rows, _ = read_rows(listing)
    return build_works(rows, read_facts(listing), Decisions()).papers


def of_row(papers: list[Paper], line: int) -> Paper:
    (paper,) = [paper for paper in papers if line in paper.rows]
    return paper


# ----------------------------------------------------------------------------- the real list


def test_every_row_is_accounted_for_and_the_report_is_the_committed_one(
    root: Path, listing: Path, tmp_path: Path
) -> None:
    report = import_papers(tmp_path, listing)
    assert len(report.rows) == 425
    assert Counter(fate.outcome for fate in report.rows) == {
        "imported": 390,
        "merged": 17,
        "excluded": 15,
        "undecided": 3,
    }
    assert all(fate.reason for fate in report.rows if fate.outcome != "imported")
    lines = [line for paper in parse_papers(tmp_path / "papers.yaml") for line in paper.rows]
    assert sorted(lines) == [fate.line for fate in report.rows]  # none lost, none twice
    fresh = (tmp_path / REPORT).read_text("utf-8")
    assert fresh == (root / REPORT).read_text("utf-8"), (
        "the committed report is out of date: sam4mis import <folder of the list>"
    )


def test_importing_again_changes_no_byte(copied: Path, listing: Path) -> None:
    before = {name: (copied / name).read_bytes() for name in FILES}
    report = import_papers(copied, listing)
    assert {name: (copied / name).read_bytes() for name in FILES} == before
    assert (report.added, report.updated, report.stale) == ([], [], [])


def test_a_curators_edit_stays_and_the_difference_is_listed(copied: Path, listing: Path) -> None:
    paper = copy.deepcopy(next(p for p in load_papers(copied) if p.id == "medsam"))
    paper.note = "looked at by a person"
    paper.title_aliases = ["My alias"]
    replace_record(copied, "medsam", paper)
    before = (copied / "papers.yaml").read_bytes()
    report = import_papers(copied, listing)
    assert (copied / "papers.yaml").read_bytes() == before
    kept = [line for line in report.kept if line.startswith("medsam.")]
    assert [line.split(":")[0] for line in kept] == ["medsam.title_aliases", "medsam.note"]
    assert '"looked at by a person"' in kept[1]


def test_a_record_nobody_edited_follows_the_facts(
    copied: Path, listing: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "list"
    shutil.copytree(listing, folder)
    folder.chmod(0o755)
    facts = folder / "facts.yaml"
    facts.chmod(0o644)
    text = facts.read_text("utf-8")
    assert "short_name: SAMUSA" in text
    facts.write_text(text.replace("short_name: SAMUSA", "short_name: SAMUSA2"), "utf-8")
    dry = import_papers(copied, folder, write=False)
    assert dry.updated == ["samusa"]
    assert dry.stale == ["papers.yaml", IMPORTED]
    before = (copied / "papers.yaml").read_text("utf-8")
    import_papers(copied, folder)
    after = (copied / "papers.yaml").read_text("utf-8")
    assert after == before.replace(
        "short_name: SAMUSA\n", "short_name: SAMUSA2\n"
    )  # id is immutable


def test_what_the_list_is_known_to_contain(listing: Path) -> None:
    """The figures that the list's own README gives."""
    rows, _ = read_rows(listing)
    assert Counter(row.section for row in rows) == {"sam2": 52, "sam": 370, "datasets": 3}
    arxiv = [row.id_of("arxiv") for row in rows if row.id_of("arxiv")]
    assert (len(arxiv), len(set(arxiv))) == (276, 273)
    assert sum(1 for row in rows if row.codes) == 192
    github = [url for row in rows for url in row.codes if url.startswith("https://github.com/")]
    assert (len(github), len({url.lower() for url in github})) == (183, 172)
    assert sum(1 for row in rows if not row.codes) == 233


def test_every_named_irregularity_is_found_on_its_line(root: Path) -> None:
    """Looked up by hand in rows.md; the report is checked against the list by another test."""
    text = (root / REPORT).read_text("utf-8")
    found: dict[str, set[int]] = {}
    for block in re.split(r"(?m)^### ", text)[1:]:
        code, body = block.split(" ", 1)
        found[code] = {int(n) for n in re.findall(r"(?m)^- (\d+):", body)}
    assert found["L001"] == {333}
    assert found["L010"] == {84, 275}
    assert found["L011"] == {426}
    assert found["L012"] == {104, 130, 292, 294, 295}
    assert found["L013"] == {194}
    assert found["L017"] == {23, 114, 137, 158, 218}
    assert found["L018"] == {83, 194, 211, 276, 324, 332, 342, 426, 441}
    assert found["L022"] == {26, 38, 39, 89, 243, 259}
    assert found["L023"] == {91, 264}
    assert found["L024"] == {90}
    assert found["L031"] == {391}
    assert found["L032"] == {141, 175, 221, 349}
    assert found["L034"] == {33, 184}
    assert found["L040"] == {109, 189, 216}
    assert found["L060"] == {202, 203}
    assert found["L061"] == {198, 215, 307}
    assert found["L062"] == {45, 262, 276, 313, 324, 333, 342, 344, 351, 358, 367, 378}
    assert found["L063"] == {112, 216}
    assert {108} <= found["L044"]
    assert {24, 154, 191, 225, 256, 261, 290, 315, 320, 359, 375} <= found["L070"]
    assert "kvCZt" not in text  # the token itself is nowhere
    assert "Undecided" not in text
    assert "No decision yet" not in text


def test_no_token_and_no_tracking_reaches_the_registry(root: Path) -> None:
    text = (root / "papers.yaml").read_text("utf-8")
    assert not re.search(r"casa_token|utm_|journalCode|#_=_", text)


def test_merged_works_have_both_versions_and_both_titles(works: list[Paper]) -> None:
    assert len(works) == 425 - 17
    paper = of_row(works, 134)
    assert paper.rows == [134, 351]
    assert paper.id == "sam-med3d"
    assert [v.kind for v in paper.versions] == ["preprint", "journal"]
    assert paper.versions[0].ids.arxiv == "2310.15161"
    assert paper.versions[1].ids.doi == "10.1109/tnnls.2025.3586694"
    assert paper.versions[1].ids.ieee == "11105528"
    assert [v.cite for v in paper.versions] == [False, True]
    assert "SAM-Med3D" in paper.title_aliases
    cellsam = of_row(works, 342)
    assert [v.ids.doi for v in cellsam.versions] == [
        "10.1101/2023.11.17.567630",
        "10.1038/s41592-025-02879-w",
    ]
    assert "A Foundation Model for Cell Segmentation" in cellsam.title_aliases


def test_wrong_links_are_not_taken(works: list[Paper]) -> None:
    assert [v.ids.doi for v in of_row(works, 109).versions] == ["10.1002/cam4.71246"]
    assert [v.ids.doi for v in of_row(works, 112).versions] == ["10.1007/978-3-032-04937-7_19"]
    assert [v.ids.arxiv for v in of_row(works, 189).versions] == ["2503.19700"]
    assert [v.ids.arxiv for v in of_row(works, 216).versions] == [None]


def test_a_code_link_on_the_wrong_row_goes_to_the_right_one(works: list[Paper]) -> None:
    assert of_row(works, 108).links.code is None
    name = "yuhoo0302/Segment-Anything-Model-for-Medical-Images"
    assert of_row(works, 415).links.code == [f"https://github.com/{name}"]
    assert of_row(works, 53).links.code == ["https://github.com/bowang-lab/MedSAM"]


def test_siblings_are_not_merged(works: list[Paper]) -> None:
    for one, other in ((64, 195), (195, 207), (76, 268), (382, 414), (52, 389), (371, 134)):
        assert of_row(works, one).id != of_row(works, other).id
    assert of_row(works, 384).id == "polyp-sam-plus-plus"
    assert of_row(works, 411).id == "polyp-sam"


def test_none_in_the_list_means_nobody_looked(works: list[Paper]) -> None:
    assert of_row(works, 7).links.code is None
    assert of_row(works, 422).links.code == ["https://github.com/bowang-lab/MedSAM"]
    assert of_row(works, 441).links.data == ["https://openxlab.org.cn/datasets/GMAI/SA-Med2D-20M"]
    assert of_row(works, 332).links.page == ["https://scribbleprompt.csail.mit.edu"]


def test_tags_say_what_they_rest_on(works: list[Paper], listing: Path) -> None:
    facts = read_facts(listing)
    touched = 0
    for paper in works:
        evidence = {facts[line].evidence for line in paper.rows}
        for name in ("contribution", "modalities", "base_models"):
            tag = getattr(paper, name)
            if tag is None:
                continue
            if tag.provenance == "curator":
                touched += 1
            else:
                weaker = any(
                    c.evidence and set(c.rows) & set(paper.rows) for c in decisions().corrections
                )
                assert tag.provenance in evidence or weaker
    assert 0 < touched < 20  # only where a decision file says so


def test_numbers_of_two_rows_count_once(works: list[Paper]) -> None:
    values = [(r.value, r.note) for r in of_row(works, 27).reported]
    assert len(values) == len({value for value, _ in values}) == 8
    scales = {r.metric: r.scale for r in of_row(works, 25).reported}
    assert scales == {"dice": "fraction", "hd95": "mm"}


# ----------------------------------------------------------------------- decisions and codes


def test_every_decision_has_a_reason_and_names_rows_that_exist(listing: Path) -> None:
    lines = {row.line for row in read_rows(listing)[0]}
    everything = [
        *decisions().merges,
        *decisions().corrections,
        *decisions().scope,
    ]
    for decision in everything:
        assert set(decision.rows) <= lines
        assert len(decision.reason) > 10
        assert decision.source
    decided = [line for scope in decisions().scope for line in scope.rows]
    assert len(decided) == len(set(decided)), "a row has two decisions on its scope"


def test_every_finding_of_an_import_has_a_code_that_is_explained(
    listing: Path, tmp_path: Path
) -> None:
    report = import_papers(tmp_path, listing, write=False)
    assert {finding.code for finding in report.findings} <= set(CODES)
    assert all(finding.line for finding in report.findings if finding.place == "rows.md")


# --------------------------------------------------------------------------- broken on purpose

HEAD = '## SAM <div id="sam4mis"></div>\n\n|Date|Authors|Title|Code|\n|---|---|---|---|\n'


def small(folder: Path, rows: str, facts: str = "[]\n") -> Path:
    (folder / "list").mkdir(exist_ok=True)
    (folder / "list" / "rows.md").write_text(HEAD + rows, "utf-8")
    (folder / "list" / "facts.yaml").write_text(facts, "utf-8")
    return folder / "list"


def test_rows_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    folder = small(
        tmp_path,
        "|202301|A. B|T [(paper)](https://arxiv.org/pdf/2301.00001)|None|\n"
        "|202313|A. B|T [(paper)](https://arxiv.org/pdf/2301.00002)|None|\n"
        "|202301|A. B|T without a link|None|\n"
        "|202301|A. B|\n"
        "|soon|A. B|T [(paper)](https://x.org)|None|\n",
    )
    rows, findings = read_rows(folder)
    assert [row.line for row in rows] == [5]
    assert [(f.line, f.code) for f in findings if f.code == "L001"] == [
        (6, "L001"),
        (7, "L001"),
        (8, "L001"),
        (8, "L001"),
        (9, "L001"),
    ]


def test_markup_in_a_title_stays_text(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> \u202e *x* `y` {{z}} --- &a"
    folder = small(
        tmp_path, f"|202301|A. B|{hostile} [(paper)](https://arxiv.org/pdf/2301.00001)|None|\n"
    )
    import_papers(tmp_path, folder)
    (paper,) = parse_papers(tmp_path / "papers.yaml")
    assert paper.title == hostile
    assert "\u202e" not in (tmp_path / "papers.yaml").read_text("utf-8")
    assert "<script>" not in (tmp_path / REPORT).read_text("utf-8")


def test_a_missing_or_wrong_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected the list as rows\.md"):
        import_papers(tmp_path, tmp_path / "gone")
    folder = small(tmp_path, "")
    with pytest.raises(InputError, match="is this the SAM4MIS list"):
        import_papers(tmp_path, folder)
    (folder / "rows.md").write_bytes(b"\xff\xfe|2023")
    with pytest.raises(InputError, match="not UTF-8"):
        import_papers(tmp_path, folder)
    assert not (tmp_path / "papers.yaml").exists()


def test_broken_facts_are_told_record_by_record(tmp_path: Path) -> None:
    row = "|202301|A. B|T [(paper)](https://arxiv.org/pdf/2301.00001)|None|\n"
    facts = "- {row: 5, arxiv: 2301.00001, found: true, evidence: guess}\n- {row: x}\n"
    folder = small(tmp_path, row, facts)
    with pytest.raises(FindingsError) as caught:
        import_papers(tmp_path, folder)
    told = {(f.line, f.code) for f in caught.value.findings}
    assert {(1, "S001"), (1, "S004"), (2, "S001"), (2, "S003")} == told
    assert not (tmp_path / "papers.yaml").exists()


def test_a_damaged_marks_file_is_named(copied: Path, listing: Path) -> None:
    (copied / IMPORTED).write_text("{")
    with pytest.raises(InputError, match="restore it from git"):
        import_papers(copied, listing)


def test_a_contradiction_without_a_decision_is_a_finding(listing: Path) -> None:
    class Undecided(Decisions):
        @property
        def merges(self):  # type: ignore[no-untyped-def,override]
            found = copy.deepcopy(decisions().merges)
            for merge in found:
                merge.resolve = {}
            return found

    rows, _ = read_rows(listing)
    works = build_works(rows, read_facts(listing), Undecided())
    told = [f.path for f in works.findings if f.code == "L050"]
    resolved = sum(len(merge.resolve) for merge in decisions().merges)
    assert len(told) == resolved > 10


# ----------------------------------------------------------------------------------- the command


def test_the_command_accounts_for_rows_and_checks(copied: Path, listing: Path) -> None:
    ran = here(copied, "import", str(listing), "--facts", str(copied), "--check")
    assert ran.code != 0  # a folder without projects.yaml is named, not skipped silently
    folder = small(copied, (listing / "rows.md").read_text("utf-8"))
    shutil.copy(listing / "rows.md", folder / "rows.md")
    shutil.copy(listing / "facts.yaml", folder / "facts.yaml")
    ran = here(copied, "import", str(folder), "--check")
    assert ran.code == 0, ran.out + ran.err
    assert "rows: 425 accounted for" in ran.out
    assert "works: 0 added, 0 updated, 408 unchanged" in ran.out
    assert "projects: not imported" in ran.err
    (copied / REPORT).write_text("stale")
    ran = here(copied, "import", str(folder), "--check")
    assert ran.code == 1
    assert f"would write {REPORT}" in ran.out
    assert (copied / REPORT).read_text() == "stale"
    answer = json.loads(here(copied, "import", str(folder), "--dry-run", "--json").out)
    assert len(answer["rows"]) == 425
    assert answer["stale"] == [REPORT]


def test_the_command_without_a_folder_says_so(copied: Path) -> None:
    ran = here(copied, "import", str(copied / "gone"))
    assert ran.code == 3
    assert "there is no such folder" in ran.err


def test_a_list_cut_short_is_told_and_nothing_is_written(copied: Path, listing: Path) -> None:
    cut = copied / "cut"
    cut.mkdir()
    text = (listing / "rows.md").read_text("utf-8")
    (cut / "rows.md").write_text(text[:20000])
    shutil.copy(listing / "facts.yaml", cut)
    before = (copied / "papers.yaml").read_bytes()
    with pytest.raises(InputError, match=r"line \d+ holds no row. Is the file cut short"):
        import_papers(copied, cut)
    assert (copied / "papers.yaml").read_bytes() == before


@pytest.mark.parametrize(("content", "got"), [("", "nothing"), ("row: 1\n", "a dict")])
def test_facts_that_are_no_list_do_not_wipe_the_tags(
    copied: Path, listing: Path, content: str, got: str
) -> None:
    folder = copied / "list"
    folder.mkdir()
    shutil.copy(listing / "rows.md", folder)
    (folder / "facts.yaml").write_text(content)
    before = (copied / "papers.yaml").read_bytes()
    with pytest.raises(InputError, match=f"expected a list of records .* got {got}"):
        import_papers(copied, folder)
    assert (copied / "papers.yaml").read_bytes() == before
