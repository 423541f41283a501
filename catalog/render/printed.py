"""Printed numbers by where they are printed and how: what a project page shows group by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from catalog.metrics import is_share
from catalog.ready import Readiness, Ready
from catalog.records import Claim
from catalog.render.labels import BLOCKED, LIFTED
from catalog.render.show import claimed
from catalog.render.views import ClaimView

MEASURES = {"dice": "Dice", "iou": "IoU", "nsd": "NSD", "hd95": "HD95", "hd": "HD", "auc": "AUC",
            "assd": "ASSD", "asd": "ASD", "masd": "MASD", "cldice": "clDice", "mcc": "MCC",
            "pq": "PQ", "rq": "RQ", "sq": "SQ", "msd": "MSD", "f1": "F1",
            "miou": "mean IoU", "mdice": "mean Dice", "maxdice": "maximal Dice"}  # fmt: skip


def measure(metric: str) -> str:
    """The name of a metric as readers write it."""
    return " ".join(MEASURES.get(word, word) for word in metric.replace("_", "-").split("-"))


@dataclass(frozen=True, slots=True)
class Lack:
    """Why some claims of a group are in no run: how many, blocked or not, and what would lift it"""

    count: int
    blocked: bool
    why: str
    lift: str


@dataclass(frozen=True, slots=True)
class Takes:
    """What all runs that answer a group take together. `hours` None: one of them is not known."""

    runs: int
    numbers: int
    hours: float | None
    memory_mib: int | None
    by_hand: list[str]
    best: str
    why: list[str]
    measured: bool  # whether a published run told how long they take


def takes(runs: list[Ready]) -> Takes | None:
    """The sum of some runs; None where there is none."""
    if not runs:
        return None
    known = [run.hours for run in runs if run.hours is not None]
    best = min(runs, key=lambda run: run.best)
    return Takes(
        len(runs),
        sum(len(run.claims) for run in runs),
        sum(known) if len(known) == len(runs) else None,
        max((run.memory_mib for run in runs if run.memory_mib), default=None),
        list(dict.fromkeys(step for run in runs for step in run.by_hand)),
        best.best,
        best.why,
        all(run.basis == "measured" for run in runs),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers of one place under one protocol; `anchor` is that of the group."""

    items: list[ClaimView]
    runs: list[Ready]  # that answer them, made by nobody yet
    lacks: list[Lack]

    @property
    def first(self) -> Claim:
        return self.items[0].claim

    @property
    def anchor(self) -> str:
        return f"protocol-{self.first.id}"

    @property
    def takes(self) -> Takes | None:
        return takes(self.runs)

    @property
    def measured(self) -> bool:
        """Whether a run measured any of them."""
        return any(c.verdict and c.verdict.run for c in self.items)

    @property
    def released(self) -> int:
        """To how many of them released rows say something."""
        return sum(c.released is not None for c in self.items)

    @property
    def notes(self) -> list[str]:
        """What records say beside the numbers, each text once."""
        told = [text for c in self.items for text in (c.claim.note, c.claim.state_note) if text]
        return list(dict.fromkeys(told))

    @property
    def disputes(self) -> list[ClaimView]:
        return [c for c in self.items if c.claim.disputes]

    @property
    def summary(self) -> str:
        """Each measure with its range: `112 x Dice, 14.51 to 98.60 %, median 85.12 %`."""
        parts = []
        by: dict[str, list[Claim]] = {}
        for c in self.items:
            by.setdefault(c.claim.metric, []).append(c.claim)
        for metric, claims in by.items():
            claims = sorted(claims, key=lambda claim: claim.fraction)
            low, high = claims[0], claims[-1]
            name = measure(metric)
            if len(claims) == 1:
                parts.append(f"{name} {claimed(low)}")
            else:
                bare = claimed(low).partition(" ")[0]
                text = f"{len(claims)} × {name}, {bare} to {claimed(high)}"
                if len(claims) >= 5 and all(map(is_share, claims)):
                    text += f", median {100 * median(c.fraction for c in claims):.1f} %"
                parts.append(text)
        return "; ".join(parts)

    @property
    def sets(self) -> list[str]:
        """The data sets they are of, as named."""
        return list(dict.fromkeys(c.claim.dataset for c in self.items if c.claim.dataset))


def groups(claims: Iterable[ClaimView], ready: Readiness) -> list[Group]:
    """Numbers grouped by who printed them where under which protocol, in the record's order."""
    found: dict[str, list[ClaimView]] = {}
    for c in claims:
        s = c.claim.source
        key = (
            c.claim.printed_by,
            *(s.doi, s.arxiv, s.version, s.place, s.url, s.transcribed_from),
            c.claim.protocol,
            c.claim.evidence_level,
            c.claim.training_overlap,
            c.claim.verifiable,
        )
        found.setdefault(repr(key), []).append(c)
    runs = {name: run for run in ready.runs for name in run.claims}
    return [Group(items, _runs(items, runs), _lacks(items, ready)) for items in found.values()]


def _name(c: ClaimView) -> str:
    return f"{c.project.slug}/{c.claim.id}"


def _runs(items: list[ClaimView], runs: dict[str, Ready]) -> list[Ready]:
    found = {id(run): run for c in items if (run := runs.get(_name(c)))}
    return list(found.values())


def _lacks(items: list[ClaimView], ready: Readiness) -> list[Lack]:
    """Why those that are in no run are in none."""
    counts: Counter[tuple[bool, str, str]] = Counter()
    for c in items:
        if c.state == "blocked":
            reason = c.reason or "no reason recorded"
            counts[True, BLOCKED.get(reason, reason), LIFTED.get(reason, "not recorded")] += 1
        elif why := ready.left.get(_name(c)):
            lift = "a reader of these data" if why.startswith("no data set plugin") else ""
            counts[False, why.partition(" (`")[0], lift] += 1
    return [Lack(n, *lack) for lack, n in counts.most_common()]
