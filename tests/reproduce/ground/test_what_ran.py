"""What ran: installed files that were edited afterwards."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from reproduce.ground.provenance import edited_since_installed


def test_a_wheel_whose_files_were_edited_is_told(tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"
    dist = packages / "sam4mis-0.1.0.dist-info"
    dist.mkdir(parents=True)
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: sam4mis\nVersion: 0.1.0\n")
    lines = []
    for name in ("reproduce/adapters/sam.py", "catalog/records/papers.py"):
        path = packages / name
        path.parent.mkdir(parents=True)
        path.write_text(f"# {name}\n")
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
        lines.append(f"{name},sha256={digest.rstrip('=')},{path.stat().st_size}")
    (dist / "RECORD").write_text("\n".join(lines) + "\n")
    assert edited_since_installed(packages) == []
    (packages / "reproduce/adapters/sam.py").write_text("# better\n")
    (packages / "reproduce/adapters/mine.py").write_text("# mine\n")
    assert edited_since_installed(packages) == [
        "reproduce/adapters/mine.py",
        "reproduce/adapters/sam.py",
    ]
    (dist / "RECORD").write_text("")  # an editable installation lists none of them
    assert edited_since_installed(packages) == []
