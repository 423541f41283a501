"""A page per data set: who uses it; claims and measurements, never ranked across protocols."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec

from catalog.records import DatasetUse, Measurement, Result
from catalog.registry import RESULTS
from catalog.render import show
from catalog.render.naming import dataset_key
from catalog.render.output import Output
from catalog.render.pages.profiles import say
from catalog.render.paging import parted
from catalog.render.views import Catalog, ClaimView, PaperView, ProjectView

PROFILES = "datasets.json"


def plugins(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """What the harness knows of data sets, as `reproduce` left it in a file; by slug."""
    path = catalog.registry.root / RESULTS / PROFILES
    if not path.is_file():
        return {}
    document = msgspec.json.decode(path.read_bytes())
    return {
        dataset_key(item["name"]): item
        for item in document.get("datasets", [])
        if not item.get("format_only")
    }


def run_datasets(run: Result) -> list[str]:
    """Names of the data set of a run, as its inputs and protocol record it."""
    found = []
    for place in (run.inputs, run.protocol):
        value = place.get("dataset")
        if isinstance(value, dict):
            value = value.get("name")
        if isinstance(value, str):
            found.append(value)
    return list(dict.fromkeys(found))


#: Parts of a run's protocol that do not change a number, or that a measurement states itself.
_ASIDE = (
    "dataset",
    "metric_profiles",
    "metric_profile",
    "thresholds",
    "threshold",
    "adapter",
    "score_bins",
)


def _word(value: Any) -> Any:
    """A value as a reader says it: yes and no, and the names of grids in words."""
    if isinstance(value, bool):
        return say(value)
    return {"model_input": "the network's", "original": "the image's own"}.get(str(value), value)


def protocol_name(run: Result, measurement: Measurement) -> str:
    """Everything that two numbers must share before they may stand in one group, on one line."""
    parts = [measurement.metric, measurement.metric_profile]
    parts += [f"threshold {measurement.threshold:g}"] if measurement.threshold is not None else []
    parts += [f"mask {measurement.mask_selection}"] if measurement.mask_selection else []
    for name, value in show.flat(run.protocol):
        if name.partition(".")[0] in _ASIDE or value in (None, {}, "", "none"):
            continue
        parts.append(f"{name.rpartition('.')[2].replace('_', ' ')} {_word(value)}")
    return " · ".join(dict.fromkeys(parts))


def _facts(found: dict[str, Any]) -> list[tuple[str, Any]]:
    """Facts of a data set as rows; booleans as yes and no."""
    return [
        (name, say(value) if isinstance(value, bool) else value) for name, value in show.flat(found)
    ]


def write(output: Output, catalog: Catalog) -> None:
    names = dict(catalog.dataset_names)
    known = plugins(catalog)
    for key, item in known.items():
        names.setdefault(key, item.get("title") or item["name"])
    papers: dict[str, list[PaperView]] = defaultdict(list)
    for view in catalog.papers:
        tag = view.paper.datasets
        values = tag.values if tag and isinstance(tag.values, list) else []
        for key in dict.fromkeys(map(dataset_key, values)):
            papers[key].append(view)
    uses: dict[str, list[tuple[ProjectView, DatasetUse]]] = defaultdict(list)
    claims: dict[str, list[ClaimView]] = defaultdict(list)
    for project in catalog.projects.values():
        for use in project.project.datasets or []:
            uses[dataset_key(use.id or use.name)].append((project, use))
        for c in project.numbers:
            if c.claim.dataset:
                claims[dataset_key(c.claim.dataset)].append(c)
    boards: dict[str, dict[str, list[tuple[Result, Measurement]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for run in catalog.runs:
        for name in run_datasets(run):
            for measurement in run.measurements:
                boards[dataset_key(name)][protocol_name(run, measurement)].append(
                    (run, measurement)
                )
    rows = []
    for key, name in names.items():
        rows.append(
            (key, name, len(papers[key]), len(uses[key]), len(claims[key]), len(boards[key]))
        )
        output.page(
            f"datasets/{key}/",
            "dataset.html",
            title=name,
            description=f"{name}: who uses it, which splits, what was claimed and measured.",
            kind="dataset",
            words=key,
            name=name,
            slug_=key,
            info=known.get(key),
            facts=_facts(
                {
                    k: v
                    for k, v in (known.get(key) or {}).items()
                    if k not in ("name", "title", "splits", "format_only", "access", "how", "files")
                }
            ),
            papers=papers[key],
            uses=uses[key],
            claims=claims[key],
            board=sorted(boards[key].items()),
            projects=catalog.projects,
        )
    rows.sort(key=lambda row: (-row[5], -row[4], -row[2] - row[3], row[1].casefold()))
    for part in parted("datasets", rows):
        output.page(
            part.address,
            "datasets.html",
            title=part.title("Datasets"),
            kind="page" if part.number == 0 else None,
            description=f"{len(rows)} data sets named by works, projects and runs.",
            part=part,
            harness=known,
        )
