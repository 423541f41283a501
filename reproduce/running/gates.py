"""Gates: what is tried beside the run so that its numbers can be trusted.

exact-keys           every parameter of the model came from the checkpoint, and none was left over
all-cases            every expected case has statistics
batch-parity         cases encoded one by one and together give the same masks, within a limit
deterministic-rerun  the first batch again gives the same counts
fidelity             lower precision or a GPU against float32 on the CPU

Each is held against what the run stored, so that a case is evaluated once more for a gate and not
twice, and cases are those that something was asked about. What a gate found is kept in the run's
folder: a command that goes on does not try it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from catalog import json_in
from catalog.errors import InputError
from catalog.files import write_whole
from catalog.records import Check
from reproduce.asking.loop import Evaluator
from reproduce.contracts import Case, StackModel
from reproduce.running.worker import builder_for, load_model
from reproduce.runs.spec import Plan, RunSpec
from reproduce.statistics.parity import FIDELITY_DICE, PARITY_DICE, Difference, difference

if TYPE_CHECKING:
    import pyarrow as pa

GATES = "gates.json"
PARITY_BATCH = 4  # planes of a volume that are tried together where the run takes them one by one
OnCase = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Gates:
    """The gates of a finished run that evaluate cases again.

    folder  of the run
    cases   that could be scored, in the run's order;  table  what it stored of them
    """

    folder: Path
    plan: Plan
    evaluator: Evaluator
    cases: Sequence[Case]
    table: pa.Table

    def tried(self, on_case: OnCase) -> Iterator[Check]:
        """Try what `folder` does not know yet; each is kept there once it is done.

        on_case  hears of every case that is evaluated: `left` of them
        """
        found = _read(self.folder / GATES)
        for name, (gate, _) in self._gates().items():
            if name not in found:
                found[name] = gate(on_case)
                content = msgspec.json.format(msgspec.json.encode(found), indent=1)
                write_whole(self.folder / GATES, content)
            yield found[name]

    @property
    def left(self) -> int:
        """How often a case will be evaluated for what was not tried yet."""
        known = _read(self.folder / GATES)
        return sum(len(cases) for name, (_, cases) in self._gates().items() if name not in known)

    def _gates(self) -> dict[str, tuple[Callable[[OnCase], Check], Sequence[Case]]]:
        """Name -> what tries it, and the cases that it evaluates."""
        known: dict[str, tuple[Callable[[OnCase], Check], Callable[[], Sequence[Case]]]] = {
            "batch-parity": (self._batch_parity, lambda: self._parity()[0]),
            "deterministic-rerun": (self._deterministic_rerun, self._first_batch),
            "fidelity": (self._fidelity, lambda: self._asked(1)),
        }
        return {name: (known[name][0], known[name][1]()) for name in names(self.plan.spec)}

    def _batch_parity(self, on_case: OnCase) -> Check:
        """Grouped in another way than the run did."""
        spec = self.plan.spec
        if isinstance(self.evaluator.model, StackModel):
            told = "each case is taken whole: nothing is grouped"
            return Check(name="batch-parity", passed=True, value=0.0, detail=told)
        cases, batch = self._parity()
        grouped = msgspec.structs.replace(spec, batch=batch)
        again = count(replace(self.evaluator, spec=grouped), cases, on_case)
        return _within(
            "batch-parity",
            difference(self._stored(cases), again),
            PARITY_DICE,
            f"{_told(cases)}, batch {batch} against {spec.batch}",
        )

    def _parity(self) -> tuple[Sequence[Case], int]:
        """Which cases are grouped in another way, and how many images then go together."""
        if isinstance(self.evaluator.model, StackModel):
            return [], 1
        if self.plan.spec.batch > 1:
            return self._asked(1), 1
        if self.evaluator.dataset.dimensionality == "3d":
            return self._asked(1), PARITY_BATCH
        return self._asked(2), 2

    def _deterministic_rerun(self, on_case: OnCase) -> Check:
        """Equal counts, on the same machine; whole batches, as the encoder saw them."""
        cases = self._first_batch()
        return _within(
            "deterministic-rerun",
            difference(self._stored(cases), count(self.evaluator, cases, on_case)),
            None,
            f"{_told(cases)} again",
        )

    def _fidelity(self, on_case: OnCase) -> Check:
        """Against float32 on the CPU, which may take far longer than the run's device."""
        spec = self.plan.spec
        files = self.plan.placement.checkpoints
        exact = replace(self.evaluator, model=load_model(spec, files, "cpu", "float32"))
        cases = self._asked(1)
        return _within(
            "fidelity",
            difference(count(exact, cases, on_case), self._stored(cases)),
            FIDELITY_DICE[spec.precision],
            f"{spec.precision} on {spec.device} against float32 on the CPU, {_told(cases)}",
        )

    def _asked(self, number: int) -> list[Case]:
        """The first cases that something was asked about; where nothing was of any, the first."""
        known = self.evaluator.prompts
        asked = [c for c in self.cases if self.evaluator.profile is None or c.id in known]
        return list(asked or self.cases)[:number]

    def _first_batch(self) -> Sequence[Case]:
        """The first whole batch of the run with a case that something was asked about."""
        wanted = self._asked(1)
        spec = self.plan.spec
        here = {case.id: case for case in self.cases}
        if spec.batch == 1 or self.evaluator.dataset.dimensionality == "3d":
            return wanted
        ids = [case.id for case in spec.cases]
        start = ids.index(wanted[0].id) // spec.batch * spec.batch
        return [here[name] for name in ids[start : start + spec.batch] if name in here]

    def _stored(self, cases: Sequence[Case]) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        names = pa.array([case.id for case in cases])
        there = pc.and_(pc.is_in(self.table["case"], names), pc.is_null(self.table["failure"]))
        return self.table.filter(there)


def names(spec: RunSpec) -> list[str]:
    """The gates of a run that evaluate cases again, in order."""
    exact = (spec.device, spec.precision) == ("cpu", "float32")
    return ["batch-parity", "deterministic-rerun", *([] if exact else ["fidelity"])]


def kept(folder: Path, spec: RunSpec) -> list[Check] | None:
    """What was found in the run's folder, where all of it was tried there; else None."""
    found = _read(folder / GATES)
    wanted = names(spec)
    return [found[name] for name in wanted] if set(wanted) <= found.keys() else None


def count(evaluator: Evaluator, cases: Sequence[Case], on_case: OnCase) -> pa.Table:
    """Statistics of a few cases, in the order of their keys, without cached embeddings (or nothing
    would be tried)."""
    builder = builder_for(evaluator.spec)
    quiet = replace(evaluator, cache=None, on_prompts=lambda _: None, on_masks=None)
    quiet.evaluate(cases, builder, on_case)
    return builder.table()


def _read(path: Path) -> dict[str, Check]:
    """What earlier commands found. Raises `InputError` for a file that is none of this version."""
    if not path.is_file():
        return {}
    try:
        return json_in.decoded(path.read_bytes(), dict[str, Check])
    except msgspec.DecodeError as error:
        raise InputError(
            f"{path}: expected the gates of a run of this version, got: {error}. Delete "
            f"{path.name} to try them again."
        ) from error


def _told(cases: Sequence[Case]) -> str:
    return f"{len(cases)} case(s)"


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
