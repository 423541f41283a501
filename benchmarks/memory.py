"""Peak memory of every adapter on a CPU, measured in one way.

Each adapter and variant runs in a process of its own: packages are imported, the resident memory is
noted (the baseline); seeded weights in the release's layout are loaded and what loading alone
needed is given back; the kernel's mark of the peak is reset; one image of the network's own size
is encoded and one prompt is decoded, float32, one thread, on the grid `original`. `peak_mib` is the
mark less the baseline: **weights and activations**, without interpreter and packages, and without
the checkpoint as read from disk. The larger of two processes. It says nothing of a GPU's memory:
other kernels keep other things there, so `gpu_mib` is null until somebody measures it.

`python -m benchmarks memory` writes `results/memory.json` (`python -m benchmarks.memory ADAPTER`
only what it holds of that adapter), which the `memory_mib` of the adapters
repeats (`tests/reproduce/adapters/test_adapters.py` compares). Linux only: /proc/self/clear_refs.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import RESULTS, ROOT, machine, write
from benchmarks.material import seeded_layouts, seeded_sam

PROCESSES = 2
TITLES = {
    "title": "Peak memory on a CPU above the process's baseline, one image, one prompt",
    "method": (
        "resident peak less baseline: weights and activations, float32, one thread, one image "
        "of the network's size, one prompt; larger of two processes; GPU memory not measured"
    ),
}
PACKAGES = (
    "PIL.Image",
    "cv2",
    "packaging.version",
    "reproduce.adapters.lwnet.network",
    "reproduce.models.sam_model",
    "scipy.ndimage",
    "scipy.sparse",
    "segment_anything",
    "skimage.morphology",
    "skimage.segmentation",
    "skimage.transform._warps",
    "torchvision.transforms.functional",
)
# What an adapter imports when it builds or asks, beside PACKAGES.
NEEDED = {
    "sam-med3d": ("medim.models.sam_med3d", "reproduce.models.cubes", "scipy.ndimage"),
    "sam2": ("reproduce.models.sam2_network",),
    "surgical-sam-2": ("reproduce.models.sam2_network",),
    "medsam2": ("reproduce.models.sam2_network",),
    "vesselfm": ("monai.transforms", "monai.inferers"),
    "vista3d": ("monai.transforms", "monai.inferers", "monai.networks.nets"),
    "semisam": ("monai.inferers",),
    "segvol": ("monai.inferers", "monai.networks.nets", "transformers"),
    "hermes": ("SimpleITK",),
    "sat": ("monai.transforms",),
    "medlsam": ("scipy.ndimage", "skimage.transform", "nibabel"),
}
# Options without which an adapter answers nothing.
GIVEN = {"medsegx": {"task": "CT_Liver"}}
ASKED = {
    "medclip-samv2": "text",
    "nninteractive": "point",
}  # what needs most, where that is not the first of `kinds`
CHANNELS = {"gbt-sam": 4}  # of a stack that has several
MM = {"sat": 1.0}  # of a volume's voxels, so that it has one window; 1.5 for all others
# adapter, variant, side of the network's input, layouts of tests/reproduce/layouts (`config:`: a
# `SamConfig` of reproduce.models.sam; `wnet`: lwnet's own network; `examples:`: volumes that are
# shown with the image), what stands before every name
VARIANTS: tuple[tuple[str, str, int, tuple[str, ...], str], ...] = (
    ("sam", "vit_b", 1024, ("config:vit_b",), ""),
    ("sam", "vit_l", 1024, ("config:vit_l",), ""),
    ("sam", "vit_h", 1024, ("config:vit_h",), ""),
    ("medsam", "vit_b", 1024, ("sam_vit_b",), ""),
    ("sam-lora", "vit_b", 1024, ("sam_vit_b", "samed_lora"), ""),
    ("polyp-sam", "vit_b", 1024, ("sam_vit_b",), ""),
    ("sam-octa", "vit_b", 1024, ("sam_octa",), "module."),
    ("sam-med2d", "vit_b", 256, ("sam_med2d",), ""),
    ("samed", "vit_b", 512, ("sam_vit_b", "samed_lora"), ""),
    ("h-sam", "vit_b", 512, ("sam_vit_b", "hsam_lora"), ""),
    ("sam-lst", "vit_b", 512, ("sam_lst",), "module."),
    ("medsegx", "vit_b", 256, ("sam_vit_b", "medsegx"), ""),
    ("dapsam", "vit_b", 512, ("dapsam_fundus",), ""),
    ("p2sam", "vit_b", 1024, ("p2sam_lora",), ""),
    ("i-medsam", "vit_b", 384, ("sam_vit_b", "i_medsam"), ""),
    ("g-sam", "vit_b", 256, ("g_sam",), ""),
    ("gbt-sam", "vit_b", 1024, ("gbt_sam",), ""),
    ("adaptivesam", "vit_b", 256, ("adaptivesam",), ""),
    ("medical-sam-adapter", "vit_b", 1024, ("medical_sam_adapter_1024",), ""),
    ("medical-sam-adapter", "vit_b_256", 256, ("medical_sam_adapter_256",), ""),
    ("samus", "vit_b", 256, ("samus",), ""),
    ("sam-med3d", "vit_b", 128, ("sam_med3d",), ""),
    ("sam2", "tiny", 1024, ("sam2_1_tiny",), ""),
    ("sam2", "small", 1024, ("sam2_1_small",), ""),
    ("sam2", "large", 1024, ("sam2_1_large",), ""),
    ("surgical-sam-2", "small", 512, ("sam2_small",), ""),
    ("3dsam-adapter", "vit_b", 128, ("sam_adapter_3d",), ""),
    ("zap", "vit_b", 80, ("sam_vit_b", "zap"), ""),
    ("promise", "vit_b", 128, ("promise",), ""),
    ("medsam2", "tiny", 512, ("sam2_1_tiny",), ""),
    ("ma-sam", "vit_b", 512, ("sam_vit_b", "ma_sam"), ""),
    ("sam2-unet", "large", 352, ("sam2_unet",), ""),
    ("de-lightsam", "vit_t", 1024, ("de_lightsam",), ""),
    ("imis-net", "vit_b", 1024, ("imis_net",), ""),
    ("vesselfm", "dynunet", 128, ("vesselfm",), ""),
    ("vista3d", "segresnet", 128, ("vista3d",), ""),
    ("semisam", "unet", 128, ("semisam",), ""),
    ("segvol", "vit_b", 256, ("segvol",), "module."),
    ("slide-sam", "vit_b", 256, ("slide_sam",), ""),
    ("neuroverse3d", "unet", 128, ("neuroverse3d", "examples:128"), "net."),
    ("medlsam", "vit_b", 128, ("medlam", "sam_vit_b", "supports:128"), "module."),
    ("hermes", "resunet", 128, ("hermes",), ""),
    ("cellvit", "vit_h", 256, ("cellvit",), ""),
    ("nninteractive", "resenc_l", 192, ("nninteractive",), ""),
    ("promptnucseg", "vit_b", 256, ("promptnucseg_prompter", "promptnucseg_segmentor"), ""),
    ("sat", "nano", 288, ("sat", "sat_names"), "module."),
    ("voxtell", "resenc_l", 192, ("voxtell",), ""),
    ("medclip-samv2", "vit_h", 1024, ("biomedclip", "sam_vit_h"), ""),
    ("wsi-sam", "vit_t", 2048, ("mobile_sam", "wsi_sam"), ""),
    ("segmentanybone", "vit_t", 128, ("segmentanybone",), ""),
    ("sampath", "vit_b", 1024, ("sampath",), "model."),
    ("mobilesam", "vit_t", 1024, ("mobile_sam",), ""),
    ("litemedsam", "vit_t", 256, ("lite_medsam",), ""),
    ("lwnet", "wnet", 512, ("wnet",), ""),
)


def run(say: Callable[[str], None], quick: bool) -> dict[str, Any]:
    """Measure every variant; write the results unless `quick`."""
    document = TITLES | {"scenarios": _measured(say, None, quick), "machine": machine()}
    if not quick:
        write("memory", document)
    return document


def one(adapter: str, say: Callable[[str], None]) -> None:
    """Measure one adapter and put it beside the others that were measured before."""
    measured = _measured(say, adapter, quick=False)
    # Read now: another adapter may have been measured meanwhile.
    document = json.loads((RESULTS / "memory.json").read_text("utf-8"))
    document["scenarios"] |= measured
    write("memory", document)


def _measured(say: Callable[[str], None], only: str | None, quick: bool) -> dict[str, Any]:
    """adapter -> its variants' figures, with the processor that they were measured on."""
    from reproduce.ground.extras import lacks_own
    from reproduce.ground.plugins import plugin

    before = json.loads((RESULTS / "memory.json").read_text("utf-8"))["scenarios"]
    scenarios: dict[str, Any] = {}
    for number, (adapter, variant, side, *_) in enumerate(VARIANTS):
        if only not in (None, adapter):
            continue
        if lacks_own(plugin("adapters", adapter).extra):
            say(f"{adapter}: its authors' package is not here; what was measured before stays")
            scenarios |= {adapter: before[adapter]} if adapter in before else {}
            continue
        measured = [_in_own_process(number) for _ in range(1 if quick else PROCESSES)]
        peaks = [each["peak_mib"] for each in measured]
        found = {
            "wall_s": median(each["wall_s"] for each in measured),
            "peak_mib": round(max(peaks)),
            "peak_all_mib": [round(peak, 1) for peak in peaks],
            "weights_mib": round(measured[0]["weights_mib"], 1),
            "baseline_mib": round(median(each["baseline_mib"] for each in measured), 1),
            "gpu_mib": None,
            "input_px": side,
            "prompt": measured[0]["prompt"],
        }
        scenario = scenarios.setdefault(
            adapter, {"title": adapter, "processor": machine()["cpu"], "contenders": {}}
        )
        scenario["contenders"][variant] = found
        say(f"{adapter} {variant}: {found['peak_mib']} MiB, weights {found['weights_mib']} MiB")
    return scenarios


def _in_own_process(number: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", str(number)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return dict(json.loads(done.stdout))


def resident_mib(field: str) -> float:
    """VmRSS (now) or VmHWM (peak since the mark was reset)."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def measure(number: int) -> dict[str, Any]:
    """One variant, in this process."""
    for package in PACKAGES:  # before the baseline, so that packages never count
        importlib.import_module(package)
    import torch

    from reproduce.contracts import StackModel
    from reproduce.ground.plugins import plugin
    from reproduce.models.declaring import DeclaredAdapter

    adapter_name, _, side, layouts, strip = VARIANTS[number]
    adapter = plugin("adapters", adapter_name)
    for module in NEEDED.get(adapter_name, ()):
        importlib.import_module(module)
    if isinstance(adapter, DeclaredAdapter):
        importlib.import_module(adapter.builder.partition(":")[0])
    torch.set_num_threads(1)
    before = {name.partition(".")[0] for name in sys.modules}
    baseline = resident_mib("VmRSS")
    state = {
        key.removeprefix(strip): value
        for name in layouts
        for key, value in seeded(name).items()
        if name != "samed_lora" or adapter_name == "samed" or key.startswith("w_")
    }
    options = {name: option.default for name, option in adapter.options.items()}
    options |= GIVEN.get(adapter_name, {})
    started = time.perf_counter()
    model = adapter.build(state, options, "cpu", "float32")
    del state
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    tensors = {id(x): x for x in gc.get_objects() if isinstance(x, torch.Tensor)}
    held = sum(tensor.nbytes for tensor in tensors.values())
    del tensors
    Path("/proc/self/clear_refs").write_text("5")
    kinds = ("none", "box", "point", "solid-box", "text")
    kind = ASKED.get(adapter_name) or next(k for k in kinds if k in adapter.prompts)
    channels = CHANNELS.get(adapter_name)
    whole = partial(ask_stack, channels=channels, mm=MM.get(adapter_name, 1.5))
    ask = whole if isinstance(model, StackModel) else ask_plane
    with torch.inference_mode():
        ask(model, side, kind)
    peak = resident_mib("VmHWM")
    late = {name.partition(".")[0] for name in sys.modules} - before
    assert not late - _OWN, f"{adapter_name} imported {late} after the baseline was taken"
    return {
        "peak_mib": peak - baseline,
        "baseline_mib": baseline,
        "weights_mib": held / 2**20,
        "wall_s": time.perf_counter() - started,
        "prompt": kind,
    }


def ask_plane(model: Any, side: int, kind: str) -> None:
    """One image and one prompt."""
    import numpy as np
    import torch

    from reproduce.contracts import Plane, Prompt

    image = np.random.default_rng(0).integers(0, 256, (side, side, 1), np.uint8).repeat(3, 2)
    box = np.array([0.2, 0.25, 0.7, 0.75]) * side
    prompts = {
        "box": [Prompt.on_plane("a", "x", None, box_xy=box)],
        "point": [
            Prompt.on_plane("a", "x", None, points_xy=box[None, :2], point_labels=np.array([1]))
        ],
        "none": [],
        "text": [Prompt.on_plane("a", "liver", None)],
    }[kind]
    (embedding,) = model.encode([Plane(image)])
    asked = prompts or (model.find(embedding, "a", None) if model.finds else [])
    assert torch.isfinite(model.predict(embedding, asked, "original").scores.float()).all()


def ask_stack(
    model: Any, side: int, kind: str, channels: int | None = None, mm: float = 1.5
) -> None:
    """One volume of `side` voxels of `mm` an axis, and one click in its middle; where the model
    is asked by a box, three planes with it on the middle one; without prompts, five planes; by a
    word, a cube."""
    import numpy as np
    import torch

    from reproduce.contracts import Case, Prompt, Sample

    planes = {"box": 3, "none": 5, "point": side, "solid-box": 32, "text": side}[kind]
    shape = (planes, side, side, channels)[: 4 if channels else 3]
    values = np.random.default_rng(0).integers(1, 256, shape)
    taken = values.astype(np.uint8 if model.takes == "uint8" else np.float32)
    sample = Sample.of_volume(Case("a", {}), taken, {}, spacing_mm=(mm, mm, mm))
    middle = np.full((1, 3), side // 2, np.float64)
    box = np.array([0.2, 0.25, 0.7, 0.75]) * side
    prompts = {
        "point": [Prompt("a", "x", points=middle, point_labels=np.array([1]))],
        "box": [Prompt.on_plane("a", "x", 1, box_xy=box)],
        "solid-box": [Prompt("a", "x", box=np.stack([np.full(3, 8.0), np.full(3, 24.0)]))],
        "text": [Prompt("a", "liver")],
        "none": [],
    }[kind]
    for answered in model.open(sample).ask(prompts).planes("original"):
        assert torch.isfinite(answered.prediction.scores.float()).all()


_OWN = {"reproduce", "catalog", "seeded"}  # a few kilobytes


def seeded(name: str) -> dict[str, Any]:
    """Seeded weights: of a layout, of a variant of SAM, or of W-Net."""
    import torch

    if name.startswith("config:"):
        return seeded_sam(name.removeprefix("config:"))
    if name == "wnet":
        from reproduce.adapters.lwnet.network import WNet

        torch.manual_seed(0)
        return dict(WNet().state_dict())
    if name.startswith("examples:"):  # three volumes with one label
        side = int(name.removeprefix("examples:"))
        images = torch.arange(3 * side**3).reshape(3, side, side, side) % 251
        return {"context.images": images.float(), "context.labels": (images > 200).long()}
    if name.startswith("supports:"):  # a volume with one label
        side = int(name.removeprefix("supports:"))
        label = torch.zeros(side, side, side, dtype=torch.int64)
        label[32:96, 32:96, 60:62] = 1
        image = torch.arange(side**3).reshape(side, side, side) % 1251 - 1000.0
        affine = torch.diag(torch.tensor([1.5, 1.5, 1.5, 1.0]))
        parts = {"image": image, "label": label, "affine": affine}
        return {f"support.0.{part}": values for part, values in parts.items()}
    # The layouts of the releases and what makes weights of them belong to the tests.
    return seeded_layouts(name)


if __name__ == "__main__":
    # Libraries print; only the answer may go to the parent.
    sys.stdout, answers = sys.stderr, sys.stdout
    if sys.argv[1].isdecimal():
        print(json.dumps(measure(int(sys.argv[1]))), file=answers)
    else:
        one(sys.argv[1], lambda text: print(text, file=answers))
