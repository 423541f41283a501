"""Every command on the pages for readers runs as it stands there, without a network.

`own-images.md` and `campaign.md` have tests of their own, with real images and a real Slurm.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from terminal import here

from catalog import configuration
from catalog.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "site" / "docs"
PAGES = (
    "look-for-a-model",
    "doubt-a-number",
    "be-listed-and-checked",
    "keep-the-list",
    "offline",
    "own-metric",
    "settings",
    "what-it-is-not",
)
#: Exit status of a command that finds something to say in the real registry.
FINDS = {"sam4mis doctor": (0, 1)}
BIB = "@article{a, title={A SAM of its own kind for one test}, author={Doe, Jo}, year={2031}}\n"


def commands(page: str) -> list[str]:
    text = (DOCS / f"{page}.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages take for granted: masks in two folders, a profile, a paper as BibTeX."""
    folder = tmp_path_factory.mktemp("desk")
    for name, shift in (("truth", 0), ("predicted", 4)):
        (folder / name).mkdir()
        for case in ("a", "b"):
            drawn = Image.new("L", (32, 32))
            if case == "a":
                ImageDraw.Draw(drawn).rectangle((4 + shift, 4, 15 + shift, 15), fill=255)
            drawn.save(folder / name / f"{case}.png")
    page = (DOCS / "own-metric.md").read_text("utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (folder / "my_metric.py").write_text(source)
    (folder / "paper.bib").write_text(BIB)
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_run_one_after_the_other(
    page: str, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reproduce.ground.plugins import plugins

    monkeypatch.chdir(desk)
    outputs = {}
    for command in commands(page):
        words = shlex.split(command)
        extra = {"SAM4MIS_CACHE": str(desk / "cache")}
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            extra[name] = value
        assert words[0] == "sam4mis", command
        plugins.cache_clear()
        ran = here(ROOT, *words[1:], extra=extra)
        allowed = FINDS.get(" ".join(words[:2]), (0,))
        assert ran.code in allowed, f"{command}\n{ran.err}\n{ran.out}"
        assert ran.out.strip() or ran.err.strip(), command
        outputs[command] = ran.out
    plugins.cache_clear()
    if page == "own-metric":  # a: 64 of 144 + 144 pixels; b: nothing in either
        house, _, mine = (re.findall(r"^dice\t.*$", o, re.MULTILINE) for o in outputs.values())
        dice = 100 * 2 * 8 * 12 / (2 * 144)
        assert f"{dice:.2f}" in house[0]
        assert f"{(dice + 100) / 2:.2f}" in mine[0]


def test_every_setting_is_on_the_page_and_every_variable_of_the_code() -> None:
    page = (DOCS / "settings.md").read_text("utf-8")
    for s in configuration.SETTINGS:
        assert f"| `{s.name}` | `{s.variable}` | {s.what} | {s.otherwise} |\n" in page
    for name, what in configuration.ENVIRONMENT_ONLY.items():
        assert f"| `{name}` | {what} |\n" in page
    assert len(re.findall(r"^\| `", page, re.MULTILINE)) == len(configuration.SETTINGS) + len(
        configuration.ENVIRONMENT_ONLY
    )
    code = "".join(
        path.read_text("utf-8")
        for package in ("catalog", "reproduce", "sam4mis")
        for path in (ROOT / package).rglob("*.py")
    ) + (ROOT / "site" / "mkdocs.yml").read_text("utf-8")
    read = set(re.findall(r"\b_?SAM4MIS_[A-Z]+(?:_[A-Z]+)*\b", code))
    listed = {s.variable for s in configuration.SETTINGS} | set(configuration.ENVIRONMENT_ONLY)
    named = {name for name in listed if name.startswith("SAM4MIS_")}
    unlisted = {n for n in read - named if not n.startswith(("SAM4MIS_URL", "_SAM4MIS"))}
    assert unlisted == set()
    assert named - read == {"SAM4MIS_URL_<SERVICE>"}


def test_the_page_of_the_command_line_has_every_command_and_option() -> None:
    from catalog.render.pages.commands import commands as told

    found = {command.path: command for command in told()}
    assert {f"sam4mis {name}" for name in COMMANDS} <= set(found)
    assert "sam4mis reproduce explain" in found
    assert "sam4mis reproduce worker" not in found  # typed by programs
    explain = found["sam4mis reproduce explain"]
    assert "--target <float>" in [name for name, _ in explain.options]
    assert explain.examples.startswith("sam4mis reproduce explain lwnet/validation-dice")
    assert all(command.texts for command in found.values())


def test_the_menu_leads_to_every_page_written_by_hand() -> None:
    menu = (ROOT / "site" / "mkdocs.yml").read_text("utf-8")
    assert not [p.name for p in DOCS.glob("*.md") if f": {p.name}\n" not in menu]
