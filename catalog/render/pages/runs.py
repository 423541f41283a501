"""A page per run: measurements, contours, gates, cases, provenance, the command."""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path

import msgspec
from markupsafe import Markup, escape

from catalog.exports.table import harmless
from catalog.records import CaseScore, Contours, Result
from catalog.registry import RESULTS
from catalog.render import show
from catalog.render.output import Output
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


def _polygons(polygons: list[list[float]]) -> str:
    """Outlines as SVG path data with one decimal."""
    parts = []
    for flat in polygons:
        points = [f"{x:g} {y:g}" for x, y in zip(flat[::2], flat[1::2], strict=False)]
        if points:
            parts.append("M" + "L".join(points) + "z")
    return "".join(parts)


class Prompted(msgspec.Struct):
    """A line of a run's `prompts.json`: a label's box, two corners (z, y, x) in px."""

    case: str = ""
    label: str = ""
    box: list[list[float]] | None = None


def boxes(path: Path) -> dict[tuple[str, str], list[list[float]]]:
    """(case, label) -> the first box in the `prompts.json` of a run; empty where it gave none."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    if path.is_file():
        for line in path.read_bytes().splitlines():
            given = msgspec.json.decode(line, type=Prompted)
            if given.box and len(given.box) == 2 and {len(at) for at in given.box} == {3}:
                found.setdefault((given.case, given.label), given.box)
    return found


def picture(
    contours: Contours, name: str, image: str | None, box: list[list[float]] | None = None
) -> Markup:
    """Reference and predicted outlines over each other, and over the image where it may be shown.

    image: data address of a PNG, or None where the licence of the data forbids showing it.
    box: the prompt, two corners (z, y, x) in pixels of the same grid; None draws none.
    """
    width, height = contours.width_px, contours.height_px
    prompt = ""
    said = f"{contours.case}, {contours.label}: reference and predicted outline"
    if box:
        # a prompt names pixels by their centres, an outline by their edges
        top, left, bottom, right = (at + 0.5 for corner in box for at in corner[1:])
        said += " and the box that was given"
        prompt = f'<path class="given" d="M{left:g} {top:g}H{right:g}V{bottom:g}H{left:g}z"/>'
    back = (
        f'<image href="{image}" width="{width}" height="{height}"/>'
        if image
        else f'<rect width="{width}" height="{height}" class="back"/>'
    )
    return Markup(  # noqa: S704 - numbers, and text that is escaped here
        f'<svg class="pic" role="img" aria-labelledby="{name}" viewBox="0 0 {width} {height}">'
        f'<title id="{name}">{escape(said)}</title>{back}{prompt}'
        f'<path class="truth" d="{_polygons(contours.truth)}"/>'
        f'<path class="pred" d="{_polygons(contours.predicted)}"/></svg>'
    )


def _image(catalog: Catalog, run: Result, contours: Contours) -> str | None:
    """The PNG beside the result file as a data address; None where there is none."""
    if not contours.image:
        return None
    folder = (catalog.registry.root / RESULTS / run.run).resolve()
    path = (folder / contours.image).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        return None
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _page(output: Output, catalog: Catalog, run: Result) -> None:
    prompts = catalog.registry.root / RESULTS / run.run / "prompts.json"
    given = boxes(prompts) if run.contours else {}
    pictures = [
        (c, picture(c, f"pic-{i}", _image(catalog, run, c), given.get((c.case, c.label))))
        for i, c in enumerate(run.contours)
    ]
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
        pictures=pictures,
        referenced=any(c.truth for c in run.contours),
        prompted=any((c.case, c.label) in given for c in run.contours),
        shown=any(c.image for c in run.contours),
        scores={(c.case, c.label): c for c in run.cases},
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
