"""SAMs without prompts that answer with one class per pixel: SAMed and its relatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from reproduce.contracts import Grid, Plane, Prediction, Prompt
from reproduce.models.frames import Frame
from reproduce.models.promptable import Encoded, ImageModel, encoder_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Names of the classes of the Synapse multi-organ task, in the order of its label values 1-8
# (SAMed test.py: class_to_name).
SYNAPSE = (
    "spleen",
    "right kidney",
    "left kidney",
    "gallbladder",
    "liver",
    "stomach",
    "aorta",
    "pancreas",
)


def unprompted(sam: Any, features: torch.Tensor) -> torch.Tensor:
    """Logits (1, tokens, l, l) of all mask tokens for one image's features (1, C, g, g).

    Without a prompt, where every mask token is a class, so that SAM's choice between one mask and
    the others is skipped.
    """
    sparse, dense = sam.prompt_encoder(points=None, boxes=None, masks=None)
    low_res: torch.Tensor
    low_res, _ = sam.mask_decoder.predict_masks(
        image_embeddings=features,
        image_pe=sam.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
    )
    return low_res


class SemanticModel(ImageModel):
    """A model whose output is a label map; a subclass makes it from the embedding (`logits`)."""

    plain_encoder = False  # True: SAM's own, see `encoder_of`

    def __init__(
        self,
        name: str,
        sam: Any,
        classes: Sequence[str],
        options: Mapping[str, Any],
        device: str,
        dtype: str,
    ) -> None:
        super().__init__(name, options, device, dtype)
        self.sam: Any = sam.eval().to(device)
        self.classes = tuple(classes)
        self.encoder = encoder_of(self.sam, self.plain_encoder, device, dtype)

    @torch.inference_mode()
    def encode(self, planes: Sequence[Plane]) -> list[Encoded]:
        """One embedding per plane, all in one pass of the encoder."""
        pixels, frames = self.batch(planes)
        features = self.encoder(pixels)
        return [Encoded(f[None], frame) for f, frame in zip(features, frames, strict=True)]

    def logits(self, embedding: Encoded) -> torch.Tensor:
        """(1, 1 + classes, side, side) logits; channel 0 is the background."""
        raise NotImplementedError

    @torch.inference_mode()
    def predict(self, embedding: Encoded, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """One 0/1 mask per class, (classes, 1, h, w); prompts are ignored."""
        labels = self.logits(embedding).argmax(dim=1)[0]
        if grid == "original":
            labels = self.labels_to_original(labels, embedding.frame)
        numbers = torch.arange(1, 1 + len(self.classes), device=labels.device)
        scores = (labels == numbers[:, None, None]).float()[:, None]
        return Prediction(scores=scores, kind="label", labels=self.classes)

    def labels_to_original(self, labels: torch.Tensor, frame: Frame) -> torch.Tensor:
        """(side, side) label map -> (height, width), as the release does it."""
        if labels.shape == (frame.height, frame.width):
            return labels
        from scipy.ndimage import zoom

        factors = (frame.height / labels.shape[0], frame.width / labels.shape[1])
        resized = zoom(labels.cpu().numpy(), factors, order=0)
        return torch.from_numpy(np.ascontiguousarray(resized)).to(labels.device)


class OverlappingModel(SemanticModel):
    """A model whose classes may overlap: each has a mask of its own, cut at a probability of 0.5.

    `logits` gives the classes alone, (1, classes, side, side); there is no background.
    """

    @torch.inference_mode()
    def predict(self, embedding: Encoded, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Logits of each class, (classes, 1, h, w); prompts are ignored."""
        masks, frame = self.logits(embedding)[0][:, None], embedding.frame
        scores = frame.to_original(masks) if grid == "original" else frame.inside(masks)
        return Prediction(scores=scores, kind="logit", labels=self.classes)


def one_channel(image: NDArray[Any], name: str) -> NDArray[np.float64]:
    """A CT slice as 0-1 values, (H, W) float64.

    Floating images are taken as they are (the Synapse files hold 0-1 after the release's window),
    whole numbers are divided by 255. Raises `InputError` for a colour image: the release has no
    rule for one.
    """
    from catalog.errors import InputError

    plane = image
    if image.ndim == 3:
        plane = image[..., 0]
        if not (image == plane[..., None]).all():
            raise InputError(
                f"{name} reads slices of one channel; got a colour image of shape {image.shape}. "
                "Use a dataset whose images are grey."
            )
    if np.issubdtype(plane.dtype, np.integer):
        return plane.astype(np.float64) / 255
    return plane.astype(np.float64)
