"""The filter options that list, search, stats and export share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from catalog.cli import completing
from catalog.cli.output import counted, say
from catalog.facets import TAG_FACETS, Filters, Work

_HELP = {
    "modality": "Imaging modality, e.g. ct, mri, ultrasound.",
    "region": "Body region, e.g. abdomen, brain.",
    "target": "What is segmented, e.g. organ, tumour.",
    "dimensionality": "2d, 2.5d, 3d, video ...",
    "base-model": "Model that was adapted, e.g. sam-vit-b, sam2, medsam.",
    "adaptation": "How, e.g. zero-shot, lora, adapter.",
    "contribution": "method, dataset, benchmark, evaluation, survey ...",
    "supervision": "fully, semi, weak, few-shot ...",
    "task": "semantic, instance, interactive ...",
    "dataset": "Name of a dataset.",
    "prompt": "Prompt at training or inference, e.g. box, point, text.",
    "verdict": "State of a claim, e.g. reproduced, lower, blocked, not-attempted.",
    "licence": "Licence of code or weights allows: commercial, non-commercial, none, unknown.",
    "weights-licence": "Licence of released weights allows: the same values.",
}
_FACETS = (*TAG_FACETS, "prompt", "verdict", "licence", "weights-licence")


def _parameters() -> list[inspect.Parameter]:
    boolean = bool | None
    text = str | None

    def option(
        name: str, kind: Any, *declarations: str, text: str, values: Any = None
    ) -> inspect.Parameter:
        metavar = None if kind == boolean else "VALUE"
        return inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                kind,
                typer.Option(
                    *declarations,
                    help=text,
                    show_default=False,
                    metavar=metavar,
                    autocompletion=values,
                ),
            ],
        )

    facets = [
        option(
            f"facet_{name.replace('-', '_')}",
            list[str],
            f"--{name}",
            text=_HELP[name],
            values=completing.values(name),
        )
        for name in _FACETS
    ]
    return [
        *facets,
        option("year", text, "--year", text="2024, 2023-2025, 2024- or -2023."),
        option("author", text, "--author", text="Part of an author's name."),
        option("code", boolean, "--has-code/--no-code", text="Code can be read, or there is none."),
        option(
            "weights",
            boolean,
            "--has-weights/--no-weights",
            text="Weights are released, or there are none.",
        ),
        option("section", text, "--section", text="sam2, sam, datasets or added."),
        option(
            "inclusion",
            text,
            "--inclusion",
            text="include, exclude, undecided or all (excluded works are left out by default).",
        ),
    ]


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` the filter options; it receives them as one argument, `filters`."""
    shared = _parameters()

    def called(**arguments: Any) -> None:
        given = {parameter.name: arguments.pop(parameter.name) for parameter in shared}
        facets = {name: given.pop(f"facet_{name.replace('-', '_')}") or [] for name in _FACETS}
        filters = Filters(facets=facets, **given)
        _known("--section", filters.section, ("sam2", "sam", "datasets", "added"))
        _known("--inclusion", filters.inclusion, ("include", "exclude", "undecided", "all"))
        command(filters=filters, **arguments)

    signature = inspect.signature(command, eval_str=True)
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in signature.parameters.values()
        if parameter.name != "filters"
    ]
    parameters = [*own, *shared]
    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by typer
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def _known(option: str, value: str | None, known: tuple[str, ...]) -> None:
    from catalog.errors import UsageError
    from catalog.facets import unknown_value

    if value is not None and value not in known:
        raise UsageError(unknown_value(option, value, list(known)))


def is_set(filters: Filters) -> bool:
    """Whether any filter was given."""
    return any(filters.facets.values()) or filters != Filters(facets=filters.facets)


def tell_more(filters: Filters, all_works: list[Work]) -> None:
    """Say how many works a filter left out because what it asks for is not recorded of them, or
    because they name no single modality or region."""
    open_ = filters.unknown(all_works)
    if open_:
        say("; ".join(f"{number} more: {what} unknown" for what, number in open_.items()))
    for facet, count in filters.several(all_works).items():
        noun = {"modality": "modalities", "region": "regions"}[facet]
        more = counted(count, "more covers", "more cover")
        say(f"{more} several {noun} that are not all named: add --{facet} multi")
