"""The first stage, DPA-P2PNet: a ConvNeXt and a pyramid find a point in every nucleus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from reproduce.models.sam import load_strictly

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACE, APART = 8, 12  # pixels between anchors, and between two nuclei's points at least
LEVELS = 3
EPS = 1e-6


class ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of (B, C, H, W)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A depthwise convolution of 7 px and a perceptron of each pixel, scaled, beside what came."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)}
        )
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.conv_dw(x).permute(0, 2, 3, 1))
        y = self.mlp["fc2"](functional.gelu(self.mlp["fc1"](y)))
        found: torch.Tensor = x + (y * self.gamma).permute(0, 3, 1, 2)
        return found


class Stage(nn.Module):
    """Half as large (after the first stage), then blocks."""

    def __init__(self, taken: int, width: int, depth: int) -> None:
        super().__init__()
        self.downsample = nn.Sequential()
        if taken != width:
            conv = nn.Conv2d(taken, width, 2, 2)
            self.downsample = nn.Sequential(ChannelNorm(taken, eps=EPS), conv)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.blocks(self.downsample(x))
        return found


class ConvNeXt(nn.Module):
    """(B, 3, H, W) -> maps at a fourth, an eighth, ... of the size."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        first = nn.Conv2d(3, widths[0], 4, 4)
        self.stem = nn.Sequential(first, ChannelNorm(widths[0], eps=EPS))
        pairs = zip(pairwise([widths[0], *widths]), depths, strict=True)
        self.stages = nn.Sequential(*(Stage(a, b, depth) for (a, b), depth in pairs))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x, found = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class Convolution(nn.Module):
    """One under the name that the release's library gives it."""

    def __init__(self, taken: int, given: int, side: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(taken, given, side, padding=side // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv(x)
        return found


class Pyramid(nn.Module):
    """Maps of one width; each takes the coarser ones into it. The finest `levels` are given."""

    def __init__(self, widths: Sequence[int], width: int, levels: int) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(Convolution(taken, width, 1) for taken in widths)
        self.fpn_convs = nn.ModuleList(Convolution(width, width, 3) for _ in range(levels))

    def forward(self, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        found = [lateral(x) for lateral, x in zip(self.lateral_convs, maps, strict=True)]
        for fine in range(len(found) - 2, -1, -1):
            above = functional.interpolate(found[fine + 1], found[fine].shape[2:], mode="nearest")
            found[fine] = found[fine] + above
        return [last(x) for last, x in zip(self.fpn_convs, found, strict=False)]


class Perceptron(nn.Module):
    """Two layers; numbered as with the dropout that training has between them."""

    def __init__(self, width: int, given: int) -> None:
        super().__init__()
        hidden = nn.Linear(width, width), nn.ReLU(), nn.Identity()
        self.layers = nn.ModuleList([*hidden, nn.Linear(width, given)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class Prompter(nn.Module):
    """(1, 3, H, W) -> places (A, 2) in pixels (x, y) and logits (A, classes + 1), the last of
    them for no nucleus. An anchor every 8 px is moved to where the finest map says, then refined
    by what three maps hold there."""

    def __init__(
        self, widths: Sequence[int], depths: Sequence[int], width: int, classes: int
    ) -> None:
        super().__init__()
        self.backbone = nn.ModuleDict(
            {
                "backbone": ConvNeXt(widths, depths),
                "neck": Pyramid(widths, width, LEVELS),
                "neck1": Pyramid(widths, width, 1),
            }
        )
        self.deform_layer, self.reg_head = Perceptron(width, 2), Perceptron(width, 2)
        self.cls_head = Perceptron(width, classes + 1)
        self.conv = nn.Conv2d(LEVELS * width, width, 3, padding=1)
        # Where nuclei are: asked with the weights for Kumar and CPM-17 alone
        head = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()
        self.mask_head = nn.Sequential(*head, nn.Conv2d(width, 1, 1, padding=1))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = self.backbone["neck"](self.backbone["backbone"](image))
        rows, columns = (
            torch.arange(-(-side // SPACE), device=image.device, dtype=torch.float32) * SPACE
            + (side % SPACE or SPACE) / 2
            for side in image.shape[2:]
        )
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        anchors = torch.stack([x, y], -1)[None]
        moved = anchors + self.deform_layer(at(maps[0], 0, anchors).permute(0, 2, 3, 1))
        looked = torch.cat([at(one, level, moved) for level, one in enumerate(maps)], 1)
        looked = self.conv(looked).permute(0, 2, 3, 1)
        places = moved + self.reg_head(looked)
        return places.flatten(1, 2)[0], self.cls_head(looked).flatten(1, 2)[0]


def at(maps: torch.Tensor, level: int, places: torch.Tensor) -> torch.Tensor:
    """Maps (1, C, h, w) of a level at places (1, H, W, 2) of the image, (1, C, H, W)."""
    size = torch.tensor([maps.shape[3], maps.shape[2]], dtype=torch.float, device=maps.device)
    grid = 2.0 * places / 2 ** (level + 2) / size - 1.0
    return functional.grid_sample(maps, grid, mode="bilinear", align_corners=True)


def load(state: Mapping[str, torch.Tensor]) -> Prompter:
    """The prompter whose sizes these tensors have. Raises `InputError` for others."""
    stem = "backbone.backbone."
    shapes = [
        state[f"{stem}stages.{n}.blocks.0.gamma"].shape[0]
        for n in range(4)
        if f"{stem}stages.{n}.blocks.0.gamma" in state
    ]
    depths = [
        sum(name.startswith(f"{stem}stages.{n}.blocks.") and name.endswith("gamma")
            for name in state)
        for n in range(len(shapes))
    ]  # fmt: skip
    width, classes = (
        state[name].shape[0] if name in state else usual
        for name, usual in (("deform_layer.layers.0.weight", 256), ("cls_head.layers.3.weight", 6))
    )
    with torch.device("meta"):
        net = Prompter(shapes or (96, 192, 384, 768), depths or (3, 3, 27, 3), width, classes - 1)
    load_strictly(net, state)
    return net.eval()


def points(
    places: torch.Tensor, logits: torch.Tensor, height: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(N, 2) places (x, y) in an image and their classes: anchors that say some class, and of those
    nearer than 12 px to each other the surest (`prompter/utils.py: predict`, `point_nms`)."""
    from scipy.spatial import distance_matrix

    xy, scores = places.cpu().numpy(), logits.softmax(-1).cpu().numpy()
    kinds = scores.argmax(-1)
    xy[:, 0], xy[:, 1] = xy[:, 0].clip(0, width - 1), xy[:, 1].clip(0, height - 1)
    some = kinds < scores.shape[1] - 1
    xy, sure, kinds = xy[some], scores[some].max(1), kinds[some]
    if not len(xy):
        return xy, kinds
    near = distance_matrix(xy, xy)
    np.fill_diagonal(near, np.inf)
    kept = np.ones(len(xy), bool)
    for one in np.argsort(-sure):
        if kept[one]:
            kept[near[one] <= APART] = False
    return xy[kept], kinds[kept]
