"""A page per run: measurements, contours, gates, cases, provenance, the command."""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from catalog import json_in
from catalog.exports.table import harmless
from catalog.records import CaseScore, Contours, Result
from catalog.registry import RESULTS
from catalog.render import show
from catalog.render.output import Output
from catalog.render.pages.pictures import Given, given_words, picture
from catalog.render.pages.profiles import examples_of
from catalog.render.paging import parted
from catalog.render.views import Catalog
from catalog.repeats import of_run

#: Rows of the per-case table on a page; the CSV has all.
CASES = 300


def write(output: Output, catalog: Catalog) -> None:
    for part in parted("runs", [(r, catalog.projects.get(r.project)) for r in catalog.runs]):
        output.page(
            part.address,
            "runs.html",
            title=part.title("Runs"),
            kind="page" if part.number == 0 else None,
            description="Every run of a released checkpoint, newest first.",
            part=part,
        )
    for run in catalog.runs:
        output.files[f"runs/{run.run}/cases.csv"] = cases_csv(run)
        _page(output, catalog, run)


def cases_csv(run: Result) -> bytes:
    """All case scores: fractions, empty where undefined; names as in the result file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = CaseScore.__struct_fields__
    writer.writerow(names)
    for case in run.cases:
        row = [getattr(case, name) for name in names]
        writer.writerow(
            ["" if v is None else harmless(v) if isinstance(v, str) else v for v in row]
        )
    return out.getvalue().encode()


def given(path: Path) -> dict[tuple[str, str], Given]:
    """(case, label) -> the first prompt in a run's `prompts.json` that a picture of it can show."""
    found: dict[tuple[str, str], Given] = {}
    if path.is_file():
        for line in path.read_bytes().splitlines():
            one = json_in.decoded(line, Given)
            if one.drawable:
                found.setdefault((one.case, one.label), one)
    return found


def pictures(catalog: Catalog, run: Result) -> list[Drawn]:
    """The outlines of a run, over its images where they may be shown, with what was given."""
    folder = catalog.registry.root / RESULTS / run.run
    prompts = given(folder / "prompts.json") if run.contours else {}
    scores = {(c.case, c.label): c.dice for c in run.cases}
    found = []
    for i, c in enumerate(run.contours):
        one = prompts.get((c.case, c.label), Given())
        drawn = (["reference"] if c.truth else []) + ["predicted"]
        said = f"{c.case}, {c.label}: {' and '.join(drawn)} outline"
        found.append(
            Drawn(
                picture(
                    f"pic-{run.run}-{i}",
                    f"{said}; {given_words(one)}" if one.drawable else said,
                    (c.width_px, c.height_px),
                    _image(folder, c),
                    truth=c.truth,
                    predicted=c.predicted,
                    boxes=[one.box] if one.box else (),
                    points=one.points or (),
                    signs=one.point_labels or (),
                ),
                c,
                scores.get((c.case, c.label)),
                given_words(one),
            )
        )
    return found


class Drawn(NamedTuple):
    """A picture of a run, what it shows, its Dice (fraction), and what was given in words."""

    svg: Markup
    of: Contours
    dice: float | None
    given: str


def _image(folder: Path, contours: Contours) -> str | None:
    """The PNG beside the result file as a data address; None where there is none."""
    if not contours.image:
        return None
    path = (folder / contours.image).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _page(output: Output, catalog: Catalog, run: Result) -> None:
    rows = run.cases
    if len(rows) > CASES:
        rows = sorted(rows, key=lambda c: (c.dice is None, c.dice or 0, c.case, c.label))[:CASES]
    more = {"peak_memory_mib": run.peak_memory_mib} if run.peak_memory_mib is not None else {}
    view = catalog.projects.get(run.project)
    output.page(
        f"runs/{run.run}/",
        "run.html",
        title=run.title,
        description=f"Run {run.run}: measurements, gates, cases, provenance.",
        kind="run",
        words=f"{run.run} {run.project}",
        r=run,
        v=view,
        claims=catalog.verdict_of(run),
        repeats=of_run(catalog.registry, run.run),
        pictures=pictures(catalog, run),
        case_rows=rows,
        shown_cases=CASES,
        provenance=[
            (name, show.flat(found), show.records(found))
            for name, found in (
                ("Protocol", run.protocol),
                ("Inputs", run.inputs),
                ("Environment", run.environment),
                ("Timing and memory", run.timing | more),
            )
        ],
        # A run on the CPU uses no GPU: that is known, and no gap in the record.
        without=("gpu", "cuda", "driver") if run.environment.get("device") == "cpu" else (),
        examples=examples_of(catalog, run.project),
    )
