"""Check out the authors' repositories that `reproduce/adapters/agreement/` names.

Each at its commit, into $SAM4MIS_PEERS/<owner>+<repository>@<first 8 digits>; what is there stays.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RECORDS = ROOT / "reproduce" / "adapters" / "agreement"


def folder_of(repository: str, commit: str) -> str:
    """The name of a check-out below $SAM4MIS_PEERS."""
    return f"{repository.split()[0].replace('/', '+')}@{commit[:8]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--from",
        dest="source",
        default="https://github.com/{repository}",
        help="where to fetch from; {repository} is owner/name (default: %(default)s)",
    )
    source = parser.parse_args().source
    if "SAM4MIS_PEERS" not in os.environ:
        parser.error("set SAM4MIS_PEERS to the folder for the check-outs")
    failed = 0
    for record in sorted(RECORDS.glob("*.json")):
        entry = json.loads(record.read_text("utf-8"))
        repository, commit = entry["repository"].split()[0], entry["commit"]
        target = Path(os.environ["SAM4MIS_PEERS"]) / folder_of(repository, commit)
        if target.is_dir():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".part")
        git = ["git", "-C", str(partial)]
        done = (
            subprocess.run(["git", "init", "-q", str(partial)]).returncode
            or subprocess.run(
                [*git, "fetch", "-q", "--depth", "1", source.format(repository=repository), commit]
            ).returncode
            or subprocess.run([*git, "checkout", "-q", "--detach", commit]).returncode
        )
        if done:
            failed += 1
            print(f"{repository} @ {commit}: not checked out (see above)", file=sys.stderr)
        else:
            partial.rename(target)
            print(target)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
