"""Printed numbers as a project page groups them: by place and protocol, with what a run takes."""

from __future__ import annotations

import msgspec

from catalog.ready import Readiness, Ready
from catalog.records import Claim, ClaimSource, Project, Protocol
from catalog.render.printed import groups
from catalog.render.show import claimed
from catalog.render.views import ClaimView

PROJECT = msgspec.convert(
    {"slug": "some", "name": "Some", "kind": "method", "papers": [], "claims": []}, Project
)
BLANK = msgspec.convert({}, Protocol)


def claim(
    name: str, value: float, metric: str = "dice", place: str = "Table 2", **more: object
) -> ClaimView:
    made = Claim(
        id=name,
        metric=metric,
        value=value,
        scale=1 if metric == "hd95" else 100,
        decimals=2,
        source=ClaimSource(place=place),
        protocol=BLANK,
        printed_by="own",
        **more,  # type: ignore[arg-type]
    )
    return ClaimView(made, PROJECT, None)


def ready(*names: str, hours: float | None) -> Ready:
    return Ready(
        claims=[f"some/{name}" for name in names],
        best="C",
        why=["its hash is not known"],
        adapter="some/1",
        dataset="btcv",
        split="test",
        hours=hours,
        basis="assumed",
        on=None,
        download_bytes=0,
        sizes_unknown=[],
        memory_mib=500,
        by_hand=["get BTCV"],
    )


def test_numbers_of_one_place_are_one_group_and_a_distance_keeps_its_unit() -> None:
    claims = [
        claim("a", 81.0),
        claim("b", 90.5),
        claim("c", 16.02, "hd95", unit="voxels"),
        claim("d", 70.0, place="Table 3", state="blocked", reason="no-checkpoint"),
    ]
    first, second = groups(claims, Readiness())
    assert first.summary == "2 × Dice, 81.00 to 90.50 %; HD95 16.02 voxels"
    assert [c.claim.id for c in second.items] == ["d"]
    (lack,) = second.lacks
    assert (lack.count, lack.blocked, lack.lift) == (1, True, "authors release the weights")
    assert claimed(claim("e", 4.2, "hd95").claim) == "4.20 (unit not stated)"


def test_a_group_says_what_its_runs_take_together_and_why_the_rest_is_in_none() -> None:
    claims = [claim("a", 81.0), claim("b", 90.5), claim("c", 12.0)]
    known = Readiness(
        runs=[ready("a", hours=0.5), ready("b", hours=1.0)],
        left={"some/c": "no data set plugin for 'X' (`sam4mis reproduce list` names them)."},
    )
    (group,) = groups(claims, known)
    takes = group.takes
    assert takes is not None
    assert (takes.runs, takes.numbers, takes.hours, takes.by_hand) == (2, 2, 1.5, ["get BTCV"])
    (lack,) = group.lacks
    assert (lack.why, lack.lift) == ("no data set plugin for 'X'", "a reader of these data")
    (unknown,) = groups(claims[:2], Readiness(runs=[ready("a", hours=None), ready("b", hours=1.0)]))
    assert unknown.takes is not None
    assert unknown.takes.hours is None, "a sum with an unknown part is unknown"
