"""For machines: JSON API with schemas, dumps, Atom feeds, llms.txt, the site's search index."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from catalog.evidence import Recomputed, as_data
from catalog.exports import FORMATS
from catalog.facets import without_paper, works
from catalog.naming import slug
from catalog.records import Paper, Project, Result, Verdict, to_builtins
from catalog.render.answer_parts import QuestionFile
from catalog.render.facets import FACETS, counted
from catalog.render.feeds import atom, entry
from catalog.render.labels import STATES
from catalog.render.output import Output
from catalog.render.views import Catalog, ClaimView, PaperView
from catalog.search import Index, pages_data, tables

DUMPS = {"bibtex": "bib", "ris": "ris", "csl-json": "csl.json", "csv": "csv", "json": "json"}
#: What the API has: path under api/v1/ -> what it is. Braces: one file each.
FILES = {
    "index.json": "this list",
    "papers.json": "all works: code, weights, states of claims",
    "projects.json": "all code releases",
    "claims.json": "every printed number, one flat line each, with its state",
    "datasets.json": "all data sets: terms, access, how many works, releases and claims",
    "runs.json": "all runs",
    "runnable.json": "releases of weights: which run here, why the others do not",
    "verdicts.json": "all verdicts",
    "recomputed.json": "sources of released rows and what they say",
    "questions.json": "the five questions with their answers",
    "facets.json": "values of the facets with counts",
    "papers/{id}.json": "one work, the full record",
    "projects/{slug}.json": "one code release with claims and protocol card",
    "runs/{run}.json": "one run, the whole result file",
    "recomputed/{source}.json": "one source of released rows, number by number",
    "questions/{slug}.json": "one question: answer, works, what is missing",
    "schema/paper.json": "JSON Schema of a work",
    "schema/project.json": "JSON Schema of a project",
    "schema/run.json": "JSON Schema of a run",
    "schema/verdict.json": "JSON Schema of the verdicts",
    "schema/recomputed.json": "JSON Schema of what released rows say",
    "schema/question.json": "JSON Schema of a question",
}
#: Entries of a feed.
FEED = 40
#: Facets that have a feed per value.
FED = ("modality", "dimension", "region", "prompt", "base", "adaptation", "contribution")


def write(output: Output, catalog: Catalog) -> None:
    _api(output, catalog)
    papers = [v.paper for v in catalog.papers]
    for name, suffix in DUMPS.items():
        output.files[f"dumps/papers.{suffix}"] = FORMATS[name](papers).encode()
    _feeds(output, catalog)
    output.files["llms.txt"] = llms(output, catalog)
    output.files["robots.txt"] = b"User-agent: *\nAllow: /\n" + (
        f"Sitemap: {output.settings.site_url}sitemap.xml\n".encode()
        if output.settings.site_url
        else b""
    )


def _judged(view: PaperView) -> dict[str, Any]:
    return {
        "date": view.date,
        "code": view.code,
        "weights": view.weights,
        "projects": [p.project.slug for p in view.projects],
        "claims": [
            {
                "claim": f"{c.project.slug}/{c.claim.id}",
                "state": c.state,
                "reason": c.reason,
                "recomputed": _released(c),
            }
            for c in view.claims
        ],
        "printed_by_others": len(view.others),
        "page": f"papers/{view.id}/",
    }


def _released(view: ClaimView) -> dict[str, Any] | None:
    """What released rows say about a claim; null where there are none."""
    return as_data(*view.released) if view.released else None


def _api(output: Output, catalog: Catalog) -> None:
    for kind, record in (
        ("paper", Paper),
        ("project", Project),
        ("run", Result),
        ("verdict", Verdict),
        ("recomputed", Recomputed),
        ("question", QuestionFile),
    ):
        schema = msgspec.json.schema(record)
        inner = schema.pop("$ref", None)
        key = "verdicts" if kind == "verdict" else kind
        held = {"type": "array", "items": {"$ref": inner}} if kind == "verdict" else {"$ref": inner}
        output.json(
            f"api/v1/schema/{kind}.json",
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "title": f"{kind}/1",
                "type": "object",
                "required": ["schema", "commit", "licence", key],
                "properties": {
                    "schema": {"const": f"{kind}/1"},
                    "commit": {"type": ["string", "null"]},
                    "licence": {"type": "string"},
                    key: held,
                },
                "$defs": schema.get("$defs", {}),
            },
        )
    output.json(
        "api/v1/schema/list.json",
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "list/1",
            "type": "object",
            "required": ["schema", "commit", "licence", "items"],
            "properties": {"schema": {"const": "list/1"}, "items": {"type": "array"}},
        },
    )
    for view in [*catalog.papers, *catalog.excluded]:
        body = {"paper": to_builtins(view.paper), "derived": _judged(view)}
        output.api(f"papers/{view.id}.json", "paper", body)
    runnable = {line.project.slug: line.data for line in catalog.releases}
    output.api("runnable.json", "list", {"items": list(runnable.values())})
    for project in catalog.projects.values():
        states = {c.claim.id: c.state for c in project.numbers}
        output.api(
            f"projects/{project.project.slug}.json",
            "project",
            {
                "project": to_builtins(project.project),
                "derived": {
                    "states": states,
                    "recomputed": {
                        c.claim.id: said for c in project.numbers if (said := _released(c))
                    },
                    "code": project.code,
                    "weights": project.weights,
                    "runnable": runnable.get(project.project.slug),
                    "page": f"projects/{project.project.slug}/",
                },
            },
        )
    for run in catalog.runs:
        output.api(f"runs/{run.run}.json", "run", {"run": to_builtins(run)})
    output.api(
        "verdicts.json",
        "verdict",
        {"verdicts": [to_builtins(v) for v in catalog.registry.verdicts]},
    )
    for result in catalog.recomputed.values():
        body = {"recomputed": to_builtins(result)}
        output.api(f"recomputed/{result.source}.json", "recomputed", body)
    output.api(
        "recomputed.json",
        "list",
        {
            "items": [
                {
                    "source": s.id,
                    "repository": s.repository,
                    "rows": s.rows,
                    "says": result.state if result else s.state,
                    "computed": result is not None,
                    "reason": s.reason,
                    "claims": sorted(
                        {a.claim for a in result.answers if a.claim} if result else s.claims
                    ),
                }
                for s in catalog.sources.values()
                for result in (catalog.recomputed.get(s.id),)
            ]
        },
    )
    output.api(
        "papers.json",
        "list",
        {
            "items": [
                {"id": v.id, "title": v.paper.title, "year": v.year, **_judged(v)}
                for v in catalog.papers
            ]
        },
    )
    output.api(
        "projects.json",
        "list",
        {
            "items": [
                {
                    "slug": p.project.slug,
                    "name": p.project.name,
                    "kind": p.project.kind,
                    "claims": len(p.claims),
                    "states": p.states,
                    "printed_by_others": len(p.others),
                }
                for p in catalog.projects.values()
            ]
        },
    )
    output.api(
        "runs.json",
        "list",
        {
            "items": [
                {
                    "run": r.run,
                    "project": r.project,
                    "status": r.status,
                    "created": r.created,
                    "claims": r.claims,
                }
                for r in catalog.runs
            ]
        },
    )
    output.api(
        "facets.json",
        "list",
        {
            "items": [
                {
                    "facet": f.key,
                    "title": f.title,
                    "option": f.option,
                    "values": dict(counted(f, catalog.papers)),
                }
                for f in FACETS
            ]
        },
    )
    output.api("claims.json", "list", {"items": [_flat(c) for c in catalog.numbers]})
    output.api(
        "index.json",
        "list",
        {
            "items": [
                path for path in FILES if path != "index.json" and not path.startswith("schema")
            ]
        },
    )


def _flat(view: ClaimView) -> dict[str, Any]:
    """A printed number on one line: what it is of, where it stands, and what came of it."""
    claim, verdict = view.claim, view.verdict
    released = view.released[1] if view.released else None
    return {
        "claim": f"{view.project.slug}/{claim.id}",
        "project": view.project.slug,
        "printed_by": claim.printed_by,
        "metric": claim.metric,
        "value": claim.value,
        "scale": claim.scale,
        "unit": claim.unit,
        "dataset": claim.dataset,
        "set": claim.set,
        "split": claim.split,
        "label": claim.label,
        "checkpoint": claim.checkpoint,
        "metric_profile": claim.protocol.metric_profile.value,
        "prompt_profile": claim.protocol.prompt_profile.value,
        "training_overlap": claim.training_overlap,
        "arxiv": claim.source.arxiv,
        "doi": claim.source.doi,
        "url": claim.source.url,
        "place": claim.source.place,
        "state": view.state,
        "reason": view.reason,
        "measured": verdict.measured if verdict else None,
        "difference": verdict.difference if verdict else None,
        "run": verdict.run if verdict else None,
        "released_rows": released.state if released else None,
        "page": f"projects/{view.project.slug}/#{view.anchor}",
    }


def _feeds(output: Output, catalog: Catalog) -> None:
    site, newest = output.settings.site_url, catalog.newest
    entries = {v.id: _paper_entry(v, site) for v in catalog.papers}
    dated = sorted(catalog.papers, key=lambda v: v.paper.added or v.date or "", reverse=True)
    output.files["feeds/papers.xml"] = atom(
        "papers", "sam4mis: new papers", site, newest, [entries[v.id] for v in dated[:FEED]]
    )
    runs = {r.run: r for r in catalog.runs}
    judged = []
    for c in [*catalog.claims, *catalog.control_claims]:
        if not (c.verdict and c.verdict.run in runs):
            continue
        run = runs[c.verdict.run]
        what = {"control": " (positive control)", "selftest": " (self-test)"}.get(
            c.project.kind, ""
        )
        judged.append(
            entry(
                f"verdicts/{c.project.slug}/{c.claim.id}/{run.run}",
                f"{c.project.name}{what}, {c.claim.metric}: {c.state.replace('-', ' ')}",
                f"projects/{c.project.slug}/#{c.anchor}",
                site,
                run.created[:10],
                f"{STATES[c.state]}.",
            )
        )
    judged.sort(key=lambda e: e.day, reverse=True)
    output.files["feeds/verdicts.xml"] = atom(
        "verdicts", "sam4mis: verdicts", site, newest, judged[:FEED]
    )
    for facet in FACETS:
        if facet.key not in FED:
            continue
        holding: dict[str, list[PaperView]] = {}
        for view in dated:
            for value in facet.of(view):
                holding.setdefault(value, []).append(view)
        for value, views in holding.items():
            if value in ("unknown", "none", "n/a"):
                continue
            name = catalog.facet_label(facet, value)
            output.files[f"feeds/{facet.key}/{slug(value)}.xml"] = atom(
                f"{facet.key}/{slug(value)}",
                f"sam4mis: new papers, {facet.title.lower()} {name}",
                site,
                newest,
                [entries[v.id] for v in views[:FEED]],
            )


def _paper_entry(view: PaperView, site: str | None) -> Any:
    said = ", ".join(filter(None, [view.authors_short, view.venue]))
    said += f". Code: {view.code}. Weights: {view.weights}."
    when = view.paper.added or view.date or "1970"
    return entry(f"papers/{view.id}", view.paper.title, f"papers/{view.id}/", site, when, said)


def llms(output: Output, catalog: Catalog) -> bytes:
    """What a language model should know before it reads the site."""
    site = output.settings.site_url or "/"
    dumps = ", ".join(f"[{name}]({site}dumps/papers.{end})" for name, end in DUMPS.items())
    return (
        "# sam4mis\n\n"
        "> The living catalog of Segment Anything in medical image segmentation: "
        f"{len(catalog.papers)} works, {len(catalog.methods)} code releases, "
        f"{len(catalog.claims)} claims, each with its state, and {len(catalog.others)} numbers "
        "that others printed about these releases. A claim is a number as printed; "
        "a verdict compares it with a run of the released checkpoint.\n\n"
        "Do not rank numbers of different protocols. null: nobody has checked; []: checked, none; "
        '"n/a": does not apply. Projects of kind control or selftest are no SAM methods.\n\n'
        f"- [All works]({site}api/v1/papers.json): code, weights and states of claims\n"
        f"- [A work]({site}api/v1/papers/{{id}}.json): the full record\n"
        f"- [A project]({site}api/v1/projects/{{slug}}.json): release, protocol card, claims\n"
        f"- [Releases that run here]({site}api/v1/runnable.json): which weights, why the others do "
        "not, what would lift that\n"
        f"- [Printed numbers]({site}api/v1/claims.json): one flat line each, with its state\n"
        f"- [Data sets]({site}api/v1/datasets.json)\n"
        f"- [Verdicts]({site}api/v1/verdicts.json)\n"
        f"- [Released rows]({site}api/v1/recomputed.json): what they say about printed numbers, "
        "apart from runs\n"
        f"- All works in one file: {dumps}\n"
        f"- [Methodology]({site}methodology/), [Glossary]({site}glossary/)\n"
    ).encode()


def search_index(output: Output, catalog: Catalog, wanted: dict[str, bytes]) -> None:
    """The site's own search: works, projects, runs, data sets, pages; loaded on use."""
    pages = []
    for name, content in sorted(wanted.items()):
        if not name.endswith(".md"):
            continue
        text = content.decode()
        found = re.search(r"^title: (.+)$", text, re.M)
        words = " · ".join(re.findall(r"^#{2,3} ([^{\n]+)", text, re.M))
        if name == "glossary.md":
            words += " · ".join(re.findall(r"^\| ([^|]+) \|", text, re.M))
        address = re.sub(r"(index)?\.md$", "", name)
        address = f"{address}/" if address and not address.endswith("/") else address
        pages.append({"u": address, "k": "page", "t": found[1] if found else name, "w": words})
    shown = [view.work for view in catalog.papers]
    projects = without_paper(catalog.registry, works(catalog.registry))
    index = Index([*shown, *projects])
    addresses = [f"papers/{w.paper.id}/" for w in shown]
    addresses += [f"projects/{w.paper.id}/" for w in projects]
    kinds = ["paper"] * len(shown) + ["project"] * len(projects)
    others = [p for p in (*output.index, *pages) if p["u"] not in set(addresses)]
    output.json(
        "assets/data/search.json",
        {
            "tables": tables(),
            "works": index.as_data(addresses, kinds),
            "pages": pages_data(others),
        },
    )
