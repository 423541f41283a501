"""The overview of claims: states, funnel, differences, what blocks, matrix, stale, log."""

from __future__ import annotations

from collections import Counter, defaultdict

from catalog.render import charts
from catalog.render.labels import DECIDED, STATES
from catalog.render.output import Output
from catalog.render.pages.projects import claims_chart
from catalog.render.views import Catalog, ClaimView

MATRIX_COLUMNS = 14


def funnel(catalog: Catalog) -> list[tuple[str, float, str]]:
    """Works that pass each stage in turn: (stage, works, `of` text); each is part of the last."""
    papers = catalog.papers
    code = [v for v in papers if v.code == "yes"]
    weights = [v for v in code if v.weights == "yes"]
    claimed = [v for v in weights if v.claims]
    free = [v for v in claimed if any(c.state != "blocked" for c in v.claims)]
    run = [v for v in free if any(c.verdict and c.verdict.run for c in v.claims)]
    decided = [v for v in run if any(c.state in DECIDED for c in v.claims)]
    stages = [
        ("works", papers),
        ("code we have read", code),
        ("public weights", weights),
        ("a claim with its protocol", claimed),
        ("nothing blocks a run", free),
        ("run", run),
        ("verdict", decided),
    ]
    return [(name, float(len(found)), f"{len(found)} of {len(papers)}") for name, found in stages]


def stale(catalog: Catalog) -> list[tuple[ClaimView, str]]:
    """Claims whose verdict rests on something that has changed since."""
    known = {r.run: r for r in catalog.runs}
    found = []
    for view in catalog.projects.values():
        for c in view.claims:
            if not c.verdict or not c.verdict.run:
                continue
            run = known.get(c.verdict.run)
            if run is None:
                found.append((c, f"its run {c.verdict.run} is not here"))
                continue
            checkpoint = view.checkpoint(c.claim.checkpoint)
            sha = run.inputs.get("checkpoint_sha256")
            nested = run.inputs.get("checkpoint")
            if sha is None and isinstance(nested, dict):
                sha = nested.get("sha256")
            listed = run.inputs.get("checkpoints")
            if sha is None and isinstance(listed, list):
                sha = next((x["sha256"] for x in listed if x.get("id") == c.claim.checkpoint), None)
            if checkpoint and checkpoint.sha256 and sha and checkpoint.sha256 != sha:
                found.append((c, "the project now names another checkpoint"))
    return found


def matrix(catalog: Catalog) -> tuple[list[str], list[tuple[object, list[dict[str, int]]]]]:
    """Datasets named by most claims first, and per project the states of its claims on each."""
    counts = Counter(c.claim.dataset for c in catalog.claims if c.claim.dataset)
    columns = [name for name, _ in sorted(counts.items(), key=lambda i: (-i[1], i[0]))]
    columns = columns[:MATRIX_COLUMNS]
    rows: list[tuple[object, list[dict[str, int]]]] = []
    for view in catalog.methods:
        cells: list[dict[str, int]] = []
        for column in columns:
            states = Counter(c.state for c in view.claims if c.claim.dataset == column)
            cells.append({s: states[s] for s in STATES if states[s]})
        if any(cells):
            rows.append((view, cells))
    return columns, rows


def write(output: Output, catalog: Catalog) -> None:
    claims = catalog.claims
    blocked: dict[str, list[ClaimView]] = defaultdict(list)
    for c in claims:
        if c.state == "blocked":
            blocked[c.reason or "no reason recorded"].append(c)
    stages = funnel(catalog)
    differences = [
        c
        for c in [*claims, *catalog.control_claims]
        if c.verdict and c.verdict.difference is not None
    ]
    values = [
        c.verdict.difference for c in differences if c.verdict and c.verdict.difference is not None
    ]
    columns, rows = matrix(catalog)
    log = [
        (r, [c for c in catalog.verdict_of(r) if c.verdict and c.verdict.run == r.run])
        for r in catalog.runs
    ]
    output.page(
        "verification/",
        "verification.html",
        title="Verification",
        description="Which claims were checked, how far the trail goes, what stands in the way.",
        kind="page",
        words="verdict claims reproduced lower higher inconclusive blocked",
        claims=claims,
        control_claims=catalog.control_claims,
        counts=Counter(c.state for c in claims),
        control_chart=claims_chart("controls-chart", catalog.control_claims, prefix=True),
        funnel=stages,
        funnel_chart=charts.bars(
            "funnel-chart",
            "Works that pass each stage",
            "; ".join(f"{name}: {note}" for name, _, note in stages) + ".",
            stages,
        ),
        differences=differences,
        histogram=charts.histogram(
            "diff-chart",
            "Measured minus claimed",
            f"{len(values)} differences, controls included.",
            values,
        ),
        blocked=sorted(blocked.items(), key=lambda item: (-len(item[1]), item[0])),
        matrix_columns=columns,
        matrix_rows=rows,
        known=catalog.dataset_names,
        stale=stale(catalog),
        log=log,
    )
