"""Issue forms become checked patches; the forms and the code agree; hostile bodies do no harm."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import service_answers as answers
import yaml
from hostile import HOSTILE
from local_server import LocalServer, Reply, running
from terminal import here

from catalog.intake.form_changes import CORRECTABLE
from catalog.intake.issue_form import FORMS, read_form
from catalog.registry import Registry

PAPERS = """\
papers:
  # kept
  - id: medsam
    title: Segment anything in medical images
    authors: [Jun Ma]
    versions:
      - kind: preprint
        ids: {arxiv: '2304.12306'}
        date: '2023-04'
        cite: true
"""
PROJECT = """\
# kept too
slug: medsam
name: MedSAM
kind: method
papers: [medsam]
repository: {url: 'https://github.com/bowang-lab/MedSAM'}
claims:
- id: first
  metric: dice
  value: 80.96
  scale: 100
  decimals: 2
  source: {place: Table 1}
  protocol:
    metric_profile: {value: null, evidence: unknown}
    prompt_profile: {value: null, evidence: unknown}
    preprocessing: {value: null, evidence: unknown}
    grid: {value: null, evidence: unknown}
    mask_selection: {value: null, evidence: unknown}
    threshold: {value: null, evidence: unknown}
    postprocessing: {value: null, evidence: unknown}
    precision: {value: null, evidence: unknown}
# a comment at the end
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "papers.yaml").write_text(PAPERS, "utf-8")
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "medsam.yaml").write_text(PROJECT, "utf-8")
    return tmp_path


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with running() as local:
        yield local


def body(form: str, **given: str) -> bytes:
    """An issue as GitHub writes it: labels with blanks as underscores in `given`."""
    parts = []
    for label in FORMS[form]:
        answer = given.get(label.replace(" ", "_"), "_No response_")
        parts.append(f"### {label}\n\n{answer}\n")
    return "\n".join(parts).replace("\n", "\r\n").encode()


OLD_TITLE = "Segment anything in medical images"
REPOSITORY = "https://github.com/a/b"
ENTRY = """```text
@article{x, title={PolypSAM: a study}, author={Ada Lovelace}, year={2025}, journal={MedIA}}
```"""


def test_paper_from_a_reference(folder: Path) -> None:
    given = body("add-paper", Reference=ENTRY, Code="- https://github.com/a/b?utm_source=x")
    shown = here(folder, "intake-form", stdin=given)
    assert shown.code == 0, shown.err
    assert (folder / "papers.yaml").read_text("utf-8") == PAPERS
    told = json.loads(here(folder, "intake-form", "--json", stdin=given).out)
    assert told["written"] is False
    assert told["patch"] == shown.out
    assert (folder / told["file"]).is_file()
    ran = here(folder, "intake-form", "--apply", "--title", str(folder / "t"), stdin=given)
    assert ran.out == shown.out
    paper = Registry.load(folder).papers[-1]
    assert (paper.id, paper.links.code) == ("polypsam", ["https://github.com/a/b"])
    assert (folder / "t").read_text("utf-8") == "Add polypsam\n"


def test_patch_is_one_that_git_applies(folder: Path) -> None:
    for given in (
        body("add-paper", Reference=ENTRY),
        body("add-project", Repository="https://github.com/a/b", Name="Böb: x"),
    ):
        patch = here(folder, "intake-form", stdin=given).out
        git = ["git", "apply", "--check", "-"]
        done = subprocess.run(
            git, input=patch.encode(), cwd=folder, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_paper_by_identifier_is_looked_up(folder: Path, server: LocalServer) -> None:
    entry = answers.arxiv_entry("2611.01234v1", "PolypSAM: videos")
    server.routes["/arxiv"] = [Reply(answers.arxiv_feed(entry))]
    extra = {"SAM4MIS_QUICK": "1", "SAM4MIS_URL_ARXIV": f"{server.url}/arxiv"}
    given = body("add-paper", Identifier_or_address="2611.01234")
    assert here(folder, "intake-form", "--apply", stdin=given, extra=extra).code == 0
    assert Registry.load(folder).papers[-1].id == "polypsam"


def test_known_paper_is_refused_and_its_version_taken(folder: Path) -> None:
    entry = (
        "@article{x, title={Segment anything in medical images}, author={Ma, Jun}, year={2024}, "
        "journal={Nature Communications}}"
    )
    refused = here(folder, "intake-form", stdin=body("add-paper", Reference=entry))
    assert (refused.code, "medsam" in refused.err) == (1, True)
    given = body("add-paper", Reference=entry, Version_of="medsam")
    assert here(folder, "intake-form", "--apply", stdin=given).code == 0
    (paper,) = Registry.load(folder).papers
    assert [version.kind for version in paper.versions] == ["preprint", "journal"]


def test_an_identifier_never_reads_a_file(folder: Path) -> None:
    secret = folder / "secret.bib"
    secret.write_text("@misc{a, title={Secret}, author={A B}}")
    given = body("add-paper", Identifier_or_address=str(secret))
    ran = here(folder, "intake-form", stdin=given)
    assert ran.code == 2
    assert "Secret}" not in ran.out + ran.err


def test_project(folder: Path) -> None:
    given = body(
        "add-project",
        Repository="https://github.com/owner/PolypNet.git",
        Papers="medsam\n2304.12306",
        Licence_of_the_code="MIT",
        Weights="https://huggingface.co/a/b",
    )
    assert here(folder, "intake-form", "--apply", stdin=given).code == 0
    project = next(p for p in Registry.load(folder).projects if p.slug == "polypnet")
    assert project.repository is not None
    assert project.repository.url == "https://github.com/owner/PolypNet"
    assert (project.licences.code, project.licences.weights) == ("MIT", None)
    again = here(folder, "intake-form", stdin=given)
    assert (again.code, "projects/polypnet.yaml" in again.err) == (1, True)


@pytest.mark.parametrize(
    ("field", "value", "check"),
    [
        ("modalities", "ct\nMRI", lambda p: p.modalities.values == ["ct", "mri"]),
        ("authors", "Jun Ma\nYuting He", lambda p: p.authors_complete and len(p.authors) == 2),
        (
            "title",
            "A new title",
            lambda p: p.title_aliases == ["Segment anything in medical images"],
        ),
        ("links.weights", "none", lambda p: p.links.weights == []),
        (
            "links.code",
            "https://github.com/a/b",
            lambda p: p.links.code == ["https://github.com/a/b"],
        ),
        ("version.venue", "MIDL", lambda p: p.versions[0].venue == "MIDL"),
        ("version.date", "2023-04-24", lambda p: p.versions[0].date == "2023-04-24"),
    ],
)
def test_correction(folder: Path, field: str, value: str, check: object) -> None:
    given = body(
        "correct-entry",
        Record="medsam",
        Field=field,
        New_value=value,
        Source="https://example.org/page",
        Who_you_are="A reader",
    )
    ran = here(folder, "intake-form", "--apply", stdin=given)
    assert ran.code == 0, ran.err
    (paper,) = Registry.load(folder).papers
    assert check(paper)  # type: ignore[operator] # lambdas above
    assert paper.sources == ["https://example.org/page"]
    assert "# kept" in (folder / "papers.yaml").read_text("utf-8")


def test_correction_by_an_author_has_that_provenance(folder: Path) -> None:
    given = body(
        "correct-entry",
        Record="2304.12306",
        Field="modalities",
        New_value="ct",
        Source="https://example.org",
        Who_you_are="An author of the work",
    )
    here(folder, "intake-form", "--apply", stdin=given)
    tag = Registry.load(folder).papers[0].modalities
    assert tag is not None
    assert tag.provenance == "author"


def test_dispute_stands_beside_the_claim(folder: Path) -> None:
    given = body(
        "dispute-verdict",
        Claim="medsam/first",
        Your_name="Ada Lovelace",
        What_is_wrong="The threshold: it was 0.42, see | <b>Table 3</b>",
        Evidence="https://example.org/log",
        Your_number="81.6 %",
    )
    for count in (1, 2):
        ran = here(folder, "intake-form", "--apply", stdin=given)
        assert ran.code == 0, ran.err
        (claim,) = Registry.load(folder).projects[0].claims
        assert len(claim.disputes) == count
    assert claim.disputes[0].counter_value == 0.816
    assert claim.value == 80.96
    text = (folder / "projects" / "medsam.yaml").read_text("utf-8")
    assert text.startswith("# kept too")
    assert text.endswith("# a comment at the end\n")


def test_dispute_of_the_real_control_leaves_the_rest_as_it_was(root: Path, tmp_path: Path) -> None:
    """The real project file, in the layout that people gave it."""
    shutil.copytree(root / "projects", tmp_path / "projects")
    shutil.copy(root / "papers.yaml", tmp_path)
    before = (root / "projects" / "lwnet.yaml").read_text("utf-8")
    given = body(
        "dispute-verdict",
        Claim="lwnet/validation-dice",
        Your_name="A",
        What_is_wrong="B",
    )
    ran = here(tmp_path, "intake-form", "--apply", stdin=given)
    assert ran.code == 0, ran.err
    after = (tmp_path / "projects" / "lwnet.yaml").read_text("utf-8")
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(after.splitlines()) - len(before.splitlines()) == len(added) == 4


@pytest.mark.parametrize(
    ("form", "given", "said"),
    [
        ("add-paper", {}, "is empty, and so is Reference"),
        ("add-paper", {"Reference": "@misc{a, title={x}"}, "braces"),
        ("add-paper", {"Reference": ENTRY, "Code": "javascript:alert(1)"}, "Code:"),
        ("add-project", {"Repository": "https://example.org/x"}, "is no GitHub repository"),
        ("add-project", {"Repository": "https://github.com/bowang-lab/medsam"}, "medsam.yaml"),
        ("add-project", {"Repository": "https://github.com/a/b", "Papers": "nope"}, "Papers:"),
        ("correct-entry", {"Record": "medsam", "Field": "id", "New_value": "x"}, "Field:"),
        ("correct-entry", {"Record": "medsam", "Field": "title", "New_value": "x"}, "Source:"),
        ("correct-entry", {"Record": "nobody"}, "Record:"),
        (
            "correct-entry",
            {
                "Record": "medsam",
                "Field": "modalities",
                "New_value": "endoscopi",
                "Source": "https://x.org",
            },
            "Did you mean endoscopy",
        ),
        ("dispute-verdict", {"Claim": "medsam/none"}, "Claim:"),
        ("dispute-verdict", {"Claim": "../../etc/passwd"}, "Claim:"),
        ("dispute-verdict", {"Claim": "medsam/first", "Your_number": "lots"}, "Your number:"),
    ],
)
def test_problems_are_findings(folder: Path, form: str, given: dict[str, str], said: str) -> None:
    ran = here(folder, "intake-form", "--apply", stdin=body(form, **given))
    assert (ran.code, said in ran.err) == (1, True), ran.err
    assert (folder / "papers.yaml").read_text("utf-8") == PAPERS


def test_no_form_is_a_finding(folder: Path) -> None:
    ran = here(folder, "intake-form", stdin=b"hello")
    assert (ran.code, "is no filled form" in ran.err) == (1, True)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_answers_are_text(folder: Path, text: str) -> None:
    given = body("dispute-verdict", Claim="medsam/first", Your_name=f"N {text}", What_is_wrong=text)
    ran = here(folder, "intake-form", "--apply", stdin=given)
    assert ran.code == 0, ran.err
    (claim,) = Registry.load(folder).projects[0].claims
    assert claim.id == "first"
    assert len(claim.disputes) == 1


def test_headings_inside_an_answer_are_text() -> None:
    text = body(
        "dispute-verdict", Claim="a/b", What_is_wrong="### Claim\n\nx/y\n### Other"
    ).decode()
    found = read_form(text)
    assert found.get("Claim") == "a/b"
    assert "### Other" in found.get("What is wrong")


# ----------------------------------------------------------------- the forms and workflows


def test_forms_on_github_ask_what_the_code_reads(root: Path) -> None:
    folder = root / ".github" / "ISSUE_TEMPLATE"
    assert {path.stem for path in folder.glob("*.yml")} == {*FORMS, "config"}
    for name, labels in FORMS.items():
        form = yaml.safe_load((folder / f"{name}.yml").read_text("utf-8"))
        fields = [field for field in form["body"] if field["type"] != "markdown"]
        assert tuple(field["attributes"]["label"] for field in fields) == labels
        assert len({field["id"] for field in fields}) == len(fields)
        assert form["labels"] == [name]
        for field in fields:
            if field["attributes"]["label"] == "Field":
                assert tuple(field["attributes"]["options"]) == CORRECTABLE


WORKFLOWS = sorted((Path(__file__).resolve().parents[2] / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_least_rights_and_pinned_actions(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {}
    text = path.read_text("utf-8")
    # what people write reaches a shell through the environment only
    for dangerous in ("github.event.issue.title", "github.event.issue.body", "github.head_ref"):
        assert f"run: ${{{{ {dangerous}" not in text
    for job in workflow["jobs"].values():
        assert "permissions" in job
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            if "uses" in step:
                name, _, revision = step["uses"].partition("@")
                assert len(revision) == 40, name
                assert set(revision) <= set("0123456789abcdef"), name
            if "run" in step:
                assert "${{ github.event" not in step["run"]


WRITERS = {
    ("intake", "propose"),
    ("links", "propose"),
    ("release", "publish"),
    ("site", "deploy"),
    ("weekly", "propose"),
}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_that_may_write_run_nothing_of_the_registry(path: Path) -> None:
    """Code, answers of services and forms are handled where nothing can be written."""
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["concurrency"]["group"]
    for name, job in workflow["jobs"].items():
        writes = {what for what, how in job["permissions"].items() if how == "write"}
        if (path.stem, name) not in WRITERS:
            assert writes == set(), name
            checkouts = [
                s for s in job["steps"] if s.get("uses", "").startswith("actions/checkout")
            ]
            assert all(s["with"]["persist-credentials"] is False for s in checkouts), name
            continue
        script = "\n".join(step.get("run", "") for step in job["steps"])
        for what in ("sam4mis ", "make ", "python", "pip "):
            assert what not in script.replace("user.name=sam4mis ", ""), (name, what)
        if "git apply" in script:
            assert "--exclude='*'" in script  # only the places that are named
            (applied,) = re.findall(r"git apply [^\n\\]*(?:\\\n[^\n\\]*)*", script)
            assert ".github" not in applied


def test_one_release_of_an_action_is_one_revision() -> None:
    """The comment behind a pin names its release, the same one everywhere."""
    pins: dict[str, set[tuple[str, str]]] = {}
    for path in WORKFLOWS:
        for name, revision, release in re.findall(
            r"uses: (\S+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", path.read_text("utf-8")
        ):
            pins.setdefault(name, set()).add((revision, release))
        used = sum("uses:" in line for line in path.read_text("utf-8").splitlines())
        assert used == len(re.findall(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+", path.read_text("utf-8")))
    assert all(len(found) == 1 for found in pins.values()), pins


def test_the_weekly_patch_may_touch_what_refresh_writes() -> None:
    (weekly,) = [path for path in WORKFLOWS if path.stem == "weekly"]
    for place in ("papers.yaml", "README.md", "'projects/*.yaml'", "'catalog/data/*'"):
        assert f"--include={place}" in weekly.read_text("utf-8")


def test_workflows_call_commands_that_exist() -> None:
    from catalog.cli import COMMANDS, OTHERS

    for path in WORKFLOWS:
        for line in path.read_text("utf-8").splitlines():
            for part in line.split("sam4mis ")[1:]:
                word = part.split()[0].strip("`'\"")
                runs = line.strip().startswith((".venv", "run:"))
                assert word in {*COMMANDS, *OTHERS} or not runs, line


def test_actionlint_finds_nothing(root: Path) -> None:
    """Where somebody has it; it comes from no package registry without a download of its own."""
    if (actionlint := shutil.which("actionlint")) is None:
        pytest.skip("actionlint is not on this machine")
    done = subprocess.run([actionlint, "-no-color"], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_site_knows_its_address(root: Path) -> None:
    build = yaml.safe_load((root / ".github/workflows/site.yml").read_text("utf-8"))["jobs"][
        "build"
    ]
    (given,) = [step["env"] for step in build["steps"] if "env" in step]
    config = (root / "site/mkdocs.yml").read_text("utf-8")
    assert set(given) == set(re.findall(r"!ENV \[(\w+)", config))


def test_every_workflow_is_there() -> None:
    known = "audit ci intake links matrix release results site weekly"
    assert [path.stem for path in WORKFLOWS] == known.split()
