"""Gates: what is tried beside the run so that its numbers can be trusted.

exact-keys           every parameter of the model came from the checkpoint, and none was left over
all-cases            every expected case has statistics
batch-parity         the same cases one by one and in a batch give the same masks
deterministic-rerun  the same cases again give the same counts
fidelity             lower precision or a GPU against float32 on the CPU, on a few cases
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from catalog.records import Check
from reproduce.contracts import Case
from reproduce.running.evaluation import Evaluator
from reproduce.running.spec import Plan
from reproduce.running.worker import builder_for, load_model

if TYPE_CHECKING:
    import pyarrow as pa

GATE_CASES = 2
PARITY_BATCH = 4
# Largest difference of a case's Dice that still counts as the same (half of the smallest
# tolerance a verdict is shown at is 0.0025; these are far below it).
PARITY_DICE = 5e-4
FIDELITY_DICE = {"float32": 1e-3, "bfloat16": 5e-3, "float16": 5e-3}

COLUMNS = [
    "case",
    "label",
    "slice",
    "object",
    "round",
    "seed",
    "candidate",
    "threshold",
    "tp",
    "fp",
    "fn",
    "tn",
]


def count(evaluator: Evaluator, cases: Sequence[Case]) -> pa.Table:
    """Statistics of a few cases, in the order of their keys."""
    builder = builder_for(evaluator.spec)
    evaluator.evaluate(cases, builder)
    return builder.table()


def largest_dice_difference(one: pa.Table, other: pa.Table) -> float:
    """Largest difference of Dice over the rows of two tables; 1 where their rows differ."""
    import numpy as np

    keys = COLUMNS[:8]
    if one.select(keys).to_pylist() != other.select(keys).to_pylist():
        return 1.0
    if one.num_rows == 0:
        return 0.0

    def dice(table: pa.Table) -> Any:
        tp, fp, fn = (
            np.asarray(table[name].to_pylist(), dtype=np.float64) for name in ("tp", "fp", "fn")
        )
        total = 2 * tp + fp + fn
        return np.divide(2 * tp, total, out=np.ones_like(tp), where=total > 0)

    return float(np.abs(dice(one) - dice(other)).max())


def batch_parity(evaluator: Evaluator, cases: Sequence[Case]) -> Check:
    """One by one against in a batch (without the embedding cache, or nothing would be tried)."""
    batch, cache = evaluator.batch, evaluator.cache
    evaluator.cache = None
    size = min(PARITY_BATCH, max(len(cases), 2))
    try:
        evaluator.batch = 1
        single = count(evaluator, cases)
        evaluator.batch = size
        batched = count(evaluator, cases)
    finally:
        evaluator.batch, evaluator.cache = batch, cache
    difference = largest_dice_difference(single, batched)
    return Check(
        name="batch-parity",
        passed=difference <= PARITY_DICE,
        value=difference,
        detail=f"{len(cases)} case(s), batch 1 against {size}: largest Dice difference "
        f"{difference:.2e}, allowed {PARITY_DICE:.0e}",
    )


def deterministic_rerun(evaluator: Evaluator, cases: Sequence[Case], table: pa.Table) -> Check:
    """A few cases again, without cached embeddings, against the counts that the run stored."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cache = evaluator.cache
    evaluator.cache = None
    try:
        again = count(evaluator, cases)
    finally:
        evaluator.cache = cache
    names = pa.array([case.id for case in cases])
    stored = table.filter(pc.and_(pc.is_in(table["case"], names), pc.is_null(table["failure"])))
    same = stored.select(COLUMNS).to_pylist() == again.select(COLUMNS).to_pylist()
    difference = 0.0 if same else largest_dice_difference(stored, again)
    return Check(
        name="deterministic-rerun",
        passed=same,
        value=difference,
        detail=f"{len(cases)} case(s) again: "
        + ("identical counts" if same else f"counts differ, Dice by up to {difference:.2e}"),
    )


def fidelity(plan: Plan, evaluator: Evaluator, cases: Sequence[Case]) -> Check | None:
    """Against float32 on the CPU; None where the run is just that."""
    spec, device = plan.spec, plan.placement.device
    if device == "cpu" and spec.precision == "float32":
        return None
    exact = Evaluator(
        spec=spec,
        dataset=evaluator.dataset,
        model=load_model(spec, plan.placement.checkpoints, "cpu", "float32"),
        profile=evaluator.profile,
        prompts=evaluator.prompts,
        plane=evaluator.plane,
    )
    cache = evaluator.cache
    evaluator.cache = None
    try:
        difference = largest_dice_difference(count(exact, cases), count(evaluator, cases))
    finally:
        evaluator.cache = cache
    allowed = FIDELITY_DICE[spec.precision]
    return Check(
        name="fidelity",
        passed=difference <= allowed,
        value=difference,
        detail=f"{spec.precision} on {device.partition(':')[0]} against float32 on the CPU, "
        f"{len(cases)} case(s): largest Dice difference {difference:.2e}, allowed {allowed:.0e}",
    )
