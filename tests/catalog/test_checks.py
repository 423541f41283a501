"""Every living check finds what it is for, says where, and mends it where that is safe."""

from __future__ import annotations

import ast
import copy
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from terminal import here, in_pipe, on_terminal

from catalog import checks
from catalog.checks.codes import CODES
from catalog.checks.problem import Problem
from catalog.cli.findings import annotation
from catalog.errors import Finding
from catalog.records import (
    Ids,
    Inclusion,
    Links,
    Paper,
    Reported,
    SecondHand,
    Tag,
    TakenBack,
    Version,
)
from catalog.registry import Registry


def good(**changes: object) -> Paper:
    """A work without a finding, with some fields changed."""
    paper = Paper(
        id="x",
        title="A title of a work",
        authors=["Ada Author", "Bob Builder"],
        authors_complete=True,
        versions=[Version(kind="preprint", ids=Ids(arxiv="2304.12306"), date="2023-04", cite=True)],
    )
    for name, value in changes.items():
        setattr(paper, name, value)
    return paper


def version(**changes: object) -> list[Version]:
    fields = {"kind": "journal", "ids": Ids(doi="10.1000/x"), "date": "2024", "cite": True}
    return [Version(**(fields | changes))]  # type: ignore[arg-type]


def tag(*values: str) -> Tag:
    return Tag(values=list(values), provenance="curator")


def codes(paper: Paper) -> list[str]:
    return [problem.code for problem in checks.problems(paper)]


def test_a_good_work_has_no_finding() -> None:
    assert codes(good()) == []


CASES = {
    "I001": good(versions=version(ids=Ids(doi="https://doi.org/10.1000/X"))),
    "I002": good(versions=version(ids=Ids(ieee="abc"))),
    "I003": good(versions=version(kind="preprint", ids=Ids(arxiv="2304.12306"), date="2023-06")),
    "I004": good(
        versions=version(ids=Ids(), url="https://www.nature.com/articles/s41598-025-99278-0")
    ),
    "I005": good(versions=version(ids=Ids(doi="10.48550/arxiv.2304.12306"))),
    "U001": good(links=Links(page=["https://x.org/a?utm_source=b"])),
    "U002": good(links=Links(page=["x.org/a"])),
    "U003": good(links=Links(code=["https://github.com/a/b.git"])),
    "U004": good(versions=version(url="https://openreview.net/a.pdf")),
    "U005": good(links=Links(code=["https://x.org/project"])),
    "U006": good(links=Links(page=["http://x.org/a"])),
    "U007": good(links=Links(demo=["javascript:alert(1)"])),
    "U008": good(versions=version(url="https://openreview.net/a?casa_token=abc")),
    "U011": good(versions=version(url="https://www.scholarfeed.org/paper/2304.12306")),
    "U012": good(sources=["https://deepai.org/x", "GuoleiSun/Awesome-SAM2@618c9f0:README.md#L1"]),
    "U013": good(links=Links(demo=["https://169.254.169.254/latest/"])),
    "X001": good(authors=["Ada Author", " "]),
    "X002": good(title="A title\u202e of a work"),
    "X003": good(note="word " * 4000),
    "X004": good(authors=[f"Ada{n} Author" for n in range(30_000)]),
    "T001": good(title="SAM^Med^: a title"),
    "T002": good(title="A  title : of"),
    "T003": good(title="SAMfor images"),
    "T004": good(title_aliases=["a title of a WORK!"]),
    "T005": good(title="SEGMENT ANYTHING IN MEDICAL IMAGES"),
    "A001": good(authors_complete=False),
    "A002": good(authors=["Ada Author", "et al."]),
    "A003": good(authors=[]),
    "A004": good(authors=["Ada Author", "ada author"]),
    "A005": good(authors=["A. Author"]),
    "P001": good(versions=[]),
    "P002": good(versions=version(cite=False)),
    "P003": good(
        versions=[
            *version(date="2024-05"),
            Version(kind="preprint", ids=Ids(arxiv="2304.12306"), date="2023-04"),
        ]
    ),
    "P004": good(versions=version(ids=Ids())),
    "P005": good(versions=version(date="2023-02-30")),
    "P006": good(versions=version(venue="CVPRW 2024")),
    "P007": good(versions=version(venue="AAAI", date=None)),
    "P008": good(
        versions=version(second_hand=SecondHand(source="a list", differs=["date: 2020, 2024"]))
    ),
    "P012": good(versions=version(kind="preprint")),
    "P009": good(versions=version(taken_back=TakenBack(kind="retracted", source="Crossref"))),
    "P011": good(second_hand={"authors": "owner/list@abc:README.md#L3"}),
    "V001": good(modalities=tag("ctt")),
    "V002": good(modalities=tag("x-ray")),
    "V003": good(base_models=tag("none", "sam")),
    "V004": good(short_name="SegVol", base_models=tag("segvol")),
    "V006": good(title="Segmentation of brain MRI", modalities=tag("mri")),
    "V005": good(datasets=tag("A set nobody knows")),
    "N001": good(reported=[Reported(metric="dice", value=93.1, scale="fraction")]),
    "N002": good(reported=[Reported(metric="dice", value=93.1)]),
    "K001": good(inclusion=Inclusion(decision="undecided", reason="read it")),
    "K002": good(inclusion=Inclusion(decision="exclude")),
}


@pytest.mark.parametrize("code", CASES)
def test_each_check_finds_its_case_and_only_that(code: str) -> None:
    assert codes(CASES[code]) == [code]


@pytest.mark.parametrize("code", CASES)
def test_fixes_are_where_the_table_says_and_they_mend(code: str, tmp_path: Path) -> None:
    (problem,) = checks.problems(CASES[code])
    changed = checks.fixed(Registry(tmp_path, papers=[CASES[code]]))
    if problem.fix is None:
        assert changed == {}
        return
    assert CODES[code].fix, f"{code} is fixed but the table does not say how"
    before = copy.deepcopy(CASES[code])
    work, done = changed["x"]
    assert before == CASES[code], "a fix must not touch the work it was given"
    assert code not in codes(work)
    assert len(done) == 1
    again = checks.fixed(Registry(tmp_path, papers=[work]))
    assert again == {}  # mending twice changes nothing


def test_every_code_of_records_has_a_case() -> None:
    from_records = {code for code in CODES if code[0] in "IUTAPVNKX"}
    elsewhere = {"U009", "U010", "P010"}  # between records, below
    assert from_records - elsewhere == set(CASES)
    fixable = {code for code in CASES if next(iter(checks.problems(CASES[code]))).fix}
    # U004 is mended only for publishers whose rule is certain; tested in test_identifiers.
    assert fixable | {"U004"} == {code for code, entry in CODES.items() if entry.fix}


def test_works_that_nobody_has_seen_are_counted_once(tmp_path: Path) -> None:
    heard = good(versions=version(second_hand=SecondHand(source="a list")))
    registry = Registry(tmp_path, papers=[heard, good(id="y", versions=version())])
    told = [f for f in checks.run(registry, thorough=True) if f.code == "P010"]
    assert [f.message for f in told] == ["1 of 2 works are second hand"]


def test_a_submission_in_the_last_days_of_a_month_is_normal() -> None:
    late = version(kind="preprint", ids=Ids(arxiv="2304.00001"), date="2023-03-31")
    assert codes(good(versions=late)) == []
    early = version(kind="preprint", ids=Ids(arxiv="2304.00001"), date="2023-03-20")
    assert codes(good(versions=early)) == ["I003"]


def test_a_title_states_no_more_than_its_words() -> None:
    """A wider word, several regions, the method's own name and a figure of speech state nothing."""
    fine = good(
        title="EM-SAM: scribble-supervised microscopy of cells in X-ray and MRI",
        short_name="EM-SAM",
        modalities=tag("em", "dental-xray", "mri"),
        regions=tag("multi"),
        targets=tag("cell"),
    )
    assert codes(fine) == []
    fine.modalities = tag("em", "mri")
    assert codes(fine) == ["V006"]


def test_an_unknown_value_names_the_nearest() -> None:
    (problem,) = checks.problems(good(modalities=tag("utrasound")))
    assert problem.hint == "Did you mean 'ultrasound'?"
    assert problem.path == ("modalities", "values", 0)


def test_fixes_go_on_until_nothing_is_left(tmp_path: Path) -> None:
    paper = good(links=Links(code=["github.com/a/b.git"]))
    work, done = checks.fixed(Registry(tmp_path, papers=[paper]))["x"]
    assert work.links.code == ["https://github.com/a/b"]
    assert [line.split(" ")[0] for line in done] == ["U002", "U003"]


# ------------------------------------------------------------------------------ whole registries

PAPERS = """\
papers:
  - id: one
    title: One title
    short_name: ONE
    authors: [Ann Author]
    authors_complete: true
    aliases: [old-one]
    versions:
      - {kind: preprint, ids: {arxiv: '2304.12306'}, date: 2023-04, cite: true}
    links: {code: ['https://github.com/a/two']}
  # a comment between
  - id: two
    title: Another title
    short_name: TWO
    authors: [Bob Builder]
    authors_complete: true
    versions:
      - kind: journal
        ids: {doi: 10.1000/x, arxiv: '2304.12306'}
        date: '2024'
        cite: true
    links: {code: ['https://github.com/A/Two']}
  - id: three
    title: One  title
    authors: [A. Author]
    versions:
      - {kind: report, ids: {doi: 10.1000/Y}, date: '2024', cite: true}
    modalities: {values: [ctt], from: page}
  - id: four
    title: Something else
    short_name: T-W-O
    authors: [Dora Dee]
    authors_complete: true
    aliases: [one]
    versions:
      - {kind: report, ids: {doi: 10.1000/z}, date: '2024', cite: true}
"""
PROJECT = """\
slug: p
name: P
kind: method
papers: [one, old-one, tree]
checkpoints:
  - id: w
claims:
  - &c {}
"""


def registry(folder: Path, papers: str = PAPERS, project: str = "") -> Path:
    (folder / "papers.yaml").write_text(papers)
    if project:
        (folder / "projects").mkdir(exist_ok=True)
        (folder / "projects" / "p.yaml").write_text(project)
    return folder


def test_check_tells_everything_between_records_with_lines(tmp_path: Path) -> None:
    project = PROJECT.replace("claims:\n  - &c {}\n", "")
    _, findings = checks.check_registry(registry(tmp_path, project=project))
    told = [(f.place, f.line, f.path, f.code) for f in findings]
    assert told == [
        ("papers.yaml", 12, "two", "D003"),
        ("papers.yaml", 23, "three", "D004"),
        ("papers.yaml", 27, "three.versions[0].ids.doi", "I001"),
        ("papers.yaml", 28, "three.modalities.values[0]", "V001"),
        ("papers.yaml", 34, "four.aliases", "D001"),
        ("projects/p.yaml", 4, "p.papers[1]", "R001"),
        ("projects/p.yaml", 4, "p.papers[2]", "R001"),
    ]
    assert findings[5].hint == "It is now 'one'."
    assert findings[6].hint == "Did you mean 'three'?"
    assert {f.severity for f in findings} == {"error"}


def test_doctor_sees_more(tmp_path: Path) -> None:
    _, findings = checks.check_registry(registry(tmp_path), thorough=True)
    told = {(f.path, f.code) for f in findings}
    assert {
        ("four.short_name", "D006"),
        ("two.links.code[0]", "U009"),
        ("one.links.code[0]", "U010"),
        ("three.title", "T002"),
        ("three.authors", "A001"),
    } <= told


def test_a_claim_must_name_a_checkpoint_of_its_project(tmp_path: Path, root: Path) -> None:
    project = yaml.safe_load((root / "projects/lwnet.yaml").read_text("utf-8"))
    project |= {"slug": "p", "papers": []}
    (claim, *_) = project["claims"]
    claim["checkpoint"] = project["checkpoints"][0]["id"] + "x"
    project["claims"] = [claim, claim]
    folder = registry(tmp_path, project=json.dumps(project))
    _, findings = checks.check_registry(folder)
    told = [f for f in findings if f.place == "projects/p.yaml"]
    assert sorted(f.code for f in told) == ["R005", "R005", "R006"]
    hint = f"Did you mean {project['checkpoints'][0]['id']!r}?"
    assert [f.hint for f in told if f.code == "R005"] == [hint, hint]


def test_works_that_cannot_be_read_do_not_raise_false_alarms(tmp_path: Path) -> None:
    broken = PAPERS.replace("    title: One title\n", "    titel: One title\n")
    project = "slug: p\nname: P\nkind: method\npapers: [one]\n"
    _, findings = checks.check_registry(registry(tmp_path, broken, project))
    assert {"S002", "S003"} <= {f.code for f in findings}
    assert "R001" not in {f.code for f in findings}
    assert "V001" in {f.code for f in findings}  # the readable works are still checked


def test_a_broken_decision_file_is_one_finding_among_the_others(tmp_path: Path) -> None:
    folder = registry(tmp_path, PAPERS.replace("title: One title", "titel: One title"))
    (folder / "catalog/decisions").mkdir(parents=True)
    (folder / "catalog/decisions/not_duplicates.yaml").write_text(
        "not_duplicates:\n - {papers: x}\n"
    )
    _, findings = checks.check_registry(folder)
    assert ("papers.yaml", "S002") in {(f.place, f.code) for f in findings}
    told = [f for f in findings if f.place == "catalog/decisions/not_duplicates.yaml"]
    assert {(f.line, f.code) for f in told} == {(2, "S001"), (2, "S003")}


def test_the_real_registry_has_no_error(root: Path) -> None:
    _, findings = checks.check_registry(root, thorough=True)
    errors = [str(f) for f in findings if f.severity == "error"]
    assert errors == [], "run: sam4mis check"
    assert checks.fixed(Registry.load(root)) == {}, "run: sam4mis doctor --fix"


# ----------------------------------------------------------------------------------- commands


def test_check_command_in_a_pipe(tmp_path: Path) -> None:
    folder = registry(tmp_path)
    ran = in_pipe(folder, "check")
    assert ran.code == 1
    assert ran.out.splitlines()[0].startswith("error: papers.yaml:12: two: shares an identifier")
    assert len(ran.out.splitlines()) == 5
    assert "5 errors" in ran.err
    assert "Traceback" not in ran.err
    clean = registry(tmp_path, "papers: []\n")
    ran = in_pipe(clean, "check")
    assert (ran.code, ran.out) == (0, "")
    assert "no findings" in ran.err


def test_check_command_on_a_terminal(tmp_path: Path) -> None:
    ran = on_terminal(registry(tmp_path), "check")
    assert ran.code == 1
    assert ran.out.splitlines()[0].strip() == "papers.yaml"  # the file once, then its lines
    assert "     12 D003 two" in ran.out
    assert "[bold" not in ran.out


def test_check_answers_machines(tmp_path: Path) -> None:
    folder = registry(tmp_path)
    answer = json.loads(here(folder, "check", "--json").out)
    assert (answer[0]["line"], answer[0]["code"]) == (12, "D003")
    lines = here(folder, "check", "--github").out.splitlines()
    assert lines[0].startswith("::error file=papers.yaml,line=12,title=D003 two::shares an")


def test_broken_yaml_is_one_line_and_exit_1(tmp_path: Path) -> None:
    ran = in_pipe(registry(tmp_path, "papers:\n\t- id: x\n"), "check")
    assert ran.code == 1
    assert ran.out.startswith("error: papers.yaml:2: broken YAML, column 1")
    assert "never with tabs" in ran.out


def test_doctor_mends_what_is_safe_and_nothing_else(tmp_path: Path) -> None:
    folder = registry(tmp_path, PAPERS.replace("title: One  title", "title: Fresh  title"))
    before = (folder / "papers.yaml").read_text()
    ran = here(folder, "doctor", "--fix", "--dry-run")
    assert "would mend T002 three.title" in ran.out
    assert (folder / "papers.yaml").read_text() == before
    ran = here(folder, "doctor", "--fix")
    assert ran.code == 1  # what a person must decide is still there
    after = (folder / "papers.yaml").read_text()
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), after.splitlines(), strict=False)
        if old != new
    ]
    assert changed[0] == ("    title: Fresh  title", "    title: Fresh title")
    assert "doi: '10.1000/y'" in after
    assert "# a comment between" in after
    assert here(folder, "doctor", "--only", "T002").out == ""


def test_doctor_refuses_to_mend_a_file_it_cannot_read(tmp_path: Path) -> None:
    folder = registry(tmp_path, PAPERS.replace("title: One title", "titel: One title"))
    before = (folder / "papers.yaml").read_bytes()
    ran = here(folder, "doctor", "--fix")
    assert ran.code == 1
    assert "unknown field 'titel'" in ran.err
    assert (folder / "papers.yaml").read_bytes() == before


def test_doctor_lists_its_codes_and_refuses_nonsense(tmp_path: Path) -> None:
    folder = registry(tmp_path)
    table = json.loads(here(folder, "doctor", "--codes", "--json").out)
    assert [row["code"] for row in table] == list(CODES)
    assert all(row["explanation"][-1] in ".?" for row in table)
    assert here(folder, "doctor", "--format", "xml").code == 2
    assert here(folder, "doctor", "--severity", "bad").code == 2


def test_severity_and_selection(tmp_path: Path) -> None:
    folder = registry(tmp_path)
    everything = here(folder, "doctor").out.splitlines()
    errors = here(folder, "doctor", "--severity", "error").out.splitlines()
    assert 0 < len(errors) < len(everything)
    assert all(line.startswith("error: ") for line in errors)
    only = here(folder, "doctor", "--only", "d,U009")
    assert {re.search(r"\[([A-Z])\d{3}\]", line)[1] for line in only.out.splitlines()} == {"D", "U"}  # type: ignore[index]


def test_annotations_cannot_be_broken_out_of() -> None:
    finding = Finding("a,b:c.yaml", 3, "x::y", "T001", "100%\n::error::gotcha\r", "", "warning")
    text = annotation(finding)
    assert "\n" not in text
    assert (
        text == "::warning file=a%2Cb%3Ac.yaml,line=3,title=T001 x%3A%3Ay::100%25 ::error::gotcha"
    )


def test_a_registry_that_lost_its_works_or_projects_is_one_finding(
    tmp_path: Path, root: Path
) -> None:
    (tmp_path / "papers.yaml").write_text("papers:\n")
    (tmp_path / "projects").mkdir()
    for name in ("lwnet.yaml", "medsam.yaml"):
        shutil.copy(root / "projects" / name, tmp_path / "projects")
    _, (finding,) = checks.check_registry(tmp_path)
    assert (finding.place, finding.code) == ("papers.yaml", "Y005")
    assert finding.hint == "git restore papers.yaml"

    run = next((root / "reproduce" / "results").glob("lwnet-*"))
    shutil.copytree(run, tmp_path / "reproduce" / "results" / run.name)
    shutil.rmtree(tmp_path / "projects")
    _, findings = checks.check_registry(tmp_path)
    assert [(finding.place, finding.code) for finding in findings] == [
        ("projects", "Y005"),
        (f"reproduce/results/{run.name}", "R008"),  # nothing has examined the copied run
    ]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "Upper", "a b", "a/b", ".hidden", "x\\y", "<b>"]
)
def test_an_id_that_is_a_path_is_refused_before_it_names_a_file(tmp_path: Path, name: str) -> None:
    record = {"id": name, "title": "A title of a work"}
    (tmp_path / "papers.yaml").write_text(yaml.safe_dump({"papers": [record]}), "utf-8")
    (tmp_path / "projects").mkdir()
    _, findings = Registry.read(tmp_path)
    (finding,) = [f for f in findings if f.path.endswith("id")]
    assert finding.severity == "error"
    assert "cannot name a page or a file" in finding.message


# ------------------------------------------------------------------------------- what codes mean


def test_a_code_is_explained(tmp_path: Path) -> None:
    ran = here(tmp_path, "check", "--explain", "c003")
    assert ran.code == 0
    assert ran.out.startswith("C003\t")
    assert CODES["C003"].explanation in ran.out
    (row,) = json.loads(here(tmp_path, "check", "--explain", "C003", "--json").out)
    assert row["command"] == "check" if CODES["C003"].check else "doctor"


def test_all_codes_and_some(tmp_path: Path) -> None:
    rows = json.loads(here(tmp_path, "doctor", "--codes", "--json").out)
    assert [row["code"] for row in rows] == list(CODES)
    assert all(row["title"] and row["explanation"] for row in rows)
    some = here(tmp_path, "doctor", "--codes", "--only", "B,S001").out.splitlines()
    assert [line.split("\t")[0] for line in some] == [
        code for code in CODES if code[0] == "B" or code == "S001"
    ]
    ran = here(tmp_path, "check", "--explain", "Z9")
    assert ran.code == 2
    assert "no code begins so" in ran.err
    ran = here(tmp_path, "doctor", "--only", "I001,Q")
    assert ran.code == 2  # not "no findings"
    assert "Q: no code begins so" in ran.err


def test_every_code_that_is_written_anywhere_is_in_the_table(root: Path) -> None:
    written = set()
    for path in (root / "catalog").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call):
                name = getattr(call.func, "id", getattr(call.func, "attr", ""))
                if name.casefold() in ("finding", "_finding", "problem", "crossing", "_note"):
                    written |= {
                        argument.value
                        for argument in call.args
                        if isinstance(argument, ast.Constant)
                        and re.fullmatch(r"[A-Z]\d{3}", str(argument.value))
                    }
    assert len(written) > 60
    assert written - set(CODES) == set()


def test_a_record_that_is_as_it_was_is_not_looked_at_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    told = checks.problems

    def watched(paper: Paper) -> Iterator[Problem]:
        looked.append(paper.id)
        return told(paper)

    monkeypatch.setattr(checks, "problems", watched)
    work = "  - id: {0}\n    title: A title of {0}\n    added: '2026-13'\n"
    path = tmp_path / "papers.yaml"
    path.write_text("papers:\n" + work.format("one") + work.format("two"))
    _, first = checks.check_registry(tmp_path)
    _, again = checks.check_registry(tmp_path)
    assert (looked, again) == (["one", "two"], first)
    path.write_text(path.read_text().replace("added: '2026-13'", "added: '2026-12'", 1))
    _, after = checks.check_registry(tmp_path)
    assert looked == ["one", "two", "one"]
    assert after == [finding for finding in first if finding.path != "one.added"] != first
    terms = tmp_path / "catalog/data"
    terms.mkdir(parents=True)
    (terms / "hosts.yaml").write_bytes((root / "catalog/data/hosts.yaml").read_bytes() + b"\n")
    checks.check_registry(tmp_path)  # other words may judge otherwise
    assert looked == ["one", "two", "one", "one", "two"]
