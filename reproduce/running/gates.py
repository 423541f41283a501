"""Gates: what is tried beside the run so that its numbers can be trusted.

exact-keys           every parameter of the model came from the checkpoint, and none was left over
all-cases            every expected case has statistics
batch-parity         the same cases one by one and in a batch give the same masks, within a limit
deterministic-rerun  the same cases again give the same counts
fidelity             lower precision or a GPU against float32 on the CPU, on a few cases
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from catalog.records import Check
from reproduce.asking.loop import Evaluator
from reproduce.contracts import Case
from reproduce.running.worker import builder_for, load_model
from reproduce.runs.spec import Plan
from reproduce.statistics.parity import FIDELITY_DICE, PARITY_DICE, Difference, difference

if TYPE_CHECKING:
    import pyarrow as pa

GATE_CASES = 2
PARITY_BATCH = 4


def gate_cases(evaluator: Evaluator, cases: Sequence[Case], scored: Sequence[str]) -> list[Case]:
    """The first whole batches of a run that hold `GATE_CASES` of the cases that could be scored."""
    chosen: list[Case] = []
    for batch in evaluator.batches(cases):
        if sum(case.id in scored for case in chosen) >= GATE_CASES:
            break
        if any(case.id in scored for case in batch):
            chosen += batch
    return chosen


def count(evaluator: Evaluator, cases: Sequence[Case]) -> pa.Table:
    """Statistics of a few cases, in the order of their keys, without cached embeddings (or nothing
    would be tried)."""
    builder = builder_for(evaluator.spec)
    replace(evaluator, cache=None).evaluate(cases, builder)
    return builder.table()


def batch_parity(evaluator: Evaluator, cases: Sequence[Case]) -> Check:
    """One by one against in a batch."""
    spec = evaluator.spec
    size = spec.batch if spec.batch > 1 else min(PARITY_BATCH, max(len(cases), 2))
    single, batched = (
        count(replace(evaluator, spec=msgspec.structs.replace(spec, batch=batch)), cases)
        for batch in (1, size)
    )
    return _within(
        "batch-parity",
        difference(single, batched),
        PARITY_DICE,
        f"{len(cases)} case(s), batch 1 against {size}",
    )


def deterministic_rerun(evaluator: Evaluator, cases: Sequence[Case], table: pa.Table) -> Check:
    """A few cases again against the counts that the run stored: equal, on the same machine."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = pa.array([case.id for case in cases])
    stored = table.filter(pc.and_(pc.is_in(table["case"], names), pc.is_null(table["failure"])))
    return _within(
        "deterministic-rerun",
        difference(stored, count(evaluator, cases)),
        None,
        f"{len(cases)} case(s) again",
    )


def fidelity(plan: Plan, evaluator: Evaluator, cases: Sequence[Case]) -> Check | None:
    """Against float32 on the CPU; None where the run is just that."""
    spec = plan.spec
    if spec.device == "cpu" and spec.precision == "float32":
        return None
    exact = replace(evaluator, model=load_model(spec, plan.placement.checkpoints, "cpu", "float32"))
    return _within(
        "fidelity",
        difference(count(exact, cases), count(evaluator, cases)),
        FIDELITY_DICE[spec.precision],
        f"{spec.precision} on {spec.device} against float32 on the CPU, {len(cases)} case(s)",
    )


def _within(name: str, found: Difference | None, allowed: float | None, what: str) -> Check:
    """A gate that says by how much counts moved. `allowed`: of a row's Dice; None: nothing may."""
    if found is None:
        return Check(name=name, passed=False, value=1.0, detail=f"{what}: other rows")
    limit = "" if allowed is None else f"; allowed {allowed:.0e}"
    return Check(
        name=name,
        passed=found.moved == 0 if allowed is None else found.dice <= allowed,
        value=found.dice,
        detail=f"{what}: {found}{limit}",
    )
