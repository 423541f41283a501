"""`sam4mis mcp`, asked by the client of the package `mcp` over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client
from terminal import here

from catalog.errors import EXIT_PREREQUISITE

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "search": ("search", {"text": "medsam", "limit": 3}),
    "filtered": ("search", {"modality": ["ultrasound"], "has_weights": True, "limit": 50}),
    "find": ("find_model", {"modality": "ultrasound", "prompt": "box", "limit": 3}),
    "project": ("project", {"name": "Med-SAM"}),
    "claims": ("claims", {"project": "LWNet", "ids": ["validation-dice"]}),
    "page": ("claims", {"project": "medsam", "start": 5, "limit": 2}),
    "explain": ("explain", {"claim": "lwnet/validation-dice", "depth": 0}),
}
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "Did you mean lwnet": ("project", {"name": "lwnett"}),
    "say which one: ": ("project", {"name": "https://github.com/bowang-lab/MedSAM"}),
    "lwnet has no claim 'dice'": ("explain", {"claim": "lwnet/dice"}),
    "'ultrasoun' is not known. Did you mean ultrasound?": ("search", {"modality": ["ultrasoun"]}),
    "'modalty' is not known. Did you mean modality?": ("search", {"modalty": ["ct"]}),
    "less than or equal to 50": ("search", {"limit": 51}),
}


async def asked(
    questions: dict[str, tuple[str, dict[str, Any]]], command: list[str], folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(tool -> its description, question -> its result) of a server of its own."""
    how = StdioServerParameters(
        command=command[0], args=command[1:], env=dict(os.environ), cwd=folder
    )
    async with Client(stdio_client(how)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        return tools, {
            key: await client.call_tool(name, given) for key, (name, given) in questions.items()
        }


@pytest.fixture(scope="module")
def answered() -> tuple[dict[str, Any], dict[str, Any]]:
    page = (ROOT / "site" / "docs" / "assistants.md").read_text("utf-8")
    (setup,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    named = json.loads(setup)["mcpServers"]["sam4mis"]
    assert named["command"] == "sam4mis"
    command = [sys.executable, "-m", "catalog", *named["args"]]
    with ThreadPoolExecutor(1) as aside:  # the thread of the tests may have a browser's loop
        return aside.submit(lambda: asyncio.run(asked(QUESTIONS | WRONG, command, ROOT))).result()


@pytest.fixture(scope="module")
def answers(answered: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    _, results = answered
    assert not any(results[key].is_error for key in QUESTIONS), results
    return {key: results[key].structured_content for key in QUESTIONS}


def test_every_tool_only_reads_and_stands_on_the_page(answered: Any) -> None:
    tools, _ = answered
    page = (ROOT / "site" / "docs" / "assistants.md").read_text("utf-8")
    assert list(tools) == re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    for tool in tools.values():
        assert tool.annotations.read_only_hint
        assert len(tool.description) > 60


def test_each_answer_has_its_sources_and_the_day_of_the_catalog(answers: dict[str, Any]) -> None:
    for key, said in answers.items():
        assert said["sources"], key
        assert all(re.match(r"https?://", source) for source in said["sources"]), key
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", said["catalog"]["date"]), key
        assert re.fullmatch(r"[0-9a-f]{40}", said["catalog"]["commit"]), key


def test_they_are_what_the_library_says(answers: dict[str, Any]) -> None:
    import sam4mis

    catalog = sam4mis.load(ROOT)
    assert answers["search"]["works"][0]["id"] == "medsam"
    assert "https://doi.org/10.1038/s41467-024-44824-z" in answers["search"]["sources"]
    found = catalog.find(modality="ultrasound", has_weights=True)
    assert answers["filtered"]["found"] == len(found)
    assert [w["id"] for w in answers["filtered"]["works"]] == [w.paper.id for w in found[:50]]
    tiers = answers["find"]["tiers"]
    assert set(tiers) == {"Made for it", "Generalist", "Train it yourself"}
    best = tiers["Made for it"]["models"][0]
    assert "Ultrasound" in best["facts"]["Images"]
    assert best["sources"][0].startswith("https://")
    release = answers["project"]
    assert release["project"] == "medsam"
    assert len(release["claims"]) + release["claims_not_shown"] == len(
        catalog.project("medsam").claims
    )
    assert "recorded number" in release["known"]
    assert {step["what"] for step in release["possible"]} >= {"use it", "see what lacks here"}
    assert any(release["protocol_card"]["says"].values())
    page = answers["page"]
    assert page["recorded"] == len(catalog.project("medsam").claims)
    assert [one["claim"] for one in page["claims"]] == [
        f"medsam/{claim.id}" for claim in catalog.project("medsam").claims[5:7]
    ]


def test_a_number_comes_with_its_protocol_its_verdict_and_why(answers: dict[str, Any]) -> None:
    (one,) = answers["claims"]["claims"]
    assert (one["claim"], one["printed"]) == ("lwnet/validation-dice", "80.96 %")
    assert one["record"]["protocol"]["threshold"] == {
        "value": 0.5,
        "evidence": "from-code",
        "place": "train_cyclical.py",
    }
    assert one["state"] == one["verdict"]["state"] == "reproduced"
    why = answers["explain"]
    assert why["target"] == 0.8096
    assert why["base"]["matches"]
    assert why["runs"] == [one["verdict"]["run"]]
    assert {"metric", "threshold", "grid"} <= {effect["convention"] for effect in why["effects"]}


@pytest.mark.parametrize("told", WRONG)
def test_what_was_misspelt_is_told_with_what_may_be_meant(told: str, answered: Any) -> None:
    _, results = answered
    assert results[told].is_error
    assert told in results[told].content[0].text


def test_without_the_extra_the_command_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.installing.find_spec", lambda name: None)
    ran = here(ROOT, "mcp")
    assert ran.code == EXIT_PREREQUISITE
    assert ran.err == (
        'mcp needs the extra [mcp]; not installed: mcp. Install it:\n  pip install -e ".[mcp]"\n'
    )
