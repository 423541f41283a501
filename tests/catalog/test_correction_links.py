"""Links by which a reader objects to what is recorded name the project and the line."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

from catalog.intake.issue_form import FORMS
from catalog.render.show import card, card_address, dispute_address

REPO = "https://example.org/someone/sam4mis"


def asked(address: str) -> dict[str, str]:
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{REPO}/issues/new"
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def test_a_dispute_opens_its_form_with_the_claim_filled_in(root: Path) -> None:
    found = asked(dispute_address(REPO, "sam-med2d/table-1&2"))
    assert found["claim"] == "sam-med2d/table-1&2"
    form = root / ".github" / "ISSUE_TEMPLATE" / found["template"]
    ids = {field.get("id") for field in yaml.safe_load(form.read_text("utf-8"))["body"]}
    assert "claim" in ids  # GitHub fills in the field of this id
    assert form.stem in FORMS


def test_a_correction_of_a_card_names_project_line_and_what_it_says(root: Path) -> None:
    from catalog.registry import Registry

    config = root / ".github" / "ISSUE_TEMPLATE" / "config.yml"
    assert yaml.safe_load(config.read_text("utf-8"))["blank_issues_enabled"]  # no form of its own
    project = next(p for p in Registry.load(root).projects if p.slug == "medical-sam-adapter")
    assert project.protocol_card is not None
    for question, answer in card(project.protocol_card):
        found = asked(card_address(REPO, project.slug, question, answer))
        assert found["title"] == f"Correction: medical-sam-adapter, protocol card, {question}"
        lines = found["body"].splitlines()
        assert lines[0] == "Project: medical-sam-adapter"
        assert lines[1] == f"Line of the protocol card: {question}"
        says = lines[2].removeprefix("It says: ").removesuffix(" ...")
        assert " ".join((answer or "nothing").split()).startswith(says)
        assert len(says) <= 300


def test_the_page_of_a_project_has_both(root: Path) -> None:
    from catalog.registry import Registry
    from catalog.render.output import Output, Settings
    from catalog.render.pages.projects import _page
    from catalog.render.views import Catalog

    registry = Registry.load(root)
    catalog = Catalog(registry, {})
    view = catalog.projects["medical-sam-adapter"]
    pages = {}
    for repo in (REPO, None):
        output = Output(Settings(repo_url=repo))
        _page(output, catalog, view, {})
        (page,) = output.pages.values()
        pages[repo] = page.decode()
    assert f'href="{REPO}/issues/new?template=dispute-verdict.yml&amp;claim=' in pages[REPO]
    assert "Correction%3A+medical-sam-adapter%2C+protocol+card%2C+Prompt" in pages[REPO]
    assert 'aria-label="Correct: prompt"' in pages[REPO]
    assert "contribute/#mistake" in pages[None]
    assert "issues/new" not in pages[None]
