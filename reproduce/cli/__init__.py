"""The command group `sam4mis reproduce`. Each command is a module here, imported when it is called.

Nothing in this package imports torch or numpy at the top: `list`, `show`, `verify` and `doctor`
answer at once, and work without the extra where they can.
"""

from __future__ import annotations

import typer

from catalog.cli.groups import LazyGroup

# command -> (module with `app`, one line of help)
COMMANDS: dict[str, tuple[str, str]] = {
    "list": ("reproduce.cli.list_", "List claims with their state, and what can be run."),
    "plan": ("reproduce.cli.plan", "What could be verified, and what it would take."),
    "run": ("reproduce.cli.run", "Run released weights and measure what the paper prints."),
    "predict": ("reproduce.cli.predict", "Run a released model on your own images."),
    "plugin": ("reproduce.cli.plugin", "A model of your own: begin a file, check its contract."),
    "rerun": ("reproduce.cli.rerun", "Compute a run again, and say whether the two agree."),
    "verify": ("reproduce.cli.verify", "Recompute all verdicts from claims and results."),
    "recompute": (
        "reproduce.cli.recompute",
        "Compute printed numbers again from released rows.",
    ),
    "rows": ("reproduce.cli.rows", "What a table of scores says, and what gives its number."),
    "show": ("reproduce.cli.show", "Show one project, claim or run with its measurements."),
    "score": ("reproduce.cli.score", "Score a folder of predictions; no weights needed."),
    "explain": (
        "reproduce.cli.explain",
        "Which conventions give the printed number, and which not.",
    ),
    "letter": ("reproduce.cli.letter", "The letter that tells authors what their weights gave."),
    "profiles": ("reproduce.cli.profiles", "Metric profiles and their corner cases."),
    "datasets": ("reproduce.cli.datasets", "Data sets the harness reads: licence, access, splits."),
    "selftest": ("reproduce.cli.selftest", "Go the whole way offline with a small shipped SAM."),
    "doctor": ("reproduce.cli.doctor", "What is missing here to run each project."),
    "fetch": ("reproduce.cli.fetch", "Download and check the weights of a project."),
    "fetch-data": (
        "reproduce.cli.fetch_data",
        "Download and check an open data set, or unpack your copy.",
    ),
    "cache": ("reproduce.cli.cache", "What is kept on this machine, and how to remove it."),
    "worker": ("reproduce.cli.worker", "Work off shards of a run folder (started by `run`)."),
}


# Typed by programs, not by people: they can be called and are not listed.
HIDDEN = ("worker",)


class Reproduce(LazyGroup):
    known = COMMANDS
    hidden_names = HIDDEN


app = typer.Typer(
    cls=Reproduce,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Run released checkpoints and check the numbers their papers print.",
)


@app.callback()
def _group() -> None:
    """A callback, so that the application is a group whatever it holds."""
    from reproduce.cli.notices import calm_libraries

    calm_libraries()
