"""`sam4mis reproduce cache`."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def cache(
    clear: Annotated[
        list[str] | None,
        typer.Option("--clear", metavar="PART", help="Remove weights, embeddings or downloads."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed and stop.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """What the harness keeps on this machine, how large it is, and how to remove it.

    Embeddings never grow beyond $SAM4MIS_EMBEDDINGS_GIB (20 GiB unless set; 0 keeps none): what
    was not used for the longest time goes first. The folder is $SAM4MIS_CACHE, if that is set.

    \b
    Examples:
      sam4mis reproduce cache
      sam4mis reproduce cache --clear embeddings --dry-run
    """
    from catalog.cli.output import say
    from catalog.errors import UsageError
    from catalog.registry import Registry, find_root
    from reproduce.asking.embeddings import limit_bytes
    from reproduce.cli.common import as_json, table
    from reproduce.ground.places import cache_folder
    from reproduce.obtaining import storage

    if unknown := [part for part in clear or [] if part not in storage.CLEARED]:
        raise UsageError(
            f"--clear {unknown[0]}: expected one of {', '.join(storage.CLEARED)}. What you put "
            "there yourself (manual, data) is yours to remove."
        )
    if clear:
        count, size = storage.clear(cast("Any", clear), dry_run)
        said = {"files": count, "bytes": size, "removed": not dry_run}
        if json_:
            as_json(said)
        else:
            verb = "would remove" if dry_run else "removed"
            typer.echo(f"{verb} {count} files, {_size(size)}, from {cache_folder()}")
        return
    found = storage.kept(Registry.load_around(find_root(), say).projects)
    if json_:
        as_json({"folder": str(cache_folder()), "embeddings_limit": limit_bytes(), "kept": found})
        return
    typer.echo(f"{cache_folder()}: {_size(sum(k.bytes for k in found))}", err=True)
    rows = [
        (k.part, _size(k.bytes), str(k.files), ", ".join(k.projects) or "-", k.path) for k in found
    ]
    table("Cache", ("part", "size", "files", "projects", "place"), rows)


def _size(count: int) -> str:
    """Bytes as a person reads them, in powers of 1024."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
