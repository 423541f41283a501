"""SegmentAnyBone: MobileSAM with bottlenecks in encoder and decoder, and tokens for two classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from segment_anything.modeling import MaskDecoder, TwoWayTransformer
from segment_anything.modeling.transformer import TwoWayAttentionBlock
from timm.models.tiny_vit import Attention, NormMlp
from torch import nn

from catalog.errors import InputError
from reproduce.contracts import Sample
from reproduce.models.bottleneck import Bottleneck
from reproduce.models.sam import load_strictly
from reproduce.models.sam_encoder import precision
from reproduce.models.sam_preprocessing import resize_mask
from reproduce.models.tinyvit import TinySam, with_tables
from reproduce.models.tinyvit import rename as of_timm
from reproduce.models.unfilled import unfilled
from reproduce.models.volumes import VolumeModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE, WIDTH, CLASSES = 1024, 256, 1000
ADAPTED_STAGES = (1, 2)
BONE = 2  # its mask token: the first is SAM's, the second of the background
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of values 0-1
DARK, GAMMA = 0.1, 0.8
ENCODER = "image_encoder."


class AdaptedAttention(nn.Module):
    """Attention of a window with a bottleneck after it.

    The release applies it after the windows are put together again: token by token, so the same.
    """

    def __init__(self, plain: Attention) -> None:
        super().__init__()
        self.plain = plain
        self.Space_Adapter = Bottleneck(plain.norm.normalized_shape[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.plain(x)
        adapted: torch.Tensor = seen + self.Space_Adapter(seen)
        return adapted


class AdaptedPerceptron(nn.Module):
    """A block's perceptron with half a bottleneck beside it."""

    def __init__(self, plain: NormMlp) -> None:
        super().__init__()
        self.plain, self.MLP_Adapter = plain, Bottleneck(plain.fc1.in_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both: torch.Tensor = self.plain(x) + 0.5 * self.MLP_Adapter(x)
        return both


class AdaptedTwoWayBlock(TwoWayAttentionBlock):  # type: ignore[misc]  # segment_anything is untyped
    """SAM's block with one bottleneck for tokens and image, and half of another beside the MLP."""

    def forward(
        self,
        queries: torch.Tensor,
        keys: torch.Tensor,
        query_pe: torch.Tensor,
        key_pe: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.skip_first_layer_pe:
            queries = self.self_attn(q=queries, k=queries, v=queries)
        else:
            placed = queries + query_pe
            queries = queries + self.self_attn(q=placed, k=placed, v=queries)
        queries = self.norm1(queries)
        seen = self.cross_attn_token_to_image(q=queries + query_pe, k=keys + key_pe, v=keys)
        queries = queries + seen
        queries = self.norm2(queries + self.Adapter(queries))
        queries = self.norm3(queries + self.mlp(queries) + 0.5 * self.MLP_Adapter(queries))
        told = self.cross_attn_image_to_token(q=keys + key_pe, k=queries + query_pe, v=queries)
        keys = keys + told
        return queries, self.norm4(keys + self.Adapter(keys))


class DepthFusion(nn.Module):
    """What joins features with a depth attention map. Its weights are in the file; see `build`."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.BatchNorm2d(WIDTH), nn.ReLU()]
        self.fuse_emb = nn.Sequential(*layers[:-1])
        self.gate = nn.Parameter(torch.zeros(1))


class BoneSam(TinySam):
    """(B, 3, 1024, 1024) -> logits of bone (B, 1, 256, 256)."""

    def __init__(self) -> None:
        super().__init__(SIDE, stem_kernel=3, classes=CLASSES)
        for stage in ADAPTED_STAGES:
            for block in self.image_encoder.stages[stage].blocks:
                block.attn = AdaptedAttention(block.attn)
                block.mlp = AdaptedPerceptron(block.mlp)
        transformer = TwoWayTransformer(depth=2, embedding_dim=WIDTH, mlp_dim=2048, num_heads=8)
        for layer in transformer.layers:
            layer.__class__ = AdaptedTwoWayBlock
            layer.MLP_Adapter, layer.Adapter = Bottleneck(WIDTH), Bottleneck(WIDTH)
        self.mask_decoder = MaskDecoder(
            transformer_dim=WIDTH, transformer=transformer, num_multimask_outputs=2
        )
        self.attention_fusion = DepthFusion()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sparse, dense = self.prompt_encoder(points=None, boxes=None, masks=None)
        found = [
            self.mask_decoder.predict_masks(
                image_embeddings=one[None],
                image_pe=self.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
            )[0][:, BONE : BONE + 1]
            for one in self.image_encoder(x)
        ]
        return torch.cat(found)


class SegmentAnyBone(VolumeModel):
    """`demo.ipynb: predictVolume` with attention off."""

    kind = "label"

    def maps(self, sample: Sample) -> torch.Tensor:
        masks = [self.of_plane(plane) for plane in self.scaled(sample)]
        return torch.from_numpy(np.stack(masks)[None]).to(self.device)

    def of_plane(self, plane: NDArray[np.float32]) -> NDArray[np.bool_]:
        """The mask of a slice (H, W) of the scaled volume."""
        kind, device = precision(self.dtype), torch.device(self.device)
        with torch.autocast(device.type, kind, enabled=kind is not torch.float32):
            logits = self.net(self.pixels(plane)[None].to(device))
        small = (logits[0, 0] > 0).cpu().numpy()
        return resize_mask(small, (plane.shape[1], plane.shape[0])).T

    def scaled(self, sample: Sample) -> Iterator[NDArray[np.float32]]:
        """Slices of the volume between its percentiles, 0-1."""
        values = torch.from_numpy(np.ascontiguousarray(sample.values, np.float32))
        flat, last = values.flatten(), values.numel() - 1
        low, high = (flat.kthvalue(1 + round(0.01 * p * last)).values.item() for p in (1, 99))
        if low == high:
            raise InputError(
                f"case {sample.case.id}: its 1st and 99th percentile are both {low:g}, and "
                "SegmentAnyBone scales by what lies between. Is this the volume, not its mask?"
            )
        for plane in values:
            yield ((plane.clamp(low, high) - low) / (high - low)).numpy()

    def pixels(self, plane: NDArray[np.float32]) -> torch.Tensor:
        """The network's input for a slice (H, W) of the scaled volume, (3, 1024, 1024)."""
        from PIL import Image

        values = torch.from_numpy(plane.T.copy())
        low, high = values.min(), values.max()
        grey = ((values - low) / (high - low + 0.00001) * 255).numpy().astype(np.uint8)
        square = Image.fromarray(grey).resize((self.side, self.side), Image.Resampling.BILINEAR)
        image = torch.from_numpy(np.asarray(square, np.float32) / np.float32(255))
        image = image.clamp(image.quantile(0.01), image.quantile(1 - 0.01))
        if image.mean() < DARK:
            least = image.min()
            extent = image.max() - least
            image = ((image - least) / float(extent + 1e-7)) ** GAMMA * extent + least
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        return (image[None] - mean) / std


def named(key: str) -> str:
    """A tensor's name in the release -> its name here.

    >>> named("image_encoder.layers.1.blocks.0.attn.qkv.bias")
    'image_encoder.stages.1.blocks.0.attn.plain.qkv.bias'
    >>> named("image_encoder.layers.2.blocks.5.MLP_Adapter.D_fc1.bias")
    'image_encoder.stages.2.blocks.5.mlp.MLP_Adapter.D_fc1.bias'
    """
    if not key.startswith(ENCODER):
        return key
    name = of_timm(key.removeprefix(ENCODER))
    for stage in ADAPTED_STAGES:
        if name.startswith(f"stages.{stage}.blocks."):
            parts = name.split(".")
            parts[4:5] = {
                "attn": ["attn", "plain"],
                "mlp": ["mlp", "plain"],
                "Space_Adapter": ["attn", "Space_Adapter"],
                "MLP_Adapter": ["mlp", "MLP_Adapter"],
            }.get(parts[4], parts[4:5])
            name = ".".join(parts)
    return ENCODER + name


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SegmentAnyBone:
    """SegmentAnyBone from `bone_sam.pth`; what joins depth attention is read and left out.

    Raises `InputError` naming what does not fit.
    """
    with unfilled():
        net = BoneSam()
    load_strictly(net, {named(key): value for key, value in state.items()})
    del net.attention_fusion
    with_tables(net)
    return SegmentAnyBone("segmentanybone", net, SIDE, ("bone",), options, device, dtype)
