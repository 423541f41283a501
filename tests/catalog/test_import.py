"""Lists that somebody else keeps: in through the same door, second hand, each entry by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from terminal import Ran, here

from catalog.decided import FOLDER, Decisions
from catalog.errors import FindingsError, UsageError
from catalog.intake.markdown_list import read_markdown_list
from catalog.records import Ids, Paper, Tag
from catalog.registry import Registry
from catalog.sources import prisma_counts, screening

COMMIT = "c93a01741aec1c12ec35859b56b6882bd27278b2"
LIST = f"https://github.com/owner/list/blob/{COMMIT}/README.md"
PAPERS = """\
papers:
  # kept
  - id: polypsam
    title: 'PolypSAM: polyps by prompts'
    short_name: PolypSAM
    authors: [Ada Lovelace]
    authors_complete: true
    versions:
      - kind: preprint
        ids: {arxiv: '2501.00001'}
        date: '2025-01'
        cite: true
"""
SOURCE = f"source: {{repository: owner/list, commit: {COMMIT}, file: README.md, line: %d}}"
WORKS = f"""\
works:
- title: 'An Edge-aware Prompt-enhanced SAM for Ultrasound'
  name_in_list: EP-SAM
  authors: [Wenhao Li, Fangyi Liu]
  authors_complete: true
  year: 2026
  month: 8
  kind: conference
  venue_printed: ICME (2026)
  venue: ICME 2026
  ids: {{arxiv: '2607.07240'}}
  links: {{paper: 'https://arxiv.org/abs/2607.07240', code: 'https://github.com/a/b.git'}}
  base_models: [sam]
  tags_from_title: {{modalities: [ultrasound]}}
  {SOURCE % 735}
- title: Prompts for bones
  authors: [Grace Hopper]
  authors_complete: true
  year: 2026
  kind: journal
  venue: Medical Image Analysis 2026
  ids: {{doi: 10.1016/j.media.2026.1}}
  base_models: [medsam]
  scope_from: abstract, read in a public copy
  reason: its masks measure bones
  {SOURCE % 736}
- title: A work that names nobody
  authors: null
  ids: {{arxiv: '2607.00009'}}
  {SOURCE % 737}
- title: Registration with masks
  authors: [Alan Turing]
  ids: {{arxiv: '2607.00010'}}
  scope: borderline
  reason: registration
  {SOURCE % 738}
- title: 'PolypSAM: segmenting polyps by prompting'
  name_in_list: PolypSAM
  authors: [Ada Lovelace]
  authors_complete: true
  year: 2026
  kind: conference
  venue: MICCAI 2026
  ids: {{doi: 10.1007/978-3-031-99999-1_12}}
  {SOURCE % 739}
- title: 'PolypSAM: polyps by prompts'
  authors: [Ada Lovelace]
  ids: {{arxiv: '2501.00001'}}
  {SOURCE % 740}
excluded:
- {{title: Bones of birds, ids: {{arxiv: '2607.26743'}}, reason: birds, file: README.md, line: 463}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "papers.yaml").write_text(PAPERS)
    (tmp_path / "works.yaml").write_text(WORKS)
    return tmp_path


def taken_in(folder: Path, name: str, *options: str) -> Ran:
    return here(folder, "import", str(folder / name), *options)


def works(folder: Path) -> dict[str, Paper]:
    return {paper.id: paper for paper in Registry.load(folder).papers}


def test_what_can_go_in_goes_in_and_the_rest_waits_with_its_options(folder: Path) -> None:
    ran = taken_in(folder, "works.yaml")
    assert ran.code == 1  # two wait
    papers = works(folder)
    assert list(papers) == ["polypsam", "ep-sam", "hopper-2026-prompts-bones"]
    assert "works.yaml --without-authors 2607.00009" in ran.err
    assert "--as-version 10.1007/978-3-031-99999-1_12=polypsam" in ran.err
    assert "--different 10.1007/978-3-031-99999-1_12" in ran.err
    assert "7 entries: 2 new, 1 queued, 1 known, 1 excluded, 2 waiting for a decision" in ran.err
    assert (folder / "papers.yaml").read_text().startswith(PAPERS)
    assert here(folder, "check").code == 0


def test_each_fact_is_second_hand_with_its_place_and_nothing_is_invented(folder: Path) -> None:
    taken_in(folder, "works.yaml")
    paper, bones = works(folder)["ep-sam"], works(folder)["hopper-2026-prompts-bones"]
    preprint, published = paper.versions
    assert (preprint.kind, preprint.ids, preprint.date) == (
        "preprint",
        Ids(arxiv="2607.07240"),
        "2026-07",  # as the identifier says; the list's month is when it was listed
    )
    assert (published.kind, published.venue, published.date, published.ids, published.cite) == (
        "conference",
        "ICME 2026",
        "2026",
        Ids(),
        True,
    )
    for version in paper.versions:
        assert version.second_hand
        assert version.second_hand.source == f"{LIST}#L735"
    assert paper.sources == [f"{LIST}#L735"]
    assert paper.links.code == ["https://github.com/a/b"]
    assert paper.modalities == Tag(values=["ultrasound"], provenance="title")
    assert paper.base_models == Tag(values=["sam"], provenance="title")
    assert paper.contribution is None
    assert paper.dimensionality is None
    assert bones.base_models == Tag(values=["medsam"], provenance="abstract")
    assert bones.links.code is None
    assert bones.inclusion.reason == "its masks measure bones"
    assert "second hand, from" in here(folder, "show", "ep-sam").out


def test_the_same_command_goes_on_and_decisions_hold(folder: Path) -> None:
    first = taken_in(folder, "works.yaml")
    text = (folder / "papers.yaml").read_bytes()
    again = taken_in(folder, "works.yaml")
    assert again.code == first.code == 1
    assert "3 known, 1 queued before, 1 decided before, 2 waiting" in again.err
    assert (folder / "papers.yaml").read_bytes() == text
    doi = "10.1007/978-3-031-99999-1_12"
    ran = taken_in(folder, "works.yaml", "--as-version", f"{doi}=polypsam",
        "--without-authors", "2607.00009", "--because", "Same group, same data.",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert [v.venue for v in works(folder)["polypsam"].versions] == [None, "MICCAI 2026"]
    (joined,) = Decisions(folder / FOLDER).joined
    assert (joined.paper, joined.reason) == ("polypsam", "Same group, same data.")
    assert taken_in(folder, "works.yaml").code == 0
    assert here(folder, "check").code == 0


def test_a_list_that_was_taken_in_asks_nothing_again(folder: Path) -> None:
    named = f"""\
works:
- {{title: A SAM without numbers, authors: [Mary Shelley], year: 2025, {SOURCE % 1}}}
- {{title: 'SnowSAM: a SAM', authors: [Mary Shelley], ids: {{doi: 10.1101/2026.1}}, {SOURCE % 2}}}
excluded:
- {{title: Put into the queue by somebody, ids: {{arxiv: '2607.00011'}}, reason: no, line: 3}}
"""
    (folder / "named.yaml").write_text(named)
    queued = named[: named.index("- {")] + (
        "- {title: Put into the queue by somebody, ids: {arxiv: '2607.00011'}, scope: borderline,"
        f" reason: its abstract, {SOURCE % 9}}}\n"
    )
    (folder / "queued.yaml").write_text(queued)
    assert taken_in(folder, "queued.yaml").code == 0
    assert taken_in(folder, "named.yaml").code == 0
    text = (folder / "papers.yaml").read_text()
    (folder / "papers.yaml").write_text(text.replace("10.1101/2026.1", "10.64898/2026.1"))
    before = (folder / screening.FILE).read_bytes()
    ran = taken_in(folder, "named.yaml")
    assert (ran.code, ran.err.splitlines()[-1]) == (
        0,
        "3 entries: 2 known, 1 queued before, 0 waiting for a decision",
    )
    assert (folder / screening.FILE).read_bytes() == before
    elsewhere = named.replace("line: 1}", "line: 7}").replace("line: 2}", "line: 8}")
    (folder / "named.yaml").write_text(elsewhere)
    ran = taken_in(folder, "named.yaml")  # of another line only the DOI is new
    assert "1 known, 1 queued before, 1 waiting" in ran.err
    other = "A SAM without numbers"
    assert taken_in(folder, "named.yaml", "--different", other).code == 1
    assert sum(p.title == other for p in works(folder).values()) == 2


def test_an_entry_in_the_queue_can_be_taken_in_after_all(folder: Path) -> None:
    taken_in(folder, "works.yaml")
    taken_in(folder, "works.yaml", "--in-scope", "2607.00010")
    assert works(folder)["turing-2026-registration-masks"].inclusion.decision == "include"
    assert screening.load(folder).queue == []


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    before = sorted(p for p in folder.rglob("*") if ".sam4mis" not in p.parts)
    ran = taken_in(folder, "works.yaml", "--dry-run", "--json")
    told = json.loads(ran.out)
    assert not told["written"]
    assert [e["state"] for e in told["entries"]] == [
        "new", "new", "waits", "queued", "waits", "known", "excluded",
    ]  # fmt: skip
    assert sorted(p for p in folder.rglob("*") if ".sam4mis" not in p.parts) == before
    assert (folder / "papers.yaml").read_text() == PAPERS


def test_borderline_works_wait_in_the_queue_with_all_that_is_known(folder: Path) -> None:
    taken_in(folder, "works.yaml")
    (candidate,) = screening.load(folder).queue
    assert (candidate.id, candidate.why) == ("2607.00010", ["registration"])
    assert "2607.00010" in here(folder, "screen").out
    ran = here(folder, "screen", "2607.00010", "--include")
    assert ran.code == 0, ran.err
    paper = works(folder)["turing-2026-registration-masks"]
    assert paper.versions[0].second_hand
    assert paper.inclusion.decision == "include"
    assert screening.load(folder).queue == []


def test_what_was_left_out_is_remembered_by_id_and_by_title(folder: Path) -> None:
    taken_in(folder, "works.yaml")
    (decision,) = screening.load(folder).decided
    assert (decision.id, decision.note, decision.source) == ("2607.26743", "birds", "works.yaml")
    (folder / "other.yaml").write_text(
        f"works:\n- {{title: Bones of Birds!, authors: [A B], {SOURCE % 1}}}\n"
    )
    ran = taken_in(folder, "other.yaml")
    assert "1 decided before" in ran.err
    assert taken_in(folder, "other.yaml", "--in-scope", "README.md:1").code == 0
    assert works(folder)["b-bones-birds"].versions[0].second_hand


def test_an_entry_can_be_left_out_for_good(folder: Path) -> None:
    no = taken_in(folder, "works.yaml", "--leave-out", "2607.07240=not-medicl")
    assert (no.code, "not-medical" in no.err) == (2, True)
    taken_in(folder, "works.yaml", "--leave-out", "2607.07240=not-medical")
    assert "ep-sam" not in works(folder)
    assert {d.id: d.reason for d in screening.load(folder).decided}["2607.07240"] == "not-medical"


def test_the_flow_of_the_screening_adds_up(folder: Path) -> None:
    for _ in range(2):
        taken_in(folder, "works.yaml")
    taken_in(folder, "works.yaml", "--without-authors", "2607.00009")
    here(folder, "screen", "2607.00010", "--include")
    counts = prisma_counts(folder)
    identified, removed = sum(counts["identified"].values()), sum(counts["removed"].values())
    screened = counts["screened"]["works and candidates"]
    assert identified - removed == screened + counts["waiting"]["candidates"]
    assert counts["identified"]["added by hand"] == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("works: [{title: T}]", "works[0]: the field 'source' is missing"),
        ("works: [{title: T, sauce: x}]", "unknown field 'sauce'"),
        ("papers: []", "is no list of works"),
        ("works: [", "broken YAML"),
    ],
)
def test_a_list_of_another_form_is_told_with_its_place(folder: Path, text: str, told: str) -> None:
    (folder / "works.yaml").write_text(text)
    ran = taken_in(folder, "works.yaml")
    assert ran.code == 1
    assert told in ran.err
    assert (folder / "papers.yaml").read_text() == PAPERS


def test_an_entry_that_is_not_there_names_the_nearest(folder: Path) -> None:
    ran = taken_in(folder, "works.yaml", "--different", "2607.07241")
    assert (ran.code, "2607.07240" in ran.err) == (2, True)


# ------------------------------------------------------------------------------ Markdown

PLACE = f"owner/list@{COMMIT}:README.md"
MARKDOWN = """\
# A list
## Medical
### Images
| Date | Authors | Title | Code |
|---|---|---|---|
|202304|M. Hu et al.|SkinSAM: Empowering Skin Cancer Segmentation [(paper)](https://arxiv.org/pdf/2304.13973.pdf)|None|
|202304|K. Zhang and D. Liu|Customized SAM [(paper)](https://arxiv.org/pdf/2304.13785.pdf)|[Code](https://github.com/hitachinsk/SAMed)|
## Videos
| Release | Title | Code |
| :--- | :--- | :---: |
| 2025.03 | [Segment Any Surgical Video at Once](https://arxiv.org/abs/2502.09653) | NA |
## Papers
- **EP-SAM:** Wenhao Li, Fangyi Liu, Bo Du.<br />
  "An Edge-aware Prompt-enhanced SAM for Ultrasound Image Segmentation." ICME (2026).
  [[paper](https://arxiv.org/abs/2607.07240)]
  [[code](https://github.com/a/b)]
  [2026.07]
- [Contents](#contents)
- A line without a link to a paper
"""


def test_three_kinds_of_lists_are_read() -> None:
    drafts = read_markdown_list(MARKDOWN, PLACE, [])
    assert [(d.line, d.title) for d in drafts] == [
        (6, "SkinSAM: Empowering Skin Cancer Segmentation"),
        (7, "Customized SAM"),
        (11, "Segment Any Surgical Video at Once"),
        (13, "An Edge-aware Prompt-enhanced SAM for Ultrasound Image Segmentation"),
    ]
    skin, custom, video, edge = drafts
    assert (skin.authors, skin.complete) == (["M. Hu"], False)
    assert (custom.authors, custom.complete) == (["K. Zhang", "D. Liu"], True)
    assert custom.code == ["https://github.com/hitachinsk/SAMed"]
    assert (video.version.ids.arxiv, video.version.date) == ("2502.09653", "2025-02")
    assert (edge.authors, edge.complete) == (["Wenhao Li", "Fangyi Liu", "Bo Du"], True)
    assert (edge.version.kind, edge.version.venue) == ("preprint", None)
    assert [(v.kind, v.venue, v.date) for v in edge.published] == [
        ("conference", "ICME 2026", "2026")
    ]
    assert edge.code == ["https://github.com/a/b"]
    assert [d.version.second_hand.source for d in drafts if d.version.second_hand] == [
        f"{LIST}#L{line}" for line in (6, 7, 11, 13)
    ]


def test_only_some_sections() -> None:
    assert len(read_markdown_list(MARKDOWN, PLACE, ["medical"])) == 2
    with pytest.raises(FindingsError, match="no entry below headings with Audio"):
        read_markdown_list(MARKDOWN, PLACE, ["Audio"])


def test_a_markdown_list_goes_to_the_queue(folder: Path) -> None:
    (folder / "README.md").write_text(MARKDOWN)
    no = taken_in(folder, "README.md")
    assert (no.code, "--from owner/name@" in no.err) == (2, True)
    with pytest.raises(UsageError, match="40 hex"):
        read_markdown_list(MARKDOWN, "owner/list:README.md", [])
    ran = taken_in(folder, "README.md", "--from", PLACE)
    assert ran.code == 0, ran.err
    assert len(screening.load(folder).queue) == 4
    assert list(works(folder)) == ["polypsam"]
    assert taken_in(folder, "README.md", "--from", PLACE).code == 0
    assert len(screening.load(folder).queue) == 4


def test_hostile_markdown_is_text() -> None:
    row = "| 2025 | [<img src=x onerror=alert(1)> one two](https://arxiv.org/abs/2501.00002) | x |"
    text = f"| Date | Title | Code |\n|---|---|---|\n{row}\n"
    (draft,) = read_markdown_list(text, PLACE, [])
    assert draft.version.ids.arxiv == "2501.00002"
    bad = text.replace("https://arxiv.org/abs/2501.00002", "javascript:alert(1)")
    with pytest.raises(FindingsError):
        read_markdown_list(bad, PLACE, [])
