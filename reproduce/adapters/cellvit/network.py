"""CellViT: SAM's encoder, whose blocks' outputs go through a U-Net of three branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from catalog.errors import InputError
from reproduce.adapters.cellvit.nuclei import numbered, typed
from reproduce.contracts import Grid, Plane, Prediction, Prompt
from reproduce.models.frames import Frame
from reproduce.models.maps import MapModel
from reproduce.models.promptable import Encoded, as_colour, channels_first
from reproduce.models.sam import VARIANTS, build_sam, load_strictly
from reproduce.models.sam_encoder import FusedBlock, precision
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATCH, LARGEST, WHITE = 16, 1024, 255
#: Branch -> channels of its map (five types of nuclei and the background).
BRANCHES = {"nuclei_binary_map": 2, "hv_map": 2, "nuclei_type_maps": 6}
TISSUES = 19
TYPES = ("neoplastic", "inflammatory", "connective", "dead", "epithelial")


class Convolved(nn.Module):
    """A convolution of 3 px, its normalisation and ReLU; twice as large before, where asked."""

    def __init__(self, taken: int, given: int, *, enlarged: bool = False) -> None:
        super().__init__()
        first = [nn.ConvTranspose2d(taken, given, 2, 2)] if enlarged else []
        conv = nn.Conv2d(given if enlarged else taken, given, 3, padding=1)
        self.block = nn.Sequential(*first, conv, nn.BatchNorm2d(given), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.block(x)
        return found


def enlarging(*widths: int) -> nn.Sequential:
    """Each twice as large as the one before."""
    pairs = pairwise(widths)
    return nn.Sequential(*(Convolved(a, b, enlarged=True) for a, b in pairs))


def branch(width: int, bottom: int, channels: int) -> nn.Module:
    """From the deepest tokens to a map; what lies beside joins at each step."""
    made = nn.Module()
    made.bottleneck_upsampler = nn.ConvTranspose2d(width, bottom, 2, 2)
    made.decoder3_upsampler = nn.Sequential(
        Convolved(2 * bottom, bottom),
        *(Convolved(bottom, bottom) for _ in range(2)),
        nn.ConvTranspose2d(bottom, 256, 2, 2),
    )
    for level, taken, given in ((2, 256, 128), (1, 128, 64)):
        steps = Convolved(2 * taken, taken), Convolved(taken, taken)
        up = nn.Sequential(*steps, nn.ConvTranspose2d(taken, given, 2, 2))
        made.add_module(f"decoder{level}_upsampler", up)
    head = Convolved(128, 64), Convolved(64, 64), nn.Conv2d(64, channels, 1)
    made.decoder0_header = nn.Sequential(*head)
    return made


class CellViTNet(nn.Module):
    """(B, 3, H, W) -> (B, 1, H, W): the nucleus' logit less the background's; with `objects`
    (B, 9, H, W): then two maps of distances and the logits of six types."""

    def __init__(self, objects: bool = False) -> None:
        super().__init__()
        self.objects = objects
        config = VARIANTS["vit_h"]
        width, bottom = config.embed_dim, 512
        self.encoder: Any = build_sam(config).image_encoder
        self.classifier_head = nn.Linear(config.prompt_embed_dim, TISSUES)
        self.decoder0 = nn.Sequential(Convolved(3, 32), Convolved(32, 64))
        self.decoder1 = enlarging(width, bottom, 256, 128)
        self.decoder2 = enlarging(width, bottom, 256)
        self.decoder3 = enlarging(width, bottom)
        for name, channels in BRANCHES.items():
            self.add_module(f"{name}_decoder", branch(width, bottom, channels))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        first, second, third, deepest = self.tokens(image)
        beside = self.decoder3(third), self.decoder2(second), self.decoder1(first)
        before = (*beside, self.decoder0(image))
        logits = self.answer("nuclei_binary_map", before, deepest)
        found: torch.Tensor = logits[:, 1:] - logits[:, :1]
        if not self.objects:
            return found
        others = (self.answer(name, before, deepest) for name in ("hv_map", "nuclei_type_maps"))
        return torch.cat([found, *others], 1)

    def answer(
        self, branch: str, beside: Sequence[torch.Tensor], deepest: torch.Tensor
    ) -> torch.Tensor:
        """The map of a branch; `beside` joins it step by step."""
        to: Any = self.get_submodule(f"{branch}_decoder")
        x = to.bottleneck_upsampler(deepest)
        x = to.decoder3_upsampler(torch.cat([beside[0], x], 1))
        x = to.decoder2_upsampler(torch.cat([beside[1], x], 1))
        x = to.decoder1_upsampler(torch.cat([beside[2], x], 1))
        found: torch.Tensor = to.decoder0_header(torch.cat([beside[3], x], 1))
        return found

    def tokens(self, image: torch.Tensor) -> list[torch.Tensor]:
        """What leaves each quarter of the blocks, (B, C, h, w)."""
        encoder, found = self.encoder, []
        x = encoder.patch_embed(image)
        x = x + encoder.pos_embed[:, : x.shape[1], : x.shape[2]]
        for number, block in enumerate(encoder.blocks, start=1):
            block(x)  # in place
            if number % (len(encoder.blocks) // 4) == 0:
                found.append(x.permute(0, 3, 1, 2).clone())
        return found


class CellViT(MapModel):
    """`inference_cellvit_experiment_pannuke.py`: the map of nuclei, or nuclei told apart."""

    def frame(self, height: int, width: int) -> Frame:
        longest = max(height, width)
        if longest > LARGEST:
            raise InputError(
                f"CellViT takes images of {LARGEST} px at most (its positions go no further), got "
                f"{height}x{width}. Cut it into patches."
            )
        return Frame(height, width, -(-longest // PATCH) * PATCH, height, width)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        filled = np.full((frame.side, frame.side, 3), WHITE, np.float32)
        filled[frame.rows, frame.columns] = as_colour(image)
        return (channels_first(filled) / np.float32(255) - np.float32(0.5)) / np.float32(0.5)

    @torch.inference_mode()
    def encode(self, planes: Sequence[Plane]) -> list[Encoded]:
        """One by one: sizes differ."""
        return [one for plane in planes for one in super(CellViT, self).encode([plane])]

    @torch.inference_mode()
    def predict(self, embedding: Encoded, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Logits of the map of nuclei; with nuclei told apart 0/1 masks (classes, 1, h, w) and the
        numbers of their objects."""
        if self.options["answers"] == "map":
            return super().predict(embedding, prompts, grid)
        maps = embedding.frame.inside(embedding.features)[0].cpu().numpy()  # nothing is resized
        nuclei = numbered(maps[0] > 0, maps[1:3], self.options["magnification"])
        apart = self.options["answers"] == "types"
        objects = np.zeros((len(self.classes), 1, *nuclei.shape), np.int32)
        for number, kind, place, mask in typed(nuclei, maps[3:].argmax(0)):
            objects[kind - 1 if apart else 0, 0][place][mask] = number
        told = torch.from_numpy(objects).to(self.device)
        return Prediction((told > 0).float(), "label", self.classes, objects=told)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> CellViT:
    """CellViT-SAM-H. Raises `InputError` naming what does not fit."""
    with unfilled():
        net = CellViTNet(options["answers"] != "map")
    load_strictly(net, state)
    encoder = net.encoder
    encoder.blocks = nn.ModuleList(FusedBlock(block, precision(dtype)) for block in encoder.blocks)
    classes = TYPES if options["answers"] == "types" else ("nuclei",)
    return CellViT("cellvit", net, LARGEST, options, device, dtype, classes)
