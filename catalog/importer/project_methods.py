"""Records of `methods2d.yaml` and `methods3d.yaml` as readings.

Those records were written freely; what has a field here is taken over, the rest goes to
`details` under the collector's own names. Opinions (`repro_grade_judgement`) are left out.
"""

from __future__ import annotations

import re
from typing import Any

from catalog.importer.project_reading import Reading, checkpoint_id, format_of
from catalog.importer.project_text import (
    addresses,
    also,
    host_of,
    place_in,
    plain,
    source,
    trap,
    without_addresses,
)
from catalog.records import Checkpoint, DatasetUse, Note

_DRIVE_ID = "https://drive.google.com/uc?export=download&id="
_OPINIONS = {"repro_grade_judgement", "value_for_us"}
_DATA_ROLES = ("datasets", "preprocessed BTCV data")  # listed beside the weights
_ABOUT_DATASETS = {"url", "split", "splits", "open", "members", "protocol"}
_LISTED = {
    "id", "name", "title", "paper", "repo", "arxiv", "doi", "year", "venue", "snapshot",
    "commit_seen", "branch", "license", "checkpoints", "checkpoint", "datasets", "issues", "metric",
    "sources", "fact_sources", "reported", "reported_dice", "upstream_issues", "metric_pitfalls",
    "code_hazard", "caveat", "prompt", "prompting",
} | _OPINIONS  # fmt: skip


def method_readings(
    two_d: dict[str, Any], three_d: dict[str, Any], fixed_ids: dict[str, str]
) -> list[Reading]:
    """All method records, those of the 2D file first."""
    return [
        *(_reading_2d(raw, fixed_ids) for raw in two_d["methods"]),
        *(_reading_3d(raw, fixed_ids) for raw in three_d["methods"]),
    ]


def _reading_2d(raw: dict[str, Any], fixed_ids: dict[str, str]) -> Reading:
    repo = raw["repo"]
    model = raw.get("model") or {}
    snapshot = repo.get("snapshot_commit")
    reading = _common(raw, repo["github"], snapshot, fixed_ids)
    reading.commit_date = str(repo["snapshot_date"]) if repo.get("snapshot_date") else None
    reading.branch = repo.get("branch")
    reading.licence_code = repo.get("licence")
    reading.read = snapshot is not None
    reading.note = plain(str(repo["note"])) if repo.get("note") else None
    for key, theirs in (("base_model", "base"), ("image_size", "image_size")):
        if model.get(theirs) is not None:
            value = model[theirs]
            reading.scalars[key] = plain(value) if isinstance(value, str) else value
    if prompt := (raw.get("prompt") or model.get("prompt") or model.get("prompts")):
        reading.card["prompt"] = plain(_words(prompt))
    for key in ("aliases", "branches", "older_snapshot", "successor"):
        if repo.get(key):
            reading.details[key] = repo[key]
    return reading


def _reading_3d(raw: dict[str, Any], fixed_ids: dict[str, str]) -> Reading:
    licence = raw.get("license")
    reading = _common(raw, raw["repo"], raw.get("snapshot") or raw.get("commit_seen"), fixed_ids)
    if isinstance(licence, dict):
        reading.licence_code, reading.licence_weights = licence.get("code"), licence.get("weights")
    else:
        reading.licence_code = licence
    reading.branch = raw.get("branch")
    architecture = raw.get("architecture")
    base = (
        raw.get("base") or (architecture or {}).get("base")
        if isinstance(architecture, dict)
        else raw.get("base")
    )
    if base or isinstance(architecture, str):
        reading.scalars["base_model"] = plain(str(base or architecture))
    if prompt := raw.get("prompting"):
        reading.card["prompt"] = plain(_words(prompt))
    return reading


def _common(
    raw: dict[str, Any], repository: str, commit: str | None, fixed_ids: dict[str, str]
) -> Reading:
    listed = raw.get("fact_sources") or raw.get("sources") or []
    here = [f"https://github.com/{repository}/tree/{commit}"] if commit else []
    checkpoints, note = _checkpoints(raw, fixed_ids)
    reading = Reading(
        record=raw["id"],
        repository=repository,
        commit=commit,
        name=raw.get("name"),
        checkpoints=checkpoints,
        datasets=_datasets(raw.get("datasets", raw.get("datasets_eval"))),
        issues=_issues(raw, repository),
        traps=_traps(raw, commit),
        details={k: v for k, v in raw.items() if k not in _LISTED},
        sources=[*here, *(source(str(s)) for s in listed)],
    )
    if note:
        reading.details["checkpoints_note"] = note
    for key in ("reported", "reported_dice"):
        if isinstance(raw.get(key), str):  # words instead of numbers
            reading.details["reported_note"] = plain(raw[key])
    if raw.get("metric") is not None:
        reading.card["convention"] = plain(_words(raw["metric"]))
    paper = raw.get("paper") or {
        k: raw[k] for k in ("title", "arxiv", "doi", "venue") if raw.get(k)
    }
    reading.details = {"paper": paper, **reading.details}
    return reading


def _words(value: Any) -> str:
    """A free value as one line of text."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "; ".join(_words(item) for item in value)
    return str(value)


def _datasets(value: Any) -> list[DatasetUse] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return [_described_dataset(value)]
    if isinstance(value, list):
        return [_described_dataset(str(item)) for item in value]
    if "name" in value:
        cases = value.get("test_cases")
        url = addresses(_words(value.get("test_data_url", "")))
        rest = {k: v for k, v in value.items() if k not in ("name", "test_data_url")}
        return [
            DatasetUse(
                name=plain(str(value["name"])),
                url=url[0] if url else None,
                n_test=len(cases) if isinstance(cases, list) else None,
                note=plain(_words(rest)),
            )
        ]
    about = {k: v for k, v in value.items() if k in _ABOUT_DATASETS}
    named = {k: v for k, v in value.items() if k not in _ABOUT_DATASETS}
    if isinstance(about.get("splits"), dict):
        named |= about.pop("splits")
    if not named:
        named = {_short(_words(about)): None}
    return [_named_dataset(name, item, _words(about)) for name, item in named.items()]


def _short(text: str) -> str:
    """The name at the start of a description."""
    return plain(re.split(r" \(|: |; |\. | -- ", text.removeprefix("protocol: "))[0])


def _described_dataset(text: str) -> DatasetUse:
    name = _short(text)
    return DatasetUse(name=name, note=None if name == plain(text) else plain(text))


def _named_dataset(name: str, item: Any, about: str) -> DatasetUse:
    text = "; ".join(part for part in (_words(item) if item is not None else "", about) if part)
    url = addresses(text)
    return DatasetUse(name=str(name), url=url[0] if url else None, note=plain(text) or None)


def _issues(raw: dict[str, Any], repository: str) -> list[Note]:
    notes = []
    for item in [*(raw.get("issues") or []), *(raw.get("upstream_issues") or [])]:
        if isinstance(item, str):
            continue
        text = str(item.get("text") or item.get("fact"))
        if "n" in item:
            notes.append(
                Note(text=plain(text), ref=f"{item.get('repo') or repository}#{item['n']}")
            )
            continue
        ref = str(item.get("ref", ""))
        if ref.startswith(("X:", "R:")):
            continue
        name = (re.search(r"([\w.-]+/[\w.-]+)#", ref) or [None, repository])[1]
        numbers = re.findall(r"#(\d+)", ref)
        more = also(str(name), numbers[1:])
        notes.append(
            Note(text=plain(text) + more, ref=f"{name}#{numbers[0]}")
            if numbers
            else Note(text=f"{plain(ref)}: {plain(text)}" if ref else plain(text))
        )
    return notes


def _traps(raw: dict[str, Any], commit: str | None) -> list[Note]:
    """What the collector read in the code itself: pitfalls, hazards, issues marked R: or X:."""
    notes = []
    for item in raw.get("issues") or []:
        ref = str(item.get("ref", "")) if isinstance(item, dict) else ""
        if ref.startswith(("X:", "R:")):
            file, line = place_in(ref[2:])
            text = plain(str(item["text"]))
            seen = f" (see also {more[1]})" if (more := re.search(r"I:([\w./-]+#\d+)", ref)) else ""
            notes.append(
                Note(text=text + seen, file=file, line=line, commit=commit if file else None)
            )
    for value in (raw.get("metric_pitfalls"), raw.get("code_hazard")):
        items = value if isinstance(value, list) else [value]
        notes += [trap(str(item), commit) for item in items if item]
    notes += [trap(part, commit) for part in str(raw.get("caveat") or "").split("; ") if part]
    metric = raw.get("metric")
    if isinstance(metric, dict):
        notes += [trap(str(v), commit) for v in metric.get("zeroshot_pitfalls") or []]
    return notes


def _checkpoints(
    raw: dict[str, Any], fixed_ids: dict[str, str]
) -> tuple[list[Checkpoint] | None, str | None]:
    """Weights files in whichever of the collector's shapes, and what is said beside them."""
    value = raw.get("checkpoints", raw.get("checkpoint"))
    if value is None:
        return None, None
    if isinstance(value, str):
        found = addresses(value)
        return ([_one({"file": None, "url": u}, set(), fixed_ids) for u in found]), plain(value)
    entries: list[dict[str, Any]] = []
    notes: list[str] = []
    for entry in value if isinstance(value, list) else _from_mapping(value, notes):
        if set(entry) == {"note"}:
            notes.append(str(entry["note"]))
        elif str(entry.get("role", "")) in _DATA_ROLES:
            notes.append(f"{entry['role']}: {entry['url']}")
        else:
            entries.append(entry)
    taken: set[str] = set()
    return [_one(e, taken, fixed_ids) for e in entries], plain("; ".join(notes)) or None


def _from_mapping(value: dict[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    """Single entries of `{url: ..}`, `{name: address}`, `{base_url, files}`, `{x_dir, x_files}`."""
    if "url" in value:
        return [value]
    entries: list[dict[str, Any]] = []
    for key, item in value.items():
        if key == "files" or key.endswith("_files"):
            base = value.get("base_url") or value.get(key.replace("_files", "_dir"), "")
            entries += [{"file": str(name), "url": f"{base}{name}"} for name in item]
        elif key in ("base_url", "sources") or key.endswith("_dir"):
            continue
        elif key == "third_party":
            entries += [
                {"file": u.rsplit("/", 1)[-1], "url": u, "note": "another project's file"}
                for u in item
                if str(u).startswith("http")
            ]
            notes += [f"third party: {u}" for u in item if not str(u).startswith("http")]
        elif key == "extra":
            entries += [
                {"file": str(name), "note": "fetched by the code from the hub"} for name in item
            ]
        elif isinstance(item, dict) and item.get("url"):
            entries.append({"name": key, **item})
        elif key == "repo" and str(item).startswith("http"):
            entries.append(
                {"name": str(value.get("id") or key), "url": item, "size": value.get("size")}
            )
        elif isinstance(item, str) and (item.startswith("http") or item.startswith("id=")):
            entries.append({"name": key, "url": item})
        elif not (key in ("id", "size") and "repo" in value):
            notes.append(f"{key}: {_words(item)}")
    return entries


def spdx(text: Any) -> str | None:
    """Hub spelling of a licence (`apache-2.0`) as the SPDX list writes it."""
    return {"apache-2.0": "Apache-2.0", "mit": "MIT"}.get(str(text), text) if text else None


def _one(entry: dict[str, Any], taken: set[str], fixed_ids: dict[str, str]) -> Checkpoint:
    file = entry.get("file")
    label = str(
        entry.get("name")
        or file
        or entry.get("what")
        or entry.get("dataset")
        or entry.get("role")
        or "weights"
    )
    text = " ".join(str(entry[k]) for k in ("direct", "url", "mirror", "alt") if entry.get(k))
    text = re.sub(r"(?<!\S)id=(\S+)", rf"{_DRIVE_ID}\1", text)
    urls = addresses(text)
    if not urls and label.startswith("HF "):  # "HF owner/name (what is in it)"
        urls = [f"https://huggingface.co/{label.split()[1]}"]
        text = label
    parts = [without_addresses(text)]
    parts += [
        f"{key}: {_words(entry[key])}" if key != "note" else str(entry[key])
        for key in (
            "what", "name", "dataset", "role", "contents", "files", "format", "size", "released",
            "cfg", "xxh128", "git_blob", "decoder", "risk", "note", "src", "TRAP",
            "cache_env", "listing",
        )
        if entry.get(key) and entry[key] != label
    ]  # fmt: skip
    host = str(entry.get("host") or "")
    size = entry.get("bytes")
    return Checkpoint(
        id=checkpoint_id(str(file) if file in fixed_ids else label, taken, fixed_ids),
        file=str(file) if file and not str(file).startswith("HF ") else None,
        urls=urls,
        host=host_of(urls[0]) if urls else (plain(host) or None),
        sha256=entry.get("sha256"),
        md5=entry.get("md5"),
        bytes=size if isinstance(size, int) else None,
        format=format_of(str(file or "")),
        licence=spdx(entry.get("licence")),
        note=plain("; ".join(p for p in parts if p)) or None,
    )
