"""nnInteractive and VoxTell through their authors' packages: what is handed over, asked and told.

Skipped where a package is not here (`pip install ".[nninteractive,voxtell]"`); what needs none of
them is tried everywhere.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made import waves
from seeded import beside, layout, seeded

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.registry import Registry
from reproduce.checkpoints.loading import read_parts
from reproduce.contracts import FILE, Case, Prompt, Sample
from reproduce.ground.extras import OWN, lacks_own, need_own
from reproduce.ground.plugins import plugin, plugins
from reproduce.models.documents import checked_plans, layer_named
from reproduce.planning.readiness import examine, machine
from reproduce.predicting.chosen import choose, files_of


def built(name: str, **options: Any) -> Any:
    """The small network of an adapter. Skips without its package."""
    if lacks_own(name):
        pytest.skip(f"the package of {name} is not here")
    state = seeded(layout(f"{name}_scaled"))
    return plugin("adapters", name).build(state, options, "cpu", "float32")


def volume(planes: int = 5) -> Sample:
    values = waves(planes)[:, :40, :56].astype(np.float32)
    return Sample.of_volume(Case("a", {}), values, {})


def masks(answer: Any) -> Any:
    planes = [one.prediction.scores[:, 0] for one in answer.planes("original")]
    return torch.stack(planes, dim=1).numpy()


def click(label: str, *places: tuple[float, float, float]) -> Prompt:
    signs = np.ones(len(places), np.int64)
    return Prompt("a", label, points=np.array(places), point_labels=signs)


def test_a_later_round_goes_on_and_another_object_begins_anew() -> None:
    """The same question gives the same answer whatever was asked before, and nothing is said on
    stdout: that is for data."""
    session = built("nninteractive", zoom=False).open(volume())
    first, both = click("x", (2, 20, 30)), click("x", (2, 20, 30), (1, 8, 12))
    one = masks(session.ask([first]))
    two = masks(session.ask([both]))
    assert len(session.done) == 2
    assert (one != two).any()
    session.forget()
    assert session.done == []
    np.testing.assert_array_equal(masks(session.ask([both, first])), np.concatenate([two, one]))


def solid(label: str, *corner: int, at: tuple[int, ...] = (1, 10, 20)) -> Prompt:
    """A box full of a label as the first guess of it."""
    mask = np.zeros((5, 40, 56), np.bool_)
    mask[tuple(slice(a, a + size) for a, size in zip(at, corner, strict=True))] = True
    return Prompt("a", label, mask=mask)


def test_a_whole_mask_is_the_initial_segmentation_and_a_click_goes_on_from_it() -> None:
    """As the authors' own session says, asked the same by hand."""
    model = built("nninteractive", zoom=False)
    session = model.open(volume())
    first = solid("x", 3, 12, 16)
    one = masks(session.ask([first]))
    assert first.mask is not None
    from reproduce.adapters.nninteractive.session import quiet

    with quiet("cpu"):
        opened = model.open(volume()).opened
        np.random.seed(0)
        opened.add_initial_seg_interaction(first.mask.astype(np.uint8), run_prediction=True)
        np.testing.assert_array_equal(one[0], opened.target_buffer > 0)
        np.random.seed(0)
        opened.add_point_interaction((2.0, 30.0, 8.0), include_interaction=True)
    click_too = replace(first, points=np.array([[2.0, 30, 8]]), point_labels=np.array([1]))
    np.testing.assert_array_equal(masks(session.ask([click_too]))[0], opened.target_buffer > 0)
    assert len(session.done) == 2
    assert (masks(session.ask([solid("y", 2, 6, 6)])) != one).any()
    assert not masks(session.ask([solid("x", 0, 0, 0)])).any(), "nothing is made of nothing"
    with pytest.raises(InputError, match=r"mask of \(4, 40, 56\) voxels without a plane"):
        session.ask([replace(first, mask=first.mask[:4])])  # type: ignore[index]
    with pytest.raises(InputError, match="a box beside a whole mask"):
        session.ask([replace(first, box=np.array([[1.0, 5, 5], [1, 20, 20]]))])


def test_voxels_that_two_objects_claim_are_kept_by_both_or_by_the_first() -> None:
    asked = [solid("x", 3, 12, 16), solid("y", 3, 12, 16, at=(1, 16, 24))]
    both, first = (
        masks(built("nninteractive", zoom=False, overlap=overlap).open(volume()).ask(asked))
        for overlap in ("kept", "first")
    )
    np.testing.assert_array_equal(first[0], both[0])
    assert (both[0] & both[1]).any()
    np.testing.assert_array_equal(first[1], both[1] & ~both[0])


def test_numbers_of_the_process_are_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    model = built("nninteractive", zoom=False)
    np.random.seed(3)
    before, threads = np.random.get_state()[1].copy(), torch.get_num_threads()  # type: ignore[union-attr]
    model.open(volume()).ask([click("x", (2, 20, 30))])
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert torch.get_num_threads() == threads
    assert capsys.readouterr().out == ""


def test_what_nninteractive_cannot_take_is_said_before_anything_is_computed() -> None:
    model = built("nninteractive")
    session = model.open(volume())
    solid = Prompt("a", "x", box=np.array([[1.0, 5, 5], [3, 20, 20]]))
    with pytest.raises(InputError, match=r"box over several planes; .*box-largest-plane"):
        session.ask([click("y", (2, 20, 30)), solid])
    assert session.done == []
    with pytest.raises(InputError, match="prompt for 'x' of case a is empty"):
        session.ask([Prompt("a", "x")])
    empty = Sample.of_volume(Case("a", {}), np.zeros((3, 8, 8), np.float32), {})
    with pytest.raises(InputError, match="case a: it has one value only"):
        model.open(empty)
    with pytest.raises(UsageError, match=r"configuration: no '2d' in the plans; 3d_fullres_ps192"):
        built("nninteractive", configuration="2d")


def test_voxtell_is_asked_by_texts_of_its_bank() -> None:
    model = built("voxtell")
    session = model.open(volume())
    asked = [Prompt("a", "l", text="LIVER"), Prompt("a", "left kidney"), Prompt("a", "Liver")]
    answer = session.ask(asked)
    assert answer.labels == ("l", "left kidney", "Liver")
    found = masks(answer)
    np.testing.assert_array_equal(found[0], found[2])
    assert (found[0] != found[1]).any()
    with pytest.raises(InputError, match=r"no embedding for 'spleen'; text_embeddings\.npz has 3"):
        session.ask([Prompt("a", "spleen")])
    with pytest.raises(InputError, match="asked by text"):
        session.ask([click("x", (1, 2, 3))])


def test_a_frame_of_zeros_is_cut_away_and_comes_back_as_nothing() -> None:
    model = built("voxtell")
    inner = volume()
    values = np.pad(inner.values + 1, ((1, 2), (3, 0), (0, 4)))
    framed = Sample.of_volume(Case("a", {}), values, {})
    bare = Sample.of_volume(Case("a", {}), inner.values + 1, {})
    asked = [Prompt("a", "liver")]
    found, alone = (masks(model.open(one).ask(asked)) for one in (framed, bare))
    assert found.shape == (1, *values.shape)
    np.testing.assert_array_equal(found[:, 1:-2, 3:, :-4], alone)
    assert (found[:, 0] < 0).all()
    assert (found[:, :, :3] < 0).all()


@pytest.mark.parametrize("name", sorted(OWN))
def test_files_beside_the_weights_that_do_not_fit_are_told(name: str) -> None:
    if lacks_own(name):
        pytest.skip(f"the package of {name} is not here")
    adapter, state = plugin("adapters", name), seeded(layout(f"{name}_scaled"))

    def build(**files: bytes | None) -> None:
        changed = dict(state)
        for file, held in files.items():
            key = FILE + file.replace("__", ".")
            changed.pop(key, None)
            if held is not None:
                changed[key] = torch.frombuffer(bytearray(held), dtype=torch.uint8)
        adapter.build(changed, {}, "cpu", "float32")

    with pytest.raises(InputError, match=r"plans\.json of the release is missing beside"):
        build(plans__json=None)
    with pytest.raises(InputError, match=r"plans\.json: expected JSON"):
        build(plans__json=b"<html>")
    if name == "voxtell":
        with pytest.raises(InputError, match="expected an npz file with labels"):
            build(text_embeddings__npz=b"PK")
        wide = beside({"bank": {"labels": ["liver"], "width": 13}})
        with pytest.raises(InputError, match="embeddings of 13 numbers; the network takes 12"):
            build(text_embeddings__npz=wide[f"{FILE}text_embeddings.npz"].numpy().tobytes())
        with pytest.raises(InputError, match="no configuration 3d_fullres"):
            build(plans__json=b"{}")


@pytest.mark.parametrize("name", sorted(OWN))
def test_the_official_layout_of_a_package_fits_and_nothing_else(name: str) -> None:
    if lacks_own(name):
        pytest.skip(f"the package of {name} is not here")
    adapter, document = plugin("adapters", name), layout(name)
    weights = {key: torch.empty(shape, device="meta") for key, shape in document["tensors"].items()}
    state = beside(document) | weights
    adapter.build(state, {}, "meta", "float32")
    last = list(document["tensors"])[-1]
    with pytest.raises(InputError, match=f"1 missing: {last}"):
        adapter.build({k: v for k, v in state.items() if k != last}, {}, "meta", "float32")
    with pytest.raises(InputError, match="1 unexpected: head"):
        adapter.build(state | {"head": torch.empty(1, device="meta")}, {}, "meta", "float32")


def test_plans_are_given_as_their_bytes(tmp_path: Path) -> None:
    """Named by the record's layout; of files that no record knows by their own names."""
    plans = tmp_path / "3f2a"
    plans.write_text(json.dumps({"configurations": {}}))
    torch.save({"network_weights": {"a": torch.ones(2)}}, tmp_path / "w.pth")
    state = read_parts([(tmp_path / "w.pth", "network_weights"), (plans, "file/plans.json")])
    assert state["file.plans.json"].numpy().tobytes() == plans.read_bytes()
    assert state["a"].tolist() == [1, 1]
    named = plans.rename(tmp_path / "plans.json")
    assert set(read_parts([(named, None)])) == {"file.plans.json"}
    with pytest.raises(InputError, match="no such file, expected a file of the release"):
        read_parts([(tmp_path / "gone", "file/plans.json")])


def test_without_the_package_it_is_said_before_anything_is_fetched(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.setitem(OWN, "voxtell", "no_such_package.inside")
    with pytest.raises(PrerequisiteError) as caught:
        need_own("voxtell", "voxtell")
    assert "[reproduce,voxtell]" in str(caught.value.command)
    registry = Registry.load(root)
    with pytest.raises(PrerequisiteError, match="authors' own package"):
        files_of(choose(registry, "voxtell", None, (), {}))
    with pytest.raises(PrerequisiteError, match="authors' own package"):
        plugin("adapters", "voxtell").build({}, {}, "cpu", "float32")
    (project,) = [p for p in registry.projects if p.slug == "voxtell"]
    told = examine(project, machine()).missing
    assert any(text.startswith("extra: pip install") for text in told)


def test_files_that_belong_together_are_chosen_together(root: Path) -> None:
    registry = Registry.load(root)
    for name in OWN:
        files = [one.layout for one in choose(registry, name, None, (), {}).checkpoints]
        assert tuple(files) == plugins("adapters")[name].layouts
    newer = choose(registry, "voxtell", "voxtell-v1-1-fold-0-checkpoint-final", (), {})
    assert [one.id for one in newer.checkpoints][1:] == ["voxtell-v1-1-plans", "text-embeddings"]


@pytest.mark.parametrize(
    "name", ["os.system", "torch.nn.os", "torch.nn.functional", "torch.nn.modules.torch.load", ""]
)
def test_plans_name_layers_and_nothing_that_could_be_called(name: str) -> None:
    def plans(network: str, layer: str) -> dict[str, Any]:
        said = {"_kw_requires_import": ["conv_op"], "arch_kwargs": {"conv_op": layer}}
        return {"configurations": {"a": {"architecture": {"network_class_name": network} | said}}}

    unet, layer = (
        "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
        ("torch.nn.modules.conv.Conv3d"),
    )
    assert layer_named(layer) is torch.nn.Conv3d
    checked_plans(plans(unet, layer))
    with pytest.raises(InputError, match="is no layer"):
        layer_named(name)
    for network, named in ((name, layer), (unet, name)):
        if name:  # nothing is named, nothing is called
            with pytest.raises(InputError, match="which is no"):
                checked_plans(plans(network, named))
