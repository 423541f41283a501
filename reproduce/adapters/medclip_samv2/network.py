"""MedCLIP-SAMv2: from a sentence to a map (M2IB), from the map to a box, from the box to SAM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from PIL import Image
from tokenizers import BertWordPieceTokenizer
from torch.nn.functional import cosine_similarity, interpolate

from catalog.errors import InputError, UsageError
from reproduce.adapters.medclip_samv2.clip import BiomedClip, load
from reproduce.contracts import Grid, Plane, Prediction, Prompt, Reference
from reproduce.models.documents import content, weights_of
from reproduce.models.promptable import Encoded, as_colour, channels_first
from reproduce.models.sam import load_sam
from reproduce.models.sam_model import SamModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
MAP, SPLIT = 224, 256  # sides of the map, and of what is split in two, in pixels
CUT = 0.3  # of the range of the map, where it is split by a threshold
OPEN = 5.0  # how far the bottleneck is open before the first step, before the sigmoid
STEPS, DRAWS = 10, 10  # of Adam, with a learning rate of 1, and of the noise in each
TOWERS = ("text_model.", "vision_model.", "text_projection.", "visual_projection.", "logit_scale")
VOCABULARY = "vocab.txt"


@dataclass(frozen=True, slots=True)
class Seen(Encoded):
    """SAM's features, and BiomedCLIP's input (1, 3, side, side)."""

    pixels: torch.Tensor


def pixels_of(image: NDArray[np.uint8], side: int, crop: bool) -> NDArray[np.float32]:
    """(3, side, side): the middle of an image whose shorter side is brought to `side`, or all of
    it, standardised as CLIP does."""
    picture = Image.fromarray(as_colour(image))
    width, height = picture.size
    shorter = min(width, height)
    size = (side * width // shorter, side * height // shorter) if crop else (side, side)
    resized = np.asarray(picture.resize(size, Image.Resampling.BICUBIC))
    left, top = ((length - side) // 2 for length in size)
    values = resized[top : top + side, left : left + side].astype(np.float32) / 255
    return channels_first((values - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32))


def saliency(
    clip: BiomedClip, pixels: torch.Tensor, told: torch.Tensor, options: Mapping[str, Any]
) -> NDArray[np.float32]:
    """Where an image shows what is told, (224, 224) from 0 to 1: `scripts/iba.py`.

    An information bottleneck behind one layer lets as little through as the likeness of image and
    text allows; what it lets through is the map.
    """
    layer = int(options["layer"])
    drawn = torch.Generator().manual_seed(int(options["seed"]))
    with torch.inference_mode(False), torch.enable_grad():
        with torch.no_grad():
            found = clip.vision_model.until(pixels.clone(), layer)
        told = told.clone()
        bottleneck = torch.full_like(found, OPEN, requires_grad=True)
        steps = torch.optim.Adam([bottleneck], lr=1.0)
        for _ in range(STEPS):
            through = torch.sigmoid(bottleneck).expand(DRAWS, -1, -1)
            mean, variance = found * through, (1 - through) ** 2
            noise = torch.randn(mean.shape, generator=drawn).to(found.device)
            kept = -0.5 * (1 + torch.log(variance) - mean**2 - variance)
            image = clip.seen(mean + variance.sqrt() * noise, layer)
            alike = cosine_similarity(told.expand(DRAWS, -1), image, eps=1e-6)
            lost = float(options["beta"]) * kept.mean() - alike.mean()
            (bottleneck.grad,) = torch.autograd.grad(lost, [bottleneck])
            steps.step()
    places = kept.detach().mean(dim=0).nansum(dim=-1)[1:]  # the first is no place
    side = round(len(places) ** 0.5)
    large = interpolate(places.reshape(1, 1, side, side), size=MAP, mode="bilinear")[0, 0]
    return ((large - large.min()) / (large.max() - large.min())).cpu().numpy()


def largest(mask: NDArray[Any], count: int) -> NDArray[np.bool_]:
    """The largest components (8 neighbours) of a mask, those of equal size with them."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    sizes = stats[1:, cv2.CC_STAT_AREA]
    most = np.sort(sizes)[::-1][:count]
    return np.isin(parts, 1 + np.flatnonzero(np.isin(sizes, most)))


def split(
    found: NDArray[np.float32], size: tuple[int, int], options: Mapping[str, Any]
) -> NDArray[np.bool_]:
    """The map's largest components on the image, (height, width) = `size`.

    Maps go through files of 8 bits there. The best two means of values along a line are what
    Otsu's threshold splits; the release seeks them by ten random beginnings.
    """
    height, width = size
    stretched = cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST)
    levels = np.rint(stretched * 255).astype(np.uint8)
    if options["coarse"] == "threshold":
        return largest(levels / 255 > CUT, int(options["regions"]))
    small = cv2.resize(levels, (SPLIT, SPLIT), interpolation=cv2.INTER_NEAREST)
    _, high = cv2.threshold(small, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    coarse = cv2.resize(high, (width, height), interpolation=cv2.INTER_NEAREST)
    return largest(coarse, int(options["regions"]))


def boxes_of(coarse: NDArray[np.bool_], apart: bool) -> tuple[list[list[int]], int]:
    """Boxes (x0, y0, x1, y1) one pixel past the last, inside the image; number of contours."""
    height, width = coarse.shape
    found, _ = cv2.findContours(coarse.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in found if apart else [np.concatenate(found)]:
        x, y, w, h = cv2.boundingRect(contour)
        boxes.append([x, y, min(x + w, width - 1), min(y + h, height - 1)])
    return boxes, len(found)


def inside(prompt: Prompt, size: tuple[int, int]) -> Prompt:
    """A box that is given ends where those of the release do: on the last pixel at most."""
    if prompt.box is None:
        return prompt
    last = np.array([np.inf, size[0] - 1, size[1] - 1])
    return replace(prompt, box=np.minimum(prompt.box, last))


class MedClipSam(SamModel):
    """Finished masks, on the image's own grid."""

    def __init__(
        self,
        sam: Any,
        clip: BiomedClip,
        words: BertWordPieceTokenizer,
        options: Mapping[str, Any],
        dtype: str,
    ) -> None:
        super().__init__(sam, dtype=dtype)
        self.name, self.asked = "medclip-samv2", dict(options)
        self.options = {"crop": options["crop"]}  # what an embedding depends on
        self.clip, self.words = clip, words

    def encode(self, planes: Sequence[Plane]) -> list[Encoded]:
        side, crop = self.clip.vision_model.side, self.asked["crop"]
        seen = [self._tensor(pixels_of(plane.image, side, crop))[None] for plane in planes]
        found = super().encode(planes)
        return [Seen(f.features, f.frame, s) for f, s in zip(found, seen, strict=True)]

    def predict(self, embedding: Encoded, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Masks of all prompts; a prompt of words goes through both stages.

        Raises `UsageError` without a prompt, `InputError` for too many words.
        """
        assert isinstance(embedding, Seen)
        if not prompts:
            raise UsageError(f"{self.name} is asked by text or boxes (--prompts text); got none.")
        labels = tuple(prompt.label for prompt in prompts)
        size = (embedding.frame.height, embedding.frame.width)
        parts: list[tuple[list[Prompt], int]] = []  # what SAM is asked, components that are kept
        coarse = []
        for prompt in prompts:
            if not prompt.is_empty:
                parts.append(([inside(prompt, size)], 1))
                continue
            coarse.append(self.coarse(embedding, prompt.text or prompt.label))
            boxes, regions = boxes_of(coarse[-1], self.asked["apart"])
            asked = [
                Prompt.on_plane(prompt.case, prompt.label, prompt.plane, box_xy=box)
                for box in boxes
            ]
            parts.append((asked, regions))
        if self.asked["stage"] == "coarse":
            if len(coarse) < len(prompts):
                raise InputError(
                    f"{self.name}: a box needs no first stage. Leave out stage=coarse."
                )
            return Prediction(torch.from_numpy(np.stack(coarse))[:, None], "label", labels)
        together = [one for asked, _ in parts for one in asked]
        every = super().predict(embedding, together, "original")
        assert every.predicted_iou is not None
        counts = [len(asked) for asked, _ in parts]
        masks, quality = [], []
        for (_, regions), logits, iou in zip(
            parts,
            torch.split(every.scores, counts),
            torch.split(every.predicted_iou, counts),
            strict=True,
        ):
            mask = largest((logits > 0).any(dim=0)[0].cpu().numpy().reshape(size), regions)
            masks.append(torch.from_numpy(mask).to(self.device))
            quality.append(iou.mean(dim=0))
        return Prediction(torch.stack(masks)[:, None], "label", labels, torch.stack(quality))

    def coarse(self, embedding: Seen, text: str) -> NDArray[np.bool_]:
        """The first stage: what SAM gets its box from, on the image."""
        tokens = self.words.encode(text).ids
        if len(tokens) > (longest := self.longest):
            raise InputError(f"{self.name}: {len(tokens)} tokens, at most {longest}: {text!r}")
        with torch.no_grad():
            told = self.clip.told(torch.tensor([tokens], device=self.device))
        found = saliency(self.clip, embedding.pixels, told, self.asked)
        return split(found, (embedding.frame.height, embedding.frame.width), self.asked)

    @property
    def longest(self) -> int:
        """Tokens that a sentence may have, its begin and end among them."""
        return len(self.clip.get_parameter("text_model.embeddings.position_embedding.weight"))

    def reference(self, plane: Plane, grid: Grid) -> Reference:
        if grid != "original":
            raise InputError(
                f"{self.name} answers with masks on the image's own grid. Leave out --set grid."
            )
        return Reference(plane.labels, plane.valid)


def words_of(listed: bytes, known: int) -> BertWordPieceTokenizer:
    """The tokeniser of a vocabulary, one piece of a word a line; `known` to the network.

    Raises `InputError` for another number of them, and without BERT's own pieces.
    """
    try:
        lines = listed.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{VOCABULARY}: expected text, one piece of a word a line.") from error
    lacking = [piece for piece in ("[UNK]", "[CLS]", "[SEP]") if piece not in lines]
    if len(lines) != known or lacking:
        raise InputError(
            f"{VOCABULARY}: expected {known} lines with [UNK], [CLS] and [SEP], got {len(lines)}"
            + (f" without {', '.join(lacking)}." if lacking else ".")
        )
    return BertWordPieceTokenizer({piece: n for n, piece in enumerate(lines)}, lowercase=True)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> MedClipSam:
    """From BiomedCLIP, its vocabulary and SAM. Raises `InputError` naming what does not fit."""
    weights = weights_of(state)
    sam = load_sam({key: held for key, held in weights.items() if not key.startswith(TOWERS)})
    clip = load({key: held for key, held in weights.items() if key.startswith(TOWERS)})
    last = len(clip.vision_model.layers) - 1
    if not 0 <= int(options["layer"]) <= last:
        raise UsageError(f"option layer: expected 0 to {last}, got {options['layer']!r}")
    known = len(clip.get_parameter("text_model.embeddings.token_embedding.weight"))
    words = words_of(content(state, VOCABULARY), known)
    return MedClipSam(sam.to(device), clip.to(device), words, options, dtype)
