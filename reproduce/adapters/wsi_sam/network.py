"""WSI-SAM: one TinyViT for two views, a mask decoder with a further token for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from segment_anything.modeling import MaskDecoder, TwoWayTransformer
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.mask_decoder import MLP
from torch import nn
from torch.nn.functional import interpolate, pad

from catalog.errors import InputError, UsageError
from reproduce.contracts import Grid, Plane, Prediction, Prompt
from reproduce.models.frames import Frame
from reproduce.models.promptable import ImageModel, as_colour, channels_first
from reproduce.models.sam import PIXEL_MEAN, PIXEL_STD, load_strictly
from reproduce.models.sam_encoder import precision
from reproduce.models.tinyvit import TinySam, rename, with_tables
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE, WIDTH, EARLY, CLASSES = 1024, 256, 160, 1000
MARGIN = SIDE // 2  # of the surroundings around the patch, in pixels of the patch
ENCODER = "image_encoder."
NOTHING = -1e4  # the logit where nothing is predicted


class WsiDecoder(MaskDecoder):  # type: ignore[misc]  # segment_anything is untyped
    """SAM's decoder with a token of its own, and finer features for it."""

    def __init__(self) -> None:
        super().__init__(
            transformer_dim=WIDTH,
            transformer=TwoWayTransformer(depth=2, embedding_dim=WIDTH, mlp_dim=2048, num_heads=8),
            num_multimask_outputs=3,
        )
        fine = WIDTH // 8
        self.hf_token = nn.Embedding(1, WIDTH)
        self.hf_mlp = MLP(WIDTH, WIDTH, fine, 3)
        self.compress_vit_feat = enlarging(EARLY, WIDTH, fine)
        self.embedding_encoder = enlarging(WIDTH, WIDTH // 4, fine)
        self.embedding_maskfeature = nn.Sequential(
            nn.Conv2d(fine, 2 * fine, 3, padding=1),
            LayerNorm2d(2 * fine),
            nn.GELU(),
            nn.Conv2d(2 * fine, fine, 3, padding=1),
        )

    def forward(
        self, view: View, positions: torch.Tensor, sparse: torch.Tensor, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """For N prompts: SAM's single mask (N, 256, 256), the weights (N, C) of the further token,
        and the features (N, C, 256, 256) that they weigh."""
        count = len(sparse)
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight, self.hf_token.weight])
        tokens = torch.cat([own.expand(count, -1, -1), sparse], dim=1)
        source = view.features + dense
        seen, image = self.transformer(source, positions.expand(count, -1, -1, -1), tokens)
        upscaled = self.output_upscaling(image.transpose(1, 2).reshape(source.shape))
        fine = self.embedding_encoder(view.features) + self.compress_vit_feat(view.early)
        plain = self.output_hypernetworks_mlps[0](seen[:, 1])
        mask = torch.einsum("nc,nchw->nhw", plain, upscaled)
        weights = self.hf_mlp(seen[:, 1 + self.num_mask_tokens])
        return mask, weights, self.embedding_maskfeature(upscaled) + fine


def enlarging(channels: int, between: int, out: int) -> nn.Sequential:
    """Two transposed convolutions, each of which doubles the side."""
    return nn.Sequential(
        nn.ConvTranspose2d(channels, between, 2, stride=2),
        LayerNorm2d(between),
        nn.GELU(),
        nn.ConvTranspose2d(between, out, 2, stride=2),
    )


@dataclass(frozen=True, slots=True)
class View:
    """One picture after the encoder: features (1, 256, 64, 64), early ones (1, 160, 64, 64)."""

    features: torch.Tensor
    early: torch.Tensor


@dataclass(frozen=True, slots=True)
class Pair:
    """A patch and its surroundings."""

    high: View
    low: View


class WsiNet(TinySam):
    """MobileSAM, whose own mask decoder nothing uses, and a decoder for each of the two views."""

    def __init__(self) -> None:
        super().__init__(SIDE, stem_kernel=3, classes=CLASSES)
        self.high, self.low = WsiDecoder(), WsiDecoder()

    def views(self, pixels: torch.Tensor) -> View:
        """(B, 3, 1024, 1024) -> features of all."""
        encoder = self.image_encoder
        _, _, third, fourth = encoder.stages
        half = encoder.stages[1](encoder.stages[0](encoder.patch_embed(pixels)))
        return View(encoder.neck(fourth(third(half))), third.downsample(half))


class WsiSam(ImageModel):
    """`inference.py: run_inference`: both decoders are asked, and the weights of their tokens added
    on the features of the patch."""

    cacheable = False
    side = SIDE

    def __init__(
        self, name: str, net: WsiNet, options: Mapping[str, Any], device: str, dtype: str
    ) -> None:
        super().__init__(name, options, device, dtype)
        self.net = net.eval().to(device)

    def frame(self, height: int, width: int) -> Frame:
        """The patch in the image; to_input takes places of the image to the patch."""
        if (height, width) != (2 * SIDE, 2 * SIDE):
            raise InputError(
                f"WSI-SAM takes images of {2 * SIDE}x{2 * SIDE} pixels, the middle of which it "
                f"segments; got {height}x{width}. Cut such fields from the slide."
            )
        return Frame.centred(height, width, SIDE)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        """Patch and surroundings, (2, 3, 1024, 1024)."""
        import cv2

        colour = as_colour(image)
        patch = colour[MARGIN:-MARGIN, MARGIN:-MARGIN]
        around = cv2.resize(colour, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        mean, std = (np.array(values, np.float32) for values in (PIXEL_MEAN, PIXEL_STD))
        return np.stack(
            [channels_first((one.astype(np.float32) - mean) / std) for one in (patch, around)]
        )

    def mask_pixels(self, mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
        return mask[MARGIN:-MARGIN, MARGIN:-MARGIN]

    @torch.inference_mode()
    def encode(self, planes: Sequence[Plane]) -> list[Pair]:
        """Both views of each plane."""
        pixels, _ = self.batch(planes)
        kind, device = precision(self.dtype), torch.device(self.device)
        found = []
        for pair in pixels:
            with torch.autocast(device.type, kind, enabled=kind is not torch.float32):
                views = self.net.views(pair)
            features, early = views.features.float(), views.early.float()
            found.append(Pair(*(View(features[i : i + 1], early[i : i + 1]) for i in (0, 1))))
        return found

    @torch.inference_mode()
    def predict(self, embedding: Pair, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Logits (N, 1, 1024, 1024) of the patch, or of the image with nothing around it."""
        boxes = [prompt.box_xy for prompt in prompts if prompt.box_xy is not None]
        if not boxes or len(boxes) < len(prompts):
            raise UsageError(
                "WSI-SAM needs a box for each object. Choose a prompt profile of boxes."
            )
        # Whole pixels, as the release's integers.
        high = torch.from_numpy(np.trunc(np.stack(boxes) - MARGIN)).float().to(self.device)
        low = torch.div(high, 2, rounding_mode="floor") + MARGIN // 2
        positions = self.net.prompt_encoder.get_dense_pe()
        asked = [
            decoder(
                view, positions, *self.net.prompt_encoder(points=None, boxes=corners, masks=None)
            )
            for decoder, view, corners in (
                (self.net.high, embedding.high, high),
                (self.net.low, embedding.low, low),
            )
        ]
        (mask, weights, features), (_, around, _) = asked
        both = mask + torch.einsum("nc,nchw->nhw", weights + around, features)
        logits = interpolate(both[:, None], (SIDE, SIDE), mode="bilinear", align_corners=False)
        if grid == "original":
            logits = pad(logits, [MARGIN] * 4, value=NOTHING)
        return Prediction(logits, "logit", tuple(prompt.label for prompt in prompts))


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> WsiSam:
    """WSI-SAM from its three files. Raises `InputError` naming what does not fit."""
    with unfilled():
        net = WsiNet()
    renamed = {
        ENCODER + rename(key.removeprefix(ENCODER)) if key.startswith(ENCODER) else key: value
        for key, value in state.items()
    }
    load_strictly(net, renamed)
    with_tables(net)
    return WsiSam("wsi-sam", net, options, device, dtype)
