"""`sam4mis reproduce recompute`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from catalog.evidence import Source
    from reproduce.rows.recomputing import Outcome

app = typer.Typer(add_completion=False, rich_markup_mode=None)

FEW = 5  # problems of a source that are told; a wrong folder has hundreds of a kind


@app.command()
def recompute(
    source: Annotated[
        str | None, typer.Argument(help="A source of reproduce/evidence (its file's name).")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every source.")] = False,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="A clone of the source's repository, a folder of clones, or a folder laid out "
            "like it; nothing is fetched then.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; compare with the committed results.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which tables would be fetched and stop.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The results for machines.")] = False,
) -> None:
    """Compute printed numbers again from the rows that were released beside them.

    Tables are fetched from the recorded commit, or taken from a clone (its history too), and used
    only where their hash is the recorded one. What comes out is evidence of level `recomputed`: the
    printed number follows from the released rows. Whether the weights give the rows is another
    question (`sam4mis reproduce run`).

    \b
    Examples:
      sam4mis reproduce recompute sammed-domains
      sam4mis reproduce recompute cellvit-pannuke --from ~/CellViT
      sam4mis reproduce recompute --all --from ~/clones --check
    """
    from catalog.cli.output import counted
    from catalog.errors import EXIT_FINDINGS, PrerequisiteError
    from catalog.evidence import RECOMPUTED
    from catalog.evidence import as_json as written
    from catalog.registry import Registry, find_clone
    from reproduce.cli.common import as_json
    from reproduce.cli.generated import up_to_date
    from reproduce.ground.extras import need_extra
    from reproduce.rows.fetching import fetch
    from reproduce.rows.recomputing import recompute
    from reproduce.rows.results import claims_by_name, publish

    need_extra("recompute", ("numpy", "scipy"))
    root = find_clone("reproduce recompute")
    registry = Registry.load(root)
    chosen = _chosen(registry.evidence, source, all_)
    if dry_run:
        tables = [table for one in chosen for table in _tables(one)]
        if json_:
            as_json(tables)
            return
        for table in tables:
            here = "here" if table["here"] else "to fetch"
            size = f"{table['bytes'] or '?'} bytes"
            typer.echo("\t".join([table["source"], here, size, table["address"]]))
        return
    claims = claims_by_name(registry.projects)
    results, wrong, silent = [], 0, []
    for one in chosen:
        if not one.computable:
            if not json_:
                typer.echo(f"{one.id}: {one.state}, as recorded; no rows to compute from.")
            continue
        fetched = fetch(one, from_)
        outcome = recompute(one, fetched, claims)
        results.append(outcome.result)
        path = root / RECOMPUTED / f"{one.id}.json"
        stale = (
            check
            and outcome.whole
            and not up_to_date(
                path.read_bytes() if path.is_file() else None,
                written(outcome.result),
                but=("content",),
            )
        )
        if not json_:
            _tell(one, outcome)
        for problem in outcome.problems[:FEW]:
            typer.echo(f"{one.id}: {problem}", err=True)
        if (more := len(outcome.problems) - FEW) > 0:
            typer.echo(f"{one.id}: {counted(more, 'more problem')}", err=True)
        if stale:
            typer.echo(
                f"{path.relative_to(root)}: is not what the rows give. Run: sam4mis reproduce "
                f"recompute {one.id}",
                err=True,
            )
        contradicted = outcome.whole and outcome.result.state != one.state
        if contradicted:
            typer.echo(
                f"reproduce/evidence/{one.id}.yaml: state: says {one.state}, its rows say "
                f"{outcome.result.state}.",
                err=True,
            )
        if fetched.silent and not (stale or contradicted):
            silent.append(one)
        else:
            wrong += bool(outcome.problems) or stale or contradicted
        if outcome.whole and not check:
            publish(root, outcome.result)
    if json_:
        as_json(results)
    if wrong:
        raise typer.Exit(EXIT_FINDINGS)
    if silent:
        raise PrerequisiteError(
            f"tables of {counted(len(silent), 'source')} are neither here nor to be had: their "
            "host gave no answer. With a network, or a clone that somebody brings:",
            f"git clone https://github.com/{silent[0].repository}\n"
            f"  sam4mis reproduce recompute {silent[0].id} --from CLONE",
        )


def _chosen(sources: list[Source], name: str | None, everything: bool) -> list[Source]:
    from difflib import get_close_matches

    from catalog.errors import UsageError

    if (name is None) != everything:
        raise UsageError("name one source, or say --all for every source.")
    if name is None:
        return sources
    found = [s for s in sources if s.id == name]
    if not found:
        near = get_close_matches(name, [s.id for s in sources], 1)
        hint = f" Is it {near[0]}?" if near else " They lie in reproduce/evidence."
        raise UsageError(f"there is no source {name!r}.{hint}")
    return found


def _tables(source: Source) -> list[dict[str, Any]]:
    """The tables of a source, and which of them are here."""
    from reproduce.rows.fetching import address, kept

    return [
        {
            "source": source.id,
            "here": kept(file.sha256).is_file(),
            "bytes": file.bytes,
            "address": address(source, file),
        }
        for file in source.files
    ]


def _tell(source: Source, outcome: Outcome) -> None:
    """One source: what its rows are, what they say, and what does not come out."""
    from catalog.cli.output import counted

    result = outcome.result
    if outcome.whole:
        typer.echo(f"{source.id}: {result.state}" + (f". {result.reason}" if result.reason else ""))
    else:
        of = counted(len(source.files), "table")
        typer.echo(f"{source.id}: not computed whole ({len(result.tables)} of {of} are here)")
    for rows in result.read:
        counts = [f"{rows.rows} rows of {rows.files} files ({source.rows})"]
        for kind in ("empty", "nan", "zero"):
            counts += [f"{n} {kind} in {c}" for c, n in getattr(rows, kind).items()]
        typer.echo(f"  {rows.reader}: {', '.join(counts)}")
        for refused in rows.refused:
            typer.echo(f"    refused: {refused.row}: {refused.column} {refused.value:g}")
        for said, names in (("double", rows.double), ("missing", rows.missing)):
            for name in names:
                typer.echo(f"    {said}: {name}")
    for answer in result.answers:
        if answer.printed is None:
            said = f"{answer.value} (n {answer.n}, {answer.how})"
        else:
            said = f"{answer.state}: printed {answer.printed}, {answer.how} {answer.value}"
            said += f" (n {answer.n})"
        typer.echo(f"  {answer.name}: {said}" + (f"; {answer.reason}" if answer.reason else ""))
    for whole in result.wholes:
        far = f"largest difference {whole.largest_difference:g}"
        typer.echo(f"  {whole.name}: {whole.agree} of {whole.of} agree, {far}")
    for weighing in result.weighings:
        typer.echo(f"  {weighing.name}: {'possible' if weighing.possible else 'not possible'}")
        for share in weighing.shares:
            typer.echo(f"    {share.part}: {share.least:.1%} to {share.most:.1%}")
