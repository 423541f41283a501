"""Ids of works: readable, stable, never the same for two."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.registry import load_papers
from catalog.slugs import slugify, surname, work_slug
from catalog.titles import normal_title


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("MedSAM", "medsam"),
        ("SAM-Med2D", "sam-med2d"),
        ("SemiSAM+", "semisam-plus"),
        ("Polyp-SAM++", "polyp-sam-plus-plus"),
        ("SAM^Med", "sam-med"),
        ("ZAP-2.5DSAM", "zap-2-5dsam"),
        ("Häkkinen's Łódź", "hakkinens-lodz"),
        ("  --x--  ", "x"),
        ("日本", ""),
    ],
)
def test_slugs(text: str, slug: str) -> None:
    assert slugify(text) == slug


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("Jun Ma", "Ma"),
        ("JD. Gutiérrez", "Gutiérrez"),
        ("Mauricio Fernandez M.", "Fernandez"),
        ("Prathosh A. P.", "Prathosh"),
        ("Mausam", "Mausam"),
        ("Sammy Davis Jr.", "Davis"),
        ("", ""),
    ],
)
def test_surnames(name: str, last: str) -> None:
    assert surname(name) == last


def test_a_work_is_named_after_its_short_name_or_author_year_and_title() -> None:
    assert work_slug("T", "MedSAM", "Jun Ma", "2023", set()) == "medsam"
    assert work_slug("T", "MedSAM", "Jun Ma", "2023", {"medsam"}) == "medsam-ma-2023"
    title = "On the Robustness of Foundational 3D Medical Models"
    assert work_slug(title, None, "S. Chat", "2026", set()) == (
        "chat-2026-robustness-foundational-3d-medical"
    )
    taken = {"chat-2026-robustness-foundational-3d-medical"}
    assert work_slug(title, None, "S. Chat", "2026", taken).endswith("-3d-medical-models")


@given(st.lists(st.tuples(st.text(max_size=30), st.none() | st.text(max_size=8)), max_size=12))
def test_no_two_works_get_one_id(works: list[tuple[str, str | None]]) -> None:
    taken: set[str] = set()
    for title, short in works:
        slug = work_slug(title or "x", short, "Ann Author", "2024", taken)
        assert slug
        assert slug not in taken
        assert slug == slugify(slug)
        taken.add(slug)


@given(st.text(max_size=80))
def test_normal_titles_are_stable(title: str) -> None:
    once = normal_title(title)
    assert normal_title(once) == once
    assert normal_title(title.swapcase()) == normal_title(title) or not title.isascii()


def test_ids_of_the_registry_are_slugs(root: Path) -> None:
    for paper in load_papers(root):
        assert paper.id == slugify(paper.id)
        assert len(paper.id) <= 80
