"""Readings of the fact files, put together into one `Project` per code release."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from catalog.importer import project_claims
from catalog.importer.project_card import distinct, first, protocol_card
from catalog.importer.project_cells import CodeCell
from catalog.importer.project_facts import Facts
from catalog.importer.project_reading import Reading
from catalog.importer.project_text import plain
from catalog.records import Checkpoint, Licences, Project, Repository
from catalog.vocabulary import canonical, vocabularies

CHECKED = "2026-11"  # headers of the fact files: repositories were read in November 2026
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*|none")


def build(
    facts: Facts, cells: Sequence[CodeCell], works: Mapping[int, str]
) -> tuple[list[Project], list[str]]:
    """All projects by slug, and the printed numbers that no decision covers."""
    grouped: dict[str, list[Reading]] = defaultdict(list)
    for reading in facts.readings:
        grouped[facts.slug_of(reading)].append(reading)
    rows: dict[str, list[int]] = defaultdict(list)
    for cell in cells:
        if cell.project:
            rows[cell.project].append(cell.row)
    unknown = set(rows) - set(grouped)
    for slug in unknown:  # listed, but nothing is known of it beyond its address
        url = next(cell.url for cell in cells if cell.project == slug)
        grouped[slug] = [Reading(record=url, repository=None, read=None)]
    uncovered: list[str] = []
    projects = [
        _project(facts, slug, grouped[slug], rows[slug], works, uncovered)
        for slug in sorted(grouped)
    ]
    by_slug = {project.slug: project for project in projects}
    for slug, uses in (facts.identity.get("uses_checkpoints") or {}).items():
        for other, wanted in uses.items():
            have = by_slug[slug].checkpoints or []
            theirs = [c for c in by_slug[other].checkpoints or [] if c.id in wanted]
            by_slug[slug].checkpoints = [
                *have,
                *(msgspec.structs.replace(c, note=f"the file of project {other}") for c in theirs),
            ]
    return projects, uncovered


def _project(
    facts: Facts,
    slug: str,
    readings: list[Reading],
    cell_rows: list[int],
    works: Mapping[int, str],
    uncovered: list[str],
) -> Project:
    identity = facts.identity
    repository = _repository(facts, readings)
    main = repository.url.removeprefix("https://github.com/")
    rows = sorted({*cell_rows, *(row for reading in readings for row in reading.rows)})
    kinds = {name: kind for kind, names in identity["kinds"].items() for name in names}
    status = identity["code_status"].get(slug) or {}
    scalars: dict[str, Any] = {}
    for reading in reversed(readings):
        scalars |= reading.scalars
    details = _details(readings)
    code_status = first(reading.code_status for reading in readings)
    if code_status is None and status:
        code_status, details["code_status_basis"] = status["status"], status["basis"]
    checkpoints = _checkpoints(identity, slug, readings)
    numbers, left = _numbers(facts, slug, readings, uncovered)
    project = Project(
        slug=slug,
        name=first([identity["names"].get(main), *(r.name for r in readings), main.split("/")[1]]),
        kind=first([*(kinds.get(name) for r in readings for name in (r.record, main)), "method"]),
        papers=list(dict.fromkeys(works[row] for row in rows if row in works)),
        repository=repository,
        licences=_licences(identity, readings),
        code_status=code_status,
        weights_status=first([*(r.weights_status for r in readings), _weights(checkpoints)]),
        checked=CHECKED,
        **{key: scalars.get(key) for key in ("base_model", "image_size", "framework")},
        min_gpu_memory=scalars.get("min_gpu_memory"),
        prompts_eval=scalars.get("prompts_eval"),
        dimensionality=scalars.get("dimensionality"),
        checkpoints=checkpoints,
        adapter=identity["adapters"].get(slug),
        datasets=_datasets(readings),
        protocol_card=protocol_card(facts, readings),
        claims=[*numbers.claims, *facts.measured.get(slug, [])],
        reported=[*numbers.reported, *left],
        known_issues=distinct(note for reading in readings for note in reading.issues),
        details=details,
        sources=_sources(rows, readings),
        note=first(reading.note for reading in readings),
    )
    if project.adapter is None:
        project.adapter_reason = _no_adapter(project)
    return project


def _repository(facts: Facts, readings: list[Reading]) -> Repository:
    name = next((r.repository for r in readings if r.repository), None)
    if name is None:
        return Repository(url=readings[0].record, read=None)
    main = facts.main_repository(name)
    own = next(
        (r for r in readings if str(r.repository).casefold() == main.casefold()), readings[0]
    )
    if facts.identity["methods"].get(readings[0].record):
        own, main = readings[0], name
    moved = first([facts.identity["moved"].get(main), own.moved_to])
    return Repository(
        url=f"https://github.com/{main}",
        commit=own.commit if re.fullmatch(r"[0-9a-f]{40}", str(own.commit)) else None,
        commit_date=own.commit_date,
        branch=own.branch,
        moved_to=f"https://github.com/{moved}" if moved and moved != main else None,
        read=any(reading.read for reading in readings),
    )


def _licences(identity: dict[str, Any], readings: list[Reading]) -> Licences:
    found: dict[str, str | None] = {}
    notes: list[str] = []
    for reading in readings:
        for side, text in (("code", reading.licence_code), ("weights", reading.licence_weights)):
            if text is None:
                continue
            decided = identity["licences"].get(text)
            if decided is not None:
                notes += [f"{side}: {text}"] if not text.startswith("none") else []
                value = decided.get(side)
            elif _SPDX.fullmatch(text):
                value = text
            else:
                notes.append(f"{side}: {text}")
                value = None
            if found.get(side) is None or (found[side] == "none" and value not in (None, "none")):
                found[side] = value
        if reading.licence_note:
            notes.append(reading.licence_note)
    return Licences(
        code=found.get("code"),
        weights=found.get("weights"),
        note="; ".join(dict.fromkeys(notes)) or None,
    )


def _checkpoints(
    identity: dict[str, Any], slug: str, readings: list[Reading]
) -> list[Checkpoint] | None:
    """Files of all readings, each address once; None where nobody looked."""
    lists = [reading.checkpoints for reading in readings if reading.checkpoints is not None]
    extra = msgspec.convert(
        (identity.get("extra_checkpoints") or {}).get(slug, []), list[Checkpoint]
    )
    if not lists and not extra:
        return None
    merged: list[Checkpoint] = list(extra)
    seen = {_same_file(url) for one in extra for url in one.urls}
    taken = {one.id for one in extra}
    layouts = identity["layouts"].get(slug) or {}
    for one in (entry for entries in lists for entry in entries):
        keys = {_same_file(url) for url in one.urls}
        if keys and keys <= seen and len(lists) + len(extra) > 1:
            continue
        seen |= keys
        name, number = one.id, 2
        while name in taken:
            name, number = f"{one.id}-{number}", number + 1
        taken.add(name)
        merged.append(msgspec.structs.replace(one, id=name))
    for entry in merged:
        entry.layout = entry.layout or layouts.get(entry.id) or layouts.get("*")
    return merged


def _same_file(url: str) -> str:
    """What of an address names the file: the Drive id, else everything before the query."""
    drive = re.search(r"(?:/d/|id=|folders/)([\w-]{20,})", url)
    return drive[1] if drive else url.split("?")[0].rstrip("/")


def _weights(checkpoints: list[Checkpoint] | None) -> str | None:
    if checkpoints is None:
        return None
    return "public" if checkpoints else "none"


def _datasets(readings: list[Reading]) -> Any:
    lists = [reading.datasets for reading in readings if reading.datasets is not None]
    uses = distinct(entry for entries in lists for entry in entries) if lists else None
    for use in uses or []:
        use.id = _known_dataset(use.name)
    return uses


def _known_dataset(name: str) -> str | None:
    """The vocabulary's name of a data set, without what the release adds in brackets."""
    title = re.split(r"\s*[(;:]|, ", name, maxsplit=1)[0].strip()
    known = canonical("datasets", title)
    return known if known in vocabularies()["datasets"].terms else None


def _numbers(
    facts: Facts, slug: str, readings: list[Reading], uncovered: list[str]
) -> tuple[project_claims.Numbers, list[Any]]:
    records = {r.record: facts.texts[r.record] for r in readings if r.record in facts.texts}
    numbers = project_claims.decide(facts.decisions.get(slug) or {}, facts.texts)
    for record, tree in records.items():
        if "/" in record:
            continue
        for key in ("reported", "reported_dice"):
            if isinstance(tree.get(key), (dict, list)):
                places = (f"{record}#{key}.{p}" for p in project_claims.number_leaves(tree[key]))
                uncovered += [place for place in places if place not in numbers.taken]
    return numbers, project_claims.leftover_reported(records, numbers.taken)


def _details(readings: list[Reading]) -> dict[str, Any]:
    """Facts without a field; what later readings say differently stands under their name."""
    details = dict(readings[0].details)
    for reading in readings[1:]:
        differing = {
            key: value
            for key, value in reading.scalars.items()
            if any(key in r.scalars and r.scalars[key] != value for r in readings)
        }
        code = {k: v for k, v in reading.card.items() if k in ("eval_script", "metric_code")}
        others = {**reading.details, **differing, **code}
        if others:
            details.setdefault("other_readings", {})[reading.record] = others
    return {key: _worded(value) for key, value in msgspec.to_builtins(details).items()}


def _worded(value: Any) -> Any:
    """The same value with every text in plain words."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {key: _worded(item) for key, item in value.items()}
    return [_worded(item) for item in value] if isinstance(value, list) else value


def _sources(rows: list[int], readings: list[Reading]) -> list[str]:
    listed = [f"SAM4MIS list, row {row}" for row in rows]
    return list(dict.fromkeys([*listed, *(s for reading in readings for s in reading.sources)]))


def _no_adapter(project: Project) -> str:
    """Why the harness has no adapter, from what is known of the release."""
    if project.repository is not None and project.repository.read is False:
        return "the repository could not be read"
    if project.code_status in ("none", "announced", "empty"):
        return f"no code released (status: {project.code_status})"
    if project.kind in ("tool", "other", "benchmark"):
        return f"nothing of its own to run (kind: {project.kind})"
    base = re.split(r" \(|[;:] ", project.base_model)[0] if project.base_model else None
    own = "" if project.checkpoints else "; no weights of its own released"
    return "no adapter written yet" + (f" (base: {base})" if base else "") + own
