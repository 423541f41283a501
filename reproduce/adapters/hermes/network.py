"""Hermes-R: a residual 3D U-Net whose levels exchange with tokens of tasks and of a modality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from itertools import pairwise, product
from typing import Any

import numpy as np
import SimpleITK
import torch
from torch import nn
from torch.nn.functional import interpolate, pad

from catalog.errors import InputError, UsageError
from reproduce.adapters.hermes.tasks import CT, TASKS, Task
from reproduce.contracts import Sample
from reproduce.models.sam import load_strictly
from reproduce.models.sam_encoder import precision
from reproduce.models.unfilled import unfilled
from reproduce.models.volumes import VolumeModel

WIDTH, HEAD, SPACING_MM = 32, 32, 1.5
LOWEST_HU, HIGHEST_HU, PERCENTILES = -991, 500, (2, 98)
FACTORS = (1, 2, 4, 8, 10)  # channels of the five levels
norm = partial(nn.InstanceNorm3d, eps=1e-4)
itk: Any = SimpleITK  # untyped


class NormConv(nn.Module):
    """Normalisation, ReLU, then a convolution of 3 voxels."""

    def __init__(self, taken: int, given: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(taken, given, 3, padding=1, bias=False)
        self.norm = norm(taken)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv(torch.relu(self.norm(x)))
        return found


class Residual(nn.Module):
    def __init__(self, taken: int, given: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = NormConv(taken, given), NormConv(given, given)
        self.shortcut = nn.Identity() if taken == given else NormConv(taken, given)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv2(self.conv1(x)) + self.shortcut(x)
        return found


class Level(nn.Module):
    """Two residual blocks; on the way down after halving, whose place in the names is kept."""

    def __init__(self, taken: int, given: int, *, halved: bool) -> None:
        super().__init__()
        blocks = [Residual(taken, given), Residual(given, given)]
        self.conv = nn.Sequential(*([nn.MaxPool3d(2)] if halved else []), *blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv(x)
        return found


class Cross(nn.Module):
    """What one set of tokens takes from another, both normalised first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.fn: Any = nn.Module()
        self.fn.to_q = nn.Linear(width, width, bias=False)
        self.fn.to_kv = nn.Linear(width, 2 * width, bias=False)
        self.fn.to_out = nn.Linear(width, width)

    def forward(self, asking: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        key, value = self.fn.to_kv(self.norm2(asked)).chunk(2, dim=-1)
        query, key, value = (
            x.unflatten(-1, (-1, HEAD)).transpose(1, 2)
            for x in (self.fn.to_q(self.norm1(asking)), key, value)
        )
        weights = torch.softmax(query @ key.transpose(-2, -1) * HEAD**-0.5, dim=-1)
        found: torch.Tensor = self.fn.to_out((weights @ value).transpose(1, 2).flatten(2))
        return found


class Perceptron(nn.Module):
    def __init__(self, taken: int, given: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(taken, taken), nn.Linear(taken, given)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.fc2(nn.functional.gelu(self.fc1(x)))
        return found


class NormPerceptron(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(width, eps=1e-4), Perceptron(width, width)
        self.fn.fc1, self.fn.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.fn(self.norm(x))
        return found


class Exchange(nn.Module):
    """Priors take from the image, then the image from them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.prior_aggregate_block, self.feat_aggregate_block = Cross(width), Cross(width)
        self.prior_ffn, self.feat_ffn = NormPerceptron(width), NormPerceptron(width)

    def forward(self, x: torch.Tensor, priors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        priors = self.prior_aggregate_block(priors, x) + priors
        priors = self.prior_ffn(priors) + priors
        x = self.feat_aggregate_block(x, priors) + x
        return self.feat_ffn(x) + x, priors


class Fusion(nn.Module):
    """One level's own tokens: the last of the tasks is the null token, 10 for each modality."""

    def __init__(self, width: int, blocks: int, tasks: int, modalities: int) -> None:
        super().__init__()
        self.task_prior = nn.Parameter(torch.empty(tasks + 1, width))
        self.modality_prior = nn.Parameter(torch.empty(modalities, 10, width))
        self.attn_layers = nn.ModuleList(Exchange(width) for _ in range(blocks))

    def forward(self, x: torch.Tensor, task: Task) -> tuple[torch.Tensor, torch.Tensor]:
        """The image, and what became of the tasks' tokens, (1, 23, width)."""
        tokens = self.task_prior[task.tokens]
        priors = torch.cat([tokens, self.modality_prior[task.modality]])[None]
        flat = x.flatten(2).transpose(1, 2)
        for layer in self.attn_layers:
            flat, priors = layer(flat, priors)
        return flat.transpose(1, 2).reshape(x.shape), priors[:, : len(tokens)]


class Head(nn.Module):
    """Weights of a voxel's features, from a task's tokens of all levels."""

    def __init__(self, taken: int, given: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(taken)
        self.classifier_pred = nn.Sequential(Perceptron(taken, given), Perceptron(given, given))

    def forward(self, x: torch.Tensor, priors: torch.Tensor) -> torch.Tensor:
        weights = self.classifier_pred(self.norm(priors))
        return torch.einsum("bcdhw,bnc->bndhw", x, weights)


class HermesNet(nn.Module):
    """(1, 1, d, h, w) -> logits (1, 23, d, h, w) of a task's classes and the null tokens.

    The classifier of modalities, which is asked in training alone, is loaded and not used.
    """

    def __init__(self, width: int, tasks: int, modalities: int) -> None:
        super().__init__()
        widths = [width * factor for factor in FACTORS]
        fusion = partial(Fusion, tasks=tasks, modalities=modalities)
        self.inc: Any = nn.Module()
        self.inc.conv1 = nn.Conv3d(1, width, 3, padding=1, bias=False)
        self.inc.conv2 = Residual(width, width)
        self.down1, self.down2, self.down3, self.down4 = (
            Level(a, b, halved=True) for a, b in pairwise(widths)
        )
        self.prior_init_fuse_2, self.prior_init_fuse_3 = fusion(widths[2], 2), fusion(widths[3], 2)
        self.prior_init_fuse_4 = fusion(widths[4], 4)
        self.up1, self.up2, self.up3, self.up4 = (
            Level(widths[n + 1] + widths[n], widths[n], halved=False) for n in (3, 2, 1, 0)
        )
        self.prior_fuse_5, self.prior_fuse_6 = fusion(widths[3], 2), fusion(widths[2], 2)
        self.out = Head(34 * width, width)
        self.mod_out: Any = nn.Module()
        self.mod_out.norm = nn.LayerNorm(34 * width)
        self.mod_out.classifier = Perceptron(34 * width, modalities)

    def forward(self, x: torch.Tensor, task: Task) -> torch.Tensor:
        first = self.inc.conv2(self.inc.conv1(x))
        second = self.down1(first)
        third, of_third = self.prior_init_fuse_2(self.down2(second), task)
        fourth, of_fourth = self.prior_init_fuse_3(self.down3(third), task)
        x, of_fifth = self.prior_init_fuse_4(self.down4(fourth), task)
        x, of_sixth = self.prior_fuse_5(_joined(self.up1, x, fourth), task)
        x, of_seventh = self.prior_fuse_6(_joined(self.up2, x, third), task)
        x = _joined(self.up4, _joined(self.up3, x, second), first)
        priors = [of_third, of_fourth, of_fifth, of_sixth, of_seventh]
        found: torch.Tensor = self.out(x, torch.cat(priors, dim=2))
        return found


def _joined(level: nn.Module, x: torch.Tensor, beside: torch.Tensor) -> torch.Tensor:
    large = interpolate(x.float(), beside.shape[2:], mode="trilinear", align_corners=True)
    found: torch.Tensor = level(torch.cat([beside, large.to(x.dtype)], dim=1))
    return found


class Hermes(VolumeModel):
    """`inference3d.py: inference_sliding_window` on what `nii2npy.py` makes of a volume."""

    kind = "probability"

    def maps(self, sample: Sample) -> torch.Tensor:
        stored = image(sample)
        small = resampled(stored)
        before = [self.before(n) for n in small.GetSize()[::-1]]
        found = self.on_grid(sample).cpu().numpy()
        back = [brought_back(one, before, small, stored) for one in found]
        return torch.from_numpy(np.stack(back)).to(self.device)

    def on_grid(self, sample: Sample) -> torch.Tensor:
        """Probabilities (classes, d, h, w) of a sample at 1.5 mm, padded."""
        volume = itk.GetArrayFromImage(resampled(image(sample)))
        around = [(self.before(n),) * 2 for n in volume.shape]
        return self.probabilities(torch.from_numpy(np.pad(self.values(volume), around)))

    def before(self, length: int) -> int:
        """By how much an axis is padded at both ends."""
        return max(0, -(-(self.side - length) // 2))

    def values(self, volume: Any) -> Any:
        """`nii2npy.py`: numbers cut off and standardised, float32."""
        volume = volume.astype(np.float32)
        ct = TASKS[self.options["task"]].modality == CT
        low, high = (LOWEST_HU, HIGHEST_HU) if ct else np.percentile(volume, PERCENTILES).tolist()
        volume = np.clip(volume, low, high)
        return (volume - volume.mean()) / volume.std()

    def probabilities(self, values: torch.Tensor) -> torch.Tensor:
        """(d, h, w) -> (classes, d, h, w). Windows past the end are moved back, and count twice."""
        task, side = TASKS[self.options["task"]], self.side
        shape = values.shape
        lacks = [max(0, side - n) for n in reversed(shape)]
        values = pad(values.to(self.device), [part for n in lacks for part in (0, n)])
        total = torch.zeros((task.classes, *values.shape), device=self.device)
        counts = torch.zeros(values.shape, device=self.device)
        kind, half = precision(self.dtype), side // 2
        starts = ([min(i * half, n - side) for i in range(n // half)] for n in values.shape)
        for first, times in Counter(product(*starts)).items():
            there = tuple(slice(a, a + side) for a in first)
            with torch.autocast(
                torch.device(self.device).type, kind, enabled=kind is not torch.float32
            ):
                logits = self.net(values[there][None, None], task)[0, : task.classes]
            total[(slice(None), *there)] += times * torch.sigmoid(logits.float())
            counts[there] += times
        return (total / counts)[:, : shape[0], : shape[1], : shape[2]]


def image(sample: Sample) -> Any:
    """A sample's planes (superior, anterior, right) as an image to left, posterior, superior.

    Raises `InputError` where its spacing is not known.
    """
    if sample.spacing_mm is None:
        raise InputError(
            f"Hermes resamples volumes, and the spacing of case {sample.case.id} is not known. "
            "Use data whose header has it."
        )
    made = itk.GetImageFromArray(np.ascontiguousarray(sample.values[:, ::-1, ::-1]))
    made.SetSpacing(sample.spacing_mm[::-1])
    return made


def resampled(volume: Any) -> Any:
    """`ResampleXYZAxis` twice: within planes by B-splines, then the nearest plane."""
    within = _at(volume, (SPACING_MM, SPACING_MM, volume.GetSpacing()[2]), itk.sitkBSpline)
    return _at(within, (SPACING_MM,) * 3, itk.sitkNearestNeighbor)


def _at(volume: Any, spacing: tuple[float, ...], how: int) -> Any:
    pairs = zip(volume.GetSize(), volume.GetSpacing(), spacing, strict=True)
    size = [round(n * mm / new) for n, mm, new in pairs]
    grid = itk.Image(size, volume.GetPixelIDValue())
    grid.SetSpacing(spacing)
    return itk.Resample(volume, grid, itk.Transform(), how)


def brought_back(values: Any, before: list[int], small: Any, stored: Any) -> Any:
    """(d, h, w) on the network's padded grid -> (S, H, W) as the sample lies, linear."""
    inner = zip(before, small.GetSize()[::-1], strict=True)
    made = itk.GetImageFromArray(values[tuple(slice(a, a + n) for a, n in inner)].copy())
    made.SetSpacing(small.GetSpacing())
    # What lies half a voxel outside of the last centres takes their value.
    linear = itk.sitkLinear, 0.0, itk.sitkFloat32, True
    back = itk.Resample(made, stored, itk.Transform(), *linear)
    return itk.GetArrayFromImage(back)[:, ::-1, ::-1].copy()


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Hermes:
    """From a state dict. Raises `InputError` naming what does not fit."""
    count = TASKS[options["task"]].classes
    given = str(options["classes"])
    classes = tuple(name.strip() for name in given.split(",")) if given else ()
    classes = classes or tuple(f"label {n}" for n in range(1, count + 1))
    if len(classes) != count:
        raise UsageError(f"task {options['task']} has {count} classes, {len(classes)} are named")
    stem, token = state.get("inc.conv1.weight"), state.get("prior_init_fuse_2.task_prior")
    kinds = state.get("prior_init_fuse_2.modality_prior")
    with unfilled():
        net = HermesNet(
            WIDTH if stem is None else len(stem),
            72 if token is None else len(token) - 1,
            6 if kinds is None else len(kinds),
        )
    load_strictly(net, state)
    return Hermes("hermes", net, int(options["window"]), classes, options, device, dtype)
