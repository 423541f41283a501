"""Train the small SAM of the self-test and write its weights with the Dice it then prints.

    python -m reproduce.selftest.train --out reproduce/selftest

Segment Anything's own classes at a small size (`reproduce.models.sam.build_sam`), trained on
phantoms with boxes moved at random. The Dice printed at the end, over the test phantoms with tight
boxes, is the claim of `projects/selftest.yaml`: computed here by a plain loop that shares nothing
with the harness but the phantoms, the box and the network.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from segment_anything.modeling import Sam

    from reproduce.models.sam import SamConfig

WEIGHTS = "sam_phantom.safetensors"
SIZE = 128


def small_config() -> SamConfig:
    """A SAM of about 0.4 million parameters on images of 128 pixels."""
    from reproduce.models.sam import SamConfig

    return SamConfig(
        image_size=SIZE,
        patch=8,
        embed_dim=64,
        depth=3,
        heads=4,
        global_attn_indexes=(1, 2),
        window=8,
        mlp_dim=128,
        prompt_embed_dim=64,
        mask_in_chans=4,
        decoder_depth=2,
        decoder_heads=8,
        decoder_mlp_dim=128,
        iou_head_depth=2,
        iou_head_hidden_dim=64,
    )


def tight_box(mask: NDArray[np.bool_]) -> list[float]:
    """(x0, y0, x1, y1) of the outermost foreground pixels."""
    import numpy as np

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [float(columns[0]), float(rows[0]), float(columns[-1]), float(rows[-1])]


def examples(numbers: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images (B, 3, S, S) uint8, and of their M objects: image index (M,), boxes (M, 4), masks."""
    import numpy as np
    import torch

    from reproduce.datasets.phantoms import phantom

    images, owner, boxes, masks = [], [], [], []
    for index, number in enumerate(numbers):
        image, labels = phantom(number, SIZE)
        images.append(torch.from_numpy(image).permute(2, 0, 1))
        for mask in labels.values():
            if mask.any():
                owner.append(index)
                boxes.append(tight_box(mask))
                masks.append(mask)
    return (
        torch.stack(images),
        torch.tensor(owner),
        torch.tensor(boxes),
        torch.from_numpy(np.stack(masks)),
    )


def logits_of(
    sam: Sam, images: torch.Tensor, owner: torch.Tensor, boxes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mask logits (M, S, S) of the unambiguous token, and its predicted IoU (M,)."""
    import torch
    from torch.nn.functional import interpolate

    features = sam.image_encoder(sam.preprocess(images.float()))
    # segment_anything's box corners are pixel centres; the encoder adds half a pixel itself
    sparse, dense = sam.prompt_encoder(points=None, boxes=boxes, masks=None)
    masks, quality = [], []
    for index in range(len(images)):
        mine = owner == index
        if not mine.any():
            continue
        low, iou = sam.mask_decoder(
            image_embeddings=features[index : index + 1],
            image_pe=sam.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse[mine],
            dense_prompt_embeddings=dense[mine],
            multimask_output=False,
        )
        masks.append(low)
        quality.append(iou[:, 0])
    full = interpolate(torch.cat(masks), (SIZE, SIZE), mode="bilinear", align_corners=False)
    return full[:, 0], torch.cat(quality)


def loss_of(logits: torch.Tensor, quality: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Cross entropy, soft Dice, and the squared error of the predicted IoU."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

    truth = masks.float()
    probability = logits.sigmoid()
    overlap = (probability * truth).sum((1, 2))
    dice = 1 - (2 * overlap + 1) / (probability.sum((1, 2)) + truth.sum((1, 2)) + 1)
    with torch.no_grad():
        predicted = logits > 0
        union = (predicted | masks).sum((1, 2)).clamp(min=1)
        iou = (predicted & masks).sum((1, 2)) / union
    return (
        4 * binary_cross_entropy_with_logits(logits, truth)
        + dice.mean()
        + 0.1 * mse_loss(quality, iou)
    )


def train(steps: int, batch: int, seed: int) -> Sam:
    """Train from random weights; the same arguments give the same weights on the same machine."""
    import torch

    from reproduce.models.sam import build_sam

    torch.manual_seed(seed)
    sam = build_sam(small_config()).train()
    optimiser = torch.optim.AdamW(sam.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    begun = time.monotonic()
    for step in range(steps):
        numbers = [10_000 + step * batch + i for i in range(batch)]
        images, owner, boxes, masks = examples(numbers)
        moved = boxes + torch.randint(-2, 3, boxes.shape) * (torch.rand(len(boxes), 1) < 0.5)
        logits, quality = logits_of(sam, images, owner, moved.clamp(0, SIZE - 1))
        loss = loss_of(logits, quality, masks)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(sam.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            spent = time.monotonic() - begun
            sys.stderr.write(f"step {step}/{steps}, loss {loss.item():.4f}, {spent:.0f} s\n")
    return sam.eval()


def evaluate(sam: Sam) -> tuple[float, int]:
    """Dice on the test phantoms (tight boxes, logits above 0) and how many objects there are.

    The mean over phantoms for every label, then over labels; empty phantoms are left out.
    """
    import torch

    from reproduce.datasets.phantoms import SPLITS, phantom

    values: dict[str, list[float]] = {}
    with torch.inference_mode():
        for number in SPLITS["test"]:
            names = [name for name, mask in phantom(number, SIZE)[1].items() if mask.any()]
            if not names:
                continue
            images, owner, boxes, masks = examples([number])
            logits, _ = logits_of(sam, images, owner, boxes)
            predicted = logits > 0
            overlap = (predicted & masks).sum((1, 2))
            total = predicted.sum((1, 2)) + masks.sum((1, 2))
            for name, dice in zip(names, (2 * overlap / total).tolist(), strict=True):
                values.setdefault(name, []).append(dice)
    means = [sum(found) / len(found) for found in values.values()]
    return sum(means) / len(means), sum(map(len, values.values()))


def main() -> None:
    """Train, print the Dice, write the weights."""
    import torch
    from safetensors.torch import save_file

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sam = train(arguments.steps, arguments.batch, arguments.seed)
    dice, objects = evaluate(sam)
    target = arguments.out / WEIGHTS
    facts = {
        "self-test": "trained on phantoms by reproduce/selftest/train.py; of no medical use",
        "steps": str(arguments.steps),
        "batch": str(arguments.batch),
        "seed": str(arguments.seed),
        "torch": torch.__version__,
        "test_dice": f"{dice:.4f}",
        "test_objects": str(objects),
    }
    state = {name: tensor.contiguous() for name, tensor in sam.state_dict().items()}
    save_file(state, target, metadata=facts)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    sys.stdout.write(
        f"test Dice {dice:.4f} over {objects} objects\n"
        f"{target.name}: {target.stat().st_size} bytes, sha256 {digest}\n"
    )


if __name__ == "__main__":
    main()
