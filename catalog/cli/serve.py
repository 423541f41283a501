"""`sam4mis serve`."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

import typer

from catalog.cli.output import say
from catalog.errors import PrerequisiteError

app = typer.Typer(add_completion=False, rich_markup_mode=None)
SITE = "build/site"


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 8000,
    build_first: Annotated[
        bool, typer.Option("--build/--no-build", help="Build the website first.")
    ] = True,
) -> None:
    """Build the website and serve it on this machine only, until Ctrl-C.

    \b
    Examples:
      sam4mis serve
      sam4mis serve --no-build --port 8080
    """
    from catalog.registry import find_clone

    root = find_clone("serve")
    if build_first:
        from catalog.render.build import build

        say("Building the website ...")
        build(root)
    with server(root / SITE, port) as running:
        say(f"Serving {SITE} at http://127.0.0.1:{port}/ (Ctrl-C stops)")
        running.serve_forever()


class Handler(SimpleHTTPRequestHandler):
    """Files of one folder, without a line on the terminal for each."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of `folder` that listens on this machine only.

    Raises `PrerequisiteError` where there is no website or the port is taken.
    """
    if not (folder / "index.html").is_file():
        raise PrerequisiteError(f"there is no website in {folder}.", "sam4mis build")
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))
    except OSError as error:
        raise PrerequisiteError(
            f"port {port} cannot be used: {error.strerror}.", f"sam4mis serve --port {port + 1}"
        ) from None
