"""`sam4mis reproduce selftest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def selftest(
    out: Annotated[
        Path | None, typer.Option("--out", help="Working folder (default: build/selftest).")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Serve this file instead; has to fail.")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Take the hash of --weights as the expected one.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The outcome for machines.")] = False,
) -> None:
    """Go the whole way offline on phantoms: download, load, prompt, count, judge, page.

    A self-test of this installation, not a statement about any medical method.

    \b
    Examples:
      sam4mis reproduce selftest
    """
    import time

    from catalog.errors import InputError
    from catalog.registry import find_root, workplace
    from reproduce.cli.common import as_json, percent
    from reproduce.ground.extras import need_extra

    need_extra("the self-test")
    from reproduce.selftest.running import WEIGHTS, run_selftest

    begun = time.monotonic()
    root = find_root()
    out = (out or workplace(root) / "build" / "selftest").resolve()
    outcome = run_selftest(root, out, weights or WEIGHTS, trust)
    verdict = outcome.verdict
    if json_:
        as_json(outcome)
    else:
        typer.echo(f"SELF-TEST (phantoms, a small SAM trained on them) {outcome.result.run}")
        typer.echo(
            f"downloaded  {outcome.downloaded_bytes:,} bytes from a local address, sha256 ok"
        )
        typer.echo(f"cases       {len(outcome.result.inputs['cases'])}, {outcome.result.status}")
        for check in outcome.result.checks:
            typer.echo(f"gate        {check.name}: {'passed' if check.passed else 'FAILED'}")
        typer.echo(
            f"Dice        printed {percent(verdict.reported)}, measured {percent(verdict.measured)}"
        )
        typer.echo(f"verdict     {verdict.state} ({verdict.rule}, class {verdict.comparability})")
        typer.echo(f"page        {outcome.page}")
        typer.echo(f"{time.monotonic() - begun:.0f} s")
    if not outcome.passed:
        raise InputError(
            f"self-test FAILED: expected the verdict reproduced, got {verdict.state}"
            + (f": {verdict.reason}" if verdict.reason else "")
            + f". The run is in {out}."
        )
