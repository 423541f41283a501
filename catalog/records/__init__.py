"""The records that outlive the code: papers, projects, checkpoints, claims, results, verdicts.

People edit `papers.yaml` (`papers`) and `projects/<slug>.yaml` (`projects`, `claims`), machines
`reproduce/results/` (`results`). Three things are different everywhere in these records: `None`
(`null`: nobody has checked), `[]` (checked: there is none), `"n/a"` (the question does not apply).

Scores are fractions (0-1) unless a field called `scale` says otherwise; units are part of names
(`_mm`, `_px`, `_s`, `_mib`, `_pp`). Dates are strings whose length is their precision
(`2023`, `2023-04`, `2023-04-24`).
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

# All records have one place to be imported from, whichever file defines them.
from catalog.records.claims import *  # noqa: F403
from catalog.records.papers import *  # noqa: F403
from catalog.records.projects import *  # noqa: F403
from catalog.records.results import *  # noqa: F403
from catalog.records.scalars import *  # noqa: F403


def to_builtins(record: Struct) -> Any:
    """The record as plain dicts, lists, numbers and strings (field names as in the files)."""
    return msgspec.to_builtins(record)
