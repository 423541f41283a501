"""Adapters of released methods: the official layout fits strictly; options, prompts are checked.

Layouts hold the names and shapes of the releases' own state dicts (`layouts/*.json.gz`, read off
the authors' code). They are loaded without memory here; the figures of agreement with that code, on
real images with seeded weights, are in `reproduce/adapters/agreement/`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from seeded import layout, meta

from catalog.errors import InputError, UsageError
from catalog.registry import Registry
from reproduce.checkpoints.layouts import ALIASES, LAYOUTS, unwrap
from reproduce.ground.extras import OWN
from reproduce.ground.plugins import plugin, plugins
from reproduce.models.declaring import check_prompts, resolve_options
from reproduce.planning.readiness import Machine, examine


@dataclass(frozen=True)
class Release:
    """What a user has on disk: files (fixture of names and shapes, layout, only this part)."""

    adapter: str
    files: tuple[tuple[str, str, str], ...]
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.adapter, *(name for name, _, _ in self.files[-1:])])

    def state(self) -> dict[str, torch.Tensor]:
        """The files read as the checkpoint code reads them, later ones laid over earlier ones."""
        state: dict[str, torch.Tensor] = {}
        for name, wrapped, part in self.files:
            content: Any = {
                key.removeprefix(part): value
                for key, value in meta(layout(name)).items()
                if key.startswith(part)
            }
            known = LAYOUTS[ALIASES.get(wrapped, wrapped)]
            if known.parts:
                content = joined(known.parts, content)
            for key in reversed(known.path):
                content = {key: content, "epoch": 1}
            for file, (*keys, last) in known.plain.items():  # plans in nnU-Net's files
                plain: Any = {last: layout(name)["documents"][file]}
                for key in reversed(keys):
                    plain = {key: plain}
                content |= plain
            state |= unwrap(content, wrapped, name)
        return state


def joined(parts: Mapping[str, tuple[str | int, ...]], tensors: dict[str, Any]) -> dict[str, Any]:
    """A file of several state dicts, some of them in lists."""
    file: dict[str, Any] = {"epoch": 1}
    for prefix, (name, *number) in parts.items():
        state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        file[str(name)] = [{}] * int(number[0]) + [state] if number else state
    return file


BASE = ("sam_vit_b", "flat", "")
NECK = re.compile(r"neck(_3d\.\d)?\.1\.bias$")
RELEASES = [
    Release("medsam", (BASE,)),
    Release("sam-med2d", (("sam_med2d", "model", ""),)),
    Release("samed", (BASE, ("samed_lora", "lora", ""))),
    Release("samed", (BASE, ("samed_s_lora", "lora", ""))),
    Release("h-sam", (BASE, ("hsam_lora", "lora", ""))),
    Release("mobilesam", (("mobile_sam", "flat", ""),)),
    Release("litemedsam", (("lite_medsam", "flat", ""),)),
    Release(
        "polyp-sam",
        tuple(
            ("sam_vit_b", f"part/{part}", f"{part}.")
            for part in ("image_encoder", "prompt_encoder", "mask_decoder")
        ),
    ),
    Release("samus", (("samus", "flat", ""),)),
    Release("sam-octa", (("sam_octa", "module", ""),)),
    Release("medical-sam-adapter", (("medical_sam_adapter_256", "state_dict", ""),)),
    Release("medical-sam-adapter", (("medical_sam_adapter_1024", "state_dict", ""),)),
    Release("sampath", (("sampath", "state_dict/model", ""),)),
    Release("3dsam-adapter", (("sam_adapter_3d", "encoder-feature-decoder", ""),)),
    Release("zap", (BASE, ("zap", "decoder_dict", "volume_decoder."))),
    Release("promise", (("promise", "encoder-feature-decoder", ""),)),
    Release("ma-sam", (BASE, ("ma_sam", "lora", ""))),
    Release("sam-lst", (("sam_lst", "module", ""),)),
    Release("medsegx", (BASE, ("medsegx", "model", ""))),
    Release("dapsam", (("dapsam_fundus", "flat", ""),)),
    Release("dapsam", (("dapsam_prostate", "flat", ""),), {"recipe": "prostate"}),
    Release("p2sam", (("p2sam_full", "model", ""),)),
    Release("p2sam", (("p2sam_lora", "model", ""),)),
    Release("i-medsam", (BASE, ("i_medsam", "model", ""))),
    Release("g-sam", (("g_sam", "flat", ""),)),
    Release("gbt-sam", (("gbt_sam", "state_dict", ""),)),
    Release("adaptivesam", (("adaptivesam", "flat", ""),)),
    Release("sam-med3d", (("sam_med3d", "model_state_dict", ""),)),
    Release("sam2-unet", (("sam2_unet", "flat", ""),)),
    Release("de-lightsam", (("de_lightsam", "flat", ""),)),
    Release("imis-net", (("imis_net", "flat", ""),)),
    Release(
        "wsi-sam",
        (
            ("mobile_sam", "flat", ""),
            ("wsi_sam", "model/high", "high."),
            ("wsi_sam", "model/low", "low."),
        ),
    ),
    Release("vesselfm", (("vesselfm", "flat", ""),)),
    Release("segmentanybone", (("segmentanybone", "flat", ""),)),
    Release("vista3d", (("vista3d", "flat", ""),)),
    Release("semisam", (("semisam", "flat", ""),)),
    Release("medlsam", (("medlam", "module", ""), BASE, ("medlsam_examples", "flat", ""))),
    Release("neuroverse3d", (("neuroverse3d", "state_dict/net", ""), ("examples", "flat", ""))),
    Release("segvol", (("segvol", "model/module", ""),)),
    Release("slide-sam", (("slide_sam", "flat", ""),)),
    Release("hermes", (("hermes", "ema_model_state_dict", ""),)),
    Release(
        "promptnucseg",
        (
            ("promptnucseg_prompter", "model/prompter", "prompter."),
            ("promptnucseg_segmentor", "model", ""),
        ),
    ),
    Release("cellvit", (("cellvit", "model_state_dict", ""),)),
    Release("medclip-samv2", (("biomedclip", "flat", ""), ("sam_vit_h", "flat", ""))),
    Release(
        "mome",
        tuple(
            ("mome", f"nnunet/{part}", f"{part}.")
            for part in ("gate", *(f"expert{n}" for n in range(1, 6)))
        ),
        {"mirror": False},
    ),
    *(  # its own windows of 288x288x96 take ten GiB
        Release(
            "sat",
            (("sat_names", "flat", ""), (size, "model_state_dict/module", "")),
            {"window": "64,64,32"},
        )
        for size in ("sat", "sat_pro")
    ),
]


@pytest.mark.parametrize("release", RELEASES, ids=str)
def test_the_official_layout_fits_and_nothing_else(release):
    adapter = plugin("adapters", release.adapter)
    for _, wrapped, _ in release.files:
        assert ALIASES.get(wrapped, wrapped) in {ALIASES.get(n, n) for n in adapter.layouts}
    state = release.state()

    def build(changed: dict[str, torch.Tensor]) -> None:
        adapter.build(changed, release.options, "meta", "float32")

    build(state)
    # The last tensor, and one of the encoder that nearly every release has under its own name.
    own = [key for key in state if not key.startswith("text.")]  # names that a user chose: SAT
    necks = [key for key in own if NECK.search(key)]
    for gone in (own[-1], (necks or own)[0]):
        message = re.escape(".".join(gone.split(".")[-2:]))
        with pytest.raises(InputError, match=message):
            build({key: value for key, value in state.items() if key != gone})
        with pytest.raises(InputError, match=message):
            build(state | {gone: torch.empty((*state[gone].shape, 2), device="meta")})
    with pytest.raises(InputError, match=r"head\.nobody\.trained"):
        build(state | {"head.nobody.trained": torch.empty(3, device="meta")})


def test_every_adapter_of_a_released_method_is_tried_with_its_layout():
    tried = {release.adapter for release in RELEASES}
    # Some have tests of their own: sam, sam-lora, sam2, medsam2; lwnet those with its weights;
    # those of authors' packages in test_authors_packages.py.
    own = {"sam", "sam-lora", "sam2", "medsam2", "surgical-sam-2", "lwnet", *OWN}
    missing = set(plugins("adapters")) - tried - own
    assert not missing, f"add a Release with the official layout for: {', '.join(sorted(missing))}"


def test_agreement_with_the_authors_code_is_recorded_and_said(root):
    figures = {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in (root / "reproduce/adapters/agreement").glob("*.json")
    }
    own = {"sam-lora", "sam2", "medsam2", "surgical-sam-2", *OWN}
    for name in sorted({release.adapter for release in RELEASES} | own):
        adapter = plugin("adapters", name)
        variants = [v for key, v in figures.items() if key == name or key == f"{name}-s"]
        assert variants, f"{name}: compare it with the authors' code, record it in agreement/"
        compared = [part for v in variants for part in v.values() if isinstance(part, dict)]
        for recorded in variants:
            assert recorded["commit"] in adapter.source, f"{name}: another commit than its source"
            assert recorded["images"], f"{name}: name the images"
        for part in compared:
            assert part["largest_score_difference"] < 1e-4 * part["largest_score"], name
            assert part["largest_dice_difference"] < 1e-4, name
        worst = f"{max(part['largest_score_difference'] for part in compared):.1e}"
        assert f"difference {worst}" in adapter.agreement, f"{name}: say {worst} in `agreement`"


def test_declared_memory_is_what_was_measured(root):
    document = json.loads((root / "benchmarks/results/memory.json").read_text("utf-8"))
    measured = {
        adapter: {variant: found["peak_mib"] for variant, found in scenario["contenders"].items()}
        for adapter, scenario in document["scenarios"].items()
    }
    adapters = plugins("adapters")
    declared = {name: dict(one.memory_mib) for name, one in adapters.items() if one.memory_mib}
    assert declared == measured, "python -m benchmarks.memory ADAPTER, then memory_mib"


def test_too_little_memory_is_told_before_a_run(root):
    (project,) = [p for p in Registry.load(root).projects if p.slug == "medsam"]
    (needed,) = plugin("adapters", "medsam").memory_mib.values()

    def told(memory_mib: int) -> str:
        here = Machine(
            missing_packages=[],
            install="",
            memory_mib=memory_mib,
            gpu="a card of unknown need",
            gpu_memory_mib=1,
            disk_free_mib=1,
        )
        return " ".join(examine(project, here).missing)

    assert f"needs {needed} MiB on a CPU, {needed - 1} MiB are here" in told(needed - 1)
    assert "memory:" not in told(needed), "what a GPU needs is not known"


@pytest.mark.slow
def test_memory_is_measured_again_with_the_same_outcome(root):
    from benchmarks.memory import VARIANTS, _in_own_process

    number = next(n for n, (adapter, *_) in enumerate(VARIANTS) if adapter == "litemedsam")
    (declared,) = plugin("adapters", "litemedsam").memory_mib.values()
    assert _in_own_process(number)["peak_mib"] == pytest.approx(declared, rel=0.15)


def test_options_that_do_not_exist_are_told_all_at_once():
    adapter = plugin("adapters", "sam-med2d")
    with pytest.raises(UsageError) as error:
        resolve_options(adapter, {"chanels": "rgb", "resize": "cubic"})
    assert "'chanels'" in str(error.value)
    assert "expected one of 'nearest', 'bilinear'; got 'cubic'" in str(error.value)


def test_prompts_never_trained_for_are_refused_unless_named_and_then_labelled():
    medsam = plugin("adapters", "medsam")
    assert check_prompts(medsam, "box") is None
    with pytest.raises(UsageError, match="--allow-prompt point"):
        check_prompts(medsam, "point")
    with pytest.raises(UsageError):
        check_prompts(medsam, "point", allow=("none",))
    label = check_prompts(medsam, "point", allow=("point",))
    assert label == "untrained-prompt: medsam was trained for box, run with point"


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("sam2", "solid-box", "was trained for box, point, mask prompts, not for solid-box"),
        ("lwnet", "box", "lwnet takes no prompts"),
        ("vista3d", "box", "not for box"),
    ],
)
def test_what_cannot_be_asked_at_all_is_refused_without_a_way_that_leads_nowhere(name, kind, told):
    for allow in ((), (kind,)):
        with pytest.raises(UsageError, match=told) as caught:
            check_prompts(plugin("adapters", name), kind, allow=allow)
        assert "--allow-prompt" not in str(caught.value)
