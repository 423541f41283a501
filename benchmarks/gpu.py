"""Suite `gpu`: six minutes on a card, one file; `reproduce plan` takes its rates from there.

models     images or planes a second of each, from the array to the mask, and memory on the card
loop       images per second against the loop that papers use, ViT-B and ViT-H, same card
scaling    the encoder alone over batch sizes, as a share of the card's measured bf16 matrix rate
surfaces   NSD and HD95 of eight classes of a volume on the card, surface-distance on the CPU
overlap    decoding files, resizing, encoding, decoding prompts and counting together against the
           encoder alone: 1 means that the card never waited
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.encoder import BASELINE, compare
from benchmarks.harness import Contender, interleave, machine, write
from benchmarks.material import (
    REAL,
    box_of,
    configuration,
    mask_of,
    read_image,
    read_mask,
    seeded_sam,
)

IMAGES = 8
MINUTES = 6
MODELS = (
    ("sam", "vit_b"),
    ("sam", "vit_l"),
    ("sam", "vit_h"),
    ("sam2", "tiny"),
    ("sam2", "large"),
    ("sam-med3d", "vit_b"),
    ("medsam2", "tiny"),
    ("samed", "vit_b"),
    ("ma-sam", "vit_b"),
    ("sam-med2d", "vit_b"),
)
# whose rate it is, where not of every checkpoint of the adapter
CHECKPOINTS = {
    ("sam2", size): [f"sam2-hiera-{size}", f"sam2-1-hiera-{size}"] for size in ("tiny", "large")
}
BATCHES = (1, 2, 4, 8, 16, 32)
BATCH = 8  # what a run plans for a card


def run(
    say: Callable[[str], None],
    quick: bool = False,
    device: str = "cuda",
    variants: tuple[str, ...] = ("vit_b", "vit_h"),
    models: tuple[tuple[str, str], ...] = MODELS,
) -> dict[str, Any]:
    """Measure for six minutes at most, write `results/gpu-<card>.json`, return the document.

    What did not fit, or did not run, is listed with the reason under `not_measured`.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("suite gpu needs a CUDA device; this machine has none")
    end = time.monotonic() + MINUTES * 60
    details: dict[str, Any] = {}
    missing: dict[str, str] = {}
    scenarios: dict[str, Any] = {}

    def measure(name: str, work: Callable[[], Any]) -> Any:
        """The outcome of a part, or None and the reason kept."""
        if time.monotonic() > end:
            missing[name] = f"the {MINUTES} minutes were over"
            return None
        try:
            details[name] = work()
        except (RuntimeError, ValueError, OSError, ImportError) as error:
            missing[name] = f"{type(error).__name__}: {error}"[:200]
            return None
        say(f"{name}: {details[name]}")
        return details[name]

    rate = measure("matrix_rate_flop_per_s", lambda: matrix_rate(device))
    for adapter, variant in models:  # first, because plans take their rates from them
        measure(f"{adapter}_{variant}", lambda a=adapter, v=variant: whole_model(a, v, device))
    measure("surfaces", lambda: surfaces(device))
    batches = BATCHES[:2] if quick else BATCHES
    for variant in variants:
        if rate is not None:
            measure(f"scaling_{variant}", lambda v=variant: scaling(v, device, rate, batches))
        if REAL.is_dir():
            measure(f"overlap_{variant}", lambda v=variant: overlap(v, device, 4 if quick else 60))
        else:
            missing[f"overlap_{variant}"] = "the real images are not here"
    for variant in variants:
        name = f"loop_{variant}"
        if REAL.is_dir():
            scenarios |= measure(name, lambda v=variant: _loop(v, device, quick, say, end)) or {}
            details.pop(name, None)
        else:
            missing[name] = "the real images are not here"
    document = {
        "title": f"Models and kernels on {card(device)}, seeded weights",
        "baseline": BASELINE,
        "settings": {"images": IMAGES, "device": device, "minutes": MINUTES},
        "machine": machine() | {"gpu": card(device)},
        "scenarios": scenarios,
        "details": details,
        "not_measured": missing,
        "rates": rates(details),
    }
    if not quick:
        write(f"gpu-{re.sub('[^a-z0-9]+', '-', card(device).lower()).strip('-')}", document)
    return document


def card(device: str) -> str:
    """The card's name, or the device's where it has none."""
    import torch

    return str(torch.cuda.get_device_name()) if device == "cuda" else device


def rates(details: dict[str, Any]) -> list[dict[str, Any]]:
    """What `reproduce plan` reads: images (planes of a stack) a second of each model."""
    found = []
    for name, figures in details.items():
        adapter, _, variant = name.partition("_")
        if isinstance(figures, dict) and "per_s" in figures:
            checkpoints = [f"sam-{variant.replace('_', '-')}"] if adapter == "sam" else []
            checkpoints = CHECKPOINTS.get((adapter, variant), checkpoints)
            found.append(
                {"adapter": adapter, "checkpoints": checkpoints, "per_s": figures["per_s"]}
            )
    return found


def whole_model(adapter_name: str, variant: str, device: str) -> dict[str, Any]:
    """Images (planes of a stack) a second of one adapter, from the array to the mask, float32; its
    largest memory on the card. Seeded weights, made images, one prompt."""
    import torch

    from benchmarks import memory
    from reproduce.contracts import StackModel
    from reproduce.ground.plugins import plugin

    side, layouts, strip = next(
        (side, layouts, strip)
        for name, of, side, layouts, strip in memory.VARIANTS
        if (name, of) == (adapter_name, variant)
    )
    adapter = plugin("adapters", adapter_name)
    state = {
        key.removeprefix(strip): value
        for layout in layouts
        for key, value in memory.seeded(layout).items()
    }
    options = {name: option.default for name, option in adapter.options.items()}
    model = adapter.build(state, options, device, "float32")
    kind = next(k for k in ("none", "box", "point", "text") if k in adapter.prompts)
    stack = isinstance(model, StackModel)
    planes = {"box": 3, "none": 5, "point": side}[kind] if stack else 1
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()

    @torch.inference_mode()
    def once() -> None:
        (memory.ask_stack if stack else memory.ask_plane)(model, side, kind)

    seconds = timed(once, device, 3)
    found: dict[str, Any] = {"per_s": round(planes / seconds, 3), "planes": planes}
    if device == "cuda":
        found["peak_gpu_mib"] = round(torch.cuda.max_memory_allocated() / 2**20)
    return found


def _loop(
    variant: str, device: str, quick: bool, say: Callable[[str], None], end: float
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as work:
        common = {
            "variant": variant,
            "device": device,
            "images": 1 if quick else IMAGES,
            "slices": 2 if quick else 13,
            "work": work,
        }
        contenders = [
            Contender(BASELINE, "benchmarks.loops:papers_loop", common),
            Contender("ours, float32", "benchmarks.loops:ours", {**common, "precision": "float32"}),
            Contender(
                "ours, bfloat16", "benchmarks.loops:ours", {**common, "precision": "bfloat16"}
            ),
        ]
        found = {}
        try:
            for name in contenders[0].scenarios:
                if time.monotonic() > end:
                    break
                for contender in contenders:  # kernels are chosen and memory reserved
                    contender.repeat(name)
                measured = interleave(contenders, name, 1 if quick else 3, say)
                found[f"{variant}_{name}"] = {
                    "title": f"{variant}: {name.replace('_', ' ')}",
                    "contenders": measured,
                    **compare(measured),
                }
        finally:
            for contender in contenders:
                contender.close()
    return found


def encoder_flop(variant: str) -> float:
    """Multiplications and additions of one image through the encoder's matrix products.

    Linear layers on all tokens, attention over all tokens in global blocks and inside padded
    windows in the others, patch embedding and neck; element-wise work is not counted.
    """
    config = configuration(variant)
    tokens, width, side = config.grid**2, config.embed_dim, config.window
    linear = 2 * tokens * (4 * width**2 + 2 * width * config.mlp_dim)
    windows = (-(-config.grid // side)) ** 2
    everywhere = 4 * tokens**2 * width
    inside = 4 * windows * (side**2) ** 2 * width
    blocks = len(config.global_attn_indexes)
    neck = 2 * tokens * config.prompt_embed_dim * (width + 9 * config.prompt_embed_dim)
    patches = 2 * tokens * 3 * config.patch**2 * width
    return float(
        config.depth * linear
        + blocks * everywhere
        + (config.depth - blocks) * inside
        + neck
        + patches
    )


def matrix_rate(device: str, side: int = 8192) -> float:
    """Measured bf16 rate of a square matrix product, FLOP per second."""
    import torch

    side = side if device == "cuda" else 1024
    one, other = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = timed(lambda: one @ other, device, 20)
    return 2 * side**3 / seconds


def timed(work: Callable[[], Any], device: str, repeats: int) -> float:
    """Seconds of one call, median of `repeats` after three to warm up."""
    import torch

    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    seconds = []
    for number in range(repeats + 3):
        wait()
        begun = time.perf_counter()
        work()
        wait()
        if number >= 3:
            seconds.append(time.perf_counter() - begun)
    return sorted(seconds)[len(seconds) // 2]


def scaling(variant: str, device: str, rate: float, batches: tuple[int, ...]) -> Any:
    """Images per second and share of the matrix rate over batch sizes, bf16 encoder."""
    import torch

    from reproduce.models.sam import load_sam
    from reproduce.models.sam_encoder import FusedEncoder

    config = configuration(variant)
    encoder = FusedEncoder(load_sam(seeded_sam(variant)).image_encoder.to(device), torch.bfloat16)
    found = []
    for batch in batches:
        images = torch.randn(batch, 3, config.image_size, config.image_size, device=device)
        with torch.inference_mode():
            try:
                seconds = timed(lambda x=images: encoder(x), device, 5)
            except torch.OutOfMemoryError:
                break
        found.append(
            {
                "batch": batch,
                "images_per_s": round(batch / seconds, 2),
                "share_of_matrix_rate": round(encoder_flop(variant) * batch / seconds / rate, 4),
            }
        )
    return found


def surfaces(device: str) -> dict[str, float]:
    """Seconds for NSD and HD95 of eight classes, 256x256x128, masks on the device to scores."""
    import torch

    from benchmarks import kernels
    from reproduce.statistics.surface import SurfaceSpec, surface_histogram

    true_volume, volume = kernels.label_volumes()
    truth, found = (torch.from_numpy(kernels.one_hot(v)).to(device) for v in (true_volume, volume))
    spec = SurfaceSpec.parse("surfel/header/3d")

    def ours() -> list[float]:
        entries = [
            surface_histogram(one, other, spec, kernels.SPACING_MM)
            for one, other in zip(truth, found, strict=True)
        ]
        return [score for entry in entries for score in kernels.scores_of(entry)]

    peer = kernels.surface_distance({"masks": 1})["volume_surface"]
    difference = max(abs(a - b) for a, b in zip(ours(), peer(), strict=True))
    mine, other = timed(ours, device, 5), timed(peer, "cpu", 3)
    return {
        "ours_s": round(mine, 5),
        "surface_distance_s": round(other, 5),
        "ratio": round(other / mine, 1),
        "difference": difference,
    }


def overlap(variant: str, device: str, count: int) -> dict[str, float]:
    """The whole path from files to counts against the encoder alone, images per second."""
    import torch

    from reproduce.adapters.sam import PLUGIN
    from reproduce.contracts import Plane, Prompt
    from reproduce.ground.ahead import ahead
    from reproduce.models.sam_preprocessing import to_batch
    from reproduce.statistics.counting import confusion

    model: Any = PLUGIN.build(seeded_sam(variant), {}, device, "bfloat16")
    files = sorted((REAL / "endotect" / "images").iterdir())[:count]

    def load(file: Any) -> Any:
        return read_image(file), read_mask(mask_of(file))

    def whole() -> None:
        chunk: list[Any] = []
        for number, pair in enumerate(ahead(load, files, threads=8, depth=32), 1):
            chunk.append(pair)
            if len(chunk) < BATCH and number < len(files):
                continue
            embeddings = model.encode([Plane(image) for image, _ in chunk])
            for embedding, (_, mask) in zip(embeddings, chunk, strict=True):
                asked = [Prompt.on_plane("a", "x", None, box_xy=box_of(mask))]
                scores = model.predict(embedding, asked, "original").scores
                confusion(scores, "logit", (0.5,), torch.from_numpy(mask).to(device)[None])
            chunk = []

    batches = [
        to_batch(
            [model.prepare(load(file)[0]) for file in files[start : start + BATCH]],
            model.sam.pixel_mean,
            model.sam.pixel_std,
            model.side,
        )
        for start in range(0, len(files), BATCH)
    ]

    @torch.inference_mode()
    def encoder_alone() -> None:
        for batch in batches:
            model.encoder(batch)

    repeats = 3 if device == "cuda" else 1
    alone, path = timed(encoder_alone, device, repeats), timed(whole, device, repeats)
    return {
        "encoder_images_per_s": round(len(files) / alone, 2),
        "whole_images_per_s": round(len(files) / path, 2),
        "share": round(alone / path, 3),
    }
