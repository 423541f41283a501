"""The directions of ARCHITECTURE.md: who may import whom, and what start-up may not import."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
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


def heights() -> dict[str, int]:
    """Package of `reproduce` -> its line in the map of ARCHITECTURE.md, lowest first."""
    lines = (ROOT / "ARCHITECTURE.md").read_text("utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("reproduce/ "))
    found: dict[str, int] = {}
    for height, line in enumerate(lines[start + 1 :]):
        if not line.startswith("  "):
            break
        if names := re.match(r"  ((?:\w+/ +)+)", line):
            found |= dict.fromkeys(names[1].replace("/", " ").split(), height)
    return found


def needed(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Line and package for all that a file of `root`/reproduce imports of it: at the top, in a
    function, for types only, or named as text (`reproduce.models.sam:build`)."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            here = path.relative_to(root).parent.parts
            above = here[: len(here) + 1 - node.level] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = re.findall(r"\A(reproduce(?:\.\w+)+):\w+\Z", node.value)
        for name in names:
            top, _, rest = name.partition(".")
            if top == "reproduce" and rest:
                yield node.lineno, rest.partition(".")[0]


def wrong_ways(root: Path, order: dict[str, int]) -> list[str]:
    """Every import of a package that is not below, with its place."""
    found = []
    for path in sorted((root / "reproduce").rglob("*.py")):
        package = path.relative_to(root).parts[1]
        for line, other in needed(path, root):
            if other != package and not order[other] < order[package]:
                place = f"{path.relative_to(root).as_posix()}:{line}"
                found.append(f"{place}: {package} imports {other}, which is not below it")
    return found


def test_packages_of_reproduce_import_one_way() -> None:
    folders = {path.parent.relative_to(ROOT).as_posix() for path in sources("reproduce")}
    packages = {folder.split("/")[1] for folder in folders if "/" in folder}
    loose = sorted(path.name for path in (ROOT / "reproduce").glob("*.py"))
    assert loose == ["__init__.py"], "a module belongs into a package"
    order = heights()
    assert order.keys() == packages, "ARCHITECTURE.md's map names every package of reproduce"
    wrong = wrong_ways(ROOT, order)
    assert not wrong, "\n".join(["the map of ARCHITECTURE.md has the lowest package first", *wrong])


@pytest.mark.parametrize(
    "text",
    [
        "from reproduce.running.engine import execute",
        "import reproduce.running.engine",
        "from reproduce import running",
        "from ..running import engine",
        "def late() -> None:\n    from reproduce.running import engine",
        "if TYPE_CHECKING:\n    from reproduce.running.engine import Execution",
        "BUILDER = 'reproduce.running.engine:execute'",
    ],
)
def test_every_way_to_import_upwards_is_seen(text: str, tmp_path: Path) -> None:
    for package, content in (("ground", text), ("running", "from reproduce.ground import places")):
        (tmp_path / "reproduce" / package).mkdir(parents=True)
        (tmp_path / "reproduce" / package / "module.py").write_text(content, "utf-8")
    line = 1 + text.count("\n")
    assert wrong_ways(tmp_path, {"ground": 0, "running": 1}) == [
        f"reproduce/ground/module.py:{line}: ground imports running, which is not below it"
    ]


@pytest.mark.parametrize("kind", PLUGIN_PACKAGES)
def test_plugins_import_heavy_libraries_late(kind: str) -> None:
    folder = ROOT / "reproduce" / kind
    # What lies beside the `__init__.py` of a plugin that is a folder is imported when it is built.
    for path in [*folder.glob("*.py"), *folder.glob("*/__init__.py")]:
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
        "from reproduce.ground.plugins import plugins\n"
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


def test_the_way_of_a_claim_names_what_is_there():
    """Every dotted name of the drawing in ARCHITECTURE.md can be imported."""
    import importlib

    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    drawing = text[text.index("## The way of a claim") :]
    packages = "planning|runs|running|asking|judging"
    named = sorted(set(re.findall(rf"\b(?:{packages})(?:\.\w+)+\b", drawing)))
    assert len(named) > 10
    for name in named:
        module, *members = name.split(".")
        found = importlib.import_module(f"reproduce.{module}")
        for member in members:
            try:
                found = importlib.import_module(f"{found.__name__}.{member}")
            except (ImportError, AttributeError):
                found = getattr(found, member)


def test_benchmarks_import_what_is_there() -> None:
    """What they take from this project inside their functions, too: no type checker reads them."""
    lacking = []
    for file in sorted((ROOT / "benchmarks").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            if node.module.split(".")[0] not in ("benchmarks", "catalog", "reproduce", "seeded"):
                continue
            module = importlib.import_module(node.module)
            lacking += [
                f"{file.name}:{node.lineno}: {node.module}.{name.name}"
                for name in node.names
                if not hasattr(module, name.name)
                and importlib.util.find_spec(f"{node.module}.{name.name}") is None
            ]
    assert not lacking
