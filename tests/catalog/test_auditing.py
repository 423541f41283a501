"""Audits: drawn the same for the same seed, outcomes recorded, the rate by hand."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal import here

from catalog.auditing import Audit, Fact, drawn, facts, load, rate, recorded
from catalog.checks import check_registry
from catalog.errors import InputError
from catalog.registry import Registry

PAPERS = """\
papers:
  - id: a
    title: A work
    authors: [Ada Author]
    authors_complete: true
    versions:
      - kind: conference
        ids: {arxiv: '2304.12306'}
        venue: MICCAI 2023
        date: '2023-04'
        cite: true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "papers.yaml").write_text(PAPERS)
    (tmp_path / "projects").mkdir()
    return tmp_path


def test_one_fact_each_of_different_records(root: Path) -> None:
    registry = Registry.load(root)
    once = drawn(registry, 60, 7)
    assert once == drawn(registry, 60, 7)
    assert once != drawn(registry, 60, 8)
    assert max(Counter(fact.record for fact in once).values()) == 1
    assert len(once) == 60
    assert all(fact.value for fact in once)


def test_every_record_can_be_drawn_with_its_sources(root: Path) -> None:
    registry = Registry.load(root)
    everything = facts(registry)
    assert {f"papers/{paper.id}" for paper in registry.papers} <= everything.keys()
    assert len(everything) > len(registry.papers) + 0.95 * len(registry.projects)
    sourced = [fact for found in everything.values() for fact in found if fact.sources]
    assert len(sourced) > 0.95 * sum(map(len, everything.values()))


def test_rate_by_hand() -> None:
    """Wilson for 37 of 963: p = 0.0384, interval 0.0280 to 0.0525."""
    found = rate([Audit(date="2026-11", checked=963, wrong=37), Audit(date="2026-12")])
    assert found
    assert (found.checked, found.wrong, found.audits) == (963, 37, 1)
    assert math.isclose(found.value, 37 / 963)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0280, 0.0525)
    assert rate([]) is None


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_interval_holds_the_rate(counts: tuple[int, int]) -> None:
    checked, wrong = counts
    found = rate([Audit(date="2026", checked=checked, wrong=wrong)])
    assert found
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value <= found.high + 1e-12 <= 1 + 1e-9


def test_outcomes_are_recorded_and_counted(folder: Path) -> None:
    first = here(folder, "doctor", "--sample", "1", "--seed", "3")
    assert (first.code, "0 of 1 fact checked" in first.err) == (0, True)
    ((name, audit),) = load(folder).items()
    assert audit.seed == 3
    said = here(folder, "doctor", "--sample", "1", "--seed", "3", "--outcome", "1=wrong: so and so")
    assert "1 of 1 fact checked, 1 not right" in said.err
    again = load(folder)[name].facts[0]
    assert (again.outcome, again.note) == ("wrong", "so and so")
    (finding,) = [f for f in check_registry(folder, thorough=True)[1] if f.code == "F015"]
    assert "wrong by audit" in finding.message
    shown = json.loads(here(folder, "doctor", "--sample", "9", "--seed", "3", "--json").out)
    assert shown["facts"][0]["outcome"] == "wrong"  # a drawing stays as it was


def test_a_corrected_fact_is_no_finding(folder: Path) -> None:
    here(folder, "doctor", "--sample", "1", "--seed", "3", "--outcome", "1=wrong")
    fact = next(iter(load(folder).values())).facts[0]
    text = (folder / "papers.yaml").read_text().replace(fact.value, "Bob Builder")
    changed = text.replace("MICCAI 2023", "MICCAI 2024").replace("2023-04", "2023-05")
    (folder / "papers.yaml").write_text(changed.replace("2304.12306", "2305.12306"))
    assert "F015" not in [f.code for f in check_registry(folder, thorough=True)[1]]


def test_dry_run_writes_nothing(folder: Path) -> None:
    assert here(folder, "doctor", "--sample", "1", "--seed", "3", "--dry-run").code == 0
    assert load(folder) == {}


@pytest.mark.parametrize("said", ["0=right", "2=right", "x=right", "1=maybe", "1"])
def test_an_outcome_that_means_nothing_is_refused(said: str) -> None:
    fact = Fact(record="papers/a", field="authors", value="Ada Author")
    audit = Audit(date="2026", facts=[fact])
    with pytest.raises(InputError, match="expected"):
        recorded(audit, [said])


def test_usage(folder: Path) -> None:
    assert here(folder, "doctor", "--sample", "0").code == 2
    assert here(folder, "doctor", "--outcome", "1=right").code == 2
