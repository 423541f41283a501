"""Find a model: code releases one can use, narrowed by what the reader has."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from catalog.render import paging
from catalog.render.facets import LAST
from catalog.render.labels import LICENCES, WEIGHTS, label
from catalog.render.output import Output
from catalog.render.paging import addresses, parted
from catalog.render.views import Catalog, ProjectView, tag_values
from catalog.vocabulary import canonical, vocabularies

SORTS = (
    ("weights", "Released weights first"),
    ("name", "Name"),
    ("-reproduced", "Most claims reproduced"),
    ("memory", "Least GPU memory"),
)
MEMORY = (
    "up to 8 GB",
    "up to 12 GB",
    "up to 16 GB",
    "up to 24 GB",
    "up to 48 GB",
    "more than 48 GB",
)
BOUNDS = (8, 12, 16, 24, 48)


def memory_gb(text: str | None) -> float | None:
    """The first amount of GB in what a project states; None where it states none."""
    found = re.search(r"(\d+(?:\.\d+)?)\s*(?:G[Bi]|GB)", text or "", re.I)
    return float(found[1]) if found else None


def memory_class(view: ProjectView) -> str:
    """Class of the GPU memory that a project states, `unknown` where it states none."""
    amount = memory_gb(view.project.min_gpu_memory)
    if amount is None:
        return "unknown"
    return next((MEMORY[i] for i, most in enumerate(BOUNDS) if amount <= most), MEMORY[-1])


def _of_papers(view: ProjectView, field: str) -> tuple[str, ...]:
    values: dict[str, None] = {}
    for paper in view.papers:
        for value in tag_values(getattr(paper.paper, field)):
            values[value] = None
    return tuple(v for v in values if v != "unknown") or ("unknown",)


def _own_or_papers(own: list[str] | None, view: ProjectView, field: str) -> tuple[str, ...]:
    """What the project's own code does where it was read, else what its papers say.

    In the words of the vocabulary, so that one value is one option; `other` for what has none.
    """
    if own is None:
        return _of_papers(view, field)
    terms = vocabularies()[field].terms
    found = (canonical(field, value) for value in own)
    return tuple(dict.fromkeys(v if v in terms else "other" for v in found)) or ("none",)


def _words(own: list[str] | None, found: tuple[str, ...], field: str) -> str:
    """What a cell says: labels, and what is outside the vocabulary as the project writes it."""
    if own is None or not own:
        return ", ".join(map(label, found))
    return ", ".join(dict.fromkeys(label(canonical(field, value)) for value in own))


def _facets(view: ProjectView) -> dict[str, tuple[str, ...]]:
    return {
        "modality": _of_papers(view, "modalities"),
        "target": _of_papers(view, "targets"),
        "prompt": _own_or_papers(view.project.prompts_eval, view, "prompts_infer"),
        "dimension": _own_or_papers(view.project.dimensionality, view, "dimensionality"),
        "weights": (view.weights,),
        "licence": (view.weights_licence if view.weights in ("yes", "gated") else "n/a",),
        "memory": (memory_class(view),),
        "verdict": tuple(view.states) or ("no-claim",),
    }


TITLES = {
    "weights": "Weights",
    "modality": "My modality",
    "target": "My target",
    "prompt": "Prompt I can give",
    "dimension": "Dimension",
    "licence": "Licence of weights",
    "memory": "GPU memory",
    "verdict": "Verdict",
}
LABELS: dict[str, dict[str, str]] = {
    "weights": WEIGHTS,
    "licence": LICENCES | {"n/a": "no weights"},
    "memory": {"unknown": "not reported"},
    "verdict": {
        "no-claim": "no claim recorded",
        "not-attempted": "not attempted",
        "not-comparable": "not comparable",
    },
    "prompt": {"none": "none, automatic", "other": "other, in words"},
    "dimension": {"other": "other, in words"},
}
ORDERS = {"weights": tuple(WEIGHTS), "licence": (*LICENCES, "n/a"), "memory": (*MEMORY, "unknown")}


def write(output: Output, catalog: Catalog) -> None:
    rows = [(v, _facets(v)) for v in catalog.methods if v.project.kind in ("method", "tool")]
    rows.sort(key=lambda item: item[0].project.name.casefold())
    by_name = {v.project.slug: i for i, (v, _) in enumerate(rows)}
    rows.sort(key=lambda item: list(WEIGHTS).index(item[0].weights))
    panel: list[dict[str, Any]] = []
    columns: list[dict[str, Any]] = []
    for key, title in TITLES.items():
        counts = Counter(value for _, facets in rows for value in facets[key])
        order = ORDERS.get(key) or (
            *sorted((v for v in counts if v not in LAST), key=lambda v: (-counts[v], v)),
            *LAST,
        )
        values = [v for v in order if counts[v]]
        names = [LABELS.get(key, {}).get(v) or label(v) for v in values]
        place = {v: i for i, v in enumerate(values)}
        panel.append(
            {
                "key": key,
                "title": title,
                "open": key in ("weights", "modality", "prompt"),
                "options": [(v, n, counts[v]) for v, n in zip(values, names, strict=True)],
            }
        )
        columns.append(
            {
                "key": key,
                "title": title,
                "values": values,
                "labels": names,
                "rows": [[place[v] for v in dict.fromkeys(f[key])] for _, f in rows],
            }
        )
    amounts = [memory_gb(v.project.min_gpu_memory) for v, _ in rows]
    ranked = sorted({a for a in amounts if a is not None})
    output.json(
        "assets/data/projects.json",
        {
            "ids": [v.project.slug for v, _ in rows],
            "part": paging.PART,
            "parts": addresses("find", len(rows)),
            "facets": columns,
            "exports": {},
            "sort": {
                "name": [by_name[v.project.slug] for v, _ in rows],
                "reproduced": [v.states.get("reproduced", 0) if v.claims else -1 for v, _ in rows],
                "memory": [-1 if a is None else ranked.index(a) for a in amounts],
            },
        },
    )
    said = {
        v.project.slug: {
            "prompt": _words(v.project.prompts_eval, f["prompt"], "prompts_infer"),
            "dimension": _words(v.project.dimensionality, f["dimension"], "dimensionality"),
        }
        for v, f in rows
    }
    for part in parted("find", rows):
        output.page(
            part.address,
            "find.html",
            title=part.title("Find a model"),
            kind="page" if part.number == 0 else None,
            description="Code releases by modality, target, prompt, dimension, licence and memory.",
            words="choose a model modality prompt licence memory",
            part=part,
            said=said,
            facets=panel,
            sorts=SORTS,
        )
