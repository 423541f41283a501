"""SAM2-UNet: the trunk of SAM 2 (transformers') with adapters, four receptive fields, a decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, relu
from transformers.models.sam2.modeling_sam2 import Sam2HieraDetModel

from reproduce.contracts import Grid
from reproduce.models.frames import Frame
from reproduce.models.maps import MapModel
from reproduce.models.promptable import as_colour, channels_first
from reproduce.models.sam import load_strictly
from reproduce.models.sam2 import VARIANTS, Sizes, trunk_config, trunk_renamed
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 352
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of values 0-1
WIDTH = 64  # channels of the decoder
BOTTLENECK = 32  # channels of the adapters
GREY = 255


class Adapted(nn.Module):
    """A block of the trunk that sees its input with a learned part added."""

    def __init__(self, block: nn.Module, width: int) -> None:
        super().__init__()
        self.block = block
        self.prompt_learn = nn.Sequential(
            nn.Linear(width, BOTTLENECK), nn.GELU(), nn.Linear(BOTTLENECK, width), nn.GELU()
        )

    def forward(self, x: torch.Tensor, **more: Any) -> torch.Tensor:
        adapted: torch.Tensor = self.block(x + self.prompt_learn(x), **more)
        return adapted


class Normed(nn.Module):
    """A convolution of stride one that keeps the size, batch-normalised, without activation."""

    def __init__(self, channels: int, out: int, kernel: tuple[int, int], dilation: int = 1) -> None:
        super().__init__()
        padding = (dilation * (kernel[0] // 2), dilation * (kernel[1] // 2))
        self.conv = nn.Conv2d(channels, out, kernel, padding=padding, dilation=dilation, bias=False)
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normed: torch.Tensor = self.bn(self.conv(x))
        return normed


class ReceptiveField(nn.Module):
    """Four views of a level side by side, the last three with kernels and dilations of 3, 5, 7."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(Normed(channels, WIDTH, (1, 1)))
        for number, reach in ((1, 3), (2, 5), (3, 7)):
            branch = nn.Sequential(
                Normed(channels, WIDTH, (1, 1)),
                Normed(WIDTH, WIDTH, (1, reach)),
                Normed(WIDTH, WIDTH, (reach, 1)),
                Normed(WIDTH, WIDTH, (3, 3), dilation=reach),
            )
            self.add_module(f"branch{number}", branch)
        self.conv_cat = Normed(4 * WIDTH, WIDTH, (3, 3))
        self.conv_res = Normed(channels, WIDTH, (1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        views = [self.get_submodule(f"branch{number}")(x) for number in range(4)]
        return relu(self.conv_cat(torch.cat(views, dim=1)) + self.conv_res(x))


class TwoConvolutions(nn.Module):
    """Two convolutions, each normalised and rectified."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for into in (channels, WIDTH):
            layers += [nn.Conv2d(into, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH)]
            layers += [nn.ReLU()]
        self.double_conv = nn.Sequential(*layers)


class Up(nn.Module):
    """A coarse level enlarged to the next finer one and joined with it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = TwoConvolutions(2 * WIDTH)

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        size = fine.shape[-2:]
        enlarged = interpolate(coarse, size, mode="bilinear", align_corners=True)
        joined: torch.Tensor = self.conv.double_conv(torch.cat([fine, enlarged], dim=1))
        return joined


class Sam2UNet(nn.Module):
    """(B, 3, 352, 352) -> logits (B, 1, 352, 352). `up4` and the side outputs are for training."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        encoder: Any = Sam2HieraDetModel(trunk_config(sizes, SIDE))
        encoder.blocks = nn.ModuleList(Adapted(block, block.dim) for block in encoder.blocks)
        self.encoder = encoder
        for level in range(1, 5):
            self.add_module(f"rfb{level}", ReceptiveField(sizes.embed_dim * 2 ** (level - 1)))
            self.add_module(f"up{level}", Up())
        self.side1, self.side2, self.head = (nn.Conv2d(WIDTH, 1, 1) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = self.encoder(x).intermediate_hidden_states
        seen = [
            self.get_submodule(f"rfb{number}")(level.permute(0, 3, 1, 2))
            for number, level in enumerate(levels, start=1)
        ]
        found = seen.pop()
        for number, fine in enumerate(reversed(seen), start=1):
            found = self.get_submodule(f"up{number}")(found, fine)
        return interpolate(self.head(found), scale_factor=4, mode="bilinear")


class Sam2UNetModel(MapModel):
    """`test.py`: the probabilities of an image are stretched to 0-255 and stored as grey values."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.kind = "probability" if self.options["map"] == "stretched" else "logit"

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        from PIL import Image

        size = (self.side, self.side)
        square = Image.fromarray(as_colour(image)).resize(size, Image.Resampling.BILINEAR)
        mean, std = (np.array(values, np.float32) for values in (MEAN, STD))
        return channels_first((np.asarray(square, np.float32) / 255 - mean) / std)

    def scores(self, logits: torch.Tensor, frame: Frame, grid: Grid) -> torch.Tensor:
        resized = super().scores(logits, frame, grid)
        return resized if self.kind == "logit" else stored(resized.sigmoid())


def stored(probability: torch.Tensor) -> torch.Tensor:
    """A map stretched to its own range, as grey values (whole 255ths, cut off).

    >>> (stored(torch.tensor([0.2, 0.3, 0.4])) * 255).round().int().tolist()
    [0, 127, 254]
    """
    low, high = probability.min(), probability.max()
    stretched = (probability - low) / (high - low + 1e-8)
    return (stretched * GREY).floor() / GREY


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Sam2UNetModel:
    """SAM2-UNet from its flat state dict; sizes are those of SAM 2 large.

    Raises `InputError` naming what does not fit, in transformers' names.
    """
    with unfilled():
        net = Sam2UNet(VARIANTS["large"])
    load_strictly(net, {trunk_renamed(key, "encoder."): value for key, value in state.items()})
    return Sam2UNetModel("sam2-unet", net, SIDE, options, device, dtype)
