"""Edits of a result: each tries to make another verdict of it, and mends every hash on its way.

One list for the examples (`EDITS`) and one generator for more (`drawn`); both work on a `Copy` of a
result folder, published or made by a test.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import Sam4misError
from catalog.records import Result
from catalog.registry import RESULTS, Registry
from reproduce.planning.recipes import Request, build_spec, recipe
from reproduce.running.engine import Execution, execute, prepare, publish, run_folder
from reproduce.runs.recorded import run_id_of
from reproduce.runs.spec import Placement
from reproduce.scoring import score
from reproduce.scoring.recorded import case_scores, shown_threshold
from reproduce.selftest.running import WEIGHTS
from reproduce.statistics import arrow_schema

ROOT = Path(__file__).resolve().parents[2]
Row = dict[str, Any]


def made(out: Path) -> Path:
    """A result of today's format, run and published below `out`: prompted, two seeds, three
    thresholds, histograms; it says that it serves the self-test's claim."""
    project = next(p for p in Registry.load(ROOT).projects if p.slug == "selftest")
    request = Request(dataset={"count": 5}, seeds=(0, 1), thresholds=(0.25, 0.75))
    item = recipe(project, project.claims[0], request)
    spec, prompts, _ = build_spec([item], ROOT, [WEIGHTS])
    spec = msgspec.structs.replace(spec, score_bins=20, claims=["selftest/phantom-dice"])
    folder = run_folder(out / "runs", spec)
    placement = Placement(data=str(ROOT), checkpoints=[str(WEIGHTS)], threads=1, command="test")
    execute(folder, prepare(folder, spec, placement, prompts), [item], Execution(quiet=True))
    return publish(folder, out / RESULTS)


@dataclass
class Copy:
    """A result folder that may be edited: its document, its rows; `save` writes both back."""

    folder: Path

    def __post_init__(self) -> None:
        self.result: dict[str, Any] = json.loads((self.folder / "result.json").read_text("utf-8"))
        self.rows: list[Row] = pq.read_table(self.folder / "statistics.parquet").to_pylist()

    @classmethod
    def of(cls, folder: Path, root: Path) -> Copy:
        """A copy in a registry of its own that has the project and nothing else."""
        target = root / "reproduce" / "results" / folder.name
        shutil.copytree(folder, target)
        return cls(target)

    # ------------------------------------------------------------------------------- reading

    def at(self, dotted: str) -> tuple[Any, str | int]:
        """The container of a field of the document, and its key."""
        *way, last = dotted.split(".")
        place: Any = self.result
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        return place, int(last) if isinstance(place, list) else last

    def has(self, dotted: str) -> bool:
        try:
            place, key = self.at(dotted)
            return place[key] is not None
        except (KeyError, IndexError, TypeError):
            return False

    # ------------------------------------------------------------------------------- writing

    def put(self, dotted: str, value: Any) -> None:
        """Set a field (a function gets the old value) and write the document."""
        place, key = self.at(dotted)
        place[key] = value(place[key]) if callable(value) else value
        self.write()

    def write(self) -> None:
        (self.folder / "result.json").write_text(json.dumps(self.result), "utf-8")

    def save(self, table: pa.Table | None = None) -> None:
        """Write the rows and mend what is recorded of the file: hash, size, number of rows."""
        path = self.folder / "statistics.parquet"
        if table is None:
            table = pa.Table.from_pylist(self.rows, schema=_loose(arrow_schema()))
            table = self.own(table)
        pq.write_table(table, path)
        self.mend(table.num_rows)

    def own(self, table: pa.Table) -> pa.Table:
        """The table with what a file says of its run, where this one says anything."""
        kept = pq.read_schema(self.folder / "statistics.parquet").metadata or {}
        named = {b"run": self.result["run"].encode()} if b"run" in kept else {}
        return table.replace_schema_metadata({**(table.schema.metadata or {}), **named})

    def mend(self, rows: int) -> None:
        content = (self.folder / "statistics.parquet").read_bytes()
        self.result["statistics"] |= {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "rows": rows,
        }
        self.write()

    def derive(self) -> None:
        """Record what the edited rows give: measurements, case table, reference areas."""
        table = pq.read_table(self.folder / "statistics.parquet")
        protocol = self.result["protocol"]
        for old in self.result["measurements"]:
            found = score(
                table,
                old["metric_profile"],
                old["metric"],
                label=old.get("label"),
                threshold=old.get("threshold"),
                mask_selection=old.get("mask_selection"),
            )
            new = found.measurement(claim=old.get("claim"), label=old.get("label"))
            old.clear()
            old |= msgspec.to_builtins(new)
        shown = shown_threshold(protocol["thresholds"])
        cases = case_scores(table, shown, protocol["rounds"])
        self.result["cases"] = msgspec.to_builtins(cases)
        self.write()

    def rename(self) -> None:
        """Give the run the id of its edited inputs, and its folder the name."""
        result = msgspec.convert(self.result, Result)
        self.result["run"] = run_id_of(result)
        self.save(self.own(pq.read_table(self.folder / "statistics.parquet")))
        self.folder = self.folder.rename(self.folder.with_name(self.result["run"]))


def _loose(schema: pa.Schema) -> pa.Schema:
    """The schema with nulls allowed everywhere: a forger's file has them."""
    return pa.schema([field.with_nullable(True) for field in schema], metadata=schema.metadata)


@dataclass(frozen=True)
class Edit:
    """One way to edit a result. `told`: what the refusal names (one of several, by |)."""

    name: str
    do: Callable[[Copy], None]
    told: str
    fits: Callable[[Copy], bool] = lambda _: True


# ------------------------------------------------------------------------------ of the document


def _set(dotted: str, value: Any, told: str | None = None, name: str | None = None) -> Edit:
    def do(copy: Copy) -> None:
        copy.put(dotted, value)

    label = name or f"{dotted} = {'changed' if callable(value) else json.dumps(value)}"[:60]
    return Edit(label, do, told or dotted.rpartition(".")[2], lambda copy: copy.has(dotted))


def _claimed(field: str, value: Any, told: str | None = None) -> Edit:
    """Edit the measurement of the first claim (of the first measurement where there is none)."""

    def do(copy: Copy) -> None:
        found = copy.result["measurements"]
        chosen = next((m for m in found if m.get("claim")), found[0])
        chosen[field] = value(chosen[field]) if callable(value) else value
        copy.write()

    shown = "changed" if callable(value) else json.dumps(value)
    return Edit(f"measurement {field} = {shown}", do, told or field)


def _document(name: str, told: str, change: Callable[[dict[str, Any]], None]) -> Edit:
    def do(copy: Copy) -> None:
        change(copy.result)
        copy.write()

    return Edit(name, do, told)


def _gate(name: str, told: str, **values: Any) -> Edit:
    def change(result: dict[str, Any]) -> None:
        next(c for c in result["checks"] if c["name"] == name).update(values)

    return _document(f"gate {name}: {values}", told, change)


def _claims(result: dict[str, Any]) -> bool:
    return bool(result["claims"])


def _swap_claims(result: dict[str, Any]) -> None:
    one, other = [m for m in result["measurements"] if m.get("claim")][:2]
    one["claim"], other["claim"] = other["claim"], one["claim"]
    one["metric"], other["metric"] = other["metric"], one["metric"]


def _rehash(dotted: str, value: Any) -> Edit:
    """An input is another one: the id is of the old."""
    return _set(dotted, value, "run: expected the id")


DIGEST = "0" * 64

OF_DOCUMENT = [
    _claimed("value", 7.5),
    _claimed("value", None),
    _claimed("value", lambda v: v + 0.01),
    _claimed("value_complete_cases", 0.99),
    _claimed("n_cases", 10_000),
    _claimed("n_cases", -1, "n_cases"),
    _claimed("n_cases", lambda n: n + 1),
    _claimed("per_label", lambda v: dict.fromkeys(v, 0.99)),
    _claimed("per_seed", lambda v: dict.fromkeys(v, 0.99)),
    _claimed("per_seed", lambda v: v | {"17": next(iter(v.values()))}),
    _claimed("std", 0.0),
    _claimed("metric", "iou", "measurements"),
    _claimed("metric", "no-such-metric", "measurements"),
    _claimed("metric_profile", "house/9", "measurements"),
    _claimed("claim", "lwnet/another", "measurements"),
    _document("a measurement twice", "measurements", lambda r: r["measurements"].append(
        r["measurements"][0] | {"claim": "p/c"})),
    _document("all cases gone", "cases", lambda r: r.update(cases=[])),
    _document("a case of the table twice", "cases", lambda r: r["cases"].append(r["cases"][0])),
    _document("a case of the table left out", "cases", lambda r: r["cases"].pop()),
    _set("cases.0.dice", 1.0, "cases.dice"),
    _set("cases.0.tp", 123_456, "cases.tp"),
    _set("cases.0.fn", 0, "cases.fn"),
    _set("status", "partial", "status"),
    _document("a reason", "reason", lambda r: r.update(reason="all is well")),
    _gate("all-cases", "all-cases", value=0.5),
    _gate("all-cases", "all-cases", passed=False),
    _gate("batch-parity", "batch-parity", value=0.3),
    _gate("batch-parity", "batch-parity", value=None),
    _gate("deterministic-rerun", "deterministic-rerun", value=1e-4),
    _document("a gate twice", "exact-keys", lambda r: r["checks"].insert(
        0, {"name": "exact-keys", "passed": False})),
    _document("keys that were left over", "exact-keys",
              lambda r: r["inputs"].update(unexpected_keys=["head.weight"])),
    _document("keys that are a number", "exact-keys",
              lambda r: r["inputs"].update(missing_keys=7)),
    _set("environment.dtype", "bfloat16", "environment.dtype"),
    _set("environment.device", "cuda", "environment.device"),
    _set("kind", "recomputed", "result.json"),
    _set("run", "lwnet-0123456789abcdef", "run"),
    _rehash("inputs.checkpoints.0.sha256", DIGEST),
    _set("inputs.checkpoints.0.expected_sha256", DIGEST, "expected_sha256"),
    _rehash("inputs.cases.0.patient", "somebody"),
    _document("a case fewer in the inputs", "run: expected the id",
              lambda r: r["inputs"]["cases"].pop()),
    _document("a case twice in the inputs", "run: expected the id",
              lambda r: r["inputs"]["cases"].append(r["inputs"]["cases"][0])),
    _rehash("protocol.grid", lambda g: "original" if g == "model_input" else "model_input"),
    _rehash("protocol.split", "another"),
    _rehash("protocol.seeds", [0, 1, 2, 3, 4]),
    _rehash("protocol.thresholds", [0.5, 0.9]),
    _rehash("protocol.adapter_options", {}),
    _rehash("inputs.dataset", lambda name: name.replace("/1", "/2")),
    _set("created", "zzz"),
    _set("created", "9999-12-31T23:59:59Z"),
    _set("created", "2026-11-20 00:00:00"),
    _set("protocol.adapter", "medsam/1", "protocol.adapter"),
    _set("protocol.precision", "float8", "run: expected the id"),
    _set("protocol.preprocessing", "medsam-1024", "protocol.preprocessing"),
    _set("protocol.postprocessing", "fill-holes", "protocol.postprocessing"),
    _set("protocol.candidates", 3, "protocol.candidates"),
    _set("protocol.flags", ["oracle-prompt: none"], "protocol.flags"),
    _set("protocol.device", "cuda", "run: expected the id|protocol.device|environment.device"),
    _document("no checkpoint", "run: expected the id", lambda r: r["inputs"].update(
        checkpoints=[])),
    _document("inputs that are none", "result.json",
              lambda r: r["inputs"].pop("checkpoints")),
    _set("statistics", None, "statistics"),
    _set("statistics.file", "/etc/passwd", "statistics.file"),
    _set("statistics.file", "../verdicts.json", "statistics.file"),
    _set("statistics.file", "result.json", "statistics"),
    _set("statistics.sha256", DIGEST, "sha256"),
    _set("statistics.sha256", "", "sha256"),
    _set("statistics.bytes", 5, "bytes"),
    _set("statistics.rows", 4, "rows"),
    _set("contours.0.case", "nobody", "contours[0]"),
    _set("contours.0.width_px", 3, "contours[0]"),
    _set("contours.0.image", "../../../../etc/passwd", "image"),
    _set("contours.0.predicted", [[0, 0, 1e9, 1e9]], "contours[0]"),
    _set("references.0.area_px", 1, "references.area_px"),
    _set("references.0.targets", 9, "references.targets"),
    _set("references.0.label", "another", "references"),
    Edit("no reference areas", lambda c: c.put("references", []), "references",
         lambda c: c.has("references")),
    Edit("measurement of a claim left out",
         lambda c: c.put("measurements", lambda found: [m for m in found if not m.get("claim")]),
         "measurements", lambda c: _claims(c.result)),
    Edit("claims emptied", lambda c: c.put("claims", []), "measurements",
         lambda c: _claims(c.result)),
    Edit("a claim more", lambda c: c.put("claims", lambda v: [*v, "p/another"]), "measurements"),
    Edit("claims swapped", lambda c: (_swap_claims(c.result), c.write())[1], "measurements",
         lambda c: sum(bool(m.get("claim")) for m in c.result["measurements"]) > 1),
    Edit("no document", lambda c: (c.folder / "result.json").write_text("{}"), "result.json"),
    Edit("a document that is cut short", lambda c: (c.folder / "result.json").write_bytes(
        (c.folder / "result.json").read_bytes()[:-9]), "result.json"),
]  # fmt: skip

# ------------------------------------------------------------------------------------- of rows


def _rows(
    name: str,
    told: str,
    change: Callable[[list[Row]], list[Row] | None],
    fits: Callable[[Copy], bool] = lambda _: True,
    first: str = "statistics.parquet",
) -> list[Edit]:
    """An edit of rows: once with hashes mended (`first` is what then is told), once with every
    number that can be derived mended as well (`told`)."""

    def only(copy: Copy) -> None:
        changed = change(copy.rows)
        copy.rows = copy.rows if changed is None else changed
        copy.save()

    def all_of_it(copy: Copy) -> None:
        only(copy)
        with suppress(Sam4misError):  # scoring itself refuses such rows
            copy.derive()

    return [Edit(name, only, first, fits), Edit(f"{name}, numbers mended", all_of_it, told, fits)]


def each(**changes: Any) -> Callable[[list[Row]], None]:
    """Change every row that has counts; a function gets the row."""

    def change(rows: list[Row]) -> None:
        for row in rows:
            if row["failure"] is None:
                row |= {k: v(row) if callable(v) else v for k, v in changes.items()}

    return change


def one(index: int = -1, **changes: Any) -> Callable[[list[Row]], None]:
    """Change one row."""

    def change(rows: list[Row]) -> None:
        row = rows[index]
        row |= {k: v(row) if callable(v) else v for k, v in changes.items()}

    return change


def _last_case(rows: list[Row]) -> set[str]:
    return {rows[-1]["case"]}


def _without_last_case(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["case"] not in _last_case(rows)]


def _renamed_last_case(rows: list[Row]) -> None:
    last = _last_case(rows)
    for row in rows:
        if row["case"] in last:
            row["case"] = "another"


def _case_twice(rows: list[Row]) -> list[Row]:
    more = [row | {"case": "another"} for row in rows if row["case"] in _last_case(rows)]
    return rows + more


def _case_failed(rows: list[Row]) -> list[Row]:
    """A bad case that 'could not be read'."""
    kept = _without_last_case(rows)
    last = dict.fromkeys(rows[-1], None) | {
        name: rows[-1][name]
        for name in ("case", "patient", "label", "scope", "object", "round", "seed", "candidate")
    }
    return [*kept, last | {"failure": "unreadable"}]


def _histogram(row: Row, **changes: Any) -> Row | None:
    return None if row["histogram"] is None else row["histogram"] | changes


def _binned(copy: Copy) -> bool:
    return any(row["histogram"] for row in copy.rows)


def _shifted(rows: list[Row]) -> None:
    """Foreground pixels get higher scores: a better AUC, the counts beside it as they were."""
    for row in rows:
        if row["histogram"]:
            positive = row["histogram"]["positive"]
            row["histogram"] = row["histogram"] | {"positive": sorted(positive)}


def _risen(rows: list[Row]) -> None:
    """The last row finds one pixel more than the row of the threshold before it."""
    before, row = rows[-2:]
    row["tp"] = before["tp"] + 1
    row["fn"] = before["fn"] - 1


def _thresholds(copy: Copy) -> bool:
    return len(copy.result["protocol"]["thresholds"]) > 1


OF_ROWS = [
    edit
    for edits in (
        _rows("half of the rows", "statistics.parquet", lambda rows: rows[::2]),
        _rows("second half of the rows", "statistics.parquet", lambda rows: rows[len(rows) // 2:]),
        _rows("the last row gone", "statistics.parquet", lambda rows: rows[:-1]),
        _rows("the last case gone", "case", _without_last_case),
        _rows("the last case renamed", "case", _renamed_last_case),
        _rows("a case twice under another name", "case", _case_twice),
        _rows("a row twice", "case", lambda rows: [*rows, rows[-1]]),
        _rows("the last case failed", "status|references", _case_failed,
              first="result.json|references"),
        _rows("true positives 0", "tp", each(tp=0)),
        _rows("false positives 0", "tp+fp+fn+tn", each(fp=0)),
        _rows("false negatives 0", "tp+fn", each(fn=0)),
        _rows("all counts 0", "tp+fp+fn+tn", each(tp=0, fp=0, fn=0, tn=0)),
        _rows("true and false positives swapped", "tp+f",
              each(tp=lambda r: r["fp"], fp=lambda r: r["tp"])),
        _rows("one true positive more", "tp+f", one(0, tp=lambda r: r["tp"] + 1)),
        _rows("more found at a higher threshold", "statistics.parquet", _risen, _thresholds),
        _rows("a larger reference in one row", "tp+fn",
              one(0, tp=lambda r: r["tp"] + 9, tn=lambda r: r["tn"] - 9)),
        _rows("more pixels in one row", "tp+fp+fn+tn", one(0, tn=lambda r: r["tn"] + 1_000)),
        _rows("tn null", "tn", one(0, tn=None)),
        _rows("patient changed", "patient", each(patient="somebody")),
        _rows("patient of one row", "patient", one(0, patient="somebody")),
        _rows("label of one row", "statistics.parquet", one(0, label="another")),
        _rows("seed of one row", "statistics.parquet", one(0, seed=7)),
        _rows("round of one row", "statistics.parquet", one(0, round=3)),
        _rows("object of one row", "statistics.parquet", one(0, object=1)),
        _rows("candidate of one row", "statistics.parquet", one(0, candidate=1)),
        _rows("threshold of one row", "statistics.parquet", one(0, threshold=0.3)),
        _rows("every seed another", "seed", each(seed=3)),
        _rows("predicted IoU of one row", "statistics.parquet", one(0, predicted_iou=0.1),
              _thresholds),
        _rows("components made up", "components", one(0, components={
            "connectivity": 1, "reference_size": [], "predicted_size": [], "overlap_reference": [],
            "overlap_predicted": [], "overlap_voxels": []})),
        _rows("surfaces made up", "surfaces", one(0, surfaces=[{
            "definition": "edge/unit/2d", "spacing_mm": [1, 1], "reference_distance": [0.0],
            "reference_area": [1.0], "predicted_distance": [0.0], "predicted_area": [1.0]}])),
        _rows("scores of the foreground shifted", "histogram", _shifted, _binned),
        _rows("histograms of another number of bins", "histogram",
              each(histogram=lambda r: _histogram(r, bins=10_000)), _binned),
    )
    for edit in edits
]  # fmt: skip


def _only(
    name: str,
    told: str,
    change: Callable[[list[Row]], Any],
    fits: Callable[[Copy], bool] = lambda _: True,
) -> Edit:
    """An edit of rows of which nothing can be derived any more."""
    return _rows(name, told, change, fits)[0]


OF_ROWS += [
    _only("a negative count", "tp", one(0, tp=-5)),
    _only("a count beyond every image", "tn", one(0, tn=1 << 60)),
    _only("a count null", "tp", one(0, tp=None)),
    _only("counts of a failed case", "tp", one(0, failure="unreadable")),
    _only("an infinite predicted IoU", "predicted_iou", each(predicted_iou=float("inf"))),
    _only("an undefined predicted IoU", "predicted_iou", each(predicted_iou=float("nan"))),
    _only("a slice of an image", "slice", one(0, slice=0)),
    _only("an unknown scope", "scope", one(0, scope="region")),
    _only("a threshold off the range", "threshold", one(0, threshold=3.0)),
    _only("a threshold null", "threshold", one(0, threshold=None)),
    _only("a case without a name", "case", one(0, case="")),
    _only("a label null", "label", one(0, label=None)),
    _only("no histogram", "histogram", each(histogram=None), _binned),
    _only("histogram lists of other lengths", "histogram",
          each(histogram=lambda r: _histogram(r, positive=[])), _binned),
    _only("no rows", "rows", lambda rows: rows.clear()),
]  # fmt: skip

# ------------------------------------------------------------------------------------ of files


def _table(name: str, change: Callable[[pa.Table], pa.Table]) -> Edit:
    def do(copy: Copy) -> None:
        copy.save(change(pq.read_table(copy.folder / "statistics.parquet")))

    return Edit(name, do, "statistics.parquet")


def _file(
    name: str, told: str, do: Callable[[Copy], Any], fits: Callable[[Copy], bool] = lambda _: True
) -> Edit:
    return Edit(name, do, told, fits)


def _bytes(content: bytes) -> Callable[[Copy], None]:
    def do(copy: Copy) -> None:
        (copy.folder / "statistics.parquet").write_bytes(content)
        copy.mend(copy.result["statistics"]["rows"])

    return do


def _linked(copy: Copy) -> None:
    path = copy.folder / "statistics.parquet"
    outside = copy.folder.parent.parent / "statistics.parquet"
    path.rename(outside)
    path.symlink_to(outside)


def _folder_linked(copy: Copy) -> None:
    outside = copy.folder.parent.parent / copy.folder.name
    copy.folder.rename(outside)
    copy.folder.symlink_to(outside)


def _long_text(copy: Copy) -> None:
    for row in copy.rows:
        row["label"] = "x" * 5_000
    copy.save()


def _prompted(copy: Copy) -> bool:
    return (copy.folder / "prompts.json").is_file()


def _fewer_prompts(copy: Copy) -> None:
    path = copy.folder / "prompts.json"
    path.write_bytes(b"\n".join(path.read_bytes().splitlines()[:-1]) + b"\n")


def _moved_prompts(copy: Copy) -> None:
    """Prompts of another run, with its hash and the id that follows."""
    path = copy.folder / "prompts.json"
    path.write_bytes(path.read_bytes().replace(b'"label":"organ"', b'"label":"lesion"', 1))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    copy.put("inputs.prompt_sha256", digest)
    copy.rename()


def _replaced(dotted: str, value: Any) -> Callable[[Copy], None]:
    """An input that rows contradict, with the id that follows from it."""

    def do(copy: Copy) -> None:
        copy.put(dotted, value)
        copy.rename()

    return do


OF_FILES = [
    _file("statistics that are text", "statistics.parquet", _bytes(b"case,tp\n1,2\n")),
    _file("statistics that are nothing", "statistics.parquet", _bytes(b"")),
    _file("statistics of JSON null", "statistics.parquet", _bytes(b"null")),
    _file("statistics cut short", "statistics.parquet", lambda c: _bytes(
        (c.folder / "statistics.parquet").read_bytes()[:-100])(c)),
    _file("statistics gone", "statistics.parquet",
          lambda c: (c.folder / "statistics.parquet").unlink()),
    _file("statistics behind a link", "statistics.parquet", _linked),
    _file("the folder behind a link", "", _folder_linked),
    _file("a label of 5,000 letters", "statistics.parquet", _long_text),
    _file("a file beside", "notes.txt", lambda c: (c.folder / "notes.txt").write_text("x")),
    _file("twenty files beside", "at most 16 files", lambda c: [
        (c.folder / f"{n}.txt").write_text("x") for n in range(20)]),
    _file("a file of 65 MiB", "at most 64 MiB", lambda c: os.truncate(
        (c.folder / "statistics.parquet").as_posix(), 65 << 20)),
    _file("the folder renamed", "run", lambda c: c.folder.rename(
        c.folder.with_name("lwnet-0123456789abcdef"))),
    _table("a column gone", lambda t: t.drop_columns(["fp"])),
    _table("a column beside", lambda t: t.append_column("note", t["case"])),
    _table("counts as text", lambda t: t.set_column(
        t.column_names.index("tp"), "tp", pa.array(["many"] * t.num_rows))),
    _table("counts as fractions", lambda t: t.set_column(
        t.column_names.index("tp"), "tp", pa.array([0.5] * t.num_rows))),
    _table("another schema", lambda t: t.replace_schema_metadata({"schema": "statistics/9"})),
    _file("prompts gone", "prompts.json",
          lambda c: (c.folder / "prompts.json").unlink(), _prompted),
    _file("a prompt gone", "prompts.json", _fewer_prompts, _prompted),
    _file("prompts of another target, hash and id mended", "prompt", _moved_prompts, _prompted),
    _file("another checkpoint, id mended", "expected_sha256",
          _replaced("inputs.checkpoints.0.sha256", DIGEST)),
    _file("statistics of another run, hash mended", "expected the statistics of", lambda c: c.save(
        pq.read_table(c.folder / "statistics.parquet").replace_schema_metadata(
            {b"schema": arrow_schema().metadata[b"schema"], b"run": b"lwnet-c22efd0b0b62f2a1"}))),
    _file("an adapter of a version that nobody has, id mended", "which nobody has", lambda c: (
        c.put("inputs.adapter", lambda name: name.partition("/")[0] + "/99"),
        c.put("protocol.adapter", c.result["inputs"]["adapter"]), c.rename())),
    _file("a reader of a version that nobody has, id mended", "which nobody has",
          _replaced("inputs.dataset", lambda name: name.partition("/")[0] + "/99")),
    _file("cases fewer, id mended", "case", _replaced("inputs.cases", lambda v: v[:-1])),
    _file("seeds more, id mended", "seed", _replaced("protocol.seeds", [0, 1, 2, 3, 4]), _prompted),
    _file("a threshold more, id mended", "threshold",
          _replaced("protocol.thresholds", lambda v: [*v, 0.9])),
    _file("more bins, id mended", "histogram", _replaced("protocol.score_bins", 7)),
    _file("rounds more, id mended", "round", _replaced("protocol.rounds", 3)),
    _file("other patients, id mended", "patient", _replaced("inputs.cases", lambda cases: [
        case | {"patient": "everybody"} for case in cases])),
]  # fmt: skip

EDITS: list[Edit] = [*OF_DOCUMENT, *OF_ROWS, *OF_FILES]


def fitting(folder: Path, edits: Iterable[Edit] = EDITS) -> list[Edit]:
    """The edits that can be made to the result in `folder`."""
    copy = Copy(folder)
    return [edit for edit in edits if edit.fits(copy)]


# ------------------------------------------------------------------------------------ drawn ones

# Top fields of a document that follow from its inputs and statistics, and what of them does not.
DERIVED = ("run", "claims", "status", "protocol", "inputs", "measurements", "cases", "statistics",
           "references")  # fmt: skip
# Names, sizes and what is only said: they make no number, and verdicts compare none of them.
SAID = ("id", "file", "bytes", "left_out", "limit", "counted", "mask_selection",
        "run_schema", "of", "labels")  # fmt: skip
KEYS_AND_COUNTS = ("case", "label", "object", "round", "seed", "candidate", "threshold", "tp", "fp",
                   "fn", "tn", "patient", "scope", "slice", "failure")  # fmt: skip


def drawn(copy: Copy, random: Random) -> str:
    """Make one edit chosen by `random`; returns what was done."""
    return random.choice((_drawn_field, _drawn_cell, _drawn_rows))(copy, random)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if path.rpartition(".")[2] in SAID and path.count(".") > 1:
        return
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            if "." not in str(key):
                yield from _leaves(inner, f"{path}.{key}")
    else:
        yield path, value


def _other(value: Any, random: Random) -> Any:
    """Another value, mostly of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice((value + 1, value - 1, -value - 1, value * 10 + 7, None, 0.5 + value))
    if isinstance(value, float):
        return random.choice((value + 1e-6, value * 1.01 + 0.001, 1 - value + 1e-3, -value - 1))
    if isinstance(value, str):
        return random.choice((f"{value}x", "another", "../x", f"é{value}"))
    return random.choice((7, "another", [1], {"a": 1}))


def _drawn_field(copy: Copy, random: Random) -> str:
    fields = [leaf for name in DERIVED for leaf in _leaves(copy.result.get(name), name)]
    path, value = random.choice([leaf for leaf in fields if leaf[0] != "references"])
    other = _other(value, random)
    copy.put(path, other)
    return f"{path}: {value!r} -> {other!r}"


def _drawn_cell(copy: Copy, random: Random) -> str:
    number, column = random.randrange(len(copy.rows)), random.choice(KEYS_AND_COUNTS)
    row, value = copy.rows[number], copy.rows[number][column]
    other = _of_column(column, value, random)
    row[column] = other
    copy.save()
    with suppress(Sam4misError, TypeError, ValueError):  # what scoring refuses is not recorded
        copy.derive()
    return f"row {number}, {column}: {value!r} -> {other!r}"


def _of_column(column: str, value: Any, random: Random) -> Any:
    if column in ("case", "label", "patient", "failure"):
        return f"{value}x"
    if column == "scope":
        return random.choice([s for s in ("image", "slice", "volume") if s != value])
    if column == "threshold":
        return random.choice((0.123, None if value is not None else 0.5))
    if value is None:
        return random.randrange(9)
    return random.choice((value + 1, max(value - 1, 0) if value else 2, value + 1000, -1 - value))


def _drawn_rows(copy: Copy, random: Random) -> str:
    """Rows are left out, doubled, or have their counts exchanged."""
    rows = copy.rows
    one, other = random.sample(range(len(rows)), 2)
    what = random.choice(("gone", "twice", "exchanged", "half gone"))
    if what == "gone":
        del rows[one]
    elif what == "twice":
        rows.append(dict(rows[one]))
    elif what == "half gone":
        keep = random.sample(range(len(rows)), len(rows) // 2)
        copy.rows = [rows[i] for i in sorted(keep)]
    else:
        names = ("tp", "fp", "fn", "tn")
        held = [[row[name] for name in names] for row in (rows[one], rows[other])]
        if held[0] == held[1]:
            del rows[one]
            what = "gone"
        else:
            for row, counts in zip((rows[one], rows[other]), held[::-1], strict=True):
                row |= dict(zip(names, counts, strict=True))
    copy.save()
    with suppress(Sam4misError, TypeError, ValueError):
        copy.derive()
    return f"rows {one}, {other} {what}"
