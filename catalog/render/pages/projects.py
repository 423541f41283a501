"""The list of projects and a page per project: release, claims, protocol card, badge."""

from __future__ import annotations

from catalog.ladder import ladder, question, unstated
from catalog.metrics import is_share
from catalog.ready import Readiness
from catalog.records import Checkpoint
from catalog.render import charts
from catalog.render.badges import badge, badge_text_width
from catalog.render.labels import label
from catalog.render.output import Output
from catalog.render.pages.history import project_history
from catalog.render.pages.profiles import document, examples_of
from catalog.render.pages.quality import BENCHMARKS
from catalog.render.pages.runs import pictures
from catalog.render.paging import parted
from catalog.render.printed import groups
from catalog.render.views import Catalog, ClaimView, ProjectView, tag_values
from catalog.runnable import line

#: Kinds of prompts that `prompt` of _macros.html draws.
DRAWN = ("point", "box", "scribble", "mask", "text", "reference-image")


def write(output: Output, catalog: Catalog) -> None:
    for part in parted("projects", catalog.methods):
        output.page(
            part.address,
            "projects.html",
            title=part.title("Projects"),
            kind="page" if part.number == 0 else None,
            description=f"{part.total} code releases: licences, weights, claims.",
            part=part,
            controls=catalog.controls,
        )
    names = {i: (v.name, f"papers/{i}/") for i, v in catalog.by_id.items()}
    names |= {s: (v.project.name, f"projects/{s}/") for s, v in catalog.projects.items()}
    for view in catalog.projects.values():
        _page(output, catalog, view, names)


def pairs(claims: list[ClaimView], prefix: bool = False) -> list[charts.Pair]:
    """Dice-like claims as pairs for a dumbbell plot: only fractions between 0 and 1."""
    found = []
    for c in claims:
        if not is_share(c.claim):
            continue
        name = f"{c.project.slug}/{c.claim.id}" if prefix else c.claim.id
        measured = c.verdict.measured if c.verdict else None
        found.append(charts.Pair(name, c.claim.fraction, measured, c.state))
    return found


def claims_chart(name: str, claims: list[ClaimView], prefix: bool = False) -> object:
    """The dumbbell plot of some claims; an empty text where none was measured."""
    shown = [p for p in pairs(claims, prefix) if p.measured is not None]
    if not shown:
        return ""
    said = "; ".join(
        f"{p.label}: claimed {100 * p.claimed:.2f} %, "
        f"measured {100 * (p.measured or 0):.2f} %, {p.state}"
        for p in shown
    )
    return charts.dumbbell(name, "Claimed against measured", said + ".", shown)


def command(view: ProjectView, ready: Readiness) -> str:
    """The one command that runs a number of the project: the one of least effort; empty: none."""
    if view.project.kind == "selftest":
        return "sam4mis reproduce selftest"
    slug = view.project.slug
    ran = (f"{slug}/{c.claim.id}" for c in view.numbers if c.verdict and c.verdict.run)
    waiting = (run for run in ready.runs if run.claims[0].startswith(f"{slug}/"))
    if first := next(waiting, None):
        return f"sam4mis reproduce run {first.claims[0]}{' --data FOLDER' * bool(first.by_hand)}"
    again = next(ran, None)
    return f"sam4mis reproduce run {again} --data FOLDER" if again else ""


def loaded(view: ProjectView) -> list[Checkpoint]:
    """The checkpoints that a reader would take: its own files, not copies of them by others."""
    return [c for c in view.project.checkpoints or [] if c.of is None]


def taken(view: ProjectView, own: list[str] | None, field: str) -> list[str]:
    """What its code was read to take, else what its papers say; [] where nobody knows."""
    if own is not None:
        return own
    return list(
        dict.fromkeys(
            value
            for paper in view.papers
            for value in tag_values(getattr(paper.paper, field))
            if value != "unknown"
        )
    )


def told(view: ProjectView, own: list[str] | None, field: str) -> str:
    """`taken` in words, with whose word it is; or that nobody knows."""
    if own is not None:
        return ", ".join(label(v) for v in own if v != "none") or "nothing"
    values = taken(view, own, field)
    words = ", ".join("nothing" if v == "none" else label(v) for v in values)
    return f"{words} (says the paper)" if words else "not recorded"


def memory_mib(catalog: Catalog, adapter: str | None) -> list[tuple[str, int]]:
    """(variant, MiB) that the adapter took on a CPU, from `benchmarks/results/memory.json`."""
    found = document(catalog.registry.root / BENCHMARKS / "memory.json").get("scenarios") or {}
    measured = found.get(adapter, {}).get("contenders") or {}
    return [(name, round(each["peak_mib"])) for name, each in measured.items()]


def _page(
    output: Output, catalog: Catalog, view: ProjectView, names: dict[str, tuple[str, str]]
) -> None:
    """names: who may have printed a number -> (name, address of its page)"""
    project = view.project
    own, others = groups(view.claims, catalog.ready), groups(view.others, catalog.ready)
    image = badge(view)
    output.files[f"badges/{project.slug}.svg"] = image
    site = (output.settings.site_url or "").rstrip("/")
    base = site or "https://ADDRESS-OF-THE-SITE"  # of a build that does not know its own
    address, page = f"{base}/badges/{project.slug}.svg", f"{base}/projects/{project.slug}/"
    output.page(
        f"projects/{project.slug}/",
        "project.html",
        title=project.name,
        description=f"{project.name}: release, checkpoints, claims and what was measured.",
        kind="project",
        words=" · ".join([project.slug, *(p.name for p in view.papers)]),
        v=view,
        q=project,
        chart=claims_chart("claims", view.claims),
        command=command(view, catalog.ready),
        own=own,
        others=others,
        gives=told(view, project.prompts_eval, "prompts_infer"),
        given=[v for v in taken(view, project.prompts_eval, "prompts_infer") if v in DRAWN],
        pictures=[(run, drawn[:4]) for run in view.runs[-1:] if (drawn := pictures(catalog, run))],
        dimension=told(view, project.dimensionality, "dimensionality"),
        names=names,
        files=loaded(view),
        memory=[] if project.kind == "selftest" else memory_mib(catalog, project.adapter),
        runs={r.run for r in view.runs},
        known=catalog.dataset_names,
        conventions=catalog.conventions,
        health=catalog.links,
        examples=examples_of(catalog, project.slug),
        site=bool(site),
        line_of=line(project) if project.weights_status == "public" else None,
        steps=ladder(project),
        ask=question(project) if unstated(project) else None,
        moved=catalog.moved(project),
        places=catalog.places(project),
        badge_width=badge_text_width(view),
        badge_code=f"[![sam4mis: {view.badge}]({address})]({page})",
        json=f"api/v1/projects/{project.slug}.json",
        file=f"projects/{project.slug}.yaml",
        line=None,
        ident=project.slug,
        history=project_history(catalog, view),
    )
