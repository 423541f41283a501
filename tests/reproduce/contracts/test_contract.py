"""Every plugin keeps what `reproduce.contracts` promises; a failure's text names the fix."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.errors import Sam4misError
from reproduce.contracts import Adapter, Dataset, PromptProfile, Scope
from reproduce.ground.plugins import plugins
from reproduce.predicting.plugin_check import said_wrong, words_unknown

KINDS = ("adapters", "datasets", "metrics", "prompts")
PROTOCOLS: dict[str, Any] = {"adapters": Adapter, "datasets": Dataset, "prompts": PromptProfile}
ALL = [(kind, name) for kind in KINDS for name in plugins(kind)]
NAME = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")


def letters(name: str) -> str:
    """A name without what differs between plugin and file: hyphens, dots, underscores."""
    return re.sub(r"[-._]", "", name)


def place(kind: str, name: str) -> str:
    folder = Path(__file__).resolve().parents[3] / "reproduce" / kind
    for path in sorted(folder.glob("*")):
        if letters(path.stem) == letters(name):
            return path.relative_to(folder.parents[1]).as_posix()
    return f"reproduce/{kind}/{name}.py"


@pytest.mark.parametrize(("kind", "name"), ALL, ids=str)
def test_a_plugin_says_everything_its_contract_asks(kind, name):
    plugin, where = plugins(kind)[name], place(kind, name)
    assert NAME.fullmatch(name), f"{where}: name: lower case, digits and hyphens; got {name!r}"
    assert isinstance(plugin.version, int), f"{where}: version: a whole number"
    assert plugin.version >= 1, f"{where}: version: count from 1"
    for field in getattr(PROTOCOLS.get(kind), "__annotations__", {}):
        assert hasattr(plugin, field), f"{where}: add `{field}` (reproduce/contracts.py says what)"
    for field in ("title", "description", "source", "licence", "access"):
        value = getattr(plugin, field, None)
        assert value is None or value.strip(), f"{where}: `{field}` is empty; say it"


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_is_one_file_or_folder_named_after_it(kind, root):
    inside = (root / "reproduce" / kind).glob("[!_]*")
    files = {letters(p.stem) for p in inside if p.suffix == ".py" or (p / "__init__.py").is_file()}
    named = {letters(name) for name in plugins(kind)}
    assert files == named, f"reproduce/{kind}: rename {sorted(files ^ named)} so that they match"


def test_listing_plugins_imports_neither_torch_nor_numpy_nor_each_other():
    program = (
        "import sys\n"
        "from reproduce.ground.plugins import plugins\n"
        f"for kind in {KINDS!r}: plugins(kind)\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules} & "
        "{'torch', 'numpy', 'scipy', 'cv2', 'skimage', 'nibabel', 'timm', 'PIL'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stdout.strip(), (
        f"listing the plugins imported {done.stdout.strip()}: move those imports into functions"
    )


@pytest.mark.parametrize(("kind", "name"), ALL, ids=str)
def test_plugins_do_not_import_plugins(kind, name, root):
    place_ = root / place(kind, name)
    own = f"reproduce.{kind}.{place_.stem}."  # a plugin that is a folder may name its own modules
    for path in [place_] if place_.is_file() else sorted(place_.rglob("*.py")):
        text = path.read_text("utf-8").split('"""', 2)[-1].replace(own, "")
        for other in KINDS:
            assert f"reproduce.{other}" not in text, (
                f"{path.relative_to(root)} imports from reproduce/{other}: move what they share to "
                "reproduce/models, reproduce/prompting or another package without plugins"
            )


# ------------------------------------------------------------------------------------ adapters


@pytest.mark.parametrize("name", plugins("adapters"))
def test_an_adapter_can_be_checked_before_it_runs(name):
    adapter, where = plugins("adapters")[name], place("adapters", name)
    wrong = [*said_wrong(adapter), *words_unknown(adapter)]
    assert not wrong, "\n".join(f"{where}: {text}" for text in wrong)


# ------------------------------------------------------------------------------------ datasets


@pytest.mark.parametrize("name", plugins("datasets"))
def test_a_dataset_names_what_is_missing_instead_of_breaking(name, tmp_path):
    dataset, where = plugins("datasets")[name], place("datasets", name)
    assert dataset.splits, f"{where}: splits: at least one, with who defined it"
    assert all(dataset.splits.values()), f"{where}: splits: say who defined each"
    assert dataset.dimensionality in ("2d", "3d"), f"{where}: dimensionality"
    for item in dataset.case_lists:
        assert item.split in dataset.splits, f"{where}: case_lists: {item.split}"
        assert re.fullmatch("[0-9a-f]{64}", item.sha256), f"{where}: case_lists: {item.sha256}"
        assert item.source, f"{where}: case_lists: say what shows that they are the released files"
    with pytest.raises(Sam4misError):
        dataset.cases(tmp_path, "a split that nobody defined", {})
    for split in dataset.splits:
        for folder in (tmp_path, tmp_path / "absent"):
            try:
                cases = dataset.cases(folder, split, {})
            except Sam4misError as error:
                told = str(folder) in str(error)
            else:  # a data set that makes its cases itself
                told = True
                assert cases, f"{where}: cases(): an empty folder is an InputError, not no case"
                assert not any(case.files for case in cases), f"{where}: cases() invents files"
            assert told, f"{where}: cases(): name the folder that lacks something ({folder})"


# ------------------------------------------------------------------------------------- metrics


@pytest.mark.parametrize("name", plugins("metrics"))
def test_a_metric_profile_leaves_no_convention_to_a_default(name):
    profile, where = plugins("metrics")[name], place("metrics", name)
    assert profile.measures, f"{where}: measures: at least one"
    for measure, rule in profile.measures.items():
        assert rule.empty is not None, f"{where}: {measure}: say what empty masks give"
    assert profile.source, f"{where}: source: the code whose convention this is"


# ------------------------------------------------------------------------------------- prompts


def two_blobs(scope: Scope) -> np.ndarray:
    """Two parts on a plane, for profiles of stacks the one plane of a stack."""
    mask = np.zeros((60, 50), dtype=bool)
    mask[10:30, 5:25] = True
    mask[40:46, 33:40] = True
    return mask if scope == "plane" else mask[None]


@pytest.mark.parametrize("name", plugins("prompts"))
def test_prompts_depend_on_the_case_alone(name):
    profile, where = plugins("prompts")[name], place("prompts", name)
    mask = two_blobs(profile.scope)
    if profile.kind == "none":
        return

    def made(case: str, seed: int = 0) -> list[tuple[Any, ...]]:
        return [
            (
                p.object_index,
                *(
                    None if v is None else np.asarray(v).tolist()
                    for v in (p.box, p.points, p.point_labels)
                ),
            )
            for p in profile.prompts(case, "lesion", mask, seed, None)
        ]

    first = made("case-a")
    assert first, f"{where}: no prompt for a mask of 442 pixels"
    made("case-b")
    made("case-a", seed=7)
    assert made("case-a") == first, f"{where}: another case or seed changed the prompts of case-a"
    if not profile.random:
        assert made("case-a", seed=7) == first, f"{where}: says random=False but uses the seed"
    blind = getattr(profile, "blind", False)  # asks for every class, whatever the mask
    assert bool(profile.prompts("case-a", "lesion", np.zeros_like(mask), 0, None)) == blind, (
        f"{where}: an empty mask has no prompt"
    )


@pytest.mark.parametrize("name", plugins("prompts"))
def test_prompts_lie_where_they_say(name):
    profile, where = plugins("prompts")[name], place("prompts", name)
    mask = two_blobs(profile.scope)
    height, width = mask.shape[-2:]
    for seed in range(3):
        for prompt in profile.prompts("case", "lesion", mask, seed, None):
            if prompt.box_xy is not None:
                x0, y0, x1, y1 = prompt.box_xy
                assert 0 <= x0 < x1 <= width, f"{where}: box {prompt.box_xy} leaves the image"
                assert 0 <= y0 < y1 <= height, f"{where}: box {prompt.box_xy} leaves the image"
            for (x, y), label in zip(
                () if prompt.points_xy is None else prompt.points_xy,
                () if prompt.point_labels is None else prompt.point_labels,
                strict=True,
            ):
                if 0 <= x < width and 0 <= y < height:
                    assert mask[..., int(y), int(x)].all() == bool(label), (
                        f"{where}: point ({x}, {y}) is labelled {label} and lies on the other side"
                    )
