"""Ask pip-audit which vulnerabilities are known of what the locks name, and say what that came to.

    python requirements/audit.py        (pip-audit is in the environment of this Python)

The last lock holds the others. Exit status: 0 every package was asked about and none is known to
be vulnerable; 1 some are; 3 some could not be asked about, which is no all-clear.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
LOCKS = ("catalog.lock", "reproduce.lock", "dev.lock")


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "-r", str(FOLDER / LOCKS[-1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - built above
    try:
        report = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        say(f"NOT AUDITED: pip-audit could not ask the service: {last}")
        return 3
    return told(report, {lock: (FOLDER / lock).read_text("utf-8") for lock in LOCKS})


def told(report: Mapping[str, Any], locks: Mapping[str, str]) -> int:
    """Say what a report of pip-audit comes to; the exit status. locks: name -> its text."""
    asked = [one for one in report["dependencies"] if "skip_reason" not in one]
    silent = sorted(one["name"] for one in report["dependencies"] if "skip_reason" in one)
    known = [one for one in asked if one["vulns"]]
    for one in known:
        of = [lock for lock, text in locks.items() if re.search(rf"^{one['name']}==", text, re.M)]
        for found in one["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            where = ", ".join(of)
            say(f"{one['name']} {one['version']}: {found['id']}, fixed in {fixed} ({where})")
    if silent and not asked:
        say(
            f"NOT AUDITED: the service answers for none of the {len(silent)} packages. It cannot "
            "be reached from here, or a mirror of packages stands in its place: run this where "
            "the Python package index itself answers."
        )
        return 3
    if silent:
        say(f"NOT AUDITED, {len(silent)} unknown to the service: {', '.join(silent)}")
    say(f"{len(asked)} packages asked about, {len(known)} with known vulnerabilities")
    return 1 if known else 3 if silent else 0


def say(text: str) -> None:
    print(text)  # noqa: T201 - it speaks


if __name__ == "__main__":
    sys.exit(main())
