"""Results that another commit brings, examined by the code that runs here.

Nothing of the commit is checked out or run: files are listed and read by git's plumbing, whose
filters and hooks play no part, and only files of results, bounded in number and size before any of
them is written.
"""

from __future__ import annotations

import datetime
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catalog import json_in
from catalog.errors import Finding, InputError, PrerequisiteError, UsageError
from catalog.evidence import EVIDENCE, RECOMPUTED
from catalog.records import Claim, Project, Result, Verdict
from catalog.registry import AGAIN, RESULTS, VERDICT_LOG, VERDICTS, Registry
from catalog.waiting import first_run, held
from reproduce.judging.examining import MOST_MIB, examine_all
from reproduce.judging.repeats import repeats
from reproduce.judging.verdict import judge, stored_values

RULE = "run/2"  # by which the inputs of a contributed run are hashed

MOST_RUNS = 64  # of one request
MOST_ALL_MIB = 512
MOST_ROWS_MIB = 4  # of what released rows gave, and of the record of their source
PLAIN = "100644"
COMPUTED = ("README.md", VERDICTS, VERDICT_LOG)  # what `verify` and `build` write
CODE = ("reproduce/*.py", "catalog/*.py")
COMMIT = re.compile(r"[0-9a-f]{40}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
TIMEOUT_S = 600


@dataclass(slots=True)
class Request:
    """What a commit brings.

    folders   result folders, written below a place of ours
    rows      sources whose recomputed results it changes, written there with their records
    computed  files that are computed again and not read
    beside    other files that it changes, which are not looked at
    """

    folders: list[Path] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    computed: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Change:
    status: str
    mode: str
    blob: str
    path: str


def take(root: Path, commit: str, place: Path) -> tuple[Request, list[Finding]]:
    """Write the results that `commit` adds to the branch that is checked out in `root` below
    `place`; what cannot be a result is a finding.

    Raises `UsageError` for a commit that is none.
    """
    request, found = Request(), list[Finding]()
    added: dict[str, list[_Change]] = {}
    for change in _changes(root, commit):
        inside = change.path.removeprefix(f"{RESULTS}/")
        if change.path in COMPUTED:
            request.computed.append(change.path)
        elif change.path.startswith(f"{RECOMPUTED}/"):
            found += _rows(root, commit, change, place)
            request.rows.append(Path(change.path).stem)
        elif inside == change.path or "/" not in inside:
            request.beside.append(change.path)
        elif (problem := _refused(change, inside)) is not None:
            found.append(problem)
        else:
            added.setdefault(_folder(inside), []).append(change)
    sizes = _sizes(root, [change.blob for changes in added.values() for change in changes])
    found += _too_large(added, sizes)
    if found:
        return request, found
    for run, changes in sorted(added.items()):
        for change in changes:
            target = place / change.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_git(root, "cat-file", "blob", change.blob))
        request.folders.append(place / RESULTS / run)
    return request, found


def _rows(root: Path, commit: str, change: _Change, place: Path) -> Iterator[Finding]:
    """Write what released rows gave, and the record of their source, below `place`; or why not."""
    name = Path(change.path).stem
    hint = "sam4mis reproduce recompute <source> writes it."
    if change.status == "D" or change.mode != PLAIN or change.path != f"{RECOMPUTED}/{name}.json":
        message = "expected the plain file of a source that is recorded."
        yield Finding(ascii(change.path)[1:-1], None, "", "Z007", message, hint)
        return
    record = f"{EVIDENCE}/{name}.yaml"
    for path, blob in ((change.path, change.blob), (record, f"{commit}:{record}")):
        try:
            size = int(_git(root, "cat-file", "-s", blob))
        except InputError:
            yield Finding(change.path, None, "source", "Z005", f"there is no {path}.", hint)
            return
        if size > MOST_ROWS_MIB << 20:
            message = f"expected at most {MOST_ROWS_MIB} MiB."
            yield Finding(path, None, "", "Z007", message, hint)
            return
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_git(root, "cat-file", "blob", blob))


def _folder(inside: str) -> str:
    """The folder of a result: <run>, or again/<by>/<run>."""
    parts = inside.split("/")
    return "/".join(parts[: 3 if parts[0] == AGAIN.rpartition("/")[2] else 1])


def _changes(root: Path, commit: str) -> list[_Change]:
    if not re.fullmatch(r"[A-Za-z0-9][\w./+-]*", commit):
        raise UsageError(f"--contributed {commit}: expected a branch or a commit.")
    try:
        name = _git(root, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").decode()
        base = _git(root, "merge-base", "HEAD", name.strip()).decode().strip()
    except InputError as error:
        raise UsageError(
            f"--contributed {commit}: no such commit here, or none that goes back to HEAD. "
            "`git fetch origin pull/<number>/head:contributed` brings one."
        ) from error
    raw = _git(
        root, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", base, name.strip()
    ).split(b"\0")
    found = []
    for head, path in zip(raw[0::2], raw[1::2], strict=False):
        _, mode, _, blob, status = head.decode().split(" ")
        found.append(_Change(status, mode, blob, path.decode("utf-8", "backslashreplace")))
    return found


def _refused(change: _Change, inside: str) -> Finding | None:
    """Why a change of a file below the results is none that a request may bring."""
    if change.status != "A":
        what = "taken away" if change.status == "D" else "changed"
        return Finding(
            change.path,
            None,
            "",
            "Z013",
            f"expected new results only, got a published file that is {what}.",
            "Published results are never edited; send a new run.",
        )
    if change.mode != PLAIN or not all(map(NAME.fullmatch, inside.split("/"))):
        return Finding(
            ascii(change.path)[1:-1],
            None,
            "",
            "Z007",
            f"expected a plain file with a plain name, got mode {change.mode}.",
            "`sam4mis reproduce run --plan` writes the folder to send.",
        )
    return None


def _too_large(added: dict[str, list[_Change]], sizes: dict[str, int]) -> Iterator[Finding]:
    total = {run: sum(sizes[c.blob] for c in changes) for run, changes in added.items()}
    hint = "Send it in several requests."
    if len(added) > MOST_RUNS:
        message = f"expected at most {MOST_RUNS} results in a request, got {len(added)}."
        yield Finding(RESULTS, None, "", "Z007", message, hint)
    if sum(total.values()) > MOST_ALL_MIB << 20:
        message = f"expected at most {MOST_ALL_MIB} MiB in a request."
        yield Finding(RESULTS, None, "", "Z007", message, hint)
    for run, size in total.items():
        if size > MOST_MIB << 20:
            message = f"expected at most {MOST_MIB} MiB, got {size / (1 << 20):.1f} MiB."
            yield Finding(f"{RESULTS}/{run}", None, "", "Z007", message)


def _sizes(root: Path, blobs: Sequence[str]) -> dict[str, int]:
    """Blob -> bytes, without reading any."""
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    lines = _git(root, "cat-file", "--batch-check", given=asked).decode().splitlines()
    return {blob: int(size) for blob, _, size in (line.split(" ") for line in lines)}


def _git(root: Path, *arguments: str, given: bytes | None = None) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            ["git", "-C", str(root), *arguments],  # noqa: S607 - by name, as users have it
            input=given,
            capture_output=True,
            timeout=TIMEOUT_S,
        )
    except FileNotFoundError as error:
        raise PrerequisiteError("git is not installed, and results are read through it.") from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"git {arguments[0]} did not answer within {TIMEOUT_S} s.") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise InputError(f"git {arguments[0]}: {said or 'no message'}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Judged:
    """What a result would say of a claim."""

    claim: Claim
    verdict: Verdict
    result: Result


def examine_request(
    registry: Registry, folders: Sequence[Path], today: datetime.date
) -> tuple[list[Judged], list[Finding]]:
    """Everything that is wrong with results that are to be taken in; where nothing is, what they
    would say."""
    found = examine_all(registry.root, folders)
    again = [folder for folder in folders if folder.parent.parent.name == Path(AGAIN).name]
    if not found:
        found = repeats(registry.root, again)[1]
    if found:
        return [], found
    judged: list[Judged] = []
    known = {f"{p.slug}/{c.id}": (p, c) for p in registry.projects for c in p.claims}
    for folder in folders:
        result = json_in.decoded((folder / "result.json").read_bytes(), Result)
        place = f"{RESULTS}/{folder.name}/result.json"
        if result.by is None:
            message = "does not say who ran it."
            hint = "sam4mis reproduce run --plan FILE --by NAME"
            found.append(Finding(place, None, "by", "Z014", message, hint))
        if why := other_code(registry.root, result):
            # An adapter or reader of one's own under a name that is here measures something else.
            hint = "Send the code as a request of its own; run the claim again once it is taken in."
            found.append(Finding(place, None, "environment.harness", "Z014", why, hint))
        if folder not in again and result.inputs.get("run_schema") != RULE:
            # The first rule hashes less of what makes a number: not the filter of the references.
            message = f"is recorded by another rule than {RULE}."
            hint = "Run the claim with this version."
            found.append(Finding(place, None, "inputs.run_schema", "Z014", message, hint))
        for name in result.claims:
            if name not in known:
                message = f"answers {name}, which is not recorded here."
                hint = "Its project is taken in first."
                found.append(Finding(place, None, "claims", "Z014", message, hint))
                continue
            one = _judged(registry, *known[name], result, folder)
            judged.append(one)
            # A run is made for the claims that it does not contradict (`recipes.build_spec`); one
            # that says more would stand in the place of a run that answers.
            if other := [
                c.reason or c.field for c in one.verdict.compared if c.answer == "different"
            ]:
                message = f"does not answer {name}: {'; '.join(other)}."
                hint = "Results are sent as `sam4mis reproduce run` wrote them."
                found.append(Finding(place, None, "claims", "Z014", message, hint))
            first = first_run(name, [*registry.results, result])
            why = held(*known[name], one.verdict.state, today, first)
            if why is not None:
                message = f"would make {name} `lower`, and {why}."
                hint = f"sam4mis reproduce letter {name}"
                found.append(Finding(place, None, "claims", "Z015", message, hint))
    return judged, found


def other_code(root: Path, result: Result) -> str | None:
    """Why a result is not known to be computed by the code of the branch that is checked out in
    `root`, or of an earlier state of it; None: it says so."""
    harness = result.environment.get("harness")
    if not isinstance(harness, dict):
        return "does not say which code computed it."
    if harness.get("dirty") or harness.get("changed"):
        changed = ", ".join(list(map(str, harness.get("changed") or ["not said which"]))[:3])
        return f"was computed by code that is not committed: {changed}."
    for commit in harness.get("commits") or [harness.get("commit")]:
        if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
            return f"was computed by code of no commit: {commit!r}."
        told = f"was computed by the code of commit {commit[:12]}"
        try:
            base = _git(root, "merge-base", "HEAD", commit).decode().strip()
        except InputError:
            return f"{told}, which is not known here."
        if changed := _git(root, "diff", "--name-only", base, commit, "--", *CODE).decode():
            files = ", ".join(changed.splitlines()[:3])
            return f"{told}, which changes the code of this repository: {files}."
    return None


def _judged(
    registry: Registry, project: Project, claim: Claim, result: Result, folder: Path
) -> Judged:
    values = stored_values(registry, claim, result, folder)
    return Judged(claim, judge(claim, result, project=project, values=values), result)
