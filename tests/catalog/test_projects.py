"""The project files of this catalog: complete, controlled, and nothing in them without a source."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from terminal import here

from catalog import reading
from catalog.records import Project, Protocol
from catalog.registry import load_projects

FIELDS = Protocol.__struct_fields__
SETS = "biomedparse"
PRINTED_ELSEWHERE = re.compile(r"abstract|third-party|wizwand|summary page", re.I)


@pytest.fixture(scope="module")
def projects(root: Path) -> list[Project]:
    """All but the self-test, which is part of the harness and no release of anybody."""
    return [project for project in load_projects(root) if project.kind != "selftest"]


@pytest.fixture(scope="module")
def conventions(root: Path) -> dict[str, Any]:
    text = (root / "catalog/data/protocol_conventions.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text)["conventions"])


def claims_of(projects: list[Project]) -> list[tuple[str, Any]]:
    return [(f"{p.slug}/{c.id}", c) for p in projects for c in p.claims]


def test_the_file_is_called_like_its_slug(root: Path, projects: list[Project]) -> None:
    files = sorted(path.stem for path in (root / "projects").glob("*.yaml"))
    assert set(files) >= {p.slug for p in projects}
    assert set(files) - {p.slug for p in projects} <= {"selftest"}
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in files)


def test_no_project_without_a_source(projects: list[Project]) -> None:
    assert [p.slug for p in projects if not p.sources] == []


def test_repositories_are_addresses_with_whole_commits(projects: list[Project]) -> None:
    wrong = []
    for p in projects:
        r = p.repository
        address = r is not None and re.fullmatch(r"https://github\.com/[\w.-]+/[\w.+-]+", r.url)
        if r is None or not address or r.url.endswith(".git"):
            wrong.append(f"{p.slug}: address")
        elif r.commit and not re.fullmatch("[0-9a-f]{40}", r.commit):
            wrong.append(f"{p.slug}: commit")
        elif r.read and r.commit is None and p.slug != "biasam":  # its HEAD could not be listed
            wrong.append(f"{p.slug}: no commit")
    assert wrong == []


def test_a_repository_belongs_to_one_project(projects: list[Project]) -> None:
    places = Counter(
        (p.repository.url.casefold(), p.repository.branch) for p in projects if p.repository
    )
    assert [place for place, n in places.items() if n > 1] == []


def test_conventions_are_from_the_vocabulary_and_each_is_used(
    projects: list[Project], conventions: dict[str, Any]
) -> None:
    used = Counter(c for p in projects if p.protocol_card for c in p.protocol_card.conventions)
    assert set(used) <= set(conventions)
    assert set(conventions) <= set(used)
    assert used["pools-dataset"] >= 8
    assert used["best-of-masks-by-ground-truth"] >= 3
    assert used["empty-both-1"] > used["empty-both-nan"] > 0


def test_evaluation_code_has_a_card_with_a_commit(projects: list[Project]) -> None:
    cards = [p.protocol_card for p in projects if p.protocol_card and p.protocol_card.convention]
    assert len(cards) >= 110
    assert [c.convention for c in cards if not c.conventions] == []
    read = [c for c in cards if c.commit]
    assert all(re.fullmatch("[0-9a-f]{40}", str(c.commit)) for c in read)
    assert len(cards) - len(read) <= 2


def test_a_trap_that_names_a_file_names_the_commit(projects: list[Project]) -> None:
    traps = [(p.slug, t) for p in projects if p.protocol_card for t in p.protocol_card.traps]
    assert len(traps) > 600
    loose = [(s, t.text) for s, t in traps if t.line and not t.file]
    assert loose == []
    unpinned = {s for s, t in traps if t.file and not t.commit}
    assert unpinned <= {"biasam"}


def test_upstream_threads_are_full_references(projects: list[Project]) -> None:
    refs = [n.ref for p in projects for n in p.known_issues if n.ref]
    assert len(refs) > 90
    assert [r for r in refs if not re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", r)] == []


def test_checkpoints_have_addresses_over_http_and_unique_ids(projects: list[Project]) -> None:
    for p in projects:
        ids = [c.id for c in p.checkpoints or []]
        assert len(ids) == len(set(ids)), p.slug
        for c in p.checkpoints or []:
            assert all(re.match(r"https?://\S+$", u) for u in c.urls), (p.slug, c.id)
            assert c.sha256 is None or re.fullmatch("[0-9a-f]{64}", c.sha256), (p.slug, c.id)
            assert c.md5 is None or re.fullmatch("[0-9a-f]{32}", c.md5), (p.slug, c.id)


def test_an_adapter_or_the_reason_why_not(projects: list[Project]) -> None:
    neither = [p.slug for p in projects if (p.adapter is None) == (p.adapter_reason is None)]
    assert neither == []


def test_every_claim_has_a_state_and_says_why(projects: list[Project]) -> None:
    claims = claims_of(projects)
    assert len(claims) >= 450
    assert [name for name, c in claims if not c.state_note] == []
    assert [name for name, c in claims if (c.state == "blocked") != (c.reason is not None)] == []
    ids = Counter(name for name, _ in claims)
    assert [name for name, n in ids.items() if n > 1] == []


def test_a_claim_names_a_checkpoint_of_its_project(projects: list[Project]) -> None:
    wrong = []
    for p in projects:
        known = {c.id for c in p.checkpoints or []}
        for claim in p.claims:
            named = [claim.checkpoint, *((claim.run and claim.run.checkpoints) or [])]
            wrong += [f"{p.slug}/{claim.id}: {n}" for n in named if n and n not in known]
            if claim.state == "not-attempted":
                assert claim.checkpoint, f"{p.slug}/{claim.id} could be run, but of what?"
                assert p.adapter, f"{p.slug}/{claim.id} could be run, but by which adapter?"
    assert wrong == []


def test_numbers_of_abstracts_and_third_parties_are_no_claims(projects: list[Project]) -> None:
    seen = [
        name
        for name, c in claims_of(projects)
        if c.verifiable and PRINTED_ELSEWHERE.search(str(c.source.place))
    ]
    assert seen == []
    assert [n for n, c in claims_of(projects) if not c.source.place] == []


def test_unknown_protocol_fields_have_no_value(projects: list[Project]) -> None:
    for name, claim in claims_of(projects):
        fields = [getattr(claim.protocol, f) for f in FIELDS]
        assert all((f.value is None) == (f.evidence == "unknown") for f in fields), name
        if not any(f.value is not None for f in fields):
            assert not claim.verifiable, name
            assert claim.state == "blocked", name


def test_printed_values_fit_their_scale(projects: list[Project]) -> None:
    for name, claim in claims_of(projects):
        if claim.metric in ("dice", "iou", "nsd", "auc"):
            assert 0 <= claim.fraction <= 1, name
        assert round(claim.value, claim.decimals) == claim.value, name


def test_profiles_are_written_with_a_version(projects: list[Project]) -> None:
    for name, claim in claims_of(projects):
        for field in (claim.protocol.metric_profile, claim.protocol.prompt_profile):
            if field.value is not None and "," not in str(field.value):
                assert re.fullmatch(r"[a-z0-9.-]+/\d+", str(field.value)) or field.value in (
                    "class-presence",
                ), (name, field.value)


def test_names_of_the_harness_exist(projects: list[Project]) -> None:
    """Adapters, layouts, options and metric profiles as `reproduce` knows them."""
    pytest.importorskip("torch", reason="needs the extra [reproduce]")
    from reproduce.checkpoints.layouts import ALIASES, LAYOUTS
    from reproduce.ground.plugins import plugins

    adapters, profiles, prompts = plugins("adapters"), plugins("metrics"), plugins("prompts")
    for p in projects:
        assert p.adapter is None or p.adapter in adapters, (p.slug, p.adapter)
        layouts = {c.layout for c in p.checkpoints or [] if c.layout}
        assert layouts <= {*LAYOUTS, *ALIASES}, p.slug
        for claim in p.claims:
            profile = claim.protocol.metric_profile.value
            assert profile is None or str(profile).split("/")[0] in profiles, (p.slug, claim.id)
            assert claim.protocol.grid.value in ("original", "model_input", None), claim.id
            asked = str(claim.protocol.prompt_profile.value).split("/")[0]
            assert claim.state == "blocked" or asked in prompts, (p.slug, claim.id, asked)
            if p.adapter and claim.run:
                assert set(claim.run.adapter) <= set(adapters[p.adapter].options), claim.id


def test_the_positive_control(projects: list[Project]) -> None:
    control = next(p for p in projects if p.slug == "lwnet")
    assert control.kind == "control"
    assert control.papers == []
    assert control.checkpoints is not None
    assert control.checkpoints[0].bytes == 919662
    assert {c.id: c.value for c in control.claims} == {
        "validation-dice": 80.96,
        "validation-auc": 98.59,
    }
    assert [p.slug for p in projects if p.kind == "control"] == ["lwnet"]


def test_files_are_parsed_once_by_the_fast_parser(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file once, by libyaml where PyYAML has it; what did not change is never parsed again."""
    shutil.copytree(root / "projects", tmp_path / "projects")
    paths = sorted((tmp_path / "projects").glob("*.yaml"))
    assert sum(path.stat().st_size for path in paths) < 1_900_000
    assert issubclass(reading.Loader, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    parsed: list[str] = []
    proper = reading.parse

    def counted(text: str, place: str) -> reading.Document:
        parsed.append(place)
        return proper(text, place)

    monkeypatch.setattr(reading, "parse", counted)
    first = load_projects(tmp_path)
    assert parsed == [f"projects/{path.name}" for path in paths]
    assert load_projects(tmp_path) == first
    assert len(parsed) == len(paths)


def test_files_of_others_are_no_released_weights(root: Path, projects: list[Project]) -> None:
    from catalog.facets import Work
    from catalog.registry import load_papers

    project = next(p for p in projects if p.slug == "polyp-sam-2")
    assert project.checkpoints
    assert project.weights_status == "none"
    paper = next(p for p in load_papers(root) if p.id in project.papers)
    assert Work(paper, [project]).weights is False


# ------------------------------------------------------------- who printed it, of which set, hashes


def test_others_numbers_are_told_from_a_projects_own(projects: list[Project]) -> None:
    printed = Counter((p.slug, c.printed_by) for p in projects for c in p.claims)
    assert printed["sam", "biomedparse"] == printed["medsam", "biomedparse"] == 113
    assert printed["sam2", "vista3d"] == 48
    assert printed["sam2", "own"] == 0


def test_a_task_of_several_sets_names_the_one_its_number_rests_on(
    projects: list[Project],
) -> None:
    """14 of BiomedParse's tasks are in several sets; the printed mean is that of one of them."""
    named = {
        p.slug: {c.label: (c.set, c.n.images) for c in p.claims if c.set and c.dataset == SETS}
        for p in projects
        if any(c.set and c.dataset == SETS for c in p.claims)
    }
    assert set(named) == {"sam", "medsam"}
    assert named["sam"] == named["medsam"]
    assert len(named["sam"]) == 14
    assert named["sam"]["CT_abdomen_kidney"] == ("amos22/CT", 1465)
    assert named["sam"]["dermoscopy_skin_lesion"] == ("UWaterlooSkinCancer", 41)
    assert named["sam"]["CT_liver_tumor"] == ("MSD/Task08_HepaticVessel", 918)


def test_every_hash_of_weights_says_where_it_was_read(projects: list[Project]) -> None:
    files = [(p.slug, c) for p in projects for c in p.checkpoints or [] if c.sha256]
    assert len(files) > 25
    assert [slug for slug, c in files if not c.sha256_from] == []


@pytest.mark.parametrize(
    "command",
    [["search", "medsam"], ["list"], ["show", "medsam"], ["stats"], ["export"]],
    ids=" ".join,
)
def test_one_broken_file_stops_no_reading_command(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text("papers: []\n")
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "medsam.yaml").write_text("slug: medsam\nname: MedSAM\nkind: method\n")
    (tmp_path / "projects" / "odd.yaml").write_text("slug: [broken\n")
    (tmp_path / "projects" / "wrong.yaml").write_text("slug: wrong\nname: 3\nkind: nothing\n")
    ran = here(tmp_path, *command)
    assert ran.code == 0, ran.err
    assert "Left out: projects/odd.yaml" in ran.err
    assert "Left out: projects/wrong.yaml" in ran.err
    assert here(tmp_path, "check").code == 1


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "empty", "binary", "list"])
def test_what_is_no_project_leaves_the_others(kind: str, tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text("papers: []\n")
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "medsam.yaml").write_text("slug: medsam\nname: MedSAM\nkind: method\n")
    assert here(tmp_path, "list", "projects").err == "1 project\n"  # kept, and read again below
    odd = tmp_path / "projects" / "odd.yaml"
    make: dict[str, Callable[[], object]] = {
        "folder": odd.mkdir,
        "link": lambda: odd.symlink_to(tmp_path / "gone.yaml"),
        "pipe": lambda: os.mkfifo(odd),
        "empty": odd.touch,
        "binary": lambda: odd.write_bytes(bytes(range(256))),
        "list": lambda: odd.write_text("- a\n- b\n"),
    }
    make[kind]()
    for _ in range(2):  # what was kept in between hides nothing
        ran = here(tmp_path, "list", "projects")
        assert ran.code == 0, ran.err
        assert ran.out.startswith("medsam\t")
        assert "Left out: projects/odd.yaml" in ran.err
    checked = here(tmp_path, "check")
    assert checked.code == 1
    assert checked.out.count("projects/odd.yaml") == 1
