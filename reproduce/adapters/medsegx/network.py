"""MedSegX: in every encoder block experts beside the MLP, weighted by modality, organ and image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import gelu, interpolate

from catalog.errors import InputError
from reproduce.adapters.medsegx.tasks import Task, task_of
from reproduce.contracts import Grid, Plane, Prompt
from reproduce.models.decoders import enlarge_sixteenfold
from reproduce.models.frames import Frame
from reproduce.models.promptable import Encoded, PromptedModel, as_colour
from reproduce.models.sam import (
    PIXEL_MEAN,
    PIXEL_STD,
    build_sam,
    config_of,
    load_strictly,
    resize_positions,
)
from reproduce.models.sam_encoder import FusedAttention, precision
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST = "image_encoder.blocks.0.mlp.adapter_down"
SCALE = 0.1  # of the experts' sum


class ExpertMlp(nn.Module):
    """A block's MLP with experts beside it, under the checkpoint's names."""

    def __init__(self, mlp: nn.Module, width: int, hidden: int, told: int, experts: int) -> None:
        super().__init__()
        self.mlp = mlp
        self.adapter_input_embed = nn.Linear(width, told)
        self.adapter_gate = nn.Linear(4 * told, experts)
        self.adapter_organ_gate = nn.Linear(4 * told, 4)
        self.adapter_down = nn.ModuleList(nn.Linear(width, hidden) for _ in range(experts))
        self.adapter_up = nn.ModuleList(nn.Linear(hidden, width) for _ in range(experts))

    def forward(self, x: torch.Tensor, levels: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """x (1, g, g, C) of one image; levels (4, E), the tree above the target; ends (2, E), the
        target and the modality."""
        share = self.adapter_organ_gate(levels.flatten()).softmax(dim=-1)
        image = self.adapter_input_embed(x.mean(dim=(1, 2)))[0]
        said = torch.cat([share @ levels, *ends, image])
        gate = self.adapter_gate(said).softmax(dim=-1)
        expert = sum(
            weight * up(gelu(down(x)))
            for weight, down, up in zip(gate, self.adapter_down, self.adapter_up, strict=True)
        )
        both: torch.Tensor = self.mlp(x) + SCALE * expert
        return both


def load(state: Mapping[str, torch.Tensor], image_size: int) -> Any:
    """The network from SAM's tensors with those of MedSegX laid over them, loaded strictly.

    Raises `InputError` where MedSegX's own are absent.
    """
    told = state.get("image_encoder.modal_embed.weight")
    if told is None or f"{FIRST}.0.weight" not in state:
        raise InputError(
            f"the checkpoint is not MedSegX's: expected {FIRST}.0.weight and "
            "image_encoder.modal_embed.weight over the tensors of SAM's vit_b; got "
            f"{len(state)} tensors. Give both files, SAM's first."
        )
    config = config_of(state)
    experts = sum(key.startswith(FIRST) and key.endswith(".weight") for key in state)
    state = resize_positions(state, image_size, config.global_attn_indexes)
    state = {
        key.replace(".mlp.lin", ".mlp.mlp.lin") if key.startswith("image_encoder.") else key: value
        for key, value in state.items()
    }
    hidden, width = len(state[f"{FIRST}.0.weight"]), told.shape[1]
    with unfilled():
        sam: Any = build_sam(replace(config, image_size=image_size))
        encoder, decoder = sam.image_encoder, sam.mask_decoder
        encoder.modal_embed = nn.Embedding(len(told), width)
        encoder.organ_embed = nn.ModuleList(
            nn.Embedding(len(state[key]), width)
            for key in (f"image_encoder.organ_embed.{level}.weight" for level in range(5))
            if key in state
        )
        for block in encoder.blocks:
            block.mlp = ExpertMlp(block.mlp, config.embed_dim, hidden, width, experts)
        enlarge_sixteenfold(decoder, config.prompt_embed_dim)
    load_strictly(sam, state)
    return sam


class MedSegX(PromptedModel):
    """`evaluate_internal.py`: the encoder runs once for every task that an image is asked about."""

    upscaling = 16
    candidates = slice(1, None)  # the three for ambiguous prompts
    cacheable = False  # what is kept of an image is only its patches

    def __init__(
        self, name: str, sam: Any, options: Mapping[str, Any], device: str, dtype: str
    ) -> None:
        super().__init__(name, sam, options, device, dtype)
        blocks = self.sam.image_encoder.blocks
        self.attention = [FusedAttention(block, precision(dtype)) for block in blocks]
        self.told = None if options["task"] is None else task_of(options["task"])

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        values = torch.from_numpy(as_colour(image).transpose(2, 0, 1).astype(np.float32))
        if image.shape[:2] != (self.side, self.side):
            size = (self.side, self.side)
            values = interpolate(
                values[None], size, mode="bilinear", align_corners=False, antialias=True
            )[0]
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (PIXEL_MEAN, PIXEL_STD))
        normal: NDArray[np.float32] = ((values - mean) / std).numpy()
        return normal

    @torch.inference_mode()
    def encode(self, planes: Sequence[Plane]) -> list[Encoded]:
        """Patches (1, g, g, C) with their positions; the rest depends on the task."""
        pixels, frames = self.batch(planes)
        encoder = self.sam.image_encoder
        patches = encoder.patch_embed(pixels) + encoder.pos_embed
        return [Encoded(p[None], frame) for p, frame in zip(patches, frames, strict=True)]

    def features(self, patches: torch.Tensor, task: Task) -> torch.Tensor:
        """(1, g, g, C) patches -> (1, 256, g, g), as the experts for a task see them."""
        encoder = self.sam.image_encoder
        path = torch.stack(
            [level.weight[row] for level, row in zip(encoder.organ_embed, task.organs, strict=True)]
        )
        levels, ends = path[:4], torch.stack([path[4], encoder.modal_embed.weight[task.modality]])
        x = patches.clone()
        for block, attend in zip(encoder.blocks, self.attention, strict=True):
            attend(x)
            x += block.mlp(block.norm2(x), levels, ends)
        features: torch.Tensor = encoder.neck(x.permute(0, 3, 1, 2))
        return features

    @torch.inference_mode()
    def logits(
        self, embedding: Encoded, prompts: Sequence[Prompt]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not prompts:
            return super().logits(embedding, prompts)
        tasks: dict[Task, list[int]] = {}
        for number, prompt in enumerate(prompts):
            tasks.setdefault(self.told or task_of(prompt.label), []).append(number)
        answers = {
            task: super(MedSegX, self).logits(
                Encoded(self.features(embedding.features, task), embedding.frame),
                [prompts[number] for number in members],
            )
            for task, members in tasks.items()
        }
        order = torch.tensor([n for members in tasks.values() for n in members]).argsort()
        masks, quality = (torch.cat(parts)[order] for parts in zip(*answers.values(), strict=True))
        return masks, quality

    def scores(self, low_res: torch.Tensor, frame: Frame, grid: Grid) -> torch.Tensor:
        """Masks have the input's side; anti-aliased on the way to a smaller image."""
        size = (frame.height, frame.width)
        if grid == "model_input" or low_res.shape[-2:] == size:
            return low_res
        return interpolate(low_res, size, mode="bilinear", align_corners=False, antialias=True)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> MedSegX:
    """MedSegX from SAM's vit_b checkpoint with the released file's tensors laid over it."""
    return MedSegX("medsegx", load(state, int(options["image_size"])), options, device, dtype)
