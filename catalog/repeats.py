"""By how many people a claim was run: those of the runs that serve it, and of their repeats."""

from __future__ import annotations

from catalog.records import Repeat
from catalog.registry import Registry


def of_run(registry: Registry, run: str) -> list[Repeat]:
    """Who computed a published run again."""
    return [repeat for repeat in registry.repeats if repeat.run == run]


def runners(registry: Registry, claim: str) -> list[str]:
    """Who ran a claim to the end, each once: those of its runs, and of repeats that agree.

    A run that does not say whose it is counts for nobody.
    """
    names: list[str | None] = []
    for run in registry.results:
        if claim in run.claims and run.status == "complete":
            again = [repeat.by for repeat in of_run(registry, run.run) if repeat.agrees]
            names += [run.by, *again]
    each: dict[str, str] = {}
    for name in names:
        if name is not None:
            each.setdefault(one_name(name), name)
    return list(each.values())


def one_name(who: str) -> str:
    """A name as whoever has it might write it elsewhere: two spellings are one person.

    >>> one_name("A-Lab") == one_name("a.lab"), one_name("a-lab") == one_name("b-lab")
    (True, False)
    """
    return who.casefold().replace(".", "-").replace("_", "-")


def in_words(names: list[str]) -> str | None:
    """`a-lab, b-lab (2 independent runs)`; None where nobody is named."""
    if len(names) < 2:
        return names[0] if names else None
    return f"{', '.join(names)} ({len(names)} independent runs)"
