"""What the published run that answers lwnet's claims has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "reproduce" / "results" / "lwnet-5332feda9c21c1fc"


def published_cases() -> list[dict[str, Any]]:
    """Its four cases: id, patient, files by hash."""
    found: list[dict[str, Any]] = json.loads((RUN / "result.json").read_text("utf-8"))["inputs"][
        "cases"
    ]
    return found
