"""The papers table with its facets, a page per work, tombstones of removed and merged ones."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from catalog import provenance
from catalog.decided import about, decisions
from catalog.exports import FORMATS
from catalog.naming import dataset_key
from catalog.records import Paper
from catalog.render import citing, paging
from catalog.render.facets import FACETS, counted
from catalog.render.labels import inside, label
from catalog.render.output import Output
from catalog.render.pages.history import paper_history
from catalog.render.paging import addresses, parted
from catalog.render.show import identifiers
from catalog.render.views import Catalog, PaperView, tag_values

SORTS = (
    ("-date", "Newest"),
    ("date", "Oldest"),
    ("title", "Title"),
    ("author", "First author"),
    ("venue", "Venue"),
    ("-use", "Most to use: weights, code"),
    ("-claims", "Most claims"),
)
EXPORTS = (("bibtex", "BibTeX"), ("ris", "RIS"), ("csl-json", "CSL-JSON"), ("csv", "CSV"))
TAG_TITLES = {
    "modalities": ("Modalities", "modality"),
    "regions": ("Regions", "region"),
    "targets": ("Targets", "target"),
    "dimensionality": ("Dimensions", "dimension"),
    "task": ("Task", ""),
    "prompts_train": ("Prompts when trained", ""),
    "prompts_infer": ("Prompts at inference", "prompt"),
    "base_models": ("Base models", "base"),
    "adaptation": ("Adaptation", "adaptation"),
    "supervision": ("Supervision", "supervision"),
    "contribution": ("Contribution", "contribution"),
    "datasets": ("Datasets", "dataset"),
}


def write(output: Output, catalog: Catalog) -> None:
    _table(output, catalog)
    texts = _data(output, catalog)
    related, nearest = _relations(catalog), near(catalog.papers)
    for view in catalog.papers:
        same = related.get(view.id, [])
        known = {v.id for v, _ in same}
        more = [item for item in nearest.get(view.id, []) if item[0].id not in known]
        _page(output, catalog, view, [*same, *more], texts)
    for view in catalog.excluded:
        output.page(
            f"papers/{view.id}/",
            "tombstone.html",
            title=f"{view.name} (not in the catalog)",
            description="Why this work is not in the catalog.",
            heading=view.paper.title,
            reason=view.paper.inclusion.reason or "no reason recorded",
            moved=None,
            v=view,
            when=view.paper.inclusion.date,
        )
    for old, new in catalog.merged.items():
        target = catalog.by_id[new]
        output.page(
            f"papers/{old}/",
            "tombstone.html",
            title=f"{old} (merged)",
            description="This record was merged into another.",
            heading=old,
            v=None,
            when=None,
            reason="the same work was listed twice",
            moved=target,
        )


def _table(output: Output, catalog: Catalog) -> None:
    papers = catalog.papers
    facets = [
        {
            "key": f.key,
            "title": f.title,
            "many": f.many and next((n for v, n in counted(f, papers) if v == f.many), 0),
            "open": f.open,
            "options": [
                (v, catalog.facet_label(f, v), n) for v, n in counted(f, papers) if n >= f.least
            ],
        }
        for f in FACETS
    ]
    for part in parted("papers", papers):
        output.page(
            part.address,
            "papers.html",
            title=part.title("Papers"),
            description=f"{len(papers)} works on Segment Anything models in medical image "
            "segmentation, with filters, search and export.",
            kind="page" if part.number == 0 else None,
            facets=facets,
            part=part,
            sorts=SORTS,
            exports=EXPORTS,
            about=about_images,
            base=lambda paper: [
                label(v) for v in tag_values(paper.base_models) if v not in ("unknown", "none")
            ],
            found=sum(view.paper.finding is not None for view in papers),
        )


MANY = "many kinds of image"


def about_images(paper: Paper) -> str:
    """The recorded kinds of image, dimensions and prompts on one line; "" where none is."""
    images, size, prompts = (
        ", ".join(MANY if v == "multi" else label(v) for v in tag_values(tag) if v != "unknown")
        for tag in (paper.modalities, paper.dimensionality, paper.prompts_infer)
    )
    return " · ".join(filter(None, (images, size, prompts and f"prompt: {prompts}")))


def _use(view: PaperView) -> int:
    """How much of a work others can use: 2 weights, 1 code, 0 looked for and none, -1 unknown."""
    if view.weights == "yes":
        return 2
    return {"yes": 1, "linked": 1, "unknown": -1}.get(view.code, 0)


def _ranks(keys: list[Any]) -> list[int]:
    """Each row's place when sorted by its key; -1 where the key is empty (always last)."""
    order = {key: i for i, key in enumerate(sorted({k for k in keys if k}))}
    return [order.get(key, -1) for key in keys]


def _data(output: Output, catalog: Catalog) -> dict[str, dict[str, str]]:
    """What the script needs to filter, sort and export; gives the works' texts in each format."""
    papers = catalog.papers
    columns = []
    for facet in FACETS:
        values = [v for v, _ in counted(facet, papers)]
        place = {v: i for i, v in enumerate(values)}
        rows = [[place[v] for v in facet.of(p)] for p in papers]
        columns.append(
            {
                "key": facet.key,
                "title": facet.title,
                "many": facet.many,
                "values": values,
                "labels": [catalog.facet_label(facet, v) for v in values],
                "rows": [r[0] if len(r) == 1 else r for r in rows],
            }
        )
    output.json(
        "assets/data/papers.json",
        {
            "ids": [p.id for p in papers],
            "part": paging.PART,
            "parts": addresses("papers", len(papers)),
            "facets": columns,
            "exports": {k: f"assets/data/export-{k}.json" for k, _ in EXPORTS},
            "sort": {
                "date": _ranks([p.date for p in papers]),
                "title": _ranks([p.paper.title.casefold() for p in papers]),
                "author": _ranks([(p.paper.authors or [""])[0].casefold() for p in papers]),
                "venue": _ranks([(p.venue or "").casefold() for p in papers]),
                "use": [_use(p) for p in papers],
                "claims": [len(p.claims) or -1 for p in papers],
            },
        },
    )
    exported: dict[str, dict[str, str]] = {}
    for key, name in EXPORTS:
        texts: dict[str, str] = {}
        head = ""
        for p in papers:
            text = FORMATS[key]([p.paper])
            if key == "csv":
                head, _, text = text.partition("\n")
            texts[p.id] = text
        output.json(f"assets/data/export-{key}.json", {"name": name, "head": head, "items": texts})
        exported[key] = texts
    return exported


def _relations(catalog: Catalog) -> dict[str, list[tuple[PaperView, str]]]:
    """Works that share a code release or a short name; symmetric, at most eight each."""
    related: dict[str, dict[str, str]] = defaultdict(dict)
    for project in catalog.projects.values():
        for a in project.papers:
            for b in project.papers:
                if a.id != b.id:
                    related[a.id].setdefault(b.id, f"same code release, {project.project.name}")
    names = defaultdict(list)
    for view in catalog.papers:
        if view.paper.short_name:
            names[re.sub(r"[\W_]+", "", view.paper.short_name).casefold()].append(view)
    for same in names.values():
        for a in same:
            for b in same:
                if a.id != b.id:
                    related[a.id].setdefault(b.id, "another work of the same name")
    keep = {v.id for v in catalog.papers}
    return {
        i: [(catalog.by_id[o], why) for o, why in list(others.items())[:8] if o in keep]
        for i, others in related.items()
    }


#: What two works may share, and how much one value in common says before it is rare or frequent.
SHARED = (("datasets", 3.0, "data set"), ("targets", 2.0, "target"), ("base_models", 0.5, "base"))
NEAR = 6  # related works by what they share
NOTHING = ("unknown", "none", "n/a", "other", "multi", "sam")  # shared, these say nothing


def near(papers: list[PaperView]) -> dict[str, list[tuple[PaperView, str]]]:
    """Works nearest to each by data sets, targets and base models; a rare value counts more."""
    holders: dict[tuple[str, str], list[PaperView]] = defaultdict(list)
    for view in papers:
        for field, _, _ in SHARED:
            for value in tag_values(getattr(view.paper, field)):
                if value not in NOTHING:
                    key = dataset_key(value) if field == "datasets" else value
                    holders[field, key].append(view)
    weights = {field: (weight, word) for field, weight, word in SHARED}
    scores: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    why: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (field, value), views in holders.items():
        if not 2 <= len(views) <= 60:  # what most share tells nobody apart
            continue
        weight, word = weights[field]
        said = f"{word} {value if field == 'datasets' else label(value)}"
        for a in views:
            for b in views:
                if a.id != b.id:
                    scores[a.id][b.id] += weight / len(views) ** 0.5
                    why[a.id, b.id].append(said)
    by_id = {v.id: v for v in papers}
    return {
        i: [
            (by_id[o], "same " + ", ".join(why[i, o][:3]))
            for o in sorted(others, key=lambda o: (-others[o], o))[:NEAR]
        ]
        for i, others in scores.items()
    }


def sentence(view: PaperView) -> str:
    """What a work is in one sentence, from its tags alone; what is not recorded is left out."""

    def words(field: str) -> str:
        values = [v for v in tag_values(getattr(view.paper, field)) if v not in NOTHING[:5]]
        return ", ".join(inside(label(value)) for value in values[:4])

    kind = words("contribution") or "work"
    parts = [f"{'An' if kind[0] in 'aeiou' else 'A'} {kind.replace(', ', ' and ')} paper"]
    if kind == "work":
        parts = ["A work"]
    base, how = words("base_models"), words("adaptation")
    if base:
        parts.append(f"on {base}" + (f" ({how})" if how else ""))
    elif how:
        parts.append(f"({how})")
    if what := words("targets") or words("regions"):
        parts.append(f"for {what}")
    if images := words("modalities"):
        parts.append(f"in {images}")
    elif "multi" in tag_values(view.paper.modalities):
        parts.append("in many kinds of image")
    text = " ".join(parts)
    if prompts := words("prompts_infer"):
        text += f"; prompted by {prompts}"
    if dimension := words("dimensionality"):
        text += f"; {dimension}"
    return f"{text}." if len(parts) > 1 else ""


def buttons(view: PaperView) -> list[tuple[str, str]]:
    """Where a reader goes from here: (word, address), site paths and other addresses."""
    found = []
    if view.cite:
        pages = identifiers(view, view.cite)
        if address := pages[0][2] if pages else view.cite.url:
            found.append(("Paper", address))
    code = [p for p in view.projects if p.project.repository]
    if code:
        found.append(("Code and numbers", f"projects/{code[0].project.slug}/"))
    elif view.paper.links.code:
        found.append(("Code", view.paper.links.code[0]))
    if weights := [p for p in view.projects if p.weights == "yes"]:
        found.append(("Weights", f"projects/{weights[0].project.slug}/#use"))
    return [*found, ("BibTeX", "#cite")]


def _page(
    output: Output,
    catalog: Catalog,
    view: PaperView,
    related: list[tuple[PaperView, str]],
    texts: dict[str, dict[str, str]],
) -> None:
    paper = view.paper
    for suffix, (form, _, _) in citing.BESIDE.items():
        output.files[f"papers/{view.id}/{view.id}.{suffix}"] = texts[form][view.id].encode()
    output.page(
        f"papers/{view.id}/",
        "paper.html",
        title=view.paper.title,
        description=view.paper.finding.text
        if view.paper.finding
        else f"{view.name}: versions, code, weights, claims and what was measured.",
        v=view,
        p=paper,
        sentence=sentence(view),
        buttons=buttons(view),
        tags=[
            (*TAG_TITLES[name], tag)
            for name in TAG_TITLES
            if (tag := getattr(paper, name)) is not None
        ],
        untagged=[TAG_TITLES[n][0].lower() for n in TAG_TITLES if getattr(paper, n) is None],
        known=catalog.dataset_names,
        related=related,
        decided=about(paper, decisions(catalog.registry.root)),
        bibtex=texts["bibtex"][view.id].strip(),
        head=citing.head(paper, output.settings.site_url),
        json=f"api/v1/papers/{view.id}.json",
        file="papers.yaml",
        line=view.line,
        ident=view.id,
        history=paper_history(catalog, view),
        told=provenance.told(paper),
    )
