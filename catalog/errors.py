"""What goes wrong, and how it is told.

Four outcomes are kept apart, each with its own exit status:

=====  =====================  ==========================================================
 code  exception              meaning
=====  =====================  ==========================================================
    1  `FindingsError`        the input was read and something in it is wrong
    2  `UsageError`           the command was called wrongly
    3  `PrerequisiteError`    something this command needs is missing; the message says
                              the exact next command
   70  any other              a bug of ours; a file with what a report needs is written (an
                              `OSError` that nobody handled is a 3)
  130  `KeyboardInterrupt`    stopped by the user
  141  `BrokenPipeError`      the reader of standard output has gone (`| head -1`)
=====  =====================  ==========================================================

The command line prints these without a traceback (`--traceback` shows it).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]

EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_PREREQUISITE = 3
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong (or worth knowing) at one place.

    `place` is a file as the user knows it (relative to the registry root where possible), `line`
    is counted from 1 (None: the whole file), `path` is the dotted path of the field inside the
    record (`medsam.versions[0].ids.arxiv`), `hint` is the way out.
    """

    place: str
    line: int | None
    path: str
    code: str
    message: str
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        where = f"{self.place}:{self.line}" if self.line else self.place
        field = f" {self.path}:" if self.path else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{where}:{field} {self.message} [{self.code}]{hint}"

    def as_dict(self) -> dict[str, object]:
        """The finding as plain data, for `--json`."""
        return asdict(self)


class Sam4misError(Exception):
    """Base of every error that is told without a traceback."""

    exit_code = EXIT_FINDINGS


class FindingsError(Sam4misError):
    """All findings of a reading, told at once. `findings` holds at least one."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = sorted(findings, key=lambda f: (f.place, f.line or 0, f.path, f.code))
        super().__init__("\n".join(str(f) for f in self.findings))


class InputError(Sam4misError):
    """Something given to us is not as expected: says what, expected and got, and the way out."""


class UsageError(Sam4misError):
    """The command was called in a way it does not understand."""

    exit_code = EXIT_USAGE


class PrerequisiteError(Sam4misError):
    """Something is missing on this machine. `command` is the exact next thing to type."""

    exit_code = EXIT_PREREQUISITE

    def __init__(self, message: str, command: str | None = None) -> None:
        self.command = command
        super().__init__(f"{message}\n  {command}" if command else message)
