"""`sam4mis reproduce show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from catalog.cli import completing

if TYPE_CHECKING:
    from catalog.records import Claim, Project, Verdict
    from catalog.registry import Registry
    from reproduce.cli.runs import StoredRun

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def show(
    target: Annotated[
        str,
        typer.Argument(
            metavar="PROJECT | PROJECT/CLAIM | RUN",
            autocompletion=completing.claims,
            help="A run is named by its id, the first digits of it, or its folder.",
        ),
    ],
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what is claimed, what was measured, and what decides between them.

    Runs are looked for among the published ones (reproduce/results) and those of this machine
    (build/runs).

    \b
    Examples:
      sam4mis reproduce show lwnet
      sam4mis reproduce show lwnet/validation-dice
      sam4mis reproduce show 5332feda
    """
    from catalog.errors import UsageError
    from catalog.lookup import named_claims
    from catalog.registry import find_root
    from reproduce.cli.common import sound_registry
    from reproduce.cli.runs import find_run, unfinished

    root = find_root()
    registry = sound_registry(root)
    try:
        project, claims = named_claims(target, registry.projects)
    except UsageError as error:
        run = find_run(root, target)
        if run is not None:
            _run(registry, run, json_)
            return
        if begun := unfinished(root, target):
            raise UsageError(
                f"{begun.name} is not finished: give its `reproduce run` command again, it goes on "
                f"from what is in {begun}."
            ) from None
        raise UsageError(f"{error} Nor is it a run: `sam4mis reproduce list runs`.") from error
    _project(registry, project, claims, json_)


def _project(registry: Registry, project: Project, claims: list[Claim], json_: bool) -> None:
    from catalog.cli.output import sheet
    from catalog.evidence import as_data, claim_answers, in_words
    from catalog.records import to_builtins
    from reproduce.cli.common import as_json

    known = {v.claim: v for v in registry.verdicts}
    released = claim_answers(registry.recomputed)
    if json_:
        as_json(
            [
                {
                    "claim": to_builtins(claim),
                    "verdict": to_builtins(known[name])
                    if (name := f"{project.slug}/{claim.id}") in known
                    else None,
                    "recomputed": as_data(*released[name]) if name in released else None,
                    "runs": [r.run for r in registry.results if name in r.claims],
                }
                for claim in claims
            ]
        )
        return
    adapter = project.adapter or f"none: {project.adapter_reason or 'nobody has written one yet'}"
    rows: list[tuple[str, str]] = [("adapter", adapter)]
    rows += [
        (f"checkpoint {checkpoint.id}", f"sha256 {checkpoint.sha256 or 'not recorded'}")
        for checkpoint in project.checkpoints or []
    ]
    sections = []
    for claim in claims:
        name = f"{project.slug}/{claim.id}"
        told = _claim(project, claim, known.get(name), registry)
        if name in released:
            told.append(("released rows", in_words(*released[name])))
        sections.append((name, told))
    sections.append(("project", rows))
    sheet(f"{project.name} ({project.slug}, {project.kind})", sections)


def _claim(
    project: Project, claim: Claim, verdict: Verdict | None, registry: Registry
) -> list[tuple[str, str]]:
    from catalog import repeats
    from catalog.cli.rows import in_percent
    from catalog.waiting import free_from
    from reproduce.ground import wording

    name = f"{project.slug}/{claim.id}"
    state = verdict.state if verdict else claim.state
    rows = [("verdict", f"{state} ({claim.reason})" if claim.reason else state)]
    place = claim.source.place or claim.source.doi or claim.source.arxiv or "place unknown"
    rows.append(("claimed", f"{in_percent(claim, claim.fraction)} ({claim.metric}; {place})"))
    if not claim.own:
        rows.append(("printed by", claim.printed_by or "whom is not known"))
    if verdict and verdict.measured is not None:
        run = wording.short_id(verdict.run or "")
        rows.append(("measured", f"{in_percent(claim, verdict.measured)} (run {run})"))
        if verdict.comparability:
            rows.append(("class", telling_class(verdict.comparability)))
            rows += telling_compared(verdict)
    if by := repeats.in_words(repeats.runners(registry, name)):
        rows.append(("run by", by))
    if (free := free_from(claim)) is not None:
        rows.append(("authors told", f"on {claim.told}; a lower is published from {free}"))
    if verdict and verdict.explanation:
        rows.append(("in words", verdict.explanation))
    if verdict and verdict.reason and verdict.reason != claim.reason:
        rows.append(("because", verdict.reason))
    split = f"{claim.split or 'split unknown'} (split {claim.split_source})"
    rows.append(("data", f"{claim.dataset or 'unknown'}, {split}"))
    for field in claim.protocol.__struct_fields__:
        stated = getattr(claim.protocol, field)
        value = "unknown" if stated.value is None else wording.value(stated.value)
        # where nothing is known, that nothing is known says nothing more
        source = "" if stated.value is None else f" ({stated.evidence})"
        rows.append((wording.name(field), f"{value}{source}"))
    for result in registry.results:
        if name in result.claims or result.project != project.slug:
            continue
        same = [
            m
            for m in result.measurements
            if (m.metric, m.metric_profile) == (claim.metric, claim.protocol.metric_profile.value)
            and m.value is not None
        ]
        if same:
            values = ", ".join(
                f"{in_percent(claim, m.value)}"
                + ("" if m.threshold is None else f" at threshold {m.threshold:g}")
                for m in same
            )
            run = wording.short_id(result.run)
            rows.append((f"run {run}", f"{values} ({wording.short_title(result)})"))
    return rows


def telling_compared(verdict: Verdict) -> list[tuple[str, str]]:
    """What is the same as in the claim, and the rest: which answer, and why."""
    from reproduce.ground import wording

    same = [item.field for item in verdict.compared if item.answer == "same" and not item.inferred]
    rows = [("the same", ", ".join(map(wording.name, dict.fromkeys(same))))] if same else []
    rest = [item for item in verdict.compared if item.reason]
    return rows + [("inferred" if i.inferred else i.answer, i.reason or "") for i in rest]


def telling_class(comparability: str) -> str:
    """A comparability class with its meaning."""
    from reproduce.cli.telling import CLASSES

    return f"{comparability}: {CLASSES[comparability]}"


def _run(registry: Registry, run: StoredRun, json_: bool) -> None:
    from catalog import repeats
    from catalog.cli.output import sheet
    from reproduce.cli import telling
    from reproduce.cli.common import as_json, percent, table
    from reproduce.ground import wording

    result = run.result
    if json_:
        as_json(result)
        return
    served = [
        (project, claim)
        for project in registry.projects
        for claim in project.claims
        if f"{project.slug}/{claim.id}" in result.claims
    ]
    facts = [
        ("what", wording.short_title(result)),
        ("status", result.status if result.reason is None else f"{result.status}: {result.reason}"),
        ("answers", wording.value(result.claims) if result.claims else "no claim"),
        ("made", f"{result.created} by {result.command}"),
        ("run by", result.by or "not said"),
        *(
            (
                "repeated",
                f"by {again.by} on {again.on}: {'agrees' if again.agrees else 'DIFFERS'}"
                f" ({again.told})",
            )
            for again in repeats.of_run(registry, result.run)
        ),
        ("lies in", f"{run.place} ({'published' if run.published else 'not published'})"),
    ]
    sheet(
        result.run,
        [
            ("run", facts),
            *telling.sections(registry, served, result, run.folder, {}),
            ("measured as well" if served else "measured", telling.others(result, served)),
            ("gates", telling.gates(result)),
        ],
    )
    rows = [
        (c.case, c.label, "missing" if c.missing else percent(c.dice), percent(c.iou))
        for c in result.cases
    ]
    if rows:
        table("\nCases", ("case", "label", "Dice %", "IoU %"), rows)
