"""Suite `gpu`: the same code as suite `encoder` with `device="cuda"`, and what the card could do.

loop       images per second against the loop that papers use, ViT-B and ViT-H, same card
scaling    the encoder alone over batch sizes, as a share of the card's measured bf16 matrix rate
surfaces   NSD and HD95 of eight classes of a volume on the card, surface-distance on the CPU
overlap    decoding files, resizing, encoding, decoding prompts and counting together against the
           encoder alone: 1 means that the card never waited
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.encoder import BASELINE, compare
from benchmarks.harness import Contender, interleave, machine, write
from benchmarks.material import REAL, box_of, configuration, mask_of, read_image, read_mask

IMAGES = 16
BATCHES = (1, 2, 4, 8, 16, 32)
BATCH = 8  # what a run plans for a card


def run(
    say: Callable[[str], None],
    quick: bool = False,
    device: str = "cuda",
    variants: tuple[str, ...] = ("vit_b", "vit_h"),
) -> dict[str, Any]:
    """Measure, write `results/gpu.json`, return the document."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("suite gpu needs a CUDA device; this machine has none")
    scenarios: dict[str, Any] = {}
    for variant in variants:
        scenarios.update(_loop(variant, device, quick, say))
    rate = matrix_rate(device)
    say(f"bf16 matrix rate {rate / 1e12:.1f} TFLOP/s")
    details = {}
    for variant in variants:
        details[variant] = {
            "scaling": scaling(variant, device, rate, BATCHES[:2] if quick else BATCHES),
            "overlap": overlap(variant, device, 4 if quick else 60),
        }
        say(f"{variant}: {details[variant]}")
    details["surfaces"] = surfaces(device)
    say(f"surfaces: {details['surfaces']}")
    document = {
        "title": "SAM against the loop that papers use, same card",
        "baseline": BASELINE,
        "settings": {"images": IMAGES, "device": device},
        "machine": machine(),
        "matrix_rate_flop_per_s": rate,
        "scenarios": scenarios,
        "details": details,
    }
    if not quick:
        write("gpu", document)
    return document


def _loop(variant: str, device: str, quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
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
                for contender in contenders:  # kernels are chosen and memory reserved
                    contender.repeat(name)
                measured = interleave(contenders, name, 1 if quick else 5, say)
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

    from reproduce.models.sam import load_sam, seeded_state
    from reproduce.models.sam_encoder import FusedEncoder

    config = configuration(variant)
    encoder = FusedEncoder(load_sam(seeded_state(config)).image_encoder.to(device), torch.bfloat16)
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
    from reproduce.models.sam import seeded_state
    from reproduce.models.sam_preprocessing import to_batch
    from reproduce.statistics.counting import confusion

    model: Any = PLUGIN.build(seeded_state(configuration(variant)), {}, device, "bfloat16")
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
