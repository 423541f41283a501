"""A `lower` about a work of the field waits until its authors have been told, and 14 days more."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from catalog.records import Claim, Project, Result

WAIT = datetime.timedelta(days=14)
OURS = ("control", "selftest")  # kinds of projects that are about no work of the field


def free_from(claim: Claim) -> datetime.date | None:
    """The first day on which a `lower` of the claim may be published; None: nobody was told."""
    return None if claim.told is None else claim.told + WAIT


def first_run(name: str, results: Iterable[Result]) -> datetime.date | None:
    """The day of the first complete run of a claim (`project/claim`); before it there was nothing
    that its authors could be told. None: there is none."""
    days = [r.created[:10] for r in results if name in r.claims and r.status == "complete"]
    return datetime.date.fromisoformat(min(days)) if days else None


def untrue(claim: Claim, first: datetime.date | None, today: datetime.date) -> str | None:
    """Why nobody was told on the recorded day; None where nothing speaks against it.

    first  as `first_run`
    """
    if claim.told is None:
        return None
    if claim.told > today:
        return f"its authors are to be told on {claim.told}, which has not been"
    if first is not None and claim.told < first:
        return f"its authors were told on {claim.told}, before its first run ({first})"
    return None


def held(
    project: Project,
    claim: Claim,
    state: str,
    today: datetime.date,
    first: datetime.date | None,
) -> str | None:
    """Why a verdict with this state is not published yet; None where nothing holds it.

    today  the day on which it is asked
    first  as `first_run`, of the run that it rests on among others
    """
    if state != "lower" or project.kind in OURS:
        return None
    free = free_from(claim)
    if free is None:
        return "its authors have not been told"
    if (why := untrue(claim, first, today)) is not None:
        return why
    if today < free:
        return f"authors told on {claim.told}; may be published from {free.isoformat()}"
    return None
