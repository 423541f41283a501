"""Ask a model about every case of a folder, one after the other, and write what it answers.

A case is finished when its record is there; the record is written last and holds a mark of all that
made the answer. The same command therefore goes on where it stopped, and asks again about cases
whose image, prompts, weights or options are others.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from catalog import json_in
from catalog.errors import InputError, Sam4misError
from catalog.files import lock, write_whole
from reproduce.asking.kept import KeptDataset
from reproduce.asking.loop import Evaluator
from reproduce.contracts import Case, Model, Prompt, Sample
from reproduce.ground.provenance import harness
from reproduce.predicting import NOTICE
from reproduce.predicting.given import Source
from reproduce.predicting.images import OwnImages
from reproduce.predicting.overlay import write_overlay
from reproduce.predicting.taken import Measured, Painter
from reproduce.predicting.writing import png, write_masks
from reproduce.running.worker import load_model
from reproduce.runs.spec import RunSpec, canonical, hash_cases

CASES, MASKS, OVERLAYS, OBJECTS = "cases", "masks", "overlays", "objects"
NUMBERS = "labels.json"
RULE = 1  # of what is written for a case; another number, and all is asked again
Status = Literal["done", "partial", "failed"]


class CaseRecord(Struct, kw_only=True):
    """What came of one case.

    mark      of all that made the answer
    problems  what could not be asked or done, in words; of a failed case why
    notes     what a reader should know, nothing being wrong
    masks, overlay  files below the output folder; None: there is none
    apart     of an image, each pixel's object as `objects` number them; None: not told apart
    overlapping_px  pixels that two classes claim: the smaller object has them
    modality  as DICOM says it
    """

    case: str
    mark: str
    status: Status
    problems: list[str] = []
    notes: list[str] = []
    objects: list[Measured] = []
    masks: str | None = None
    overlay: str | None = None
    apart: str | None = None
    shape: list[int] = []
    spacing_mm: list[float] | None = None
    overlapping_px: int = 0
    seconds: float = 0.0
    modality: str | None = None
    notice: str = NOTICE


@dataclass(slots=True)
class Job:
    """A model, and what it is asked about.

    files      of the weights
    out        where everything is written
    threshold  probability above which a pixel belongs to an object
    """

    spec: RunSpec
    files: Sequence[Path]
    data: OwnImages
    source: Source
    out: Path
    device: str
    threshold: float = 0.5
    nifti: bool = False
    keep_patient: bool = False
    numbers: dict[str, int] = field(default_factory=dict)
    _model: Model | None = None

    @property
    def model(self) -> Model:
        """Built when the first case needs it."""
        if self._model is None:
            files = [str(path) for path in self.files]
            self._model = load_model(self.spec, files, self.device, self.spec.precision)
        return self._model

    def work(
        self, cases: Sequence[Case], on_case: Callable[[CaseRecord, bool], None]
    ) -> list[CaseRecord]:
        """Every case; `on_case` hears its record, and whether it was finished before.

        Raises `InputError` where another command writes into the same folder.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        with lock(self.out / ".predict.lock", 0) as mine:
            if not mine:
                raise InputError(f"{self.out}: another command writes there. Let it finish.")
            self._number()
            found = []
            for case in cases:
                record, before = self._case(case)
                found.append(record)
                on_case(record, before)
        return found

    def _number(self) -> None:
        """Class numbers: those that stand in the folder already stay."""
        path = self.out / MASKS / NUMBERS
        if path.is_file():
            try:
                known = json_in.decoded(path.read_bytes(), dict[str, str])
                self.numbers = {name: int(number) for number, name in known.items()}
            except ValueError as error:  # also msgspec's
                raise InputError(
                    f"{path}: expected the numbers of the classes, got: {error}. Remove the file "
                    "and the masks beside it, or name another folder (--out)."
                ) from error
        self._add(self.source.labels)

    def _add(self, labels: Sequence[str]) -> None:
        new = [name for name in labels if name not in self.numbers]
        for name in new:
            self.numbers[name] = max(self.numbers.values(), default=0) + 1
        if new:
            text = {str(number): name for name, number in self.numbers.items()}
            content = json.dumps(text, indent=1, ensure_ascii=False)
            write_whole(self.out / MASKS / NUMBERS, content.encode() + b"\n")

    def _case(self, case: Case) -> tuple[CaseRecord, bool]:
        path = self.out / CASES / f"{case.id}.json"
        mark = ""
        try:
            mark = self.mark(case)
            if (before := self._before(path, mark)) is not None:
                return before, True
            record = self._asked(case, mark)
        except Sam4misError as error:
            record = CaseRecord(case=case.id, mark=mark, status="failed", problems=[str(error)])
        record.modality = case.meta.get("modality")
        try:
            write_whole(path, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
        except InputError as error:  # no room for the record either: the case is not finished
            record.status = "failed"
            record.problems.append(str(error))
        return record, False

    def mark(self, case: Case) -> str:
        """A hash of everything that makes the answer about a case. Raises `InputError` for a file
        that cannot be read."""
        (hashed,) = hash_cases([case])
        document = [
            RULE,
            self.spec.identity(),
            self.threshold,
            self.nifti,
            self.keep_patient,
            msgspec.to_builtins(hashed),
            self.source.mark(case),
        ]
        return hashlib.sha256(canonical(document)).hexdigest()

    def _before(self, path: Path, mark: str) -> CaseRecord | None:
        """The record of a case that was finished with the same mark, whose files are there."""
        if not path.is_file():
            return None
        try:
            record = json_in.decoded(path.read_bytes(), CaseRecord)
        except msgspec.DecodeError:
            return None
        written = (record.masks, record.overlay, record.apart)
        wanted = [self.out / name for name in written if name]
        fine = record.status != "failed" and record.mark == mark
        return record if fine and all(one.exists() for one in wanted) else None

    def _asked(self, case: Case, mark: str) -> CaseRecord:
        begun = time.perf_counter()
        held = KeptDataset(self.data, limit=1 << 62)  # one case at a time
        sample = held.load(case, self.spec.dataset_options)
        asked = self.source.prompts(sample)
        if self.source.profile is not None and not asked.prompts:
            raise InputError("; ".join(asked.problems) or "no prompt is given for it.")
        painter = self._answered(held, case, sample, asked.prompts)
        self._add(painter.labels)
        made_by = {
            "model": f"{self.spec.project} {self.spec.adapter}",
            "version": f"{self.spec.adapter_version} {self.spec.checkpoints[0].sha256[:16]}",
            "harness": str(harness()["commit"] or "sam4mis")[:40],
        }
        record = CaseRecord(case=case.id, mark=mark, status="done", problems=list(asked.problems))
        record.objects = painter.measured()
        record.shape = list(sample.shape[1:] if sample.is_image else sample.shape)
        spacing = sample.in_plane_mm if sample.is_image else sample.spacing_mm
        record.spacing_mm = None if spacing is None else list(spacing)
        name, record.overlapping_px = write_masks(
            self.out / MASKS, painter, self.numbers, self.nifti, self.keep_patient, made_by
        )
        record.masks = name and f"{MASKS}/{name}"
        if name is None:
            record.notes.append("nothing was found; a DICOM SEG cannot be empty, so there is none")
        if (apart := painter.apart()) is not None:
            record.apart = f"{OBJECTS}/{case.id}.png"
            write_whole(self.out / record.apart, png(apart))
        overlay = f"{OVERLAYS}/{case.id}.png"
        write_overlay(self.out / overlay, painter, self.numbers, asked.prompts)
        record.overlay = overlay
        record.status = "partial" if record.problems else "done"
        record.seconds = round(time.perf_counter() - begun, 3)
        return record

    def _answered(
        self, held: KeptDataset, case: Case, sample: Sample, prompts: Sequence[Prompt]
    ) -> Painter:
        """The loop of every run, for one case and without a reference."""
        painter = Painter(sample, self.threshold)
        evaluator = Evaluator(
            spec=self.spec,
            dataset=held,
            model=self.model,
            profile=self.source.profile,
            prompts={case.id: list(prompts)},
        )
        evaluator.walk([case], lambda _: painter)
        return painter
