"""A `lower` about a work of the field waits until its authors have been told, and 14 days more."""

from __future__ import annotations

import datetime

from catalog.records import Claim, Project

WAIT = datetime.timedelta(days=14)
OURS = ("control", "selftest")  # kinds of projects that are about no work of the field


def free_from(claim: Claim) -> datetime.date | None:
    """The first day on which a `lower` of the claim may be published; None: nobody was told."""
    return None if claim.told is None else claim.told + WAIT


def held(project: Project, claim: Claim, state: str, today: datetime.date) -> str | None:
    """Why a verdict with this state is not published yet; None where nothing holds it.

    today  the day on which it is asked
    """
    if state != "lower" or project.kind in OURS:
        return None
    free = free_from(claim)
    if free is None:
        return "its authors have not been told"
    if today < free:
        return f"authors told on {claim.told}; may be published from {free.isoformat()}"
    return None
