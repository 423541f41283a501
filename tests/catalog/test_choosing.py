"""Which released model is offered for which need; what is not known is never counted as a yes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from terminal import here

from catalog.choosing import APART, FITS, NEARLY, TIERS, Need, Offer, answer, offers
from catalog.records import Checkpoint, Commercial, Licences, LicenceStatement, MadeFor, Project
from catalog.registry import Registry

NEEDS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "needs.yaml").read_text("utf-8")
)


@pytest.fixture(scope="module")
def every(root: Path) -> list[Offer]:
    return offers(Registry.load(root))


@pytest.mark.parametrize("case", NEEDS, ids=lambda case: case["say"])
def test_what_people_look_for(every: list[Offer], case: dict[str, Any]) -> None:
    found = answer(every, Need(**case["need"]))
    named = {tier: [one.offer.project.slug for one in held] for tier, held in found.items()}
    for tier in TIERS:
        assert set(case.get(tier, ())) <= set(named[tier]), tier
    for tier, slug in case.get("first", {}).items():
        assert named[tier][0] == slug
    offered = {one.offer.project.slug: one for held in found.values() for one in held}
    assert not set(case.get("never", ())) & offered.keys()
    for slug in case.get("apart", ()):
        assert offered[slug].level == APART
        assert offered[slug].remarks
    for held in found.values():
        assert [one.level for one in held] == sorted(one.level for one in held)
        for level in {one.level for one in held}:
            ranks = [one.offer.rank for one in held if one.level == level]
            assert ranks == sorted(ranks)


def offer(**fields: Any) -> Offer:
    given: dict[str, Any] = {"weights_status": "public", "kind": "method"} | fields
    return Offer(Project(slug="p", name="P", **given), ())


def made(**fields: Any) -> MadeFor:
    return MadeFor(place="README", **fields)


@pytest.mark.parametrize(
    ("takes", "given", "level", "remark"),
    [
        (["box"], "box", FITS, ""),
        (["point"], "box", FITS, "clicks will do"),
        (["none"], "box", FITS, "needs nothing"),
        (["box"], "point", APART, "takes a box"),
        (["box"], "none", APART, "takes a box"),
        (["learned"], "none", FITS, ""),
        (["class-label"], "text", FITS, ""),
        (["gaze"], "box", APART, "takes other prompts"),
        (None, "box", NEARLY, "prompt not recorded"),
    ],
)
def test_who_gives_more_can_give_less(
    takes: list[str] | None, given: str, level: int, remark: str
) -> None:
    assert offer(prompts_eval=takes).levels("prompt")[given] == (level, remark)


@pytest.mark.parametrize(
    ("about", "asked", "level"),
    [
        ({"regions": ["gi-tract"], "targets": ["polyp"]}, "polyp", FITS),
        ({"regions": ["gi-tract"], "targets": ["polyp"]}, "breast", None),
        ({"regions": ["gi-tract"], "targets": ["polyp"]}, "bone", None),
        ({"regions": ["gi-tract"], "targets": ["lesion"]}, "polyp", NEARLY),
        ({"regions": ["multi"]}, "breast", NEARLY),
        ({"general": True}, "breast", FITS),
        ({}, "breast", NEARLY),
    ],
)
def test_structures(about: dict[str, Any], asked: str, level: int | None) -> None:
    found = offer(made_for=made(**about)).levels("target").get(asked)
    assert (found and found[0]) == level


def test_modalities_and_dimensions() -> None:
    volumes = offer(made_for=made(modalities=["multi"]), dimensionality=["3d"])
    assert "ultrasound" not in volumes.levels("modality")
    assert "2d" not in volumes.levels("dimension")
    natural = offer(made_for=made(general=True, modalities=[]), dimensionality=["2d"])
    assert natural.levels("modality")["oct"] == (NEARLY, "trained on natural images")
    assert natural.levels("dimension")["3d"] == (FITS, "plane by plane")
    wide = offer(made_for=made(modalities=["microscopy"])).levels("modality")
    assert wide["histopathology"] == (NEARLY, "made for Microscopy")
    assert offer().levels("modality") == {}  # nobody recorded for which images


def statement(of: Any, stated: str | None) -> LicenceStatement:
    return LicenceStatement(of=of, stated=stated, place="README")


@pytest.mark.parametrize(
    ("licences", "counts", "level"),
    [
        (Licences(weights="MIT"), "weights", FITS),
        (Licences(weights="CC-BY-NC-4.0"), "weights", None),
        # a licence of the code is no licence of the weights
        (Licences(code="MIT"), "code", APART),
        (Licences(base=["sam"]), "base Segment Anything (SAM)", APART),
        (Licences(), None, APART),
        (Licences(weights="none"), None, APART),
        (
            Licences(
                statements=[statement("weights", "Apache-2.0"), statement("code", "MIT")],
                commercial=Commercial(answer="yes", reason="named"),
            ),
            "weights",
            FITS,
        ),
    ],
)
def test_unknown_is_never_counted_as_allowed(
    licences: Licences, counts: str | None, level: int | None
) -> None:
    one = offer(licences=licences)
    assert next((rung.of for rung in one.rungs if rung.counts), None) == counts
    found = one.levels("licence").get("commercial")
    assert (found and found[0]) == level
    if level == APART and found:
        assert "ask the authors" in found[1]


def test_memory_is_stated_or_measured_or_not_known() -> None:
    stated = offer(min_gpu_memory="more than 8 GB VRAM (README)")
    assert (stated.memory_gib, stated.at_memory(8)) == (8.0, (FITS, ""))
    assert stated.at_memory(4) is None
    for said in ("trained on one A40 46 GB", "tested on A100 80G (README)"):
        assert offer(min_gpu_memory=said).memory_gib is None
    both = offer(min_gpu_memory="about 8.5 GB inference, 11 GB training")
    assert both.memory_gib == 8.5
    measured = Offer(Project(slug="p", name="P", kind="method"), (), (("b", 512), ("h", 2048)))
    assert measured.memory == "512 to 2,048 MiB (measured on a CPU, one image)"
    assert measured.at_memory(1) == (FITS, "")
    assert offer().at_memory(80) == (NEARLY, "its memory is not known")


def test_the_order_inside_a_tier() -> None:
    def release(slug: str, **fields: Any) -> Offer:
        return Offer(Project(slug=slug, name=slug, kind="method", **fields), ())

    hashed = [Checkpoint(id="w", sha256="0" * 64)]
    order = [
        release("z", adapter="sam", checkpoints=hashed, weights_status="public"),
        release("y", adapter="sam", checkpoints=[Checkpoint(id="w")], weights_status="public"),
        release("x", checkpoints=hashed, weights_status="public"),
        release("b", weights_status="public"),
        release("a", weights_status="gated"),
    ]
    ranked = sorted([*order[2:], *order[:2]], key=lambda one: one.rank)
    assert [one.project.slug for one in ranked] == [one.project.slug for one in order]
    assert order[0].command == "sam4mis reproduce run z --data FOLDER"


def test_what_does_not_segment_is_not_in_it(every: list[Offer], root: Path) -> None:
    slugs = {one.project.slug for one in every}
    assert slugs.isdisjoint({"evanyseg", "finetune-sam", "lwnet", "selftest", "sam-lora"})
    released = {p.slug for p in Registry.load(root).projects if p.weights_status == "public"}
    assert len(slugs & released) >= 60


def test_the_command_line_says_the_same(root: Path, every: list[Offer]) -> None:
    said = here(root, "find", "--modality", "Ultrasound", "--prompt", "box", "--json")
    found = answer(every, Need(modality="ultrasound", prompt="box"))
    assert {
        tier: [one["project"] for one in held] for tier, held in json.loads(said.out).items()
    } == {tier: [one.offer.project.slug for one in held] for tier, held in found.items()}
    beside = here(root, "find", "--compare", "medsam", "--compare", "samus")
    assert re.search(r"^Prompt\tBox\tPoint$", beside.out, re.M)
    wrong = here(root, "find", "--modality", "ultrasond")
    assert (wrong.code, "Did you mean ultrasound" in wrong.err) == (2, True)
    assert here(root, "find", "--compare", "medsam").code == 2
