"""The same evaluation twice: the loop that papers use, and this project's path.

Scenarios (names are the keys of the results):
  one_box         an image, one box
  sixteen_boxes   an image, sixteen boxes
  ten_prompt_sets the same image under ten seeds of jittered boxes
  stack           a CT stack slice by slice, one box a slice, Dice of the volume
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.material import box_of, boxes_around, polyps, seeded_sam, stack

Scenario = Callable[[], Any]
PROMPT_SETS = 10


def papers_loop(options: dict[str, Any]) -> dict[str, Scenario]:
    """SamPredictor: set_image, one predict per prompt, mask to the CPU, numpy Dice.

    As papers' scripts do it, the image is encoded again for every prompt set.
    """
    from segment_anything import SamPredictor

    from reproduce.models.sam import load_sam

    sam = load_sam(seeded_sam(options["variant"])).to(options["device"])
    predictor = SamPredictor(sam)
    images = polyps(options["images"])
    volume, truth = stack(options["slices"])

    def dice(predicted: Any, reference: Any) -> float:
        both = np.logical_and(predicted, reference).sum()
        return float(2 * both / max(1, predicted.sum() + reference.sum()))

    def predict(boxes: Any, reference: Any) -> list[float]:
        scores = []
        for box in boxes:
            masks, _, _ = predictor.predict(box=box, multimask_output=False)
            scores.append(dice(masks[0], reference))
        return scores

    def many(count: int, sets: int = 1) -> list[float]:
        scores: list[float] = []
        for seed in range(sets):
            for image, mask in images:
                predictor.set_image(image)
                scores += predict(boxes_around(mask, count, seed), mask)
        return scores

    def slices() -> list[float]:
        predicted = np.zeros(truth.shape, dtype=bool)
        for index, plane in enumerate(volume):
            predictor.set_image(np.repeat(plane[..., None], 3, axis=2))
            masks, _, _ = predictor.predict(box=box_of(truth[index]), multimask_output=False)
            predicted[index] = masks[0]
        return [dice(predicted, truth)]

    return {
        "one_box": lambda: many(1),
        "sixteen_boxes": lambda: many(16),
        "ten_prompt_sets": lambda: many(1, PROMPT_SETS),
        "stack": slices,
    }


def ours(options: dict[str, Any]) -> dict[str, Scenario]:
    """The adapter `sam`, cached embeddings, prompts decoded together, counts from logits."""
    import torch

    from reproduce.adapters.sam import PLUGIN
    from reproduce.asking.embeddings import EmbeddingCache
    from reproduce.contracts import Plane, Prompt
    from reproduce.statistics.counting import confusion

    model: Any = PLUGIN.build(
        seeded_sam(options["variant"]), {}, options["device"], options["precision"]
    )
    device = torch.device(options["device"])
    images = polyps(options["images"])
    volume, truth = stack(options["slices"])

    def count(embedding: Any, boxes: Any, mask: Any) -> Any:
        """(N, 4) int64: tp, fp, fn, tn of N boxes on one image."""
        asked = [Prompt.on_plane("a", "x", None, box_xy=box) for box in boxes]
        scores = model.predict(embedding, asked, "original").scores
        reference = torch.from_numpy(mask).to(device).expand(len(asked), -1, -1)
        return confusion(scores, "logit", (0.5,), reference)[:, 0, 0]

    def dice(counts: Any) -> list[float]:
        tp, fp, fn = counts[..., 0], counts[..., 1], counts[..., 2]
        return [float(v) for v in np.atleast_1d(2 * tp / np.maximum(1, 2 * tp + fp + fn))]

    def many(number: int) -> list[float]:
        embeddings = model.encode([Plane(image) for image, _ in images])
        return [
            score
            for embedding, (_, mask) in zip(embeddings, images, strict=True)
            for score in dice(count(embedding, boxes_around(mask, number), mask))
        ]

    def sets() -> list[float]:
        folder = Path(tempfile.mkdtemp(dir=options["work"]))
        try:
            cache = EmbeddingCache(folder, "0" * 64, model, options["device"])
            embeddings = cache.encode(model, [Plane(image) for image, _ in images])
        finally:
            shutil.rmtree(folder)
        # As the run engine does it: all seeds of an image are prompts of one batch.
        scores = [
            dice(count(e, [boxes_around(mask, 1, s)[0] for s in range(PROMPT_SETS)], mask))
            for e, (_, mask) in zip(embeddings, images, strict=True)
        ]
        return [score for of_seed in zip(*scores, strict=True) for score in of_seed]

    def slices() -> list[float]:
        embeddings = model.encode([Plane(np.repeat(p[..., None], 3, axis=2)) for p in volume])
        counts = [
            count(embedding, [box_of(mask)], mask)[0]
            for embedding, mask in zip(embeddings, truth, strict=True)
        ]
        return dice(np.sum(counts, axis=0))

    return {
        "one_box": lambda: many(1),
        "sixteen_boxes": lambda: many(16),
        "ten_prompt_sets": sets,
        "stack": slices,
    }
