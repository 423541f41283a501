"""SAM-Path: SAM ViT-B and a pathology ViT side by side, fused, with one mask token per class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from segment_anything.modeling.common import LayerNorm2d
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.models.frames import Frame
from reproduce.models.promptable import Encoded, as_colour, channels_first
from reproduce.models.sam import VIT_B, build_sam, load_strictly
from reproduce.models.semantic import SemanticModel, unprompted
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of values 0-1
PATHOLOGY_WIDTH = 384


class PathologyEncoder(nn.Module):
    """HIPT's ViT-S/16; timm names its tensors as the checkpoint does."""

    def __init__(self) -> None:
        super().__init__()
        self.model: Any = VisionTransformer(
            img_size=224, embed_dim=PATHOLOGY_WIDTH, depth=12, num_heads=6, num_classes=0
        )

    def widen(self, grid: int) -> None:
        """Bring the position embedding from 14x14 to grid x grid, as DINO does it.

        The tenth of a patch is in the release: it also shifts where values are taken from.
        """
        positions = self.model.pos_embed
        old = round((positions.shape[1] - 1) ** 0.5)
        factor = (grid + 0.1) / old
        patches = interpolate(
            positions[:, 1:].reshape(1, old, old, -1).permute(0, 3, 1, 2),
            scale_factor=(factor, factor),
            mode="bicubic",
        )
        flat = patches.permute(0, 2, 3, 1).reshape(1, grid * grid, -1)
        self.model.pos_embed = nn.Parameter(
            torch.cat([positions[:, :1], flat], dim=1), requires_grad=False
        )
        self.model.patch_embed.strict_img_size = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) normalised with ImageNet's figures -> (B, grid * grid, 384)."""
        mean, std = (torch.tensor(v, device=x.device).view(3, 1, 1) for v in (MEAN, STD))
        x = (x * std + mean - 0.5) / 0.5
        features: torch.Tensor = self.model.forward_features(x)[:, 1:]
        return features


class SamPathNet(nn.Module):
    """Both encoders, the neck that joins them, SAM's prompt encoder and mask decoder."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.model: Any = build_sam(replace(VIT_B, multimask_outputs=tokens - 1))
        self.extra_encoder = PathologyEncoder()
        self.fusion_neck = nn.Sequential(
            nn.Conv2d(VIT_B.embed_dim + PATHOLOGY_WIDTH, 256, 1, bias=False),
            LayerNorm2d(256),
            nn.Conv2d(256, 256, 3, padding=1, bias=False),
            LayerNorm2d(256),
        )

    def image_encoder(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, 1024, 1024) -> (B, 256, 64, 64); SAM's own neck is not used."""
        encoder = self.model.image_encoder
        tokens = encoder.patch_embed(x) + encoder.pos_embed
        for block in encoder.blocks:
            tokens = block(tokens)
        extra = self.extra_encoder(x).reshape(*tokens.shape[:3], -1)
        joined = torch.cat([tokens, extra], dim=-1).permute(0, 3, 1, 2)
        features: torch.Tensor = self.fusion_neck(joined)
        return features


class SamPath(SemanticModel):
    """`network/sam_network.py: PromptSAMLateFusion`, `pl_module_sam_seg.py: predict_step`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.side = int(self.options["image_side"])

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        import cv2

        size = (self.side, self.side)
        square = cv2.resize(as_colour(image), size, interpolation=cv2.INTER_LINEAR)
        mean, std = (np.array(v, dtype=np.float32) * np.float32(255) for v in (MEAN, STD))
        values = channels_first((square.astype(np.float32) - mean) / std)
        if self.side == VIT_B.image_size:
            return values
        small: NDArray[np.float32] = interpolate(
            torch.from_numpy(values)[None],
            (VIT_B.image_size, VIT_B.image_size),
            mode="bilinear",
            align_corners=False,
        )[0].numpy()
        return small

    def logits(self, embedding: Encoded) -> torch.Tensor:
        low_res = unprompted(self.sam.model, embedding.features)
        masks = interpolate(low_res, (self.side, self.side), mode="bilinear", align_corners=False)
        # The first token is SAM's single mask. The second stands for ignored pixels and can never
        # win in the release; it keeps the place of the background here.
        masks = masks[:, 1:].clone()
        masks[:, 0] = -torch.inf
        return masks

    def labels_to_original(self, labels: torch.Tensor, frame: Frame) -> torch.Tensor:
        """Nearest neighbour; the release itself never leaves its own grid."""
        size = (frame.height, frame.width)
        return interpolate(labels[None, None].float(), size, mode="nearest")[0, 0].long()


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SamPath:
    """SAM-Path (ViT-B with HIPT, late fusion) from its Lightning checkpoint's state dict."""
    key = "model.mask_decoder.mask_tokens.weight"
    if key not in state:
        raise InputError(
            f"the checkpoint is not SAM-Path's: expected, among others, {key}; got {len(state)} "
            f"tensors, the first ones {', '.join(sorted(state)[:5]) or 'none'}. Use the layout "
            "state_dict/model."
        )
    tokens = len(state[key])
    with unfilled():
        net = SamPathNet(tokens)
    load_strictly(net, state)
    net.extra_encoder.widen(VIT_B.grid)
    # Besides the classes there are SAM's single mask and the ignored class. The release does not
    # name the classes; they are the values of its mask files.
    classes = tuple(f"class {i}" for i in range(1, tokens - 1))
    return SamPath("sampath", net, classes, options, device, dtype)
