"""Values in project files that have the right kind and are wrong all the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import checks
from catalog.checks.codes import CODES

CLAIM: tuple[str | int, ...] = ("claims", 0)
CARD = "protocol_card"
PROFILE = (*CLAIM, "protocol", "metric_profile", "value")
WRONG: dict[str, tuple[str, tuple[str | int, ...], Any]] = {
    "short commit": ("C001", ("repository", "commit"), "ce72dda"),
    "capitals in a commit": ("C001", (CARD, "commit"), "C" * 40),
    "commit without its day": ("C022", ("repository", "commit_date"), None),
    "commit of a trap": ("C001", (CARD, "traps", 0, "commit"), "master"),
    "short sha256": ("C002", ("checkpoints", 0, "sha256"), "91f0cada"),
    "md5 as long as a sha256": ("C002", ("checkpoints", 0, "md5"), "0" * 64),
    "metric": ("C003", (*CLAIM, "metric"), "dcie"),
    "percentage as a fraction": ("C004", (*CLAIM, "scale"), 1),
    "negative": ("C004", (*CLAIM, "value"), -3.0),
    "length as a percentage": ("C004", (*CLAIM, "metric"), "hd95"),
    "weights": ("C005", ("weights_status",), "pubic"),
    "convention": ("C006", (CARD, "conventions", 0), "pools-datasets"),
    "profile": ("C007", PROFILE, "pooled/9"),
    "profile that is a number": ("C007", PROFILE, 1),
    "two classes of the model as one": (
        "C020",
        (*CLAIM, "run", "labels"),
        {"artery": "vessel", "vein": "vessel"},
    ),
    "told in the future": ("C021", (*CLAIM, "told"), "2999-01-01"),
    "adapter": ("C008", ("adapter",), "lwnett"),
    "preprocessing": ("C013", (*CLAIM, "protocol", "preprocessing", "value"), "samm"),
    "postprocessing": ("C013", (*CLAIM, "protocol", "postprocessing", "value"), "fill-holes"),
    "prompt profile": ("C013", (*CLAIM, "protocol", "prompt_profile", "value"), "box-tigth/1"),
    "version of a prompt profile": (
        "C013",
        (*CLAIM, "protocol", "prompt_profile", "value"),
        "none/9",
    ),
    "grid": ("C013", (*CLAIM, "protocol", "grid", "value"), "orignal"),
    "mask selection": ("C013", (*CLAIM, "protocol", "mask_selection", "value"), "best"),
    "threshold as a percentage": ("C013", (*CLAIM, "protocol", "threshold", "value"), 50),
    "threshold": ("C013", (*CLAIM, "protocol", "threshold", "value"), "half"),
    "precision": ("C013", (*CLAIM, "protocol", "precision", "value"), "fp32"),
    "data set": ("C014", (*CLAIM, "dataset"), "DRVIE"),
    "reader": ("C014", (*CLAIM, "run", "dataset_plugin"), "drvie"),
    "split": ("C014", (*CLAIM, "split"), "lwnet-vall"),
    "option of a data set": ("C014", (*CLAIM, "run", "dataset"), {"observr": 2}),
    "licence of code": ("C015", ("licences", "code"), "MTI"),
    "licence of weights": ("C015", ("licences", "weights"), "MIT Apache-2.0"),
    "licence of a checkpoint": ("C015", ("checkpoints", 0, "licence"), "Apache 2.0"),
    "fetched from elsewhere": (
        "C016",
        ("checkpoints", 0, "sha256_from", 0),
        {"by": "fetched", "place": "https://elsewhere.example/model.pth"},
    ),
    "said to be of the host": (
        "C016",
        ("checkpoints", 0, "sha256_from", 0),
        {"by": "host", "place": "somewhere"},
    ),
    "said to be of the host, of another owner there": (
        "C016",
        ("checkpoints", 0, "sha256_from", 0),
        {"by": "host", "place": "https://github.com/somebody/else/blob/main/README.md"},
    ),
    "said to be of the authors": (
        "C016",
        ("checkpoints", 0, "sha256_from", 0),
        {"by": "authors", "place": "other/lwnet@ce72ddab:model.pth"},
    ),
    "said to be of the host, the owner's name in another's path": (
        "C016",
        ("checkpoints", 0, "sha256_from", 0),
        {
            "by": "host",
            "place": "https://raw.githubusercontent.com/somebody/else/main/agaldran/lwnet/x.pth",
        },
    ),
    "said to be of the authors, at no commit": (
        "C016",
        ("checkpoints", 0, "sha256_from", 0),
        {"by": "authors", "place": "agaldran/lwnet"},
    ),
    "fraction as a percentage": ("C004", (*CLAIM, "value"), 0.81),
    "source of no hash": ("C016", ("checkpoints", 0, "sha256"), None),
    "class of the claim": ("C020", (*CLAIM, "label"), "vesels"),
    "class of the data set": ("C020", (*CLAIM, "run", "labels", "vessel"), "vesels"),
    "set of no collection": ("C014", (*CLAIM, "set"), "amos22/CT"),
    "fewer decimals than printed": ("C004", (*CLAIM, "decimals"), 0),
    "decimals of no number": ("C004", (*CLAIM, "decimals"), -1),
    "printed by nobody": ("C017", (*CLAIM, "printed_by"), None),
    "printed by somebody unknown": ("C017", (*CLAIM, "printed_by"), "lwnett"),
    "printed elsewhere": ("C017", (*CLAIM, "source", "version"), "other/repository@" + "0" * 40),
    "prompt": ("C011", ("prompts_eval", 0), "boxes"),
    "family": ("C018", ("family",), "sam-images"),
    "claims and none": ("C019", ("no_numbers",), {"looked": ["README.md"]}),
}


@pytest.fixture
def lwnet(root: Path) -> dict[str, Any]:
    project = yaml.safe_load((root / "projects/lwnet.yaml").read_text("utf-8"))
    return dict(project) | {"papers": []}


def written(folder: Path, root: Path, *projects: dict[str, Any]) -> Path:
    """A registry with these projects and the files that name profiles and adapters."""
    (folder / "papers.yaml").write_text("papers: []\n")
    (folder / "projects").mkdir()
    for project in projects:
        text = yaml.safe_dump(project, sort_keys=False)
        (folder / "projects" / f"{project['slug']}.yaml").write_text(text)
    for name in (
        "results/profiles.json",
        "results/datasets.json",
        "adapters/sam.py",
        "adapters/lwnet/__init__.py",
    ):
        target = folder / "reproduce" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "reproduce" / name, target)
    return folder


def told(folder: Path) -> list[tuple[str, str]]:
    _, findings = checks.check_registry(folder, thorough=True)
    assert all(f.line for f in findings)
    # facts against facts (F) have tests of their own
    return [(f.code, f.path) for f in findings if f.code[0] != "F"]


def put(record: Any, path: tuple[str | int, ...], value: Any) -> None:
    for step in path[:-1]:
        record = record.setdefault(step, {}) if isinstance(record, dict) else record[step]
    record[path[-1]] = value


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_found_at_its_place(
    name: str, tmp_path: Path, root: Path, lwnet: dict[str, Any]
) -> None:
    code, path, value = WRONG[name]
    put(lwnet, path, value)
    ((found, where),) = told(written(tmp_path, root, lwnet))
    assert found == code
    if name in ("percentage as a fraction", "length as a percentage"):
        path = (*CLAIM, "value")  # the value is what cannot be
    if name == "source of no hash":
        path = ("checkpoints", 0, "sha256_from")
    if name == "fetched from elsewhere":
        path = (*path, "place")
    if name == "printed elsewhere":
        path = (*CLAIM, "printed_by")
    assert where == checks.dotted(("lwnet", *path))


def test_wrong_words_are_told_at_once_each_with_the_nearest(
    tmp_path: Path, root: Path, lwnet: dict[str, Any]
) -> None:
    wrong = {
        ("protocol", "preprocessing", "value"): ("fov-crop", "'fov-crop-512'"),
        ("protocol", "postprocessing", "value"): ("non", "'none'"),
        ("protocol", "grid", "value"): ("model-input", "'model_input'"),
        ("split",): ("lwnet-vla", "'lwnet-val'"),
        ("dataset",): ("Drive", "'drive'"),
    }
    for path, (value, _) in wrong.items():
        put(lwnet, (*CLAIM, *path), value)
    lwnet["claims"] = lwnet["claims"][:1]
    _, findings = checks.check_registry(written(tmp_path, root, lwnet))
    hints = {f.path: f.hint for f in findings}
    assert len(hints) == len(wrong)
    for path, (_, nearest) in wrong.items():
        assert nearest in hints[checks.dotted(("lwnet", *CLAIM, *path))]


def test_the_project_as_it_is_has_no_finding(
    tmp_path: Path, root: Path, lwnet: dict[str, Any]
) -> None:
    assert told(written(tmp_path, root, lwnet)) == []


def test_a_blocked_claim_may_name_a_profile_that_is_defined_and_not_written_yet(
    tmp_path: Path, root: Path, lwnet: dict[str, Any]
) -> None:
    put(lwnet, PROFILE, "pooled/9")
    lwnet["claims"][0] |= {"state": "blocked", "reason": "no-protocol"}
    (tmp_path / "undefined").mkdir()
    undefined = written(tmp_path / "undefined", root, lwnet)
    assert told(undefined) == [("C007", "lwnet.claims[0].protocol.metric_profile.value")]
    words = yaml.safe_load((root / "catalog/data/protocol_words.yaml").read_text("utf-8"))
    words["metric_profile"] = {"pooled/9": "pixels of nine data sets together"}
    own = tmp_path / "catalog/data/protocol_words.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(yaml.safe_dump(words))
    own.with_name("vocabularies.yaml").write_bytes(
        (root / "catalog/data/vocabularies.yaml").read_bytes()
    )
    assert told(written(tmp_path, root, lwnet)) == []


def test_profiles_and_adapters_are_not_judged_where_nothing_names_them(
    tmp_path: Path, root: Path, lwnet: dict[str, Any]
) -> None:
    put(lwnet, PROFILE, "pooled/9")
    lwnet["adapter"] = "lwnett"
    folder = written(tmp_path, root, lwnet)
    shutil.rmtree(folder / "reproduce")
    assert told(folder) == []


def test_two_projects_on_one_repository_name_different_branches(
    tmp_path: Path, root: Path, lwnet: dict[str, Any]
) -> None:
    other = json.loads(json.dumps(lwnet)) | {"slug": "other"}
    other["repository"]["url"] += ".git"
    folder = written(tmp_path, root, lwnet, other)
    assert told(folder) == [("C009", "other.repository.url")]
    other["repository"]["branch"] = "two"
    other["checkpoints"][0]["id"] = "renamed"
    for claim in other["claims"]:
        claim["checkpoint"] = "renamed"
    (folder / "projects/other.yaml").write_text(yaml.safe_dump(other))
    assert told(folder) == [("C010", "other.checkpoints[0].sha256")]


def test_a_checkpoint_that_stands_twice(tmp_path: Path, root: Path, lwnet: dict[str, Any]) -> None:
    lwnet["checkpoints"].append({"id": lwnet["checkpoints"][0]["id"]})
    assert told(written(tmp_path, root, lwnet)) == [("C012", "lwnet.checkpoints[1].id")]


def test_released_weights_have_a_family_and_numbers_or_where_was_looked(
    tmp_path: Path, root: Path, lwnet: dict[str, Any]
) -> None:
    lwnet |= {"kind": "method", "claims": []}
    folder = written(tmp_path, root, lwnet)
    assert sorted(told(folder)) == [("C018", "lwnet.family"), ("C019", "lwnet.claims")]
    lwnet |= {"family": "packages", "no_numbers": {"looked": []}}
    (folder / "projects/lwnet.yaml").write_text(yaml.safe_dump(lwnet))
    assert told(folder) == [("C019", "lwnet.no_numbers.looked")]
    lwnet["no_numbers"]["looked"] = ["README.md"]
    (folder / "projects/lwnet.yaml").write_text(yaml.safe_dump(lwnet))
    assert told(folder) == []


def test_the_files_that_are_loaded_are_of_the_project_and_the_claims_own_among_them(
    tmp_path: Path, root: Path, lwnet: dict[str, Any]
) -> None:
    base = {"id": "base", "urls": []}
    lwnet["checkpoints"].append(base)
    for number, named in enumerate((["base"], ["base", "lost"])):
        put(lwnet, (*CLAIM, "run", "checkpoints"), named)
        (tmp_path / str(number)).mkdir()
        found = told(written(tmp_path / str(number), root, lwnet))
        where = checks.dotted(("lwnet", *CLAIM, "run", "checkpoints"))
        assert found == [("R005", where)] * (number + 1)


def test_every_code_of_project_files_is_tested() -> None:
    tested = {code for code, _, _ in WRONG.values()} | {"C009", "C010", "C012"}
    assert tested == {code for code in CODES if code[0] == "C"}


def test_a_wrong_kind_of_value_hides_nothing_else(
    tmp_path: Path, root: Path, lwnet: dict[str, Any]
) -> None:
    put(lwnet, ("repository", "commit"), "ce72dda")
    put(lwnet, (*CLAIM, "metric"), "dcie")
    lwnet["kind"] = "methd"  # not allowed
    lwnet["weights_status"] = "none"  # what stands in for the kind would need a family
    lwnet["colour"] = "red"  # not a field
    lwnet["checkpoints"][0]["bytes"] = "many"
    lwnet["adapter"] = 7  # what stands in for it is not judged
    assert sorted(told(written(tmp_path, root, lwnet))) == [
        ("C001", "lwnet.repository.commit"),
        ("C003", "lwnet.claims[0].metric"),
        ("S001", "lwnet.adapter"),
        ("S001", "lwnet.checkpoints[0].bytes"),
        ("S002", "lwnet"),
        ("S004", "lwnet.kind"),
    ]


def test_a_work_with_a_wrong_field_is_judged_by_the_others(
    tmp_path: Path, root: Path, lwnet: dict[str, Any]
) -> None:
    lwnet["papers"] = ["first", "second", "third"]
    folder = written(tmp_path, root, lwnet)
    (folder / "papers.yaml").write_text(
        """papers:
  - id: first
    title: One
    authors: 7
    versions:
      - {kind: preprint, ids: {arxiv: '2313.00001'}, cite: true}
      - {kind: jurnal, date: yesterday}
    modalities: {values: [xrayy], from: title}
  - id: second
    authors: [Ada Lovelace]
    versions:
      - {kind: preprint, ids: {arxiv: '2401.00001'}, cite: true}
"""
    )
    found = set(told(folder))
    assert {
        ("S001", "first.authors"),
        ("S004", "first.versions[1].kind"),
        ("I002", "first.versions[0].ids.arxiv"),
        ("V001", "first.modalities.values[0]"),
        ("S003", "second"),
        ("R001", "lwnet.papers[2]"),  # `third`, now that all works are known by name
    } <= found
    assert not [path for code, path in found if code == "R001" and path != "lwnet.papers[2]"]
    assert not [code for code, path in found if path == "first.authors" and code != "S001"]
