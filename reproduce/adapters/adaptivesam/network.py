"""AdaptiveSAM: SAM's encoder with global attention everywhere, a decoder asked by CLIP's text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from segment_anything.modeling import ImageEncoderViT
from torch import nn

from catalog.errors import InputError, UsageError
from reproduce.adapters.adaptivesam.clip import Clip, VisualTower, tokens_of
from reproduce.contracts import Prompt
from reproduce.models.frames import Frame
from reproduce.models.promptable import Encoded, PromptedModel, as_colour
from reproduce.models.sam import PIXEL_MEAN, SamConfig, build_sam, load_strictly
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

STD = (
    53.395,
    57.12,
    57.375,
)  # the first is SAM's 58.395 misspelt; the weights were trained with it
WIDTH = 256


def resized(height: int, width: int, side: int) -> tuple[int, int]:
    """(height, width) after torchvision's `Resize(side - 1, max_size=side)`.

    >>> resized(576, 768, 256), resized(500, 500, 256)
    ((192, 256), (255, 255))
    """
    short, long = min(height, width), max(height, width)
    new_short, new_long = side - 1, int((side - 1) * long / short)
    if new_long > side:
        new_short, new_long = int(side * new_short / new_long), side
    return (new_short, new_long) if height <= width else (new_long, new_short)


class AdaptiveNet(nn.Module):
    """The whole model under the checkpoint's names."""

    def __init__(self, encoder: Any, sam: Any, clip: Clip) -> None:
        super().__init__()
        self.sam_encoder, self.clip_model = encoder, clip
        self.prompt_encoder, self.mask_decoder = sam.prompt_encoder, sam.mask_decoder
        self.Text_Embedding_Affine = nn.Sequential(
            nn.Linear(clip.text_projection.shape[1], WIDTH), nn.ReLU(), nn.BatchNorm1d(WIDTH)
        )

    def image_encoder(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, side, side) -> (B, 256, g, g)."""
        features: torch.Tensor = self.sam_encoder(pixels)
        return features

    def text(self, label: str) -> torch.Tensor:
        """A label -> the prompt's token, (1, 1, 256)."""
        device = self.clip_model.text_projection.device
        said = self.clip_model(torch.tensor(tokens_of(label), device=device))
        token: torch.Tensor = self.Text_Embedding_Affine(said)[:, None]
        return token


class AdaptiveSam(PromptedModel):
    """`get_image_embeddings` and `get_masks_for_multiple_labels` of the release."""

    def frame(self, height: int, width: int) -> Frame:
        return Frame(height, width, self.side, *resized(height, width, self.side))

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        from torchvision.transforms.functional import resize

        values = torch.from_numpy(np.ascontiguousarray(as_colour(image).transpose(2, 0, 1)))
        size = [frame.input_height, frame.input_width]
        square = torch.zeros(3, self.side, self.side)
        square[:, frame.rows, frame.columns] = resize(values, size, antialias=True).float()
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (PIXEL_MEAN, STD))
        normal: NDArray[np.float32] = ((square / 255 * 255 - mean) / std).numpy()
        return normal

    def mask_pixels(self, mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
        """Half or more of a pixel (anti-aliased) makes it foreground."""
        from torchvision.transforms.functional import resize

        size = [frame.input_height, frame.input_width]
        small = resize(torch.from_numpy(mask[None].astype(np.float32)), size, antialias=True)
        found: NDArray[np.bool_] = (small[0] >= 0.5).numpy()
        return found

    @torch.inference_mode()
    def logits(
        self, embedding: Encoded, prompts: Sequence[Prompt]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not prompts:
            raise UsageError(
                f"{self.name} is asked by the names of classes; got none. Choose the prompt "
                "profile text."
            )
        answers = [self.named(embedding, prompt.text or prompt.label) for prompt in prompts]
        masks, quality = (torch.cat(parts) for parts in zip(*answers, strict=True))
        return masks, quality

    def named(self, embedding: Encoded, label: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Low-resolution logits (1, 1, l, l) and predicted IoU (1, 1) of a class.

        Positions are given to neither side of the decoder's attention, nor is the dense prompt.
        """
        decoder = self.sam.mask_decoder
        own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])[None]
        asked = torch.cat([own, self.sam.text(label)], dim=1)
        keys, queries = embedding.features.flatten(2).mT, asked
        nowhere = torch.zeros((), device=keys.device)
        for layer in decoder.transformer.layers:
            queries, keys = layer(queries, keys, nowhere, nowhere)
        seen = decoder.transformer.final_attn_token_to_image(q=queries + asked, k=keys, v=keys)
        queries = decoder.transformer.norm_final_attn(queries + seen)
        upscaled = decoder.output_upscaling(keys.mT.reshape(embedding.features.shape))
        weights = decoder.output_hypernetworks_mlps[0](queries[:, 1])
        mask = torch.einsum("bc,bchw->bhw", weights, upscaled)
        return mask[:, None], decoder.iou_prediction_head(queries[:, 0])[:, :1]


def load(state: Mapping[str, torch.Tensor]) -> AdaptiveNet:
    """The network, loaded strictly. Raises `InputError` for another method's file."""
    shape = {key: tuple(value.shape) for key, value in state.items()}

    def depth(prefix: str) -> int:
        return len({key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)})

    try:
        _, grid, _, width = shape["sam_encoder.pos_embed"]
        _, _, patch, _ = shape["sam_encoder.patch_embed.proj.weight"]
        vocabulary, told = shape["clip_model.token_embedding.weight"]
        (context, _), (_, out) = (
            shape["clip_model.positional_embedding"],
            shape["clip_model.text_projection"],
        )
        seen, _, pixels, _ = shape["clip_model.visual.conv1.weight"]
        places, _ = shape["clip_model.visual.positional_embedding"]
    except (KeyError, ValueError):
        raise InputError(
            "the checkpoint is not AdaptiveSAM's: expected, among others, sam_encoder.pos_embed "
            "(1, g, g, width), clip_model.text_projection and clip_model.visual.conv1.weight; "
            f"got {len(state)} tensors, the first ones {', '.join(sorted(state)[:5]) or 'none'}."
        ) from None
    with unfilled():
        blocks = "resblocks."
        visual = VisualTower(
            seen, depth(f"clip_model.visual.transformer.{blocks}"), pixels, places, out
        )
        clip = Clip(
            told, depth(f"clip_model.transformer.{blocks}"), vocabulary, context, out, visual
        )
        encoder = ImageEncoderViT(
            img_size=grid * patch,
            patch_size=patch,
            embed_dim=width,
            depth=depth("sam_encoder.blocks."),
            num_heads=width // 64,
            out_chans=WIDTH,
        )
        # Of SAM the prompt encoder and the decoder: the encoder's sizes do not matter.
        sam = build_sam(SamConfig(grid * patch, patch, embed_dim=64, depth=1, heads=1))
        net = AdaptiveNet(encoder, sam, clip)
    load_strictly(net, state)
    del net.clip_model.visual
    return net


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> AdaptiveSam:
    """AdaptiveSAM from the state dict of its whole model, CLIP included."""
    return AdaptiveSam("adaptivesam", load(state), options, device, dtype)
