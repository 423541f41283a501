"""A page per data set, the table of all, who uses which split; no ranks across protocols."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from catalog.facets import tag_values
from catalog.ladder import Data, terms
from catalog.naming import dataset_key, whole_of
from catalog.records import DatasetUse, Measurement, Result
from catalog.registry import RESULTS, DataSets, generated
from catalog.render import show
from catalog.render.labels import label
from catalog.render.output import Output
from catalog.render.pages import pictures
from catalog.render.pages.profiles import say
from catalog.render.paging import parted
from catalog.render.views import Catalog, ClaimView, PaperView, ProjectView

PROFILES = "datasets.json"  # as the harness wrote it, and as the API has it
FACTS = {
    "may_show_images": "Images may be shown here",
    "version": "Version of the reader",
    "dimensionality": "Dimension",
}
#: How the files come, as the harness says it -> as a reader does.
ACCESS = {"fetched": "one command", "by hand": "by hand", "made here": "made here"}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. images, regions: of the reader here, else what all works on it share."""

    key: str
    name: str
    whole: str | None  # what it is a part or a prepared copy of
    works: int
    uses: int
    claims: int
    boards: int
    images: list[str]
    regions: list[str]
    terms: str | None
    second_hand: bool
    access: str | None
    reader: bool

    @property
    def alone(self) -> bool:
        """Named once, by one work or release, and nothing more is known of it."""
        once = self.works + self.uses <= 1 and not (self.claims or self.boards)
        return once and not (self.reader or self.terms or self.whole)


def shared(views: list[PaperView], name: str) -> list[str]:
    """The one value of a tag that all works have; none where fewer than two tell or they differ."""
    told = [set(values) for v in views if (values := tag_values(getattr(v.paper, name)))]
    told = [values for values in told if values.isdisjoint(("unknown", "multi", "other"))]
    found = set.intersection(*told) if len(told) > 1 else set()
    return sorted(found) if len(found) == 1 else []


def _stated(item: dict[str, Any] | None, known: Data | None) -> tuple[str | None, bool]:
    """The terms of a data set, and whether only others quote them."""
    if known is not None and known.terms:
        return known.terms, known.second_hand
    return (item["licence"], False) if item else (None, False)


def ordered(rows: list[Row]) -> list[Row]:
    """Most used first; parts, versions and copies of a data set follow it."""
    rows = sorted(rows, key=lambda r: (-r.boards, -r.claims, -r.works - r.uses, r.name.casefold()))
    below: dict[str, list[Row]] = defaultdict(list)
    here = {row.key for row in rows}
    for row in rows:
        if row.whole in here and row.whole is not None:
            below[row.whole].append(row)
    held = {row.key for part in below.values() for row in part}
    return [r for row in rows if row.key not in held for r in (row, *below[row.key])]


def plugins(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """What the harness knows of data sets, as `reproduce` left it in a file; by slug."""
    path = catalog.registry.root / RESULTS / PROFILES
    document = generated(path, DataSets) or DataSets()
    return {
        dataset_key(item["name"]): item for item in document.datasets if not item.get("format_only")
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


def _flat(row: Row) -> dict[str, Any]:
    """A data set on one line, for machines."""
    return {
        "id": row.key,
        "name": row.name,
        "part_of": row.whole,
        "works": row.works,
        "releases": row.uses,
        "claims": row.claims,
        "measured_protocols": row.boards,
        "modalities": row.images,
        "regions": row.regions,
        "terms": row.terms,
        "terms_second_hand": row.second_hand if row.terms else None,
        "access": row.access,
        "reader_here": row.reader,
        "page": f"datasets/{row.key}/",
    }


def _facts(found: dict[str, Any]) -> list[tuple[str, Any]]:
    """Facts of a data set as rows, in words: booleans as yes and no, values by their labels."""

    def word(name: str, value: Any) -> Any:
        if name in ("modalities", "dimensionality") and value:
            return ", ".join(label(part) for part in str(value).split(", "))
        return (
            say(value)
            if isinstance(value, bool)
            else value.replace("`", "")
            if isinstance(value, str)
            else value
        )

    def title(name: str) -> str:
        kind, _, option = name.partition(".")
        return (
            FACTS.get(name)
            or (f"Option {option}" if option else kind.replace("_", " ")).capitalize()
        )

    return [(title(name), word(name, value)) for name, value in show.flat(found)]


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
    stated = {dataset_key(data.name): data for data in terms().data.values()}
    rows = []
    shown = [{**p, "svg": pictures.alone(p, "../../")} for p in pictures.kept(catalog)]
    for key, name in names.items():
        reader = known.get(key)
        said, second_hand = _stated(reader, stated.get(key))
        row = Row(
            key,
            name,
            whole_of(key),
            len(papers[key]),
            len(uses[key]),
            len(claims[key]),
            len(boards[key]),
            list(map(label, reader["modalities"] if reader else shared(papers[key], "modalities"))),
            list(map(label, shared(papers[key], "regions"))),
            said,
            second_hand,
            ACCESS.get(reader["how"]) if reader else None,
            reader is not None,
        )
        rows.append(row)
        output.page(
            f"datasets/{key}/",
            "dataset.html",
            title=name,
            description=f"{name}: who uses it, which splits, what was claimed and measured.",
            kind="dataset",
            words=key,
            name=name,
            slug_=key,
            info=reader,
            row=row,
            stated=stated.get(key),
            names=names,
            parts=[other for other in names if whole_of(other) == key],
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
            pictures=[p for p in shown if p["dataset"] == key],
        )
    output.api(PROFILES, "list", {"items": [_flat(row) for row in rows]})
    alone = sorted((r for r in rows if r.alone), key=lambda r: r.name.casefold())
    table = ordered([r for r in rows if not r.alone])
    for part in parted("datasets", table):
        output.page(
            part.address,
            "datasets.html",
            title=part.title("Data sets"),
            kind="page" if part.number == 0 else None,
            description=f"{len(rows)} data sets named by works, projects and runs.",
            part=part,
            alone=alone,
            names=names,
            readers=sum(row.reader for row in rows),
            every=len(rows),
        )
    _splits(output, names, uses)


def _splits(
    output: Output, names: dict[str, str], uses: dict[str, list[tuple[ProjectView, DatasetUse]]]
) -> None:
    """Who uses which split: a line for each use that has it, the most used data sets first."""
    every = [use for key in names for _, use in uses[key]]
    told = {key: [line for line in uses[key] if line[1].split] for key in names}
    told = {key: held for key, held in told.items() if held}
    lines = [
        (names[key], key, view, use)
        for key in sorted(told, key=lambda key: (-len(told[key]), names[key].casefold()))
        for view, use in sorted(told[key], key=lambda line: line[0].project.name.casefold())
    ]
    for part in parted("datasets/splits", lines):
        output.page(
            part.address,
            "splits.html",
            title=part.title("Who uses which split"),
            kind="page" if part.number == 0 else None,
            description=f"{len(lines)} uses of data sets by code releases, with the split of each.",
            words="train test split cases",
            part=part,
            uses=len(every),
            counted=sum(line[3].n_test is not None for line in lines),
            releases=len({line[2].project.slug for line in lines}),
            several=sum(len(held) > 1 for held in told.values()),
        )
