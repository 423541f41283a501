"""The directions of ARCHITECTURE.md: who may import whom, and what start-up may not import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLUGIN_PACKAGES = ("adapters", "datasets", "metrics", "prompts")
HEAVY = {"torch", "torchvision", "segment_anything", "monai", "scipy", "cv2", "skimage", "timm"}


def imported(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Dotted names of the modules that a file imports (`from a.b import c` gives a.b and a.b.c)."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = list(tree.body) if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def sources(folder: str) -> list[Path]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, f"no Python file in {folder}/"
    return files


@pytest.mark.parametrize("path", sources("catalog"), ids=str)
def test_catalog_never_imports_reproduce_or_torch(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & ({"reproduce"} | HEAVY), f"{path.relative_to(ROOT)} looks the wrong way"


@pytest.mark.parametrize("kind", PLUGIN_PACKAGES)
def test_plugins_never_import_each_other(kind: str) -> None:
    for path in sources(f"reproduce/{kind}"):
        if path.name == "__init__.py":
            continue
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "reproduce" and len(parts) > 2 and parts[1] in PLUGIN_PACKAGES:
                pytest.fail(f"{path.relative_to(ROOT)} imports the plugin module {name}")


@pytest.mark.parametrize("kind", PLUGIN_PACKAGES)
def test_plugins_import_heavy_libraries_late(kind: str) -> None:
    for path in sources(f"reproduce/{kind}"):
        roots = {name.split(".")[0] for name in imported(path, top_level_only=True)}
        assert not roots & HEAVY, f"{path.relative_to(ROOT)} imports {roots & HEAVY} at the top"


def test_starting_the_command_line_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv=['sam4mis','--help']\n"
        "from catalog.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy={'torch','numpy','requests','yaml','jinja2','rich','mkdocs','arxiv','msgspec'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "HEAVY []" in done.stdout, done.stdout[-300:]


def test_listing_plugins_imports_no_torch() -> None:
    code = (
        "import sys\n"
        "from reproduce.plugins import plugins\n"
        "n=sum(len(plugins(k)) for k in ('adapters','datasets','metrics','prompts'))\n"
        "print(n, 'torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    count, torch_there = done.stdout.split()
    assert int(count) > 0
    assert torch_there == "False"


def test_site_is_no_python_package() -> None:
    assert not (ROOT / "site" / "__init__.py").exists(), (
        "`site` is a module of the standard library"
    )


def test_no_lock_names_where_packages_come_from() -> None:
    for path in sorted((ROOT / "requirements").glob("*.lock")):
        text = path.read_text("utf-8")
        assert "://" not in text, path.name
        assert "--index-url" not in text, path.name
        assert text.count("--hash=sha256:") >= text.count("=="), path.name
