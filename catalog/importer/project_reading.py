"""One reading of one repository: what a collector wrote down, in the shape of our records.

A project is merged from its readings, the first one first. Fields without a place in `Project`
go to `details` under the collector's own names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from catalog.errors import InputError
from catalog.importer.project_text import (
    addresses,
    host_of,
    issues,
    place_in,
    plain,
    slugify,
    traps,
    without_addresses,
)
from catalog.records import Checkpoint, DatasetUse, Note, Reported

DATA = Path(__file__).resolve().parent.parent / "data"

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
StringLoader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every scalar stays a string


def read_yaml(path: Path) -> Any:
    """A YAML file. Raises `InputError` when it is missing or broken."""
    return _read(path, Loader)


def read_strings(path: Path) -> Any:
    """The same with every scalar as the string that stands there: `84.30` keeps its zero."""
    return _read(path, StringLoader)


def _read(path: Path, loader: Any) -> Any:
    try:
        return yaml.load(path.read_text("utf-8"), loader)  # noqa: S506 (both are safe loaders)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); the import needs it."
        ) from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {error}") from error


@dataclass(slots=True)
class Reading:
    """What one record of the fact files says. `record` names it in decisions."""

    record: str
    repository: str | None  # owner/name
    read: bool | None = True
    commit: str | None = None
    commit_date: str | None = None
    branch: str | None = None
    moved_to: str | None = None
    rows: list[int] = field(default_factory=list)
    name: str | None = None
    licence_code: str | None = None
    licence_weights: str | None = None
    licence_note: str | None = None
    code_status: str | None = None
    weights_status: str | None = None
    scalars: dict[str, Any] = field(default_factory=dict)  # base_model, image_size, framework ...
    checkpoints: list[Checkpoint] | None = None
    datasets: list[DatasetUse] | None = None
    card: dict[str, str] = field(
        default_factory=dict
    )  # eval_script, metric_code, convention, prompt
    traps: list[Note] = field(default_factory=list)
    issues: list[Note] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    note: str | None = None


def _text(value: Any) -> str | None:
    return None if value is None else plain(str(value))


def _rejoined(entry: dict[Any, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """Put back names that YAML split at an unquoted comma: `{name: a (b, c): null}`."""
    lost = [str(key) for key, value in entry.items() if key not in known and value is None]
    whole = {str(key): value for key, value in entry.items() if key in known}
    if lost:
        whole["name"] = ", ".join([str(whole["name"]), *lost])
    return whole


def dataset_use(raw: dict[Any, Any]) -> DatasetUse:
    """A data set as a repository uses it; a count in words goes to the note."""
    entry = _rejoined(raw, ("name", "url", "split", "n_test"))
    count, url = entry.get("n_test"), entry.get("url")
    notes = []
    if count is not None and not isinstance(count, int):
        notes.append(f"test: {count}")
    if url and not str(url).startswith("http"):
        notes.append(f"at {url}")
        url = None
    return DatasetUse(
        name=plain(str(entry["name"])),
        url=url,
        split=_text(entry.get("split")),
        n_test=count if isinstance(count, int) else None,
        note="; ".join(notes) or None,
    )


def checkpoint(raw: dict[str, Any], identifier: str) -> Checkpoint:
    """A weights file of a repository record. A place that is no address goes to the note."""
    url = str(raw.get("url") or "")
    urls, rest = addresses(url), without_addresses(url)
    notes = [str(raw[key]) for key in ("note",) if raw.get(key)]
    if rest:
        notes.insert(0, rest)
    size = raw.get("size")
    return Checkpoint(
        id=identifier,
        file=_text(raw.get("file")),
        urls=urls,
        host=raw.get("host")
        if raw.get("host") not in ("other", None)
        else (urls and host_of(urls[0])) or None,
        bytes=size if isinstance(size, int) else None,
        format=format_of(str(raw.get("file") or "")),
        gated=None,
        note=plain("; ".join(notes)) or None,
    )


def format_of(file: str) -> Any:
    """Format by the file's ending; None where it has none that tells."""
    if file.endswith(".safetensors"):
        return "safetensors"
    if file.endswith((".pth", ".pt", ".ckpt", ".pth.tar")):
        return "torch"
    return "other" if file.endswith((".npz", ".pkl")) else None


def checkpoint_id(file: str, taken: set[str], fixed: dict[str, str]) -> str:
    """A short name for a weights file, unique in its project; `fixed` has names others rely on."""
    stem = file.split(" (")[0]
    for ending in (".tar", ".pth", ".pt", ".ckpt", ".safetensors"):
        stem = stem.removesuffix(ending)
    base = fixed.get(file) or slugify(stem) or "weights"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    taken.add(name)
    return name


_KNOWN = {
    "repo", "rows", "found", "commit", "commit_date", "licence_code", "licence_weights",
    "licence_note", "code_status", "weights", "weights_status", "weights_note", "base_model",
    "image_size", "framework", "prompts_eval", "prompts_note", "dimensionality", "datasets",
    "reported", "eval_script", "metric_code", "metric_convention", "min_gpu_mem", "traps",
    "reproduction_issues", "moved_to", "code_note", "found_note",
}  # fmt: skip


def repository_readings(facts: list[dict[str, Any]], fixed_ids: dict[str, str]) -> list[Reading]:
    """Records of `projects.yaml`, one reading each."""
    return [_repository_reading(raw, fixed_ids) for raw in facts]


def _repository_reading(raw: dict[str, Any], fixed_ids: dict[str, str]) -> Reading:
    repo, commit = str(raw["repo"]), raw.get("commit")
    taken: set[str] = set()
    weights = raw.get("weights")
    scalars = {
        key: raw[key]
        for key in ("base_model", "image_size", "framework", "prompts_eval", "dimensionality")
        if raw.get(key) is not None
    }
    if raw.get("min_gpu_mem"):
        scalars["min_gpu_memory"] = plain(str(raw["min_gpu_mem"]))
    card = {
        "eval_script": raw.get("eval_script"),
        "metric_code": raw.get("metric_code"),
        "convention": raw.get("metric_convention"),
        "prompt": raw.get("prompts_note"),
    }
    threads = str(raw.get("moved_to") or repo)
    notes = [str(raw[key]) for key in ("weights_note", "code_note", "found_note") if raw.get(key)]
    return Reading(
        record=repo,
        repository=repo,
        read=bool(raw["found"]),
        commit=commit,
        commit_date=_text(raw.get("commit_date")),
        moved_to=raw.get("moved_to"),
        rows=list(dict.fromkeys(raw["rows"])),
        licence_code=raw.get("licence_code"),
        licence_weights=raw.get("licence_weights"),
        licence_note=raw.get("licence_note"),
        code_status=raw.get("code_status"),
        weights_status=raw.get("weights_status"),
        scalars=scalars,
        checkpoints=None
        if weights is None
        else [checkpoint(w, checkpoint_id(str(w["file"]), taken, fixed_ids)) for w in weights],
        datasets=None if raw.get("datasets") is None else [dataset_use(d) for d in raw["datasets"]],
        card={key: plain(str(value)) for key, value in card.items() if value},
        traps=traps(raw.get("traps"), commit),
        issues=issues(raw.get("reproduction_issues"), threads),
        details={key: value for key, value in raw.items() if key not in _KNOWN},
        sources=[f"https://github.com/{repo}/tree/{commit}"] if commit else [],
        note=plain("; ".join(notes)) or None,
    )


def reported(fields: dict[str, Any], value: float) -> Reported:
    """A printed number without a protocol, from a record's `reported` entry."""
    scale = fields.get("scale")
    return Reported(
        metric=metric_name(str(fields.get("metric") or "dice")),
        value=value,
        scale=scale if scale in ("fraction", "percent", "gain_percent", "delta_pp") else None,
        dataset=_text(fields.get("dataset")),
        where=_text(fields.get("where")),
        note=_text(fields.get("note")),
    )


def metric_name(text: str) -> str:
    """One spelling per measure; a name that says more than that stays as it is."""
    known = {"dsc": "dice", "mdice": "dice", "miou": "iou"}
    return known.get(text.casefold(), text.casefold() if len(text) <= 5 else text)


__all__ = [
    "DATA",
    "Reading",
    "checkpoint_id",
    "dataset_use",
    "format_of",
    "place_in",
    "read_strings",
    "read_yaml",
    "reported",
    "repository_readings",
]
