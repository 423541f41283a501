"""`sam4mis doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended safely.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --fix or --sample: show and write nothing.")
    ] = False,
    form: Annotated[str, typer.Option("--format", help="text, json or github.")] = "text",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    only: Annotated[
        str | None, typer.Option(help="Codes or their beginnings, e.g. I001,U.")
    ] = None,
    least: Annotated[
        str, typer.Option("--severity", help="Least severity shown: error, warning or info.")
    ] = "info",
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings too.")] = False,
    places: Annotated[
        bool, typer.Option("--places", help="Look places in code up at their commits first.")
    ] = False,
    clones: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="With --places: clones as FOLDER/owner/name, asked before GitHub.",
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(metavar="N", help="Draw N facts to check by hand, and show their sources."),
    ] = None,
    seed: Annotated[int, typer.Option(help="With --sample: which drawing.")] = 1,
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER=WORD",
            help="With --sample: right, unsupported or 'wrong: what is right' (repeatable).",
        ),
    ] = None,
    codes: Annotated[bool, typer.Option("--codes", help="List all codes and stop.")] = False,
) -> None:
    """Living checks of the registry's content, with safe fixes.

    Every finding has a code and a severity; `--codes` lists what each means and what --fix does
    (`--codes --only C,S001` some of them). What `--places` finds stays in
    catalog/data/places.json: a commit never changes, so nothing is asked twice.
    Exit status 1 when an error is found (with --strict also for a warning).

    \b
    Examples:
      sam4mis doctor --severity warning
      sam4mis doctor --fix --dry-run
      sam4mis doctor --only U --format github
      sam4mis doctor --places --clones ~/clones --only F
      sam4mis doctor --sample 60 --seed 7
      sam4mis doctor --sample 60 --seed 7 --outcome '3=wrong: MICCAI 2024'
    """
    from catalog.checks import check_registry, fixed
    from catalog.cli.findings import codes_wanted, show, show_codes, summary
    from catalog.cli.output import counted, say, write, write_json
    from catalog.errors import EXIT_FINDINGS, FindingsError, UsageError
    from catalog.registry import find_clone

    if json:
        form = "json"
    if form not in ("text", "json", "github"):
        raise UsageError(f"--format {form}: expected text, json or github")
    ranks = {"error": 0, "warning": 1, "info": 2}
    if least not in ranks:
        raise UsageError(f"--severity {least}: expected error, warning or info")
    if codes:
        show_codes(only, as_json=form == "json")
        return
    prefixes = codes_wanted(only)
    root = find_clone("doctor")
    if outcome and sample is None:
        raise UsageError("--outcome needs --sample N and --seed of the drawing it speaks of")
    if sample is not None:
        from catalog.cli.auditing import audit
        from catalog.registry import Registry

        registry = Registry.load(root)
        audit(registry, sample, seed, outcome or [], dry_run=dry_run, json=form == "json")
        return
    registry, findings = check_registry(root, thorough=True)
    if places:
        from catalog.cli.verifying import verify_places

        verify_places(registry, clones)
        registry, findings = check_registry(root, thorough=True)
    if fix:
        unreadable = [f for f in findings if f.code[0] in "YS"]
        if unreadable:
            raise FindingsError(unreadable)
        changes = fixed(registry)
        done = [line for _, lines in changes.values() for line in lines]
        if form == "json" and dry_run:
            write_json([{"would_mend": line} for line in done])
        else:
            tell = say if form == "json" else lambda line: write(f"{line}\n")
            for line in done:
                tell(f"{'would mend' if dry_run else 'mended'} {line}")
        if changes and not dry_run:
            from catalog.editing import apply_edits

            apply_edits(root, replace={id: paper for id, (paper, _) in changes.items()})
            registry, findings = check_registry(root, thorough=True)
        say(f"{counted(len(changes), 'work')} {'to mend' if dry_run else 'mended'}")
    shown = [
        f for f in findings if f.code.startswith(prefixes) and ranks[f.severity] <= ranks[least]
    ]
    if not (fix and dry_run):
        show(shown, form)
        summary(shown, counted(len(registry.papers), "work"))
    if any(ranks[f.severity] <= (1 if strict else 0) for f in shown):
        raise typer.Exit(EXIT_FINDINGS)
