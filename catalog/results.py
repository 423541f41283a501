"""The files that verdicts rest on, and whether they are the ones that `reproduce verify` examined.

`verdicts.json` lists the sha256 of each: the folders of runs, what released rows gave, and the log.
What was changed since is seen here without reading any statistics.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from catalog import json_in
from catalog.errors import Finding, FindingsError
from catalog.evidence import RECOMPUTED
from catalog.records import Verdicts
from catalog.registry import AGAIN, RESULTS, VERDICT_LOG, VERDICTS, json_finding

RESULT = "result.json"
WRITTEN_AGAIN = f"{Path(RECOMPUTED).name}/"  # by `reproduce recompute`; all else is only added
VERIFY = "Run `sam4mis reproduce verify` and commit what it writes."


def digests(root: Path, log: bytes | None = None) -> dict[str, str]:
    """Path below `reproduce/results` -> sha256, of every file that verdicts rest on.

    log  what the log of verdicts will hold; None: the file as it is
    """
    results = root / RESULTS
    runs = [*results.glob(f"*/{RESULT}"), *(root / AGAIN).glob(f"*/*/{RESULT}")]
    files = [file for path in runs for file in path.parent.rglob("*")]
    files += [root / VERDICT_LOG, *(root / RECOMPUTED).glob("*.json")]
    found = {
        file.relative_to(results).as_posix(): _sha256(file) for file in files if file.is_file()
    }
    if log is not None:
        found[Path(VERDICT_LOG).name] = hashlib.sha256(log).hexdigest()
    return dict(sorted(found.items()))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def examined(root: Path) -> dict[str, str]:
    """What `digests` was when `reproduce verify` wrote its verdicts; {} where it never did."""
    path = root / VERDICTS
    if not path.is_file():
        return {}
    try:
        return json_in.decoded(path.read_bytes(), Verdicts).files
    except (msgspec.DecodeError, OSError) as error:
        raise FindingsError([json_finding(VERDICTS, error)]) from error


def edited(root: Path) -> list[Finding]:
    """Files that are not what they were when they were examined; they are only ever added."""
    now = digests(root)
    return [
        Finding(
            f"{RESULTS}/{name}",
            None,
            "",
            "R008",
            f"expected the file that was examined (sha256 {expected[:16]}), got "
            + (f"another ({now[name][:16]})." if name in now else "none."),
            f"Restore both: git restore {RESULTS}/{name} {VERDICTS}",
        )
        for name, expected in examined(root).items()
        if now.get(name) != expected and not name.startswith(WRITTEN_AGAIN)
    ]


def fresh(root: Path) -> frozenset[str]:
    """Sources whose recomputed results are not those that were examined."""
    known, now = examined(root), digests(root)
    differing = [name for name in {**known, **now} if known.get(name) != now.get(name)]
    return frozenset(Path(name).stem for name in differing if name.startswith(WRITTEN_AGAIN))


def unexamined(root: Path) -> list[Finding]:
    """Edited files, and results or a log that the verdicts do not know as they are."""
    found = edited(root)
    known, told = examined(root), {finding.place for finding in found}
    new = {
        f"{RESULTS}/{name.partition('/')[0]}"
        for name, got in digests(root).items()
        if known.get(name) != got
        and f"{RESULTS}/{name}" not in told
        and not name.startswith(WRITTEN_AGAIN)
    }
    new |= {f"{RECOMPUTED}/{source}.json" for source in fresh(root)}
    return found + [
        Finding(place, None, "", "R008", "has not been examined as it is.", VERIFY)
        for place in sorted(new)
    ]
