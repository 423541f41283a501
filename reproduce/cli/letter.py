"""`sam4mis reproduce letter`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from catalog.cli import completing

if TYPE_CHECKING:
    from catalog.records import Claim, Project, Result
    from catalog.registry import Registry
    from reproduce.cli.runs import StoredRun

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def letter(
    claim: Annotated[
        str,
        typer.Argument(
            metavar="PROJECT/CLAIM",
            autocompletion=completing.claims,
        ),
    ],
    run: Annotated[
        str | None, typer.Option("--run", help="Folder or id of the run; default: the last one.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Print the letter that tells authors what their released weights gave, ready to be sent.

    It holds the exact command, what was compared, which conventions would give the printed number,
    and what would settle it. A `lower` waits 14 days after `told: <date>` in the claim's record.

    \b
    Examples:
      sam4mis reproduce letter lwnet/validation-dice
      sam4mis reproduce letter lwnet/validation-dice --run lwnet-5332feda
    """
    from catalog.cli.output import say
    from catalog.errors import UsageError
    from catalog.registry import find_root
    from catalog.waiting import OURS
    from reproduce.cli.common import as_json, sound_registry
    from reproduce.ground.extras import need_extra
    from reproduce.planning.recipes import find_claims

    need_extra("the letter", ("numpy", "pyarrow"))
    registry = sound_registry(find_root())
    if "/" not in claim:
        raise UsageError(f"letter {claim}: expected one claim, as project/claim.")
    ((project, record),) = find_claims(registry, claim)
    claim = f"{project.slug}/{record.id}"
    stored = _run(registry, claim, run)
    written = text(registry, project, record, stored)
    if json_:
        as_json({"claim": claim, "run": stored.result.run, "letter": written})
    else:
        typer.echo(written)
    if project.kind not in OURS and record.told is None:
        say(
            f"\nOnce it is sent, write `told: YYYY-MM-DD` into the claim {record.id} of "
            f"projects/{project.slug}.yaml: from 14 days later on `verify` takes the result in."
        )


def _run(registry: Registry, claim: str, named: str | None) -> StoredRun:
    """The run to tell of. Raises `UsageError`, `PrerequisiteError` where there is none."""
    from catalog.errors import PrerequisiteError, UsageError
    from reproduce.cli.runs import find_run, stored_runs

    if named is not None:
        found = find_run(registry.root, named)
        if found is None or claim not in found.result.claims:
            what = "no run here" if found is None else "made for other claims"
            raise UsageError(f"--run {named}: {what}; `sam4mis reproduce list runs` shows them.")
        return found
    runs = [r for r in stored_runs(registry.root) if claim in r.result.claims]
    complete = [r for r in runs if r.result.status == "complete"]
    if not complete:
        raise PrerequisiteError(
            f"{claim}: no complete run of it is here.", f"sam4mis reproduce run {claim}"
        )
    return max(complete, key=lambda r: r.result.created)


def text(registry: Registry, project: Project, claim: Claim, stored: StoredRun) -> str:
    """The letter as Markdown, which reads as plain text too."""
    import datetime

    from catalog.cli.rows import in_percent
    from catalog.waiting import WAIT
    from reproduce.cli.show import telling_compared
    from reproduce.judging.verdict import judge, stored_values

    result, name = stored.result, f"{project.slug}/{claim.id}"
    values = stored_values(registry, claim, result, stored.folder)
    verdict = judge(claim, result, project=project, values=values)
    printed, measured = in_percent(claim, claim.fraction), in_percent(claim, verdict.measured)
    date = claim.told or datetime.datetime.now(datetime.UTC).date()
    lines = [
        f"Subject: {project.name}: released weights give {measured}, printed is {printed}",
        "",
        f"Dear authors of {_work(registry, project, claim)},",
        "",
        f"we ran your released weights and got {claim.metric} {measured} where {_place(claim)} "
        f"prints {printed}. This may well be our mistake, so you are told before it is published.",
        "",
        "## What was run",
        "",
        *(f"- {line}" for line in _what(claim, result)),
        "",
        "To repeat it:",
        "",
        f"    {result.command}",
        "",
        "## What it says",
        "",
        f"By our rule ({verdict.rule}) this is `{verdict.state}`"
        + (f", comparability class {verdict.comparability}" if verdict.comparability else "")
        + f". {verdict.explanation or verdict.reason or ''}".rstrip(),
        "",
        *(f"- {what}: {value}" for what, value in telling_compared(verdict)),
        "",
        "## Which conventions would give your number",
        "",
        *_explained(registry, project, claim, stored),
        "## What would settle it",
        "",
        *(f"- {line}" for line in _settling(name, verdict.would_decide)),
        "",
        f"It is published on {(date + WAIT).isoformat()} at the earliest. An answer is kept beside "
        'the verdict and shown with it; so is a dispute by the form "dispute a verdict" of the '
        f"catalog's repository (claim: {name}), also later.",
    ]
    return "\n".join(lines)


def _work(registry: Registry, project: Project, claim: Claim) -> str:
    """The work whose authors are told: that which printed the number."""
    names = {paper.id: paper.title for paper in registry.papers}
    printer = None if claim.own else claim.printed_by
    known = [names[i] for i in ([printer] if printer else project.papers) if i in names]
    return f'"{known[0]}"' if known else printer or project.name


def _place(claim: Claim) -> str:
    source = claim.source
    parts = [source.place or source.doi or source.arxiv or source.url or "the place recorded"]
    parts += [
        f"{word} {value}"
        for word, value in (("row", source.row), ("column", source.column))
        if value
    ]
    return ", ".join(parts)


def _what(claim: Claim, result: Result) -> list[str]:
    """Weights, data and machine of a run, one line each."""
    protocol, around = result.protocol, result.environment
    weights = [f"weights {c['id']}: sha256 {c['sha256']}" for c in result.inputs["checkpoints"]]
    cases = result.inputs["cases"]
    some = ", ".join(case["id"] for case in cases[:5]) + (" ..." if len(cases) > 5 else "")
    harness = (around.get("harness") or {}).get("commit") or "unknown"
    return [
        *weights,
        f"data: {protocol['dataset']}, split {protocol['split']}, {len(cases)} cases ({some})",
        f"prompts: {protocol.get('prompt_profile')}; scored on the {protocol['grid']} grid by "
        f"{claim.protocol.metric_profile.value}",
        f"on {around.get('gpu') or around.get('cpu')}, {protocol.get('precision')}, "
        f"run {result.run}"
        + (f" by {result.by}" if result.by else "")
        + f", sam4mis at commit {harness}",
    ]


def _explained(registry: Registry, project: Project, claim: Claim, stored: StoredRun) -> list[str]:
    """The explain tables, and a line behind each."""
    from reproduce.cli.explaining import sections
    from reproduce.judging.searching import search

    beside = () if stored.published else [(stored.result, stored.folder)]
    space, found = search(registry, project, claim, beside=beside)
    told, _ = sections(claim, space, found, given=False, everything=False)
    lines = []
    for title, rows in told:
        lines += [f"{title}:", "", *(f"- {what}: {value}" for what, value in rows), ""]
    return lines


def _settling(name: str, would_decide: str | None) -> list[str]:
    return [
        *([would_decide] if would_decide else []),
        "the list of test cases, the prompts or seeds, or the exact file behind the printed number",
        "a convention of your evaluation that differs from the list above, with the place in code",
        f"a run of yours under your protocol: `sam4mis reproduce run {name} --by NAME`",
    ]
