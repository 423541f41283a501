"""What released rows say, as pages, badge, JSON and README show it: always apart from runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from markupsafe import escape
from typer.testing import CliRunner

from catalog.cli import app
from catalog.evidence import claim_answers
from catalog.registry import Registry
from catalog.render import readme
from catalog.render.build import generate
from catalog.render.labels import DECIDED
from catalog.render.output import Output, Settings
from catalog.render.released_findings import FINDINGS, findings
from catalog.render.views import Catalog


@pytest.fixture(scope="module")
def catalog(root: Path) -> Catalog:
    return Catalog(Registry.load(root))


@pytest.fixture(scope="module")
def output(catalog: Catalog) -> Output:
    return generate(catalog, Settings())


def test_claims_that_follow_from_rows_are_counted_apart_from_runs(catalog: Catalog) -> None:
    follow = [c for c in catalog.numbers if c.recomputed == "agrees"]
    assert len(follow) == 281
    assert sum(c.claim.own for c in follow) == 55
    assert not [c for c in follow if c.state in DECIDED], "rows are no run"
    said = f"281 of {len(catalog.numbers)}; 0 have been run"
    assert f"| numbers of both that follow from released rows | {said} |" in readme.numbers(catalog)
    assert catalog.projects["cellvit"].badge == "0 of 36 claims checked, 24 from released rows"
    assert "released" not in catalog.projects["lwnet"].badge


def test_sets_that_claims_name_are_those_whose_rows_were_taken(catalog: Catalog) -> None:
    """Two people read them: one in the support of the printed means, one in the rows."""
    named = [c for c in catalog.numbers if c.claim.set and c.released and c.released[1].files]
    assert len(named) == 28
    for c in named:
        assert c.released is not None
        (file,) = c.released[1].files
        folder = f"figures/results/dataset_results/{c.claim.set}/"
        assert file.startswith(folder), c.claim.id


def test_the_answer_of_the_higher_level_counts(catalog: Catalog) -> None:
    answers = claim_answers(list(catalog.recomputed.values()))
    result, answer = answers["cellvit/pannuke-sam-h-fold-0"]
    assert (result.rows, answer.n, answer.value) == ("cases", 2722, 0.8043708236638969)
    assert answer.interval is not None, "images are cases, so their mean has an interval"
    result, answer = answers["sammed/prostate-source-0-threshold-0-75"]
    assert (result.rows, answer.interval) == ("domains", None)


def test_twelve_findings_each_with_figure_and_data(catalog: Catalog) -> None:
    shown = {f.anchor: f for f in findings(catalog.recomputed)}
    assert len(shown) == len(FINDINGS) == 12
    for one in shown.values():
        assert "<svg" in one.chart
        assert one.data
        assert all(len(row) == len(one.head) for row in one.data), one.anchor
        assert set(one.sources) <= set(catalog.sources)
    said = {
        "one-name": ("for 14 of the 112 tasks", "kits23/kidney in the file of medians"),
        "same-mean": ("87.2047 where 87.2", "Of its 12 organs, 3 do"),
        "impossible": ("liver_130 1.0135", "0.9043 is 0.8934"),
        "other-cases": ("94,856", "19,390", "+2.4 points", "−4.3 points"),
        "empty": ("0.8044", "0.8370", "2,973 of 3,520"),
        "best-of": ("0.173", "0.132", "3 of 4"),
        "chance": ("1.9 points", "8e-08"),
        "levels": ("0.43", "0.46", "0.69", "0.59", "74.6", "66.8"),
        "weights": ("FLARE23 has 84.6 to 88.6 %", "14.9 points lower", "12.7 % for the unseen"),
        "other-branch": ("13,904 rows", "26 of 26"),
        "digits": ("94.95 for 94.945", "73.6 for 73.728"),
        "spread": ("0.167", "0.082", "0.273"),
    }
    for anchor, words in said.items():
        for word in words:
            assert word in shown[anchor].text, (anchor, word)


def test_a_registry_without_rows_shows_the_page_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "papers.yaml").write_text("papers: []\n")
    empty = generate(Catalog(Registry.load(tmp_path)), Settings())
    page = empty.pages["released/index.md"].decode()
    assert "0 of 0 recorded numbers follow from released rows" in page
    assert findings({}) == []


def test_every_source_has_its_page_and_its_place_in_the_api(
    catalog: Catalog, output: Output
) -> None:
    listed = json.loads(output.files["api/v1/recomputed.json"])["items"]
    assert [item["source"] for item in listed] == list(catalog.sources)
    assert sum(len(item["claims"]) for item in listed if item["computed"]) == 291
    for source in catalog.sources.values():
        page = output.pages[f"released/{source.id}.md"].decode()
        assert str(escape(source.row)) in page
        if result := catalog.recomputed.get(source.id):
            body = json.loads(output.files[f"api/v1/recomputed/{source.id}.json"])
            assert body["schema"] == "recomputed/1"
            assert body["recomputed"]["state"] == result.state
            for table in result.tables:
                assert table.sha256 in page
    project = json.loads(output.files["api/v1/projects/sammed.json"])["derived"]["recomputed"]
    assert {said["says"] for said in project.values()} == {"agrees"}
    assert len(project) == 12


def test_numbers_with_a_source_and_no_rows_are_counted(catalog: Catalog, output: Output) -> None:
    rest = len(catalog.numbers) - 281 - 57
    page = output.pages["released/index.md"].decode()
    assert f"47 more have a source without rows, and {rest} have no source" in page


def test_pages_of_claims_say_what_the_rows_are(catalog: Catalog, output: Output) -> None:
    page = output.pages["projects/cellvit.md"].decode()
    assert "24 follow from rows" in page
    assert len(re.findall(r"released/cellvit-pannuke/", page)) == 24
    page = output.pages["verification/index.md"].decode()
    of = len(catalog.numbers)
    assert f"281 of {of} recorded numbers (claims, and what others printed) follow" in page


def test_the_command_line_says_it_too(root: Path) -> None:
    done = CliRunner().invoke(app, ["--root", str(root), "show", "cellvit", "--json"])
    said = json.loads(done.stdout)["recomputed"]
    assert said["cellvit/pannuke-sam-h-fold-0"]["says"] == "agrees"
