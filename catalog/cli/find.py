"""`sam4mis find`."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.choosing import (
    APART,
    GIVES,
    SHAPES,
    TIERS,
    Found,
    Need,
    Offer,
    answer,
    as_data,
    asked,
    facts,
    offers,
)
from catalog.cli import completing
from catalog.cli.output import JsonOption, counted, say, table, write_json
from catalog.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None)
COLUMNS = ("tier", "project", "prompt", "dimension", "runs", "hash", "commercial", "remarks")
MOST = 4  # side by side


@app.command()
def find(
    modality: Annotated[
        str | None, typer.Option(help="My images: ct, ultrasound ...", metavar="VALUE")
    ] = None,
    dimension: Annotated[
        str | None, typer.Option(help=f"They are: {', '.join(SHAPES)}.", metavar="VALUE")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help=f"I can give: {', '.join(GIVES)}.", metavar="VALUE")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="I need: polyp, breast, cell ...", metavar="VALUE")
    ] = None,
    memory: Annotated[
        float | None, typer.Option(help="Memory of my card in GiB.", min=0.1, metavar="GIB")
    ] = None,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Commercial use has to be allowed.")
    ] = False,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            help="Show two to four projects side by side.",
            metavar="PROJECT",
            autocompletion=completing.projects,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many of a tier.", min=1, metavar="N")] = 8,
    json: JsonOption = False,
) -> None:
    """Find a released model for your images: made for it, generalist, or train it yourself.

    What runs here, with known files, stands first. What wants another prompt than you can give
    stands last; what is not known is said, and never counted as a yes.

    \b
    Examples:
      sam4mis find --modality ultrasound --target breast --prompt box
      sam4mis find --modality ct --dimension 3d --prompt point --memory 16
      sam4mis find --prompt box --commercial --json
      sam4mis find --compare medsam --compare sam-med2d
    """
    from catalog.registry import Registry, find_root

    every = offers(Registry.load_around(find_root(), say))
    if compare:
        chosen = _chosen(compare, every)
        if json:
            write_json([as_data(Found(offer, 0, [])) for offer in chosen])
            return
        sides = [dict(facts(offer, modality)) for offer in chosen]
        names = dict.fromkeys(name for side in sides for name in side)
        rows = [(name, *(side.get(name) for side in sides)) for name in names]
        slugs = [offer.project.slug for offer in chosen]
        table(("", *slugs), rows, *slugs)
        return
    need = Need(
        asked("modality", modality),
        asked("dimension", dimension),
        asked("prompt", prompt),
        asked("target", target),
        "commercial" if commercial else None,
        memory,
    )
    found = answer(every, need)
    if json:
        write_json({tier: [as_data(one) for one in held] for tier, held in found.items()})
        return
    shown = [(TIERS[tier], one) for tier, held in found.items() for one in held[:limit]]
    table(COLUMNS, (_row(tier, one) for tier, one in shown), "prompt", "remarks")
    told = (f"{len(held)} {TIERS[tier].lower()}" for tier, held in found.items())
    more = ", --limit shows more" if any(len(held) > limit for held in found.values()) else ""
    say("; ".join(told) + more)
    if modality and (silent := sum(offer.modalities is None for offer in every)):
        say(f"{counted(silent, 'release')} left out: for which images is not recorded")


def _chosen(names: list[str], every: list[Offer]) -> list[Offer]:
    from catalog.lookup import named_project

    if not 2 <= len(names) <= MOST:
        raise UsageError(f"--compare: give it two to {MOST} times, once for each project")
    of = {offer.project.slug: offer for offer in every}
    known = [offer.project for offer in every]
    return [of[named_project(name, known).slug] for name in names]


def _row(tier: str, one: Found) -> list[object]:
    lines = dict(facts(one.offer))
    hashed, files = one.offer.hashed
    remarks = "; ".join(one.remarks)
    return [
        tier,
        one.offer.project.slug,
        lines["Prompt"],
        lines["Dimension"],
        one.offer.runs,
        f"{hashed} of {files}" if files else None,
        {"commercial": "yes", "non-commercial": "no"}.get(one.offer.licence, "ask"),
        f"needs more: {remarks}" if one.level == APART else remarks,
    ]
