"""Find a model: one page that narrows by what the reader has, and one for each kind of images and
each structure, complete without a script."""

from __future__ import annotations

from typing import Any

from catalog.choosing import (
    APART,
    GIVES,
    KINDS,
    TIERS,
    Found,
    Kind,
    Need,
    Offer,
    Tier,
    answer,
    askable,
    facts,
    offers,
)
from catalog.render.labels import inside
from catalog.render.output import Output
from catalog.render.views import Catalog

TITLES: dict[Kind, str] = {
    "modality": "My images",
    "dimension": "They are",
    "prompt": "I can give",
    "target": "I need",
}
ANY = {"modality": "any images", "dimension": "any", "memory": "any"}
MEMORY = (4, 8, 12, 16, 24, 48)
ABOUT: dict[Tier, str] = {
    "made": "Released weights, trained for certain images or structures.",
    "general": "Released weights for many kinds of images, or for any structure.",
    "train": "Code that trains, without released weights.",
}


def write(output: Output, catalog: Catalog) -> None:
    every = offers(catalog.registry)
    levels = {o.project.slug: {kind: o.levels(kind) for kind in KINDS} for o in every}
    asked = {kind: _asked(kind, levels) for kind in TITLES}
    remarks = sorted(
        {text for of in levels.values() for held in of.values() for _, text in held.values()}
    )
    number = {text: n for n, text in enumerate(remarks)}
    output.json(
        "assets/data/find.json",
        {
            "remarks": remarks,
            "offers": {
                slug: {
                    kind: {value: [n, number[text]] for value, (n, text) in held.items()}
                    for kind, held in of.items()
                }
                for slug, of in levels.items()
            },
            "memory": {o.project.slug: o.memory_gib for o in every if o.memory_gib},
        },
    )
    links: dict[Kind, list[tuple[str, str, int]]] = {
        "modality": landings("modality", every),
        "target": landings("target", every),
    }
    _page(output, every, Need(), asked, links)
    for kind, held in links.items():
        for value, _, _ in held:
            _page(output, every, Need.of(kind, value), asked, links)


def _asked(kind: Kind, levels: dict[str, dict[Kind, dict[str, Any]]]) -> list[tuple[str, str]]:
    """(value, name) of what some release answers, in the order of the vocabularies."""
    known = {value for of in levels.values() for value in of[kind]}
    return [(value, name) for value, name in askable(kind).items() if value in known]


def landings(kind: Kind, every: list[Offer]) -> list[tuple[str, str, int]]:
    """(value, name, releases made for it) of each kind with a page of its own, most first."""
    found = []
    for value, name in askable(kind).items():
        held = answer(every, Need.of(kind, value))
        if held["made"] or held["general"]:
            found.append((value, name, len(held["made"])))
    return sorted(found, key=lambda item: (-item[2], item[1].casefold()))


def _page(
    output: Output,
    every: list[Offer],
    need: Need,
    asked: dict[Kind, list[tuple[str, str]]],
    links: dict[Kind, list[tuple[str, str, int]]],
) -> None:
    kind: Kind | None = next((k for k in TITLES if need._asdict()[k]), None)
    value = need._asdict()[kind] if kind else None
    name = askable(kind)[value] if kind and value else None
    what = f"{inside(name)}{' segmentation' if need.target else ''}" if name else None
    title = f"Models for {what}" if what else "Find a model"
    found = answer(every, need)
    output.page(
        f"find/{value}/" if value else "find/",
        "find.html",
        title=title,
        kind="page",
        description=f"{title}: {len(found['made'])} released models made for it, "
        f"{len(found['general'])} generalists, with prompt, licence, memory, files and traps.",
        words=f"choose a model {name or 'modality prompt licence memory'}",
        need=need,
        chosen=need._asdict(),
        heading=title,
        name=what,
        tiers=[
            (tier, TIERS[tier], ABOUT[tier], [_card(one, need) for one in held])
            for tier, held in found.items()
        ],
        asked=[
            (kind, text, asked[kind], ANY.get(kind, "anything")) for kind, text in TITLES.items()
        ],
        memory=MEMORY,
        gives={v: said for v, said in asked["prompt"] if v in GIVES},
        links=[
            ("By images", links["modality"]),
            ("By structure", links["target"]),
        ],
        silent=sum(o.modalities is None for o in every) if need.modality else 0,
    )


def _card(one: Found, need: Need) -> dict[str, Any]:
    """What the template shows of an offer."""
    offer = one.offer
    return {
        "slug": offer.project.slug,
        "name": offer.project.name,
        "works": [work.paper for work in offer.works],
        "facts": facts(offer, need.modality),
        "rungs": offer.rungs,
        "traps": offer.traps,
        "remarks": one.remarks,
        "apart": one.level == APART,
    }
