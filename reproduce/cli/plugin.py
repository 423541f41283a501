"""`sam4mis reproduce plugin`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.cli.output import JsonOption

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="""A model of your own: a file to begin with, and what its contract asks.

    \b
    Examples:
      sam4mis reproduce plugin new my-model --shape image
      sam4mis reproduce plugin check my_model.py --checkpoint weights.pt
    """,
)
SHAPES = {"image": "plane", "volume": "volume", "video": "video"}


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="What it is called: lower case and hyphens.")],
    shape: Annotated[
        str, typer.Option("--shape", help="What the model takes: image, volume or video.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write (default: NAME.py here).")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the file and write nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write a whole adapter to begin with: it runs as it stands, with a line for a network.

    \b
    Examples:
      sam4mis reproduce plugin new my-model --shape image
      sam4mis reproduce plugin check my_model.py
    """
    from catalog.cli.output import say, write, write_json
    from catalog.errors import InputError, UsageError
    from catalog.files import write_whole
    from reproduce.predicting.plugin_check import NAME

    if shape not in SHAPES:
        raise UsageError(f"--shape {shape}: expected {', '.join(SHAPES)}.")
    if not NAME.fullmatch(name):
        raise UsageError(f"{name}: expected lower case, digits and hyphens, such as my-model.")
    template = Path(__file__).parents[1] / "templates" / f"{SHAPES[shape]}_example.py"
    old = SHAPES[shape]
    camel = "".join(part.capitalize() for part in name.replace("_", "-").split("-"))
    text = template.read_text("utf-8")
    text = text.replace(f"{old.capitalize()}Example", camel).replace(f"{old}-example", name)
    target = out or Path(f"{name.replace('-', '_').replace('.', '_')}.py")
    told = {"plugin": name, "file": str(target), "written": not dry_run}
    if dry_run:
        if json:
            write_json({**told, "text": text})
        else:
            write(text)
        return
    if target.exists():
        raise InputError(f"{target}: is there already; nothing was written. Name another: --out.")
    write_whole(target, text.encode())
    if json:
        write_json(told)
    say(f"{target}: try it with  sam4mis reproduce plugin check {target}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The plugin's file.")],
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="Its weights: it is then built and asked."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """What the contract of a plugin asks, and what of it is not kept.

    With its weights an adapter is built and asked about made images: strict loading, the same
    answer twice, sizes, and a prompt that it does not take.

    Exit status: 0 the contract is kept; 1 it is not; 2 wrong usage; 3 something is missing here.
    """
    from catalog.cli.output import say
    from catalog.errors import InputError
    from reproduce.cli.common import as_json
    from reproduce.ground.extras import need_extra
    from reproduce.ground.plugins import add, kind_of

    need_extra("checking a plugin")
    plugin = add(file)
    kind = kind_of(plugin, str(file))
    wrong, notes = [], []
    if kind == "adapters":
        from reproduce.checkpoints.loading import read_parts
        from reproduce.predicting.plugin_check import said_wrong, tried_wrong, words_unknown

        wrong = list(said_wrong(plugin))
        notes = [] if wrong else list(words_unknown(plugin))
        if checkpoint and not wrong:
            state = read_parts([(path, None) for path in checkpoint])
            wrong = list(tried_wrong(plugin, state))
    if json_:
        as_json({"plugin": plugin.name, "kind": kind, "wrong": wrong, "notes": notes})
    elif not wrong:
        how = "says what its contract asks"
        if kind == "adapters" and checkpoint:
            how += ", and answers as it asks"
        say(f"{plugin.name} ({kind}): {how}.")
    for note in notes:
        say(f"note: no claim has the word of {note}: runs are measured and answer no claim")
    if kind == "adapters" and not checkpoint and not wrong:
        say(f"With its weights it is also asked: plugin check {file} --checkpoint FILE")
    if wrong:
        raise InputError("\n".join(f"{file}: {text}" for text in wrong))
