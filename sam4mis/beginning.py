"""What every call begins with: the user's settings, the extra; and messages in arguments' words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from catalog import configuration
from catalog.errors import InputError, PrerequisiteError, UsageError


def begin(what: str | None = None) -> None:
    """Say to this process what the file of settings says and the environment does not.

    what   the function, where it needs the extra [reproduce]

    Raises `UsageError` for a wrong file, `PrerequisiteError` where the extra is missing.
    """
    configuration.apply()
    if what is not None:
        from reproduce.ground.extras import need_extra

        need_extra(what)


@contextmanager
def told_in(arguments: Mapping[str, str]) -> Iterator[None]:
    """Messages of the core name options of the command line; here they are arguments."""
    try:
        yield
    except (InputError, UsageError) as error:
        raise type(error)(in_arguments(str(error), arguments)) from error
    except PrerequisiteError as error:
        first, _, _ = str(error).partition("\n  ") if error.command else (str(error), "", "")
        raise PrerequisiteError(in_arguments(first, arguments), error.command) from error


def in_arguments(told: str, arguments: Mapping[str, str]) -> str:
    """arguments: option -> what stands for it here."""
    for option, argument in arguments.items():
        told = re.sub(rf"(?<![\w-]){option}(?![\w-])(?: (?=\d))?", argument, told)
    return told
